//! Retractions and what stays of a retracted message (XEP-0424).

use crate::fallback;
use crate::message::Message;
use crate::ns;
use crate::stanza::Child;
use crate::time::Stamp;
use crate::xml::Element;

/// The feature of archives that leave a tombstone.
pub const TOMBSTONE: &str = "urn:xmpp:message-retract:1#tombstone";

/// Says that an earlier message of the same sender does not count any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retraction {
    /// Message id of the earlier message.
    pub target: String,
    /// The retraction's own message id.
    pub id: Option<String>,
}

impl Retraction {
    /// Reads a message; `None` if it retracts nothing.
    pub fn of(message: &Message) -> Option<Self> {
        let retract = message.0.find("retract", ns::RETRACT)?.element().ok()?;
        let target = retract.get_attr("id").filter(|id| !id.is_empty())?;
        Some(Self {
            target: target.to_owned(),
            id: message.id().map(str::to_owned),
        })
    }

    /// The payload of a message that retracts the one with this id: also for programs that do not know
    /// retractions, and kept by archives that do not.
    pub fn payload(target: &str) -> [Element; 4] {
        let text = "/me retracted a previous message, but it's unsupported by your client.";
        [
            Element::new("retract", ns::RETRACT).attr("id", target),
            fallback::whole(ns::RETRACT),
            Element::new("body", ns::CLIENT).text(text),
            Element::new("store", ns::HINTS),
        ]
    }

    /// What stays of a message in an archive: its header, that it was retracted, and of a correction
    /// what it corrected, so that what names it still leads there (IM-12); `None` if this is not the
    /// message that is meant, or no line but a retraction, reaction, receipt or marker.
    ///
    /// Who sent it is the caller's to check.
    pub fn tombstone(&self, message: &Message, stamp: Stamp) -> Option<Message> {
        let is_meant = message.id() == Some(self.target.as_str());
        let is_no_line = |child: &Child| {
            let no_lines = [ns::RETRACT, ns::REACTIONS];
            let is_notice = child.is("received", ns::RECEIPTS);
            let is_notice = is_notice || child.is("displayed", ns::CHAT_MARKERS);
            no_lines.contains(&&*child.ns) || is_notice
        };
        if !is_meant || message.children().iter().any(is_no_line) {
            return None;
        }
        let retracted = Element::new("retracted", ns::RETRACT)
            .attr_opt("id", self.id.as_deref())
            .attr("stamp", stamp);
        let mut stanza = message.0.clone();
        stanza.children.retain(|c| c.is("replace", ns::REPLACE));
        Some(Message(stanza.child(&retracted)))
    }
}

/// Whether this is what stays of a retracted message.
pub fn is_tombstone(message: &Message) -> bool {
    message.0.find("retracted", ns::RETRACT).is_some() && message.body().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::{Stanza, StanzaKind};
    use crate::{correct, markers, receipts};

    fn message(id: &str, child: &Element) -> Message {
        let stanza = Stanza::new(StanzaKind::Message).typed("chat").id(id);
        Message(stanza.child(child))
    }

    // proves: IM-15
    #[test]
    fn a_tombstone_keeps_the_header_only() {
        let body = Element::new("body", ns::CLIENT).text("O no");
        let retract = Element::new("retract", ns::RETRACT).attr("id", "m1");
        let retraction = Retraction::of(&message("r1", &retract)).unwrap();
        assert_eq!(retraction.target, "m1");
        assert_eq!(Retraction::of(&message("m1", &body)), None);
        let nothing = Element::new("retract", ns::RETRACT);
        assert_eq!(Retraction::of(&message("r1", &nothing)), None);

        let left = retraction
            .tombstone(&message("m1", &body), Stamp(0))
            .unwrap();
        assert_eq!((left.id(), left.body()), (Some("m1"), None));
        assert!(is_tombstone(&left) && !is_tombstone(&message("m1", &body)));
        let retracted = left.0.find("retracted", ns::RETRACT).unwrap();
        let retracted = retracted.element().unwrap();
        assert_eq!(retracted.get_attr("id"), Some("r1"));
        assert_eq!(
            retracted.get_attr("stamp"),
            Some("1970-01-01T00:00:00.000Z")
        );
        let reactions = Element::new("reactions", ns::REACTIONS).attr("id", "m0");
        for other in [
            &left,
            &message("m2", &body),
            &message("m1", &retract),
            &message("m1", &reactions),
            &message("m1", &receipts::received("m0")),
            &message("m1", &markers::displayed("m0")),
        ] {
            assert_eq!(retraction.tombstone(other, Stamp(1)), None);
        }
        let correction = Message(message("m1", &body).0.child(&correct::replace("m0")));
        let left = retraction.tombstone(&correction, Stamp(0)).unwrap();
        assert!(is_tombstone(&left));
        assert_eq!(correct::replaced_of(&left).as_deref(), Some("m0"));
    }

    // proves: IM-14
    #[test]
    fn a_retraction_can_be_read_by_all_and_is_kept() {
        let payload = Retraction::payload("m1");
        let stanza = Stanza::new(StanzaKind::Message).typed("chat").id("r1");
        let stanza = payload.iter().fold(stanza, Stanza::child);
        let message = Message(stanza);
        let retraction = Retraction::of(&message).unwrap();
        assert_eq!(
            (&*retraction.target, retraction.id.as_deref()),
            ("m1", Some("r1"))
        );
        let body = message.body().unwrap();
        assert_eq!(fallback::without(&message, &body, ns::RETRACT), "");
        assert!(crate::fork::archives(&message).yes && !is_tombstone(&message));
    }
}
