//! What routing needs to know of a message, read once.

use protocol::jid::{BareJid, Jid};
use protocol::{Frame, Message, MessageType, Text, XmlLimits, fork, ns};

/// An accepted message: its addresses, and its text as it lies in the archive.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) from: Jid,
    pub(crate) to: Jid,
    pub(crate) kind: MessageType,
    pub(crate) id: Option<String>,
    /// Whether carbons sessions get wraps (CC-02).
    pub(crate) carbons: bool,
    /// Whether it is a record of ours that only s11 sessions understand (S11-36).
    pub(crate) is_record: bool,
    pub(crate) has_body: bool,
    /// Whether it is nothing but a chat state.
    pub(crate) chat_state: bool,
    /// The stanza as accepted; ends with `</message>`.
    pub(crate) stanza: Text,
}

impl Envelope {
    /// Reads a message that is stamped and stripped.
    pub(crate) fn new(message: &Message, from: Jid, to: Jid) -> Self {
        Self {
            from,
            to,
            kind: message.kind(),
            id: message.id().map(str::to_owned),
            carbons: fork::eligible_for_carbons(message).yes,
            is_record: message.0.find("bounced", ns::S11).is_some(),
            has_body: message.body().is_some(),
            chat_state: fork::is_chat_state(message),
            stanza: message.0.write().into(),
        }
    }

    /// Reads a message that came out of an archive.
    pub(crate) fn of_stored(stanza: &Text) -> Option<Self> {
        let Ok(Frame::Stanza(parsed)) = Frame::parse(stanza, XmlLimits::RELAYED) else {
            return None;
        };
        let message = Message::of_stanza(parsed)?;
        let from = message.header().from.jid()?.clone();
        let to = message.header().to.jid()?.clone();
        let envelope = Self::new(&message, from, to);
        Some(Self {
            stanza: stanza.clone(),
            ..envelope
        })
    }

    /// What cannot be read: a record of the account's own that no session understands.
    pub(crate) fn to_nobody(account: &BareJid, stanza: Text) -> Self {
        Self {
            from: account.clone().into(),
            to: account.clone().into(),
            kind: MessageType::Error,
            id: None,
            carbons: false,
            is_record: true,
            has_body: false,
            chat_state: false,
            stanza,
        }
    }

    pub(crate) fn is_from(&self, account: &BareJid) -> bool {
        self.from.to_bare() == *account
    }

    pub(crate) fn is_to(&self, account: &BareJid) -> bool {
        self.to.to_bare() == *account
    }
}
