//! What a message that came in is, and whether it may be believed (RT-14, SI-05, MAM-27).

use protocol::chat_state::ChatState;
use protocol::forward::{Direction, Forwarded};
use protocol::mam::Found;
use protocol::reactions::Reactions;
use protocol::reply;
use protocol::retract::Retraction;
use protocol::time::Stamp;
use protocol::{
    ArchiveId, BareJid, Element, Frame, Jid, Message, MessageType, Stanza, StanzaError, XmlLimits,
    correct, delay, fallback, forward, markers, ns, receipts, retract, sid,
};

use crate::failure::Failure;
use crate::history::{Asks, Beside, Content, Reply, Row, Signal};
use crate::view::Mark;

/// What a message stanza says to this device.
#[derive(Clone, Debug)]
pub(crate) enum Inbound {
    /// A line, or an entry without text.
    Line(Draft),
    /// A result of the open archive query; no draft if it has no id.
    Result(Option<Draft>),
    /// An own message of this session was not archived (S11-33).
    NotSaved { message_id: String },
    /// An own message came back from where it went.
    Refused {
        from: BareJid,
        message_id: String,
        why: Failure,
    },
    /// Nothing for the history; why, for the log.
    Ignored(&'static str),
}

/// A row before it has a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) key: String,
    pub(crate) id: Option<ArchiveId>,
    pub(crate) peer: BareJid,
    pub(crate) own: bool,
    pub(crate) message_id: Option<String>,
    pub(crate) stamp: Stamp,
    pub(crate) content: Content,
    pub(crate) beside: Beside,
    pub(crate) mark: Mark,
    pub(crate) asks: Asks,
}

/// What is known when a message is judged.
pub(crate) struct Judge<'a> {
    pub(crate) account: &'a BareJid,
    /// Whether the server's stanza-ids can be trusted (SI-05).
    pub(crate) has_ids: bool,
    /// The open archive query.
    pub(crate) queryid: Option<&'a str>,
    /// The wall time, for messages that state none.
    pub(crate) now: Stamp,
    /// A key for a line that gets no archive id.
    pub(crate) fresh_key: String,
}

impl Judge<'_> {
    /// Judges a message.
    pub(crate) fn judge(self, stanza: Stanza) -> Inbound {
        if self.is_from_account(&stanza) {
            if stanza.find("result", ns::MAM).is_some() {
                return self.result(&stanza);
            }
            if let Some(message_id) = self.notice(&stanza) {
                return Inbound::NotSaved { message_id };
            }
            if let Some((direction, copy)) = forward::unwrap_copy(&stanza) {
                return self.copy(direction, copy);
            }
        }
        let Some(message) = Message::of_stanza(stanza) else {
            return Inbound::Ignored("no message");
        };
        if message.kind() == MessageType::Error {
            return refused(&message);
        }
        let stamp = self.kept_back_at(&message);
        self.line(&message, stamp, None)
    }

    /// When the own server took a message that it kept back. Its word alone counts: anybody can write
    /// a `<delay/>`, and a sender's own one says when it was written (SEC-42).
    fn kept_back_at(&self, message: &Message) -> Option<Stamp> {
        let delays = message.children().iter();
        let delays = delays.filter(|child| child.is("delay", ns::DELAY));
        let mut stamps = delays.filter_map(|delay| {
            let delay = delay.element().ok()?;
            let by = Jid::new(delay.get_attr("from")?).ok()?;
            let is_domain = by.is_bare() && by.as_str() == self.account.domain().as_str();
            let stamp = delay::stamp_of(&delay)?;
            (is_domain || by == *self.account).then_some(stamp)
        });
        stamps.next()
    }

    /// Whether the own account itself says it, and not somebody through it.
    fn is_from_account(&self, stanza: &Stanza) -> bool {
        match &stanza.header.from {
            protocol::stanza::Address::Absent => true,
            protocol::stanza::Address::Jid(from) => from == self.account,
            protocol::stanza::Address::Malformed(_) => false,
        }
    }

    fn result(self, stanza: &Stanza) -> Inbound {
        let result = stanza.find("result", ns::MAM);
        let result = result.and_then(|result| result.element().ok());
        let queryid = result
            .as_ref()
            .and_then(|result| result.get_attr("queryid"));
        if queryid.is_none() || queryid != self.queryid {
            return Inbound::Ignored("result of no open query");
        }
        let id = result.as_ref().and_then(|result| result.get_attr("id"));
        let Some(id) = id.and_then(ArchiveId::parse) else {
            return Inbound::Result(None);
        };
        let unreadable = self.unreadable(id.clone());
        let draft = Found::of_stanza(stanza).and_then(|found| {
            let Forwarded { message, stamp } = found.forwarded;
            self.draft(&message, stamp, Some(id), None)
        });
        Inbound::Result(Some(draft.unwrap_or(unreadable)))
    }

    /// An entry that cannot be read still has its place in the log.
    fn unreadable(&self, id: ArchiveId) -> Draft {
        Draft {
            key: id.to_string(),
            id: Some(id),
            peer: self.account.clone(),
            own: false,
            message_id: None,
            stamp: self.now,
            content: Content::Other(String::new()),
            beside: Beside::default(),
            mark: Mark::Archived,
            asks: Asks::default(),
        }
    }

    fn notice(&self, stanza: &Stanza) -> Option<String> {
        let notice = stanza.find("unarchived", ns::S11)?.element().ok()?;
        let by = Jid::new(notice.get_attr("by")?).ok()?;
        let message_id = notice.get_attr("id").filter(|_| by == *self.account)?;
        Some(message_id.to_owned())
    }

    fn copy(self, direction: Direction, copy: Forwarded) -> Inbound {
        let own = direction == Direction::Sent;
        if copy.message.kind() == MessageType::Error {
            return Inbound::Ignored("copy of an error");
        }
        self.line(&copy.message, copy.stamp, Some(own))
    }

    fn line(self, message: &Message, stamp: Option<Stamp>, own: Option<bool>) -> Inbound {
        if matches!(
            message.kind(),
            MessageType::Headline | MessageType::Groupchat
        ) {
            return Inbound::Ignored("beside the conversations");
        }
        let id = sid::trusted_id(message.children(), self.account).filter(|_| self.has_ids);
        let is_unsaved = id.is_none() && self.is_unarchived(message);
        if id.is_none() && !says_something(message) {
            return Inbound::Ignored("nothing to keep");
        }
        match self.draft(message, stamp, id, own) {
            Some(draft) if is_unsaved => Inbound::Line(Draft {
                mark: Mark::NotSaved,
                ..draft
            }),
            Some(draft) => Inbound::Line(draft),
            None => Inbound::Ignored("no sender"),
        }
    }

    fn is_unarchived(&self, message: &Message) -> bool {
        let marks = message.children().iter();
        let mut marks = marks.filter(|child| child.is("unarchived", ns::S11));
        marks.any(|mark| {
            let mark = mark.element().ok();
            let by = mark.as_ref().and_then(|mark| mark.get_attr("by"));
            by.and_then(|by| Jid::new(by).ok())
                .is_some_and(|by| by == *self.account)
        })
    }

    /// A line of the conversation to which the message belongs.
    fn draft(
        self,
        message: &Message,
        stamp: Option<Stamp>,
        id: Option<ArchiveId>,
        own: Option<bool>,
    ) -> Option<Draft> {
        let header = message.header();
        let bare = |jid: &protocol::stanza::Address| jid.jid().map(Jid::to_bare);
        let (from, to) = (bare(&header.from), bare(&header.to));
        let bounced = bounced(message).filter(|_| from.as_ref() == Some(self.account));
        let own = own.unwrap_or(from.is_none() || from.as_ref() == Some(self.account));
        let (own, peer, content) = match bounced {
            Some((of, peer, why)) => (false, peer, Content::Bounced { of, why }),
            None if own => {
                let peer = to.unwrap_or_else(|| self.account.clone());
                (true, peer, content_of(message))
            }
            None => (false, from?, content_of(message)),
        };
        let mark = if id.is_some() {
            Mark::Archived
        } else {
            Mark::NotKept
        };
        let beside = beside_of(message, self.account, own);
        Some(Draft {
            key: id.as_ref().map_or(self.fresh_key, ToString::to_string),
            id,
            peer,
            own,
            message_id: message.id().map(str::to_owned),
            stamp: stamp.unwrap_or(self.now),
            content,
            beside,
            mark,
            asks: asks_of(message),
        })
    }
}

/// What a message says; whatever else it holds, its text stays readable (IM-02).
fn content_of(message: &Message) -> Content {
    if retract::is_tombstone(message) {
        // Who takes a correction back takes back what it corrected (IM-12).
        let corrected = correct::replaced_of(message).map(Signal::Retracted);
        return corrected.map_or(Content::Retracted, Content::Signal);
    }
    if let Some(signal) = said_of(message) {
        return Content::Signal(signal);
    }
    if let Some(body) = text_of(message) {
        return Content::Text(body);
    }
    if let Some(id) = receipts::received_of(message) {
        return Content::Signal(Signal::Received(id));
    }
    if let Some(id) = markers::displayed_of(message) {
        return Content::Signal(Signal::Displayed(id));
    }
    let payload = message.children().iter();
    let payload = payload.filter(|child| !child.is("stanza-id", ns::SID));
    Content::Other(payload.map(|child| &*child.xml).collect())
}

/// What somebody says of an earlier message.
fn said_of(message: &Message) -> Option<Signal> {
    if let Some(retraction) = Retraction::of(message) {
        return Some(Signal::Retracted(retraction.target));
    }
    if let Some(Reactions { of, emojis }) = Reactions::of(message) {
        return Some(Signal::Reacted { of, emojis });
    }
    let of = correct::replaced_of(message)?;
    let text = text_of(message)?;
    Some(Signal::Corrected { of, text })
}

/// The text without what an answer repeats for programs that know no answers (IM-17).
fn text_of(message: &Message) -> Option<String> {
    let body = message.body()?;
    if reply::Reply::of(message).is_none() {
        return Some(body);
    }
    let text = fallback::without(message, &body, ns::REPLY);
    Some(if text.is_empty() { body } else { text })
}

fn beside_of(message: &Message, account: &BareJid, own: bool) -> Beside {
    let reply = reply::Reply::of(message).map(|reply| Reply {
        of: reply.id,
        is_own: reply.to.map_or(!own, |to| to == *account),
        quote: String::new(),
    });
    Beside {
        reply,
        is_unstyled: message.0.find("unstyled", ns::STYLING).is_some(),
    }
}

/// Whether a message is worth keeping that has no place in an archive.
fn says_something(message: &Message) -> bool {
    message.body().is_some() || said_of(message).is_some()
}

/// What a row holds, also one that an earlier version kept without understanding it.
pub(crate) fn reread(row: &Row) -> Row {
    let content = match &row.content {
        Content::Other(payload) => content_of_payload(payload),
        Content::Bounced { .. } | Content::Gap | Content::Retracted => None,
        Content::Signal(_) | Content::Text(_) => None,
    };
    let mut row = row.clone();
    if let Some(content) = content {
        row.content = content;
    }
    row
}

fn content_of_payload(payload: &str) -> Option<Content> {
    let xml = format!("<message xmlns='{}'>{payload}</message>", ns::CLIENT);
    let Ok(Frame::Stanza(stanza)) = Frame::parse(&xml.into(), XmlLimits::AFTER_LOGIN) else {
        return None;
    };
    Some(content_of(&Message::of_stanza(stanza)?))
}

/// Only what can be named can be answered for (IM-04).
fn asks_of(message: &Message) -> Asks {
    let has = |name, ns| message.id().is_some() && message.0.find(name, ns).is_some();
    Asks {
        receipt: has("request", ns::RECEIPTS),
        marker: has("markable", ns::CHAT_MARKERS),
        states: ChatState::of(message).is_some(),
    }
}

/// Servers answer for the bare address that a message went to; a full one is some client's word, and
/// anybody's client may say that (IM-22).
fn refused(message: &Message) -> Inbound {
    let from = message.header().from.jid();
    let Some(Err(from)) = from.map(|from| from.clone().try_into_full()) else {
        return Inbound::Ignored("error of a client");
    };
    let error = message.0.find("error", ns::CLIENT);
    let error = error.and_then(|error| error.element().ok());
    match (message.id(), error) {
        (Some(message_id), Some(error)) => Inbound::Refused {
            from,
            message_id: message_id.to_owned(),
            why: Failure::of_error(&StanzaError::from_element(&error)),
        },
        _ => Inbound::Ignored("error without id or reason"),
    }
}

/// The entry that came back, to whom it went, and why (S11-36).
fn bounced(message: &Message) -> Option<(ArchiveId, BareJid, Failure)> {
    let record: Element = message.0.find("bounced", ns::S11)?.element().ok()?;
    let id = ArchiveId::parse(record.get_attr("id")?)?;
    let peer = BareJid::new(record.get_attr("peer")?).ok()?;
    let error = record.find("error", ns::CLIENT)?;
    Some((
        id,
        peer,
        Failure::of_error(&StanzaError::from_element(error)),
    ))
}
