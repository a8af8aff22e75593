//! Delivery receipts (XEP-0184).

use crate::message::Message;
use crate::ns;
use crate::xml::Element;

/// Asks for a receipt.
pub fn request() -> Element {
    Element::new("request", ns::RECEIPTS)
}

/// Says that the message with this id arrived.
pub fn received(message_id: &str) -> Element {
    Element::new("received", ns::RECEIPTS).attr("id", message_id)
}

/// The id of the message that a receipt is for.
pub fn received_of(message: &Message) -> Option<String> {
    id_of(message, "received", ns::RECEIPTS)
}

/// The `id` of a child that names another message; an empty one names none.
pub(crate) fn id_of(message: &Message, name: &str, ns: &str) -> Option<String> {
    let child = message.0.find(name, ns)?.element().ok()?;
    let id = child.get_attr("id").filter(|id| !id.is_empty())?;
    Some(id.to_owned())
}
