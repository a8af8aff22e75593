//! Presence and subscriptions (RFC 6121 §3, §4).

use crate::ns;
use crate::stanza::{Stanza, StanzaKind};

/// `type` of a presence stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its type of RFC 6121 §4.7.1")]
pub enum PresenceType {
    Available,
    Error,
    Probe,
    Subscribe,
    Subscribed,
    Unavailable,
    Unsubscribe,
    Unsubscribed,
}

impl PresenceType {
    /// The type of an attribute's value; `None` if there is no such type.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        Some(match text {
            None => Self::Available,
            Some("error") => Self::Error,
            Some("probe") => Self::Probe,
            Some("subscribe") => Self::Subscribe,
            Some("subscribed") => Self::Subscribed,
            Some("unavailable") => Self::Unavailable,
            Some("unsubscribe") => Self::Unsubscribe,
            Some("unsubscribed") => Self::Unsubscribed,
            Some(_) => return None,
        })
    }

    /// The attribute's value; available presence has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Available => None,
            Self::Error => Some("error"),
            Self::Probe => Some("probe"),
            Self::Subscribe => Some("subscribe"),
            Self::Subscribed => Some("subscribed"),
            Self::Unavailable => Some("unavailable"),
            Self::Unsubscribe => Some("unsubscribe"),
            Self::Unsubscribed => Some("unsubscribed"),
        }
    }

    /// Whether it asks for or answers a subscription.
    pub fn is_subscription(self) -> bool {
        matches!(
            self,
            Self::Subscribe | Self::Subscribed | Self::Unsubscribe | Self::Unsubscribed
        )
    }
}

/// A presence stanza whose type, priority and show are right (RO-15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Its type.
    pub kind: PresenceType,
    /// −128..=127; 0 if it says nothing.
    pub priority: i8,
    /// `away`, `chat`, `dnd`, `xa` or nothing.
    pub show: Option<String>,
    /// The stanza itself.
    pub stanza: Stanza,
}

impl Presence {
    /// Reads a stanza; `None` if its form is wrong, which is answered with `bad-request`.
    pub fn of_stanza(stanza: Stanza) -> Option<Self> {
        if stanza.kind != StanzaKind::Presence {
            return None;
        }
        let kind = PresenceType::parse(stanza.header.kind.as_deref())?;
        let priority = match child_text(&stanza, "priority")? {
            None => 0,
            Some(text) => text.trim().parse().ok()?,
        };
        let show = child_text(&stanza, "show")?;
        let shows = ["away", "chat", "dnd", "xa"];
        if show.as_deref().is_some_and(|show| !shows.contains(&show)) {
            return None;
        }
        Some(Self {
            kind,
            priority,
            show,
            stanza,
        })
    }

    /// A stanza of this type without payload.
    pub fn bare(kind: PresenceType) -> Stanza {
        let mut stanza = Stanza::new(StanzaKind::Presence);
        stanza.header.kind = kind.name().map(str::to_owned);
        stanza
    }
}

/// The text of the only child of that name; the outer `None` says that there are several.
#[expect(
    clippy::option_option,
    reason = "wrong form and absence are two things"
)]
fn child_text(stanza: &Stanza, name: &str) -> Option<Option<String>> {
    let mut found = stanza
        .children
        .iter()
        .filter(|child| child.is(name, ns::CLIENT));
    let first = found.next();
    if found.next().is_some() {
        return None;
    }
    Some(
        first
            .and_then(|child| child.element().ok())
            .map(|element| element.own_text()),
    )
}
