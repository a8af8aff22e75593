//! Synced read state (XEP-0490): how far each chat is displayed, kept in a private node (MD rows).

use crate::archive_id::ArchiveId;
use crate::jid::{BareJid, Jid};
use crate::pubsub::{Config, Event, EventKind, Item, Published, Request};
use crate::rsm::PageRequest;
use crate::stanza::Stanza;
use crate::xml::Element;
use crate::{ns, sid};

/// The node.
pub const NODE: &str = ns::MDS;
/// The feature by which a client asks in its capabilities to be told (PE-04).
pub const NOTIFY: &str = "urn:xmpp:mds:displayed:0+notify";

/// How far one chat is displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Displayed {
    /// The chat: the contact's bare address.
    pub chat: Jid,
    /// The newest displayed message, by its id in the own archive.
    pub id: ArchiveId,
}

impl Displayed {
    /// The item's payload, which also stands beside a marker where the server assists (MD-04).
    pub fn to_element(&self, account: &BareJid) -> Element {
        Element::new("displayed", ns::MDS).child(sid::stanza_id(account, &self.id))
    }

    /// Reads an item; `None` for what is no address, no displayed message, or one of somebody else's
    /// archive (SI-06).
    pub fn of_item(item: &Item, account: &BareJid) -> Option<Self> {
        let (by, id) = position(&item.element()?)?;
        (by == *account.as_str()).then_some(())?;
        Some(Self {
            chat: Jid::new(&item.id).ok()?,
            id: ArchiveId::parse(&id)?,
        })
    }

    /// Asks to keep these (MD-01).
    pub fn publish(all: &[Self], account: &BareJid) -> Request {
        let items = all.iter().map(|displayed| Published {
            id: Some(displayed.chat.to_string()),
            payload: displayed.to_element(account),
        });
        Request::Publish {
            node: NODE.to_owned(),
            items: items.collect(),
            options: Some(Config::private().to_options()),
        }
    }
}

/// Asks for the state of all chats: the page behind the item `after`, or the first (MD-03).
///
/// What comes back is complete unless it has a `<set/>` that names a last item; see
/// [`crate::pubsub::last_of_page`].
pub fn fetch(after: Option<String>) -> Request {
    Request::Items {
        node: NODE.to_owned(),
        max: None,
        ids: Vec::new(),
        page: PageRequest {
            after,
            ..PageRequest::default()
        },
    }
}

/// The states that a notification tells; `None` if it is none of this node, or not from the own
/// account (PE-08).
pub fn of_event(stanza: &Stanza, account: &BareJid) -> Option<Vec<Displayed>> {
    if stanza.header.from.as_str() != Some(account.as_str()) {
        return None;
    }
    let event = Event::of_stanza(stanza).filter(|event| event.node == NODE)?;
    let items = match event.kind {
        EventKind::Items(items) => items,
        EventKind::Retracted(_) | EventKind::Purged | EventKind::Deleted => Vec::new(),
    };
    Some(states(&items, account))
}

/// The states that items hold; others are passed over.
pub fn states(items: &[Item], account: &BareJid) -> Vec<Displayed> {
    let states = items.iter();
    states
        .filter_map(|item| Displayed::of_item(item, account))
        .collect()
}

/// Whether this is a well-formed payload: the one displayed message that it names.
pub fn is_displayed(element: &Element) -> bool {
    position(element).is_some()
}

/// (whose archive, which message)
fn position(element: &Element) -> Option<(String, String)> {
    let mut ids = element
        .children()
        .filter(|child| child.is("stanza-id", ns::SID));
    let (Some(id), None) = (ids.next(), ids.next()) else {
        return None;
    };
    let is_displayed = element.is("displayed", ns::MDS);
    let attribute = |name| id.get_attr(name).filter(|_| is_displayed);
    Some((attribute("by")?.to_owned(), attribute("id")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub;

    fn romeo() -> BareJid {
        BareJid::new("romeo@localhost").unwrap()
    }

    fn displayed() -> Displayed {
        Displayed {
            chat: Jid::new("juliet@localhost").unwrap(),
            id: ArchiveId::parse("AAAAAAAAAAAAAAAAAAAAAA.one").unwrap(),
        }
    }

    // proves: MD-01
    #[test]
    fn the_publication_is_private_and_keeps_every_chat() {
        let iq = Displayed::publish(&[displayed()], &romeo()).to_iq("1");
        let text = iq.write();
        for part in [
            "<publish node='urn:xmpp:mds:displayed:0'><item id='juliet@localhost'>",
            "<displayed xmlns='urn:xmpp:mds:displayed:0'>",
            "by='romeo@localhost' id='AAAAAAAAAAAAAAAAAAAAAA.one'/></displayed></item></publish>",
            "var='pubsub#access_model'><value>whitelist</value>",
            "var='pubsub#persist_items'><value>1</value>",
            "var='pubsub#max_items'><value>max</value>",
            "var='pubsub#send_last_published_item'><value>never</value>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    // proves: MD-01, PE-08, SI-06
    #[test]
    fn only_the_own_account_is_believed() {
        let (romeo, mallory) = (romeo(), BareJid::new("mallory@localhost").unwrap());
        let item = Item::new("juliet@localhost", &displayed().to_element(&romeo));
        let foreign = Item::new("juliet@localhost", &displayed().to_element(&mallory));
        let event = |items: Vec<Item>, from: &BareJid| {
            let event = Event {
                node: NODE.to_owned(),
                kind: EventKind::Items(items),
            };
            of_event(&event.to_stanza(from.clone(), true), &romeo)
        };
        assert_eq!(event(vec![item.clone()], &romeo), Some(vec![displayed()]));
        assert_eq!(event(vec![item.clone()], &mallory), None);
        assert_eq!(event(vec![foreign], &romeo), Some(vec![]));
        let result = pubsub::items_result(NODE, std::slice::from_ref(&item), false);
        let items = pubsub::items_of_result(&result).unwrap();
        assert_eq!(states(&items, &romeo), [displayed()]);
    }

    // proves: MD-01
    #[test]
    fn a_payload_names_one_message() {
        let id = || sid::stanza_id(&romeo(), &displayed().id);
        let payload = Element::new("displayed", ns::MDS);
        assert!(is_displayed(&payload.clone().child(id())));
        assert!(!is_displayed(&payload));
        assert!(!is_displayed(&payload.child(id()).child(id())));
        assert!(!is_displayed(
            &Element::new("displayed", ns::CHAT_MARKERS).child(id())
        ));
    }
}
