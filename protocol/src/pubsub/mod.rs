//! Personal eventing (XEP-0163): the part of publish-subscribe (XEP-0060) that an account offers.

mod config;
mod event;
mod request;

use crate::Text;
use crate::ns;
use crate::rsm::PageInfo;
use crate::stanza_error::{Condition, StanzaError};
use crate::xml::Element;

pub use self::config::{Access, Config, SendLast};
pub use self::event::{Event, EventKind};
pub use self::request::{Published, Request};

/// Bytes of a node's name or an item's id (as LIM-22 bounds parts of addresses).
pub const NAME_BYTES_MAX: usize = 1_023;

/// One item of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id, one of a kind within its node.
    pub id: String,
    /// The one element inside, as XML that means the same wherever it stands.
    pub payload: Text,
}

impl Item {
    /// An item around an element.
    pub fn new(id: impl Into<String>, payload: &Element) -> Self {
        Self {
            id: id.into(),
            payload: payload.to_string().into(),
        }
    }

    /// The element inside.
    pub fn element(&self) -> Option<Element> {
        Element::parse_child(&self.payload).ok()
    }

    /// Reads `<item/>` of a result or an event; `None` without id or payload.
    fn of_element(item: &Element) -> Option<Self> {
        let id = item.get_attr("id")?;
        Some(Self::new(id, item.children().next()?))
    }

    fn to_element(&self, ns: &str) -> Element {
        let item = Element::new("item", ns).attr("id", &self.id);
        item.children_from(self.element())
    }
}

/// Reads the items of an answer to [`Request::Items`].
pub fn items_of_result(pubsub: &Element) -> Option<Vec<Item>> {
    let items = pubsub.find("items", ns::PUBSUB)?.children();
    let items = items.filter(|child| child.is("item", ns::PUBSUB));
    Some(items.filter_map(Item::of_element).collect())
}

/// The item behind which the next page lies, if the answer to [`Request::Items`] is not complete.
pub fn last_of_page(pubsub: &Element) -> Option<String> {
    PageInfo::from_element(pubsub.find("set", ns::RSM)?).last
}

/// Writes the answer to [`Request::Items`], newest first; `is_part` says that older items follow.
pub fn items_result(node: &str, items: &[Item], is_part: bool) -> Element {
    let page = PageInfo {
        first: items.first().map(|item| item.id.clone()),
        last: items.last().map(|item| item.id.clone()),
        count: None,
    };
    let items = items.iter().map(|item| item.to_element(ns::PUBSUB));
    let list = Element::new("items", ns::PUBSUB).attr("node", node);
    Element::new("pubsub", ns::PUBSUB)
        .child(list.children_from(items))
        .children_from(is_part.then(|| page.to_element()))
}

/// Writes the answer to [`Request::Publish`].
pub fn publish_result<'a>(node: &str, ids: impl IntoIterator<Item = &'a str>) -> Element {
    let items = ids.into_iter();
    let items = items.map(|id| Element::new("item", ns::PUBSUB).attr("id", id));
    let publish = Element::new("publish", ns::PUBSUB).attr("node", node);
    Element::new("pubsub", ns::PUBSUB).child(publish.children_from(items))
}

/// A refusal with a condition of publish-subscribe beside the usual one.
pub fn error(condition: Condition, detail: &str) -> StanzaError {
    StanzaError::new(condition).with(Element::new(detail, ns::PUBSUB_ERRORS))
}

/// The refusal of something that is not offered.
fn unsupported(feature: &str) -> StanzaError {
    let detail = Element::new("unsupported", ns::PUBSUB_ERRORS).attr("feature", feature);
    StanzaError::new(Condition::FeatureNotImplemented).with(detail)
}
