//! Who gets a copy and what is archived: yes or no, each with its reason.

use crate::message::{Message, MessageType};
use crate::ns;

/// Which of a session's modes it is in (protocol.md §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Ordinary delivery only.
    #[default]
    Plain,
    /// XEP-0280 is enabled.
    Carbons,
    /// mr2 as its draft says.
    Mr2,
    /// Our own: every message on every device.
    S11,
}

/// A decision and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Yes or no.
    pub yes: bool,
    /// One or two words for the log.
    pub reason: &'static str,
}

impl Verdict {
    const fn yes(reason: &'static str) -> Self {
        Self { yes: true, reason }
    }

    const fn no(reason: &'static str) -> Self {
        Self { yes: false, reason }
    }
}

/// Whether a message becomes an entry of its sender's and its recipient's archive (MAM-01).
pub fn archives(message: &Message) -> Verdict {
    match message.kind() {
        MessageType::Groupchat => return Verdict::no("groupchat"),
        MessageType::Headline => return Verdict::no("headline"),
        MessageType::Error => return Verdict::no("error"),
        MessageType::Chat | MessageType::Normal => {}
    }
    let has = |name, namespace| message.0.find(name, namespace).is_some();
    if has("no-store", ns::HINTS) || has("no-permanent-store", ns::HINTS) {
        return Verdict::no("hint no-store");
    }
    if has("store", ns::HINTS) {
        return Verdict::yes("hint store");
    }
    if message.body().is_some() {
        return Verdict::yes("body");
    }
    for (name, namespace, reason) in CONTENT {
        if has(name, namespace) {
            return Verdict::yes(reason);
        }
    }
    Verdict::no("no content")
}

/// What counts as content beside a body.
const CONTENT: [(&str, &str, &str); 11] = [
    ("subject", ns::CLIENT, "subject"),
    ("encryption", ns::EME, "encryption"),
    ("file-sharing", ns::FILE_SHARING, "file"),
    ("sources", ns::FILE_SHARING, "file"),
    ("received", ns::RECEIPTS, "receipt"),
    ("displayed", ns::CHAT_MARKERS, "displayed marker"),
    ("reactions", ns::REACTIONS, "reaction"),
    ("retract", ns::RETRACT, "retraction"),
    ("replace", ns::REPLACE, "correction"),
    ("reply", ns::REPLY, "reply"),
    ("bounced", ns::S11, "bounce record"),
];

/// Whether a message may be wrapped for carbons sessions (CC-02).
pub fn eligible_for_carbons(message: &Message) -> Verdict {
    let has = |name, namespace| message.0.find(name, namespace).is_some();
    if has("private", ns::CARBONS) || has("no-copy", ns::HINTS) {
        return Verdict::no("private");
    }
    match message.kind() {
        MessageType::Groupchat => return Verdict::no("groupchat"),
        MessageType::Headline => return Verdict::no("headline"),
        MessageType::Error => return Verdict::no("error"),
        MessageType::Chat | MessageType::Normal if has("x", ns::MUC_USER) => {
            return Verdict::no("room");
        }
        MessageType::Chat => return Verdict::yes("chat"),
        MessageType::Normal => {}
    }
    let is_payload =
        |namespace: &str| matches!(namespace, ns::RECEIPTS | ns::CHAT_STATES | ns::CHAT_MARKERS);
    if message.body().is_some() || message.children().iter().any(|c| is_payload(&c.ns)) {
        Verdict::yes("normal with content")
    } else {
        Verdict::no("normal without content")
    }
}

/// Whether an incoming message goes to every s11 session of its recipient (protocol.md §7, s11 row).
pub fn forks_in(kind: MessageType) -> Verdict {
    match kind {
        MessageType::Groupchat => Verdict::no("groupchat"),
        MessageType::Error => Verdict::no("error"),
        MessageType::Headline => Verdict::no("headline"),
        MessageType::Chat | MessageType::Normal => Verdict::yes("1-1 message"),
    }
}

/// Whether an outgoing message goes to the sender's other s11 sessions (A2: a headline does).
pub fn forks_out(kind: MessageType) -> Verdict {
    match kind {
        MessageType::Groupchat => Verdict::no("groupchat"),
        MessageType::Error => Verdict::no("error"),
        MessageType::Headline => Verdict::yes("outgoing headline"),
        MessageType::Chat | MessageType::Normal => Verdict::yes("1-1 message"),
    }
}

/// Whether a message is nothing but a chat state, perhaps with hints: the most fleeting kind.
pub fn is_chat_state(message: &Message) -> bool {
    let has_state = message
        .children()
        .iter()
        .any(|child| &*child.ns == ns::CHAT_STATES);
    let is_fleeting = |namespace: &str| matches!(namespace, ns::CHAT_STATES | ns::HINTS);
    let only =
        |child: &crate::stanza::Child| is_fleeting(&child.ns) || child.is("thread", ns::CLIENT);
    has_state && message.children().iter().all(only)
}
