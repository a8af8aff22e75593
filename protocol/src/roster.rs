//! Contact lists (RFC 6121 §2) and the subscription states of its appendix A.

use serde::{Deserialize, Serialize};

use crate::jid::BareJid;
use crate::ns;
use crate::xml::Element;

/// Who sees whose presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscription {
    /// Neither.
    #[default]
    None,
    /// The user sees the contact's.
    To,
    /// The contact sees the user's.
    From,
    /// Both.
    Both,
}

impl Subscription {
    /// A subscription of its two halves.
    pub fn of(to: bool, from: bool) -> Self {
        match (to, from) {
            (false, false) => Self::None,
            (true, false) => Self::To,
            (false, true) => Self::From,
            (true, true) => Self::Both,
        }
    }

    /// Whether the user sees the contact's presence.
    pub fn has_to(self) -> bool {
        matches!(self, Self::To | Self::Both)
    }

    /// Whether the contact sees the user's presence.
    pub fn has_from(self) -> bool {
        matches!(self, Self::From | Self::Both)
    }

    /// The attribute's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::To => "to",
            Self::From => "from",
            Self::Both => "both",
        }
    }

    /// The subscription of an attribute's value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::To, Self::From, Self::Both]
            .into_iter()
            .find(|s| s.name() == text)
    }
}

/// One contact as the roster shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The contact.
    pub jid: BareJid,
    /// What the user calls it.
    pub name: Option<String>,
    /// The state.
    pub subscription: Subscription,
    /// Whether the user asked to see the contact's presence and waits.
    pub ask: bool,
    /// Whether a request of the contact is approved in advance.
    pub approved: bool,
    /// The groups it is in.
    pub groups: Vec<String>,
}

impl Item {
    /// A contact without anything.
    pub fn new(jid: BareJid) -> Self {
        let subscription = Subscription::None;
        Self {
            jid,
            name: None,
            subscription,
            ask: false,
            approved: false,
            groups: Vec::new(),
        }
    }

    /// Writes `<item/>`.
    pub fn to_element(&self) -> Element {
        let groups = self
            .groups
            .iter()
            .map(|group| Element::new("group", ns::ROSTER).text(group));
        Element::new("item", ns::ROSTER)
            .attr("jid", &self.jid)
            .attr_opt("name", self.name.as_deref())
            .attr("subscription", self.subscription.name())
            .attr_opt("ask", self.ask.then_some("subscribe"))
            .attr_opt("approved", self.approved.then_some("true"))
            .children_from(groups)
    }

    /// Reads `<item/>` of a result or a push; `None` if it has no good address.
    ///
    /// An item with `subscription='remove'` is read too: see [`is_removal`].
    pub fn from_element(item: &Element) -> Option<Self> {
        let groups = item
            .children()
            .filter(|child| child.is("group", ns::ROSTER));
        Some(Self {
            jid: BareJid::new(item.get_attr("jid")?).ok()?,
            name: item
                .get_attr("name")
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            subscription: item
                .get_attr("subscription")
                .and_then(Subscription::parse)
                .unwrap_or_default(),
            ask: item.get_attr("ask") == Some("subscribe"),
            approved: matches!(item.get_attr("approved"), Some("true" | "1")),
            groups: groups.map(Element::own_text).collect(),
        })
    }
}

/// Whether an `<item/>` removes the contact.
pub fn is_removal(item: &Element) -> bool {
    item.get_attr("subscription") == Some("remove")
}

/// Writes an `<item/>` that removes the contact.
pub fn removal(jid: &BareJid) -> Element {
    Element::new("item", ns::ROSTER)
        .attr("jid", jid)
        .attr("subscription", "remove")
}

/// Writes `<query/>` around items.
pub fn query(ver: Option<&str>, items: impl IntoIterator<Item = Element>) -> Element {
    Element::new("query", ns::ROSTER)
        .attr_opt("ver", ver)
        .children_from(items)
}
