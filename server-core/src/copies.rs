//! Who gets which kind of copy of a message, and how copies are written (protocol.md §7).

use protocol::fork::{self, Mode};
use protocol::forward::Direction;
use protocol::jid::{BareJid, FullJid};
use protocol::mutant;
use protocol::{MessageType, Text, ns};

use crate::envelope::Envelope;
use crate::session::{Session, SessionId};

/// A kind of copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// The message itself.
    Direct,
    /// The message in a wrapper of this namespace.
    Wrap(Direction, &'static str),
}

/// The copy that an s11 session gets: every 1-1 message, in one form or another (S11-01).
pub(crate) fn for_s11(envelope: &Envelope, account: &BareJid, jid: &FullJid) -> Option<Copy> {
    let wrap = |direction| Some(Copy::Wrap(direction, ns::MR2));
    let incoming = envelope.is_to(account);
    if envelope.from == *jid {
        return None;
    }
    match envelope.to.try_as_full() {
        Ok(full) if full == jid => return Some(Copy::Direct),
        Err(_) if incoming && fork::forks_in(envelope.kind).yes => return Some(Copy::Direct),
        _ => {}
    }
    let forks_out = fork::forks_out(envelope.kind).yes && !mutant("no-fork-to-own-devices");
    if envelope.is_from(account) && forks_out {
        return wrap(Direction::Sent);
    }
    (incoming && fork::forks_in(envelope.kind).yes)
        .then(|| wrap(Direction::Received))
        .flatten()
}

/// The copies that all other sessions get, by RFC 6121 §8.5, XEP-0280 and the mr2 draft.
///
/// `outgoing` tells whether the account sent the message to somebody else.
pub(crate) fn for_others<'a>(
    envelope: &'a Envelope,
    account: &'a BareJid,
    sessions: impl Iterator<Item = &'a Session> + Clone,
) -> Vec<(SessionId, Copy)> {
    let addressed = match envelope.is_to(account) {
        true => addressed(envelope, sessions.clone()),
        false => Vec::new(),
    };
    let copy_of = |session: &Session| {
        if envelope.from == session.jid || envelope.is_record {
            return None;
        }
        if addressed.contains(&session.id) {
            return Some(Copy::Direct);
        }
        for_mode(envelope, account, session)
    };
    let others = sessions.filter(|session| session.mode != Mode::S11);
    others
        .filter_map(|session| copy_of(session).map(|copy| (session.id, copy)))
        .collect()
}

/// What a session gets that the message is not addressed to.
fn for_mode(envelope: &Envelope, account: &BareJid, session: &Session) -> Option<Copy> {
    let direction = if envelope.is_from(account) {
        Direction::Sent
    } else {
        Direction::Received
    };
    match session.mode {
        Mode::Carbons if envelope.carbons => Some(Copy::Wrap(direction, ns::CARBONS)),
        Mode::Mr2 => {
            let to_bare = envelope.is_to(account) && envelope.to.is_bare();
            let kind = envelope.kind;
            if to_bare && !matches!(kind, MessageType::Groupchat | MessageType::Error) {
                Some(Copy::Direct)
            } else {
                (kind == MessageType::Chat).then_some(Copy::Wrap(direction, ns::MR2))
            }
        }
        Mode::Plain | Mode::Carbons | Mode::S11 => None,
    }
}

/// The sessions that RFC 6121 §8.5 delivers an incoming message to; s11 sessions are among them only
/// where their own rule has no say (RT-01).
pub(crate) fn addressed<'a>(
    envelope: &Envelope,
    sessions: impl Iterator<Item = &'a Session> + Clone,
) -> Vec<SessionId> {
    let to_bare = || {
        let willing = sessions
            .clone()
            .filter(|s| s.priority().is_some_and(|p| p >= 0));
        willing.map(|session| session.id).collect::<Vec<_>>()
    };
    let Ok(full) = envelope.to.try_as_full() else {
        return match envelope.kind {
            MessageType::Normal | MessageType::Chat | MessageType::Headline => to_bare(),
            MessageType::Groupchat | MessageType::Error => Vec::new(),
        };
    };
    if let Some(session) = sessions.clone().find(|session| session.jid == *full) {
        return vec![session.id];
    }
    match envelope.kind {
        MessageType::Chat => to_bare(),
        MessageType::Normal
        | MessageType::Headline
        | MessageType::Groupchat
        | MessageType::Error => Vec::new(),
    }
}

/// The message as every device that gets it directly sees it: `extra` is its stanza-id or a notice.
///
/// All devices of the account share the text (RT-03: `to` is not rewritten).
pub(crate) fn direct(stanza: &Text, extra: &str) -> Text {
    if extra.is_empty() {
        return stanza.clone();
    }
    let head = stanza.strip_suffix(MESSAGE_END).unwrap_or(stanza);
    [head, extra, MESSAGE_END].concat().into()
}

const MESSAGE_END: &str = "</message>";

/// The wrapper around a direct copy for one session.
pub(crate) fn wrap(
    account: &BareJid,
    jid: &FullJid,
    kind: MessageType,
    (direction, ns): (Direction, &str),
    copy: &str,
) -> Text {
    let name = match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    };
    let mut out = String::with_capacity(copy.len() + 400);
    out.push_str("<message xmlns='jabber:client' from='");
    protocol::xml::escape_attribute(&mut out, account.as_str());
    out.push_str("' to='");
    protocol::xml::escape_attribute(&mut out, jid.as_str());
    out.push_str("' type='");
    out.push_str(kind.name());
    out.push_str("'><");
    out.push_str(name);
    out.push_str(" xmlns='");
    out.push_str(ns);
    out.push_str("'><forwarded xmlns='urn:xmpp:forward:0'>");
    out.push_str(copy);
    out.push_str("</forwarded></");
    out.push_str(name);
    out.push_str("></message>");
    out.into()
}
