//! Displayed markers (XEP-0333).

use crate::message::Message;
use crate::ns;
use crate::receipts::id_of;
use crate::xml::Element;

/// Says that the sender wants to know when the message was displayed.
pub fn markable() -> Element {
    Element::new("markable", ns::CHAT_MARKERS)
}

/// Says that the message with this id, and all before it, were displayed.
pub fn displayed(message_id: &str) -> Element {
    Element::new("displayed", ns::CHAT_MARKERS).attr("id", message_id)
}

/// The id of the newest message that a marker says was displayed.
pub fn displayed_of(message: &Message) -> Option<String> {
    id_of(message, "displayed", ns::CHAT_MARKERS)
}
