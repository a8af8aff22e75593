//! Corrections of earlier messages (XEP-0308).

use crate::message::Message;
use crate::ns;
use crate::receipts::id_of;
use crate::xml::Element;

/// Says that the message replaces the one with this id: always the first one's, however often it was
/// corrected since (IM-10).
pub fn replace(message_id: &str) -> Element {
    Element::new("replace", ns::REPLACE).attr("id", message_id)
}

/// The id of the message that this one replaces.
pub fn replaced_of(message: &Message) -> Option<String> {
    id_of(message, "replace", ns::REPLACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    // The examples of XEP-0308 §3.
    // proves: IM-10
    #[test]
    fn a_correction_names_what_it_replaces() {
        for (xml, of) in [
            (
                "<body>But soft, what light through yonder window breaks?</body>\
                 <replace id='bad1' xmlns='urn:xmpp:message-correct:0'/>",
                Some("bad1"),
            ),
            ("<body>But soft</body>", None),
            ("<replace xmlns='urn:xmpp:message-correct:0'/>", None),
            ("<replace id='' xmlns='urn:xmpp:message-correct:0'/>", None),
            (
                "<replace id='bad1' xmlns='urn:xmpp:message-correct:1'/>",
                None,
            ),
        ] {
            assert_eq!(replaced_of(&message(xml)).as_deref(), of, "{xml}");
        }
        let element = replace("bad1").to_string();
        assert_eq!(replaced_of(&message(&element)).as_deref(), Some("bad1"));
    }
}
