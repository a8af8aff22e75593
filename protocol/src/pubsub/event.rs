//! What a service tells.

use super::Item;
use crate::jid::Jid;
use crate::ns;
use crate::stanza::{Stanza, StanzaKind};
use crate::xml::Element;

/// A change of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The node.
    pub node: String,
    /// What happened to it.
    pub kind: EventKind,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Items came; those without payload are not among them where a client reads.
    Items(Vec<Item>),
    /// Items were taken out.
    Retracted(Vec<String>),
    /// All items were taken out.
    Purged,
    /// The node is gone.
    Deleted,
}

impl Event {
    /// Reads a message; `None` if it is no notification.
    ///
    /// Whether it may be believed is the caller's to check: it must come from the node's owner (PE-08).
    pub fn of_stanza(stanza: &Stanza) -> Option<Self> {
        let is_message = stanza.kind == StanzaKind::Message;
        let event = stanza
            .find("event", ns::PUBSUB_EVENT)
            .filter(|_| is_message)?;
        let event = event.element().ok()?;
        let change = event.children().next()?;
        let node = change.get_attr("node")?.to_owned();
        let kind = match (change.name(), change.ns()) {
            ("items", ns::PUBSUB_EVENT) => of_items(change),
            ("purge", ns::PUBSUB_EVENT) => EventKind::Purged,
            ("delete", ns::PUBSUB_EVENT) => EventKind::Deleted,
            _ => return None,
        };
        Some(Self { node, kind })
    }

    /// Writes the notification; without payloads if the node is kept so.
    pub fn to_stanza(&self, from: impl Into<Jid>, with_payloads: bool) -> Stanza {
        let event = Element::new("event", ns::PUBSUB_EVENT).child(self.change(with_payloads));
        Stanza::new(StanzaKind::Message)
            .typed("headline")
            .from(from.into())
            .child(&event)
    }

    fn change(&self, with_payloads: bool) -> Element {
        let change = |name| Element::new(name, ns::PUBSUB_EVENT).attr("node", &self.node);
        let bare = |name, id: &str| Element::new(name, ns::PUBSUB_EVENT).attr("id", id);
        match &self.kind {
            EventKind::Items(items) => {
                change("items").children_from(items.iter().map(|item| match with_payloads {
                    true => item.to_element(ns::PUBSUB_EVENT),
                    false => bare("item", &item.id),
                }))
            }
            EventKind::Retracted(ids) => {
                change("items").children_from(ids.iter().map(|id| bare("retract", id)))
            }
            EventKind::Purged => change("purge"),
            EventKind::Deleted => change("delete"),
        }
    }
}

fn of_items(items: &Element) -> EventKind {
    let named = |name| {
        items
            .children()
            .filter(move |c| c.is(name, ns::PUBSUB_EVENT))
    };
    let retracted: Vec<_> = named("retract")
        .filter_map(|retract| retract.get_attr("id").map(str::to_owned))
        .collect();
    if retracted.is_empty() {
        EventKind::Items(named("item").filter_map(Item::of_element).collect())
    } else {
        EventKind::Retracted(retracted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BareJid, Frame, Text, XmlLimits};

    fn read(stanza: &Stanza) -> Option<Event> {
        let text = Text::from(stanza.write());
        match Frame::parse(&text, XmlLimits::AFTER_LOGIN) {
            Ok(Frame::Stanza(stanza)) => Event::of_stanza(&stanza),
            other => panic!("{other:?}"),
        }
    }

    // proves: PE-04
    #[test]
    fn every_event_is_read_as_it_was_written() {
        let payload = Element::new("nick", "urn:example").text("a < b");
        let item = Item::new("current", &payload);
        let owner = BareJid::new("romeo@localhost").unwrap();
        for kind in [
            EventKind::Items(vec![item.clone(), Item::new("other", &payload)]),
            EventKind::Retracted(vec!["a".to_owned(), "b".to_owned()]),
            EventKind::Purged,
            EventKind::Deleted,
        ] {
            let event = Event {
                node: "urn:example:node".to_owned(),
                kind,
            };
            let stanza = event.to_stanza(owner.clone(), true);
            assert_eq!(stanza.header.kind.as_deref(), Some("headline"));
            assert_eq!(read(&stanza), Some(event));
        }
        let event = Event {
            node: "n".to_owned(),
            kind: EventKind::Items(vec![item]),
        };
        let bare = event.to_stanza(owner, false).write();
        assert!(
            bare.contains("<item id='current'/>") && !bare.contains("nick"),
            "{bare}"
        );
    }
}
