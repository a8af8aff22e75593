//! What an onlooker writes down beside a bot: every frame on the wire, counted by rules of its own.
//!
//! The bot's engine is what is tested, so nothing here asks it: lines, acks and copies are read off the frames.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use client_core::Batch;
use protocol::{
    BareJid, Element, Frame, Message, Stanza, StanzaKind, Text, XmlLimits, forward, mam, ns, sid,
};
use serde::Serialize;
use support::bot::{Onlooker, Sight};
use tokio::sync::watch;

/// A ledger that bot and checker share.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Acks that came, those of `<resumed/>` and `<failed/>` included.
    pub(crate) acks: u64,
    /// Streams resumed in the server's memory.
    pub(crate) resumed: u64,
    /// Streams resumed from what the server had on its disk (S11-62).
    pub(crate) restored: u64,
    /// Streams bound anew.
    pub(crate) bound: u64,
    /// Catch-ups that reached their end.
    pub(crate) caught_up: u64,
    /// Live copies that came.
    pub(crate) copies: u64,
    /// Messages sent once more under their first prefix.
    pub(crate) resent: u64,
    /// Connections lost.
    pub(crate) disconnected: u64,
    /// Times the device was killed.
    pub(crate) reloads: u64,
}

impl Counts {
    /// Adds two counts up.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            acks: self.acks + other.acks,
            resumed: self.resumed + other.resumed,
            restored: self.restored + other.restored,
            bound: self.bound + other.bound,
            caught_up: self.caught_up + other.caught_up,
            copies: self.copies + other.copies,
            resent: self.resent + other.resent,
            disconnected: self.disconnected + other.disconnected,
            reloads: self.reloads + other.reloads,
        }
    }
}

/// A line of this device.
#[derive(Clone, Debug)]
pub(crate) struct OwnLine {
    pub(crate) body: String,
    /// Where it stands among the device's lines.
    pub(crate) seq: u64,
    /// Which stanza of its stream it was at its last try: an ack of so many covers it.
    pub(crate) number: u32,
    /// The archive id that was known before the first try.
    pub(crate) id: Option<String>,
    /// On which connection it was tried first.
    first_conn: usize,
    pub(crate) is_acked: bool,
}

/// An entry that a stream told live: by a copy, or by the ack of an own message.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Which connection, counted from the device's start.
    pub(crate) conn: usize,
    pub(crate) id: String,
}

/// Something noteworthy.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at_ms: u128,
    pub(crate) what: String,
    /// The message it is about.
    pub(crate) message_id: Option<String>,
}

/// A stanza that was sent and not acked.
#[derive(Debug)]
struct Sent {
    text: String,
    message_id: Option<String>,
}

/// Everything that was written down.
#[derive(Debug)]
pub(crate) struct Book {
    account: BareJid,
    started: Instant,
    acked: watch::Sender<u64>,
    /// Lines that are durable on the device, by message id.
    pub(crate) lines: BTreeMap<String, OwnLine>,
    /// Texts that somebody wanted sent and that are not durable.
    asked: BTreeSet<String>,
    /// Texts that went with a killed device before they were durable: nobody may ever see them.
    pub(crate) forgotten: BTreeSet<String>,
    pub(crate) told: Vec<Told>,
    pub(crate) counts: Counts,
    /// What the frames themselves show to be wrong.
    pub(crate) faults: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// The device's end of its last connection.
    pub(crate) own_end: Option<SocketAddr>,
    conn: usize,
    prefix: Option<String>,
    former_prefix: Option<String>,
    is_counting: bool,
    /// `h` as the server said it last.
    base: u32,
    sent: VecDeque<Sent>,
    /// Whether the device knows what it sent: a killed one does not.
    knows_sent: bool,
    /// What a resumption has to bring once more, in this order.
    repeats: VecDeque<String>,
}

impl Ledger {
    pub(crate) fn new(account: &BareJid, started: Instant, acked: watch::Sender<u64>) -> Self {
        Self(Arc::new(Mutex::new(Book {
            account: account.clone(),
            started,
            acked,
            lines: BTreeMap::new(),
            asked: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            told: Vec::new(),
            counts: Counts::default(),
            faults: Vec::new(),
            events: Vec::new(),
            own_end: None,
            conn: 0,
            prefix: None,
            former_prefix: None,
            is_counting: false,
            base: 0,
            sent: VecDeque::new(),
            knows_sent: true,
            repeats: VecDeque::new(),
        })))
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Onlooker for Ledger {
    fn see(&mut self, sight: Sight<'_>) {
        let mut book = self.book();
        match sight {
            Sight::Connecting => {
                book.conn += 1;
                book.former_prefix = None;
            }
            Sight::Open(own) => {
                book.own_end = Some(own);
                book.note(None, format!("connected from {own}"));
            }
            Sight::Said(text) => book.on_said(text),
            Sight::Heard(text) => book.on_heard(text),
            Sight::Lost(reason) => {
                book.counts.disconnected += 1;
                book.note(None, format!("connection lost: {reason}"));
            }
            Sight::Asked(text) => {
                book.asked.insert(text.to_owned());
            }
            Sight::Durable(batch) => book.on_durable(batch),
            Sight::Reloaded => book.on_reloaded(),
        }
    }
}

impl Book {
    /// Texts that are neither durable nor forgotten.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().map(String::as_str)
    }

    fn note(&mut self, message_id: Option<&str>, what: impl Into<String>) {
        self.events.push(Event {
            at_ms: self.started.elapsed().as_millis(),
            what: what.into(),
            message_id: message_id.map(str::to_owned),
        });
    }

    fn fault(&mut self, what: String) {
        self.note(None, format!("WRONG: {what}"));
        self.faults.push(what);
    }

    fn on_durable(&mut self, batch: &Batch) {
        for item in &batch.outbox {
            if self.lines.contains_key(&item.message_id) {
                continue;
            }
            self.asked.remove(&item.body);
            let line = OwnLine {
                body: item.body.clone(),
                seq: item.seq,
                number: 0,
                id: None,
                first_conn: 0,
                is_acked: false,
            };
            self.lines.insert(item.message_id.clone(), line);
            self.note(Some(&item.message_id), "written, durable on its device");
        }
    }

    fn on_reloaded(&mut self) {
        self.counts.reloads += 1;
        let lost = std::mem::take(&mut self.asked);
        self.note(None, format!("reloaded, {} lines forgotten", lost.len()));
        self.forgotten.extend(lost);
        self.knows_sent = false;
        self.repeats.clear();
    }

    fn on_said(&mut self, text: &str) {
        match parse(text) {
            Some(Frame::Stanza(stanza)) => self.on_said_stanza(text, &stanza),
            Some(Frame::Nonza(element)) => {
                // Inside a login it is only a wish, beside that to resume: the answer decides.
                if element.is("enable", ns::SM) {
                    self.count_anew();
                }
                if let Some(resume) = inside(&element, "resume", ns::SM) {
                    let h = resume.get_attr("h").unwrap_or_default();
                    self.note(None, format!("wants to resume, h={h}"));
                }
            }
            Some(Frame::Open(_) | Frame::Close { .. }) => {}
            None => self.fault(format!("an unreadable frame was sent: {text:.200}")),
        }
    }

    /// A stream of its own: what is sent from here on counts.
    fn count_anew(&mut self) {
        self.is_counting = true;
        self.base = 0;
        self.sent.clear();
        self.knows_sent = true;
        self.repeats.clear();
    }

    fn on_said_stanza(&mut self, text: &str, stanza: &Stanza) {
        if !self.is_counting {
            return;
        }
        let repeated = self.repeats.pop_front();
        if repeated.as_ref().is_some_and(|first| first != text) {
            self.fault(format!(
                "INV-13: resumed with {text:.300} where {:.300} was sent first",
                repeated.unwrap_or_default()
            ));
            self.repeats.clear();
        }
        let message_id = (stanza.kind == StanzaKind::Message)
            .then(|| stanza.header.id.clone())
            .flatten();
        if let Some(id) = &message_id {
            self.on_said_line(id, stanza);
        }
        self.sent.push_back(Sent {
            text: text.to_owned(),
            message_id,
        });
    }

    fn on_said_line(&mut self, message_id: &str, stanza: &Stanza) {
        let resend = stanza.find("resend", ns::S11);
        let resend = resend.and_then(|resend| resend.element().ok());
        let first = resend.as_ref().and_then(|r| r.get_attr("prefix"));
        let prefix = first.map(str::to_owned).or_else(|| self.prefix.clone());
        let id = prefix.map(|prefix| format!("{prefix}.{message_id}"));
        let conn = self.conn;
        let before = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        let number = self.base.wrapping_add(before).wrapping_add(1);
        let Some(line) = self.lines.get_mut(message_id) else {
            return self.fault(format!(
                "INV-17: {message_id} was sent before it was durable"
            ));
        };
        line.number = number;
        let (mut what, mut is_wrong) = ("sent", false);
        if line.id.is_none() {
            line.first_conn = conn;
            line.id = id;
        } else if resend.is_some() {
            is_wrong = line.id != id;
            what = "sent again under its first prefix";
        } else {
            what = "sent again as it was";
        }
        self.counts.resent += u64::from(resend.is_some());
        self.note(Some(message_id), format!("{what} on connection {conn}"));
        if is_wrong {
            self.fault(format!("P6: {message_id} changed its prefix"));
        }
    }

    fn on_heard(&mut self, text: &str) {
        match parse(text) {
            Some(Frame::Stanza(stanza)) => self.on_heard_stanza(stanza),
            Some(Frame::Nonza(element)) => self.on_nonza(&element),
            Some(Frame::Open(_)) => {}
            Some(Frame::Close { .. }) => self.note(None, "closed by the server"),
            None => self.fault(format!("an unreadable frame came: {text:.200}")),
        }
    }

    fn on_nonza(&mut self, element: &Element) {
        if element.ns() == ns::STREAMS && element.name() == "error" {
            self.note(None, format!("stream error {element}"));
        }
        if let Some(enabled) = inside(element, "enabled", ns::S11) {
            self.former_prefix = self.prefix.take();
            self.prefix = enabled.get_attr("prefix").map(str::to_owned);
        }
        let h_of = |element: &Element| element.get_attr("h").and_then(|h| h.parse().ok());
        if inside(element, "enabled", ns::SM).is_some() {
            if !element.is("enabled", ns::SM) {
                self.count_anew();
            }
            self.counts.bound += 1;
            self.note(None, "bound anew");
        }
        if let Some(failed) = inside(element, "failed", ns::SM) {
            self.note(None, format!("not resumed: {failed}"));
            if let Some(h) = h_of(failed) {
                self.on_h(h, "failed");
            }
        }
        if let Some(resumed) = inside(element, "resumed", ns::SM) {
            let restored = resumed.get_attr_ns(ns::S11, "restored");
            let is_restored = matches!(restored, Some("true" | "1"));
            self.on_resumed(h_of(resumed), is_restored);
        }
        if element.is("a", ns::SM) {
            match h_of(element) {
                Some(h) => self.on_h(h, "a"),
                None => self.fault(format!("SM-06: {element}")),
            }
        }
    }

    fn on_resumed(&mut self, h: Option<u32>, is_restored: bool) {
        // S11-04: what was enabled on the way is void.
        if let Some(former) = self.former_prefix.take() {
            self.prefix = Some(former);
        }
        let Some(h) = h else {
            return self.fault("SM-16: resumed without h".to_owned());
        };
        self.note(None, format!("resumed, h={h} restored={is_restored}"));
        if is_restored {
            self.counts.restored += 1;
            // A server that comes back from its disk may have forgotten acks of other stanzas than messages.
            let goes_back = usize::try_from(h.wrapping_sub(self.base));
            if goes_back.is_ok_and(|ahead| ahead > self.sent.len()) {
                self.base = h;
            } else {
                self.on_h(h, "resumed");
            }
        } else {
            self.counts.resumed += 1;
            self.on_h(h, "resumed");
        }
        let rest = std::mem::take(&mut self.sent);
        self.is_counting = true;
        if !is_restored && std::mem::replace(&mut self.knows_sent, true) {
            self.repeats = rest.into_iter().map(|sent| sent.text).collect();
        }
    }

    /// The server says that it handled so many stanzas.
    fn on_h(&mut self, h: u32, how: &str) {
        self.counts.acks += 1;
        let settled = usize::try_from(h.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        if settled > self.sent.len() {
            let (base, sent) = (self.base, self.sent.len());
            return self.fault(format!(
                "INV-09: <{how} h='{h}'/> after {base} with {sent} on their way"
            ));
        }
        self.base = h;
        let settled: Vec<_> = self.sent.drain(..settled).collect();
        let mut lines = 0;
        for message_id in settled.into_iter().filter_map(|sent| sent.message_id) {
            lines += u64::from(self.on_acked(&message_id, h, how));
        }
        self.acked.send_modify(|acked| *acked += lines);
    }

    /// Returns whether it is the first ack of the line.
    fn on_acked(&mut self, message_id: &str, h: u32, how: &str) -> bool {
        self.note(Some(message_id), format!("acked by <{how} h='{h}'/>"));
        let conn = self.conn;
        let Some(line) = self.lines.get_mut(message_id) else {
            return false;
        };
        // Only an ack on the line's first connection tells where the entry stands among the copies (S11-41).
        if how == "a"
            && line.first_conn == conn
            && let Some(id) = line.id.clone()
        {
            self.told.push(Told { conn, id });
        }
        !std::mem::replace(&mut line.is_acked, true)
    }

    fn on_heard_stanza(&mut self, stanza: Stanza) {
        if stanza.kind == StanzaKind::Iq {
            let fin = stanza.find("fin", ns::MAM).and_then(|c| c.element().ok());
            let fin = fin.as_ref().and_then(mam::Fin::from_element);
            self.counts.caught_up += u64::from(fin.is_some_and(|fin| fin.complete));
        }
        if stanza.kind != StanzaKind::Message || stanza.find("result", ns::MAM).is_some() {
            return;
        }
        if stanza.find("unarchived", ns::S11).is_some() {
            return self.fault(format!("S11-32: not archived: {}", stanza.write()));
        }
        let message = match forward::unwrap_copy(&stanza) {
            Some((_, forwarded)) => Some(forwarded.message),
            None => Message::of_stanza(stanza),
        };
        let Some(message) = message else { return };
        let Some(id) = sid::trusted_id(message.children(), &self.account) else {
            return self.fault(format!(
                "S11-40: a copy without archive id: {}",
                message.0.write()
            ));
        };
        self.counts.copies += 1;
        let (conn, id) = (self.conn, id.to_string());
        let what = format!("copy {id} on connection {conn}");
        self.note(message.id(), what);
        self.told.push(Told { conn, id });
    }
}

fn parse(text: &str) -> Option<Frame> {
    Frame::parse(&Text::from(text), XmlLimits::RELAYED).ok()
}

/// The element itself or one anywhere in it: what is asked for may come alone or inside a login.
fn inside<'a>(element: &'a Element, name: &str, ns: &str) -> Option<&'a Element> {
    if element.is(name, ns) {
        return Some(element);
    }
    element.children().find_map(|child| inside(child, name, ns))
}
