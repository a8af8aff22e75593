//! Replies to earlier messages (XEP-0461).

use crate::jid::{BareJid, Jid};
use crate::message::Message;
use crate::ns;
use crate::xml::Element;

/// Says which message is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its message id.
    pub id: String,
    /// Who wrote it, if that is said.
    pub to: Option<BareJid>,
}

impl Reply {
    /// Reads a message; `None` if it answers nothing that it names.
    pub fn of(message: &Message) -> Option<Self> {
        let reply = message.0.find("reply", ns::REPLY)?.element().ok()?;
        let id = reply.get_attr("id").filter(|id| !id.is_empty())?;
        let to = reply.get_attr("to").and_then(|to| Jid::new(to).ok());
        Some(Self {
            id: id.to_owned(),
            to: to.map(|to| to.to_bare()),
        })
    }

    /// Writes `<reply/>`.
    pub fn to_element(&self) -> Element {
        Element::new("reply", ns::REPLY)
            .attr_opt("to", self.to.as_ref())
            .attr("id", &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    // The example of XEP-0461 §3.
    // proves: IM-02
    #[test]
    fn a_reply_names_what_it_answers_and_who_wrote_that() {
        let reply = Reply::of(&message(
            "<body>Great idea!</body>\
             <reply to='anna@example.com/tablet' id='message-id1' xmlns='urn:xmpp:reply:0'/>",
        ));
        let expected = Reply {
            id: "message-id1".to_owned(),
            to: Some(BareJid::new("anna@example.com").unwrap()),
        };
        assert_eq!(reply.as_ref(), Some(&expected));
        let written = expected.to_element().to_string();
        assert_eq!(Reply::of(&message(&written)), Some(expected));
        for nothing in [
            "<reply to='anna@example.com' xmlns='urn:xmpp:reply:0'/>",
            "<reply to='anna@example.com' id='' xmlns='urn:xmpp:reply:0'/>",
            "<body>Great idea!</body>",
        ] {
            assert_eq!(Reply::of(&message(nothing)), None, "{nothing}");
        }
        let nobody = "<reply to='@' id='m1' xmlns='urn:xmpp:reply:0'/>";
        assert_eq!(Reply::of(&message(nobody)).unwrap().to, None);
    }
}
