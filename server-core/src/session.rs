//! One bound resource: what it has sent, what it was sent, and what it waits for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::jid::{BareJid, FullJid, Jid};
use protocol::mutant;
use protocol::sm::{AckError, Slot, SmNonza};
use protocol::{Handled, IdPrefix, Presence, Text, Unacked, Watermark, fork::Mode};

use crate::archive::{Page, ReadError};
use crate::core::Context;
use crate::hold::{Hold, Urgency};
use crate::io::ConnId;
use crate::iq::mam::{PageRequest, newest_of};
use crate::limits::Limits;
use crate::message::Work;
use crate::parcel::Loose;
use crate::pep::Interests;
use crate::records::{SessionKey, SessionLife, SessionRecord};
use crate::timers::Timer;
use crate::tokens::DeviceId;

/// One session, for as long as the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId(pub(crate) u64);

/// After how many stanzas an answer is asked for or given (SM-12).
const ACK_EVERY: usize = 5;
/// After how many milliseconds without more stanzas an answer is asked for.
const REQUEST_AFTER_MS: u64 = 250;
/// After how many milliseconds an `<a/>` is sent unasked.
const ACK_AFTER_MS: u64 = 1_000;

/// Messages that a session remembers for errors that answer them.
const ASKED_MAX: usize = 64;

/// One bound resource; survives resumption.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    pub(crate) mode: Mode,
    /// The device whose session it is, where it said so (BI-07).
    pub(crate) device: Option<DeviceId>,
    /// First half of its own archive ids; s11 sessions only.
    pub(crate) prefix: Option<IdPrefix>,
    /// The connection that carries it; none while it is detached.
    pub(crate) conn: Option<ConnId>,
    /// The presence that it last sent, while it is available.
    pub(crate) presence: Option<Presence>,
    /// Whom it sent presence to directly (RO-12).
    pub(crate) directed: BTreeSet<Jid>,
    /// Whether it fetched the roster and hears of changes (RO-04).
    pub(crate) wants_roster: bool,
    /// Whether it fetched the blocklist and hears of changes (BL-01).
    pub(crate) wants_blocklist: bool,
    /// Of which nodes it wants to hear.
    pub(crate) interests: Interests,
    /// How far it knows the log; s11 sessions only.
    pub(crate) cursor: u64,
    /// Positions of its own messages that the cursor has not passed, with their slots (P3).
    pub(crate) own: BTreeMap<u64, Own>,
    /// Stanzas that wait behind an append, in the order in which they came (CO-07).
    pub(crate) work: VecDeque<Work>,
    /// The last messages it sent that carbons sessions have: (id, to whom) (CC-02).
    pub(crate) asked: VecDeque<(String, BareJid)>,
    pub(crate) sm: Option<Sm>,
    pub(crate) hold: Hold,
    /// When a detached session expires.
    pub(crate) expires_ms: Option<u64>,
    /// Whether it must end: its queue grew beyond all bounds.
    pub(crate) is_broken: bool,
    /// The page of the archive that it waits for.
    pub(crate) awaited_page: AwaitedPage,
    /// Entries that it was given while they were flagged: the end of their flags may come later.
    pub(crate) had: BTreeSet<u64>,
    /// Positions of the latest entries that it was shown while it took no messages itself.
    pub(crate) shown: BTreeSet<u64>,
}

/// How far the query of a session is. While it is open, the cursor stands (MAM-17).
pub(crate) enum AwaitedPage {
    /// There is none.
    No,
    /// The store is asked.
    Reading,
    /// The page is there and waits for the cursor.
    Read(Box<(PageRequest, Result<Page, ReadError>)>),
}

/// An own message that lies in the log ahead of the cursor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) slot: Option<Slot>,
    /// Whether the session cannot compute the id and gets a copy too (S11-12).
    pub(crate) needs_copy: bool,
    /// Whether the connection that brought it still waits for its credit.
    pub(crate) owes_credit: bool,
}

/// Stream management of one session.
pub(crate) struct Sm {
    /// SM-ID; none if the session cannot be resumed.
    pub(crate) id: Option<String>,
    pub(crate) max_s: u32,
    pub(crate) received: Watermark,
    pub(crate) unacked: Unacked<Sent>,
    unacked_bytes: usize,
    /// How many of them, the last ones, wait until the present connection takes more (LIM-07).
    pub(crate) unsent: usize,
    /// Whether an `<a/>` waits behind these.
    owes_ack: bool,
    /// Sent since the last `<r/>`.
    since_request: usize,
    request_due_ms: Option<u64>,
    /// What the last `<a/>` said.
    pub(crate) told: Handled,
    ack_due_ms: Option<u64>,
    /// Whether the session was brought back from the store and its client has acknowledged nothing since: it
    /// may not know yet, or not for long, since what it acknowledges is the first that it surely keeps.
    pub(crate) is_restored: bool,
}

/// One stanza that was sent and is not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) frame: Text,
    pub(crate) kind: SentKind,
}

/// What becomes of an unacknowledged stanza when its session ends (SM-29).
#[derive(Clone, Debug)]
pub(crate) enum SentKind {
    /// A copy of what lies in the archive, or not worth keeping.
    Droppable,
    /// The message itself, at this position of the log; `alone` if no other session got it.
    Entry { pos: u64, alone: bool },
    /// A message that lies in no archive of the account and that no other session got.
    Loose(Box<Loose>),
    /// A question that somebody waits for: (who, id).
    Request(Jid, String),
}

impl Sm {
    pub(crate) fn new(id: Option<String>, max_s: u32, first_h: u32) -> Self {
        Self::counting_from(id, max_s, first_h.into(), Handled(first_h))
    }

    /// Goes on where `handled` stanzas of the client are handled, and the client has handled `h`.
    pub(crate) fn counting_from(id: Option<String>, max_s: u32, handled: u64, h: Handled) -> Self {
        let received = Watermark::new(handled);
        Self {
            id,
            max_s,
            told: received.handled(),
            received,
            unacked: Unacked::new(h),
            unacked_bytes: 0,
            unsent: 0,
            owes_ack: false,
            since_request: 0,
            request_due_ms: None,
            ack_due_ms: None,
            is_restored: false,
        }
    }

    fn push(&mut self, frame: Text, kind: SentKind) {
        self.unacked_bytes += frame.len();
        self.unacked.push(Sent { frame, kind });
    }

    /// Takes the peer's `h`.
    pub(crate) fn on_ack(&mut self, h: Handled) -> Result<(), AckError> {
        let sent = self.unacked.len().saturating_sub(self.unsent);
        let acked = self.unacked.acked();
        if h.since(acked) as usize > sent {
            let sent = acked.plus(u32::try_from(sent).unwrap_or(u32::MAX));
            return Err(AckError { h, sent });
        }
        let bytes: usize = self.unacked.ack(h)?.map(|sent| sent.frame.len()).sum();
        self.is_restored &= h == acked;
        self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
        if self.unacked.len() == self.unsent {
            self.request_due_ms = None; // nothing is left to ask for
        }
        Ok(())
    }

    /// Takes the `h` of a `<resume/>`: what it does not cover is to be sent once more (SM-17).
    pub(crate) fn take_up(&mut self, h: Handled) -> Result<(), AckError> {
        (self.unsent, self.owes_ack) = (0, false);
        self.on_ack(h)?;
        if !mutant("no-retransmission") {
            self.unsent = self.unacked.len();
        }
        Ok(())
    }

    /// The next stanza that waits for the connection.
    fn next_unsent(&mut self) -> Option<Text> {
        let at = self.unacked.len().checked_sub(self.unsent)?;
        let at = match mutant("retransmission-backwards") {
            true => self.unsent.checked_sub(1)?,
            false => at,
        };
        let frame = self.unacked.iter().nth(at)?.frame.clone();
        self.unsent = self.unsent.checked_sub(1)?;
        Some(frame)
    }

    /// Whether so much is unacknowledged that a walk had better wait.
    fn is_crowded(&self, limits: &Limits) -> bool {
        self.unacked.len() > limits.unacked_stanzas / 2
            || self.unacked_bytes > limits.unacked_bytes / 2
    }
}

impl Session {
    pub(crate) fn new(id: SessionId, jid: FullJid, mode: Mode, conn: ConnId) -> Self {
        Self {
            id,
            jid,
            mode,
            device: None,
            prefix: None,
            conn: Some(conn),
            presence: None,
            directed: BTreeSet::new(),
            wants_roster: false,
            wants_blocklist: false,
            interests: Interests::default(),
            cursor: 0,
            own: BTreeMap::new(),
            work: VecDeque::new(),
            asked: VecDeque::new(),
            sm: None,
            hold: Hold::default(),
            expires_ms: None,
            is_broken: false,
            awaited_page: AwaitedPage::No,
            had: BTreeSet::new(),
            shown: BTreeSet::new(),
        }
    }

    /// The priority with which it takes messages to the bare JID, if it is available.
    pub(crate) fn priority(&self) -> Option<i8> {
        self.presence.as_ref().map(|presence| presence.priority)
    }

    /// Whether it can come back after its connection is lost.
    pub(crate) fn is_resumable(&self) -> bool {
        !self.is_broken && self.sm.as_ref().is_some_and(|sm| sm.id.is_some())
    }

    /// Remembers a message for the case that an error answers it.
    pub(crate) fn remember_asked(&mut self, id: &str, to: BareJid) {
        if self.asked.len() >= ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back((id.to_owned(), to));
    }

    /// What is written of it, if it can be resumed (S11-60).
    pub(crate) fn record(&self, life: SessionLife) -> Option<SessionRecord> {
        let sm = self.sm.as_ref()?;
        Some(SessionRecord {
            key: SessionKey::of(sm.id.as_ref()?),
            resource: self.jid.resource().to_owned(),
            prefix: self.prefix.clone(),
            device: self.device,
            handled: sm.received.count(),
            max_s: sm.max_s,
            life,
        })
    }

    /// How far the cursor may go while a query is open (MAM-17).
    pub(crate) fn reach(&self) -> u64 {
        match &self.awaited_page {
            AwaitedPage::No => u64::MAX,
            AwaitedPage::Reading => self.cursor,
            AwaitedPage::Read(read) => newest_of(read),
        }
    }

    pub(crate) fn timer(&self) -> Timer {
        Timer::Session(self.jid.to_bare(), self.id)
    }

    /// What it was given and did not acknowledge, and what was held back from it, oldest first.
    pub(crate) fn untaken(&self) -> impl Iterator<Item = &SentKind> {
        let sent = self.sm.iter().flat_map(|sm| sm.unacked.iter());
        sent.map(|sent| &sent.kind).chain(self.hold.kinds())
    }

    /// Counts a received stanza.
    pub(crate) fn begin(&mut self) -> Option<Slot> {
        self.sm.as_mut().map(|sm| sm.received.begin())
    }

    /// The stanza of this slot is handled; gives its credit back.
    pub(crate) fn settle(&mut self, cx: &mut Context, slot: Option<Slot>) {
        if let Some(conn) = self.conn {
            cx.credit(conn);
        }
        let (Some(sm), Some(slot)) = (&mut self.sm, slot) else {
            return;
        };
        sm.received.settle(slot);
        if self.mode == Mode::S11 && !self.own.is_empty() {
            return; // the walk acknowledges when the cursor gets there (P3)
        }
        let owed = sm.received.handled().since(sm.told);
        if owed as usize >= ACK_EVERY {
            self.ack(cx);
        } else if owed > 0 && sm.ack_due_ms.is_none() {
            let due = cx.now.mono_ms + ACK_AFTER_MS;
            sm.ack_due_ms = Some(due);
            cx.timers
                .arm(due, Timer::Session(self.jid.to_bare(), self.id));
        }
    }

    /// Tells how much is handled, behind all that was sent before.
    pub(crate) fn ack(&mut self, cx: &mut Context) {
        let Some(sm) = &mut self.sm else { return };
        sm.owes_ack = sm.unsent > 0;
        if sm.owes_ack {
            return;
        }
        sm.told = sm.received.handled();
        if mutant("ack-one-too-many") {
            sm.told = sm.told.plus(1);
        }
        sm.ack_due_ms = None;
        if let Some(conn) = self.conn {
            cx.transmit(conn, SmNonza::Ack(Some(sm.told)).write());
        }
    }

    /// Sends a stanza: into the queue of what is unacknowledged, and onto the wire if there is one that
    /// takes more.
    pub(crate) fn send(&mut self, cx: &mut Context, frame: Text, kind: SentKind) {
        if self.is_broken {
            return;
        }
        let Some(sm) = &mut self.sm else {
            if let Some(conn) = self.conn {
                cx.transmit(conn, frame);
            }
            return;
        };
        if self.conn.is_none() && mutant("queue-dropped-while-detached") {
            return;
        }
        sm.push(frame, kind);
        sm.unsent += usize::from(self.conn.is_some());
        if self.is_over(&cx.config.limits) {
            self.break_up(cx);
        }
        self.pour(cx);
    }

    /// Puts onto the wire what waits for it, as much as it takes: neither a burst nor what is sent once
    /// more cuts off a peer that reads (LIM-07).
    pub(crate) fn pour(&mut self, cx: &mut Context) {
        let (Some(sm), Some(conn)) = (&mut self.sm, self.conn) else {
            return;
        };
        let before = sm.unsent;
        while !cx.is_busy(conn)
            && let Some(frame) = sm.next_unsent()
        {
            sm.since_request += 1;
            cx.transmit(conn, frame);
        }
        let (is_through, has_sent) = (sm.unsent == 0, sm.unsent < before);
        if is_through && sm.owes_ack {
            self.ack(cx);
        }
        if has_sent {
            self.request_ack(cx);
        }
    }

    /// Whether the peer takes more than it has: else what the server sends of its own accord waits.
    pub(crate) fn takes_more(&self, cx: &Context) -> bool {
        let is_full = |sm: &Sm| sm.unsent > 0 || sm.is_crowded(&cx.config.limits);
        self.conn.is_some_and(|conn| !cx.is_busy(conn)) && !self.sm.as_ref().is_some_and(is_full)
    }

    /// Holds a stanza back; it counts like one that was sent and is not acknowledged (LIM-09).
    pub(crate) fn hold(
        &mut self,
        cx: &mut Context,
        frame: (Text, SentKind),
        urgency: Urgency,
        after: u64,
    ) {
        if self.is_broken {
            return;
        }
        let since_ms = self.hold.push(urgency, after, frame, cx.now.mono_ms);
        cx.timers
            .arm(since_ms + cx.config.limits.held_ms, self.timer());
        if self.is_over(&cx.config.limits) {
            self.break_up(cx);
        }
    }

    /// Whether more waits for the peer than is kept for anybody (SM-31).
    fn is_over(&self, limits: &Limits) -> bool {
        let sent = self
            .sm
            .as_ref()
            .map(|sm| (sm.unacked.len(), sm.unacked_bytes));
        let (stanzas, bytes) = sent.unwrap_or_default();
        stanzas + self.hold.len() > limits.unacked_stanzas
            || bytes + self.hold.bytes() > limits.unacked_bytes
    }

    fn break_up(&mut self, cx: &mut Context) {
        self.is_broken = true;
        cx.timers.arm(cx.now.mono_ms, self.timer());
    }

    fn request_ack(&mut self, cx: &mut Context) {
        let Some(sm) = &mut self.sm else { return };
        if sm.since_request >= ACK_EVERY {
            return self.request_now(cx);
        }
        if sm.request_due_ms.is_none() {
            let due = cx.now.mono_ms + REQUEST_AFTER_MS;
            sm.request_due_ms = Some(due);
            cx.timers
                .arm(due, Timer::Session(self.jid.to_bare(), self.id));
        }
    }

    /// Asks how much the peer has handled (SM-30).
    pub(crate) fn request_now(&mut self, cx: &mut Context) {
        let Some(sm) = &mut self.sm else { return };
        sm.since_request = 0;
        sm.request_due_ms = None;
        if let Some(conn) = self.conn {
            cx.transmit(conn, SmNonza::Request.write());
        }
    }

    /// Sends what is due by the clock.
    pub(crate) fn on_timer(&mut self, cx: &mut Context) {
        let now_ms = cx.now.mono_ms;
        let is_due = |due: Option<u64>| due.is_some_and(|due| now_ms >= due);
        let Some(sm) = &self.sm else { return };
        let (request, ack) = (is_due(sm.request_due_ms), is_due(sm.ack_due_ms));
        if request && !sm.unacked.is_empty() {
            self.request_now(cx);
        }
        if ack {
            self.ack(cx);
        }
    }
}
