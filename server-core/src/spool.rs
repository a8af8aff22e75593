//! Entries that wait for an ordinary client: the letter O of RFC 6121 §8.5 (RT-01, A16).
//!
//! An entry that reached no session is flagged in the store, in the transaction that writes it. The
//! next plain or carbons session that is there for messages is given what is flagged, with its time,
//! oldest first. Whoever reads the archive itself needs none of it: s11, Bind 2 and the first query
//! clear the flags.

use std::sync::Arc;

use protocol::fork::Mode;
use protocol::jid::BareJid;
use protocol::{Text, delay, sid};

use crate::account::Account;
use crate::archive::{Entry, ReadError};
use crate::copies::{self, Copy};
use crate::core::{Context, Core};
use crate::envelope::Envelope;
use crate::hold::Urgency;
use crate::io::Output;
use crate::parcel::Parcel;
use crate::pending::Pending;
use crate::records::{Change, ChangeError};
use crate::session::{SentKind, Session, SessionId};

/// So many entries a session is known to have been shown.
const SHOWN_MAX: usize = 1_024;

/// What an account knows of its flagged entries.
#[derive(Default)]
pub(crate) struct Spool {
    /// Whether there may be some that nobody is being given.
    pub(crate) any: bool,
    /// The session that is being given them.
    reader: Option<SessionId>,
    /// Up to which position it was given them.
    after: u64,
    /// The newest entry when it began to be there: it is given what is newer anyway.
    until: u64,
    /// For which session the store was asked and has not answered.
    asked_for: Option<SessionId>,
    /// From where flags were taken while entries were being read.
    cleared: Vec<(u64, u64)>,
}

impl Spool {
    /// Whether this session is being given what waits.
    pub(crate) fn is_read_by(&self, id: SessionId) -> bool {
        self.reader == Some(id)
    }

    /// Whether the store still owes an answer.
    pub(crate) fn is_reading(&self) -> bool {
        self.asked_for.is_some()
    }
}

impl Session {
    /// Whether messages to the bare JID have somebody to go to.
    pub(crate) fn is_taker(&self) -> bool {
        let is_there = self.priority().is_some_and(|priority| priority >= 0);
        is_there || matches!(self.mode, Mode::Mr2 | Mode::S11)
    }
}

impl Account {
    pub(crate) fn has_taker(&self) -> bool {
        self.sessions.values().any(Session::is_taker)
    }

    /// Lets senders know whether entries for this account wait (the hint of [`Context::takers`]).
    pub(crate) fn note_takers(&mut self, cx: &mut Context) {
        let has_taker = self.has_taker();
        if self.is_taken != has_taker {
            self.is_taken = has_taker;
            if has_taker {
                cx.takers.insert(self.jid.clone());
            } else {
                cx.takers.remove(&self.jid);
            }
        }
    }

    /// An entry was given out, or to nobody: makes its flag true where the hint was wrong.
    pub(crate) fn check_flag(
        &mut self,
        cx: &mut Context,
        pos: u64,
        flagged: bool,
        given: &[(SessionId, Copy)],
    ) {
        // Who was shown what others get has it, but the message still waits for somebody.
        let is_given = given.iter().any(|(_, copy)| *copy == Copy::Direct);
        let waits = !is_given && !self.has_taker();
        self.note_given(pos, flagged, given);
        match (flagged, waits) {
            (true, true) => self.spool.any = true,
            (true, false) => self.unflag(cx, (pos, pos)),
            (false, true) => self.flag(cx, vec![(pos, pos)]),
            (false, false) => {}
        }
    }

    fn flag(&mut self, cx: &mut Context, spans: Vec<(u64, u64)>) {
        self.spool.any = true;
        let account = self.jid.clone();
        self.change_flags(cx, Change::Spool { account, spans });
    }

    fn unflag(&mut self, cx: &mut Context, (first, last): (u64, u64)) {
        let account = self.jid.clone();
        let change = Change::Unspool {
            account,
            first,
            last,
        };
        self.change_flags(cx, change);
    }

    fn change_flags(&mut self, cx: &mut Context, change: Change) {
        self.in_flight += 1;
        let cleared = if let Change::Unspool { first, last, .. } = change {
            Some((first, last))
        } else {
            None
        };
        let done = FlagsDone {
            account: self.jid.clone(),
            is_counted: true,
            cleared,
        };
        write_flags(cx, done, change);
    }

    /// Flags are written, or could not be: whoever is there is given what waits.
    fn on_flags(&mut self, cx: &mut Context, done: &FlagsDone, is_written: bool) {
        if done.is_counted {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        match done.cleared {
            Some(span) if is_written => self.spool.cleared.push(span),
            Some(_) => {}
            None if self.is_ready() => {
                self.spool.any = true;
                self.offer_spool_to_all(cx);
            }
            None => {}
        }
        self.forget_had();
    }

    /// What has no flag any more is not read again, unless it is being read just now.
    fn forget_had(&mut self) {
        if self.spool.is_reading() {
            return;
        }
        for (first, last) in std::mem::take(&mut self.spool.cleared) {
            for session in self.sessions.values_mut() {
                session.had.retain(|pos| !(first..=last).contains(pos));
            }
        }
    }

    fn offer_spool_to_all(&mut self, cx: &mut Context) {
        let there = self.sessions.values().filter(|s| s.conn.is_some());
        let there: Vec<_> = there.map(|session| session.id).collect();
        for id in there {
            self.offer_spool(cx, id);
        }
    }

    /// Somebody reads the archive for themselves (A16).
    pub(crate) fn clear_spool(&mut self, cx: &mut Context) {
        if std::mem::take(&mut self.spool.any) {
            self.unflag(cx, (1, self.tail.head()));
        }
    }

    /// An ordinary session that is there for messages gets what waits, unless another one does.
    pub(crate) fn offer_spool(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let is_ordinary = matches!(session.mode, Mode::Plain | Mode::Carbons);
        if is_ordinary && session.is_taker() && self.spool.any && self.spool.reader.is_none() {
            self.spool.any = false;
            self.spool.reader = Some(id);
            self.spool.after = 0;
            self.spool.until = self.tail.head();
            self.read_spool(cx, id);
        }
    }

    /// Reads on for the session that is being given what waits, as fast as it takes it.
    pub(crate) fn read_spool(&mut self, cx: &mut Context, id: SessionId) {
        let spool = &mut self.spool;
        if spool.reader != Some(id) || spool.is_reading() {
            return;
        }
        let session = self.sessions.get(&id);
        if session.is_none_or(|session| !session.takes_more(cx)) {
            return;
        }
        spool.asked_for = Some(id);
        cx.output(Output::ReadSpool {
            account: self.jid.clone(),
            after: spool.after,
            max: cx.config.limits.read_entries,
        });
    }

    pub(crate) fn on_spool(
        &mut self,
        cx: &mut Context,
        result: Result<Vec<Arc<Entry>>, ReadError>,
    ) {
        let asked_for = self.spool.asked_for.take();
        let Some(id) = self.spool.reader else { return };
        if asked_for != Some(id) {
            return self.read_spool(cx, id);
        }
        let Ok(entries) = result else {
            tracing::warn!("waiting messages could not be read; they go to the next session");
            self.spool.any = true;
            return self.end_spool(cx, id);
        };
        let until = self.spool.until;
        let waiting = entries.iter().filter(|entry| entry.pos <= until);
        let Some(last) = waiting.clone().next_back().map(|entry| entry.pos) else {
            self.end_spool(cx, id);
            return self.offer_spool_to_all(cx); // more may have come to wait
        };
        for entry in waiting {
            self.give_late(cx, id, entry);
        }
        self.spool.after = last;
        self.unflag(cx, (1, last));
        self.read_spool(cx, id);
    }

    fn give_late(&mut self, cx: &mut Context, id: SessionId, entry: &Entry) {
        let is_incoming = Envelope::of_stored(&entry.stanza)
            .is_some_and(|envelope| envelope.is_to(&self.jid) && !envelope.is_from(&self.jid));
        let Some(session) = self.sessions.get_mut(&id).filter(|_| is_incoming) else {
            return;
        };
        let mut extra = String::new();
        sid::stanza_id(&self.jid, &entry.id).write(&mut extra, "");
        delay::delay(entry.stamp, Some(&cx.config.domain)).write(&mut extra, "");
        let kind = SentKind::Entry {
            pos: entry.pos,
            alone: true,
        };
        if !session.shown.contains(&entry.pos) && session.had.insert(entry.pos) {
            session.send(cx, copies::direct(&entry.stanza, &extra), kind);
        }
    }

    /// An entry was given out. If it is flagged its flag goes, but may be read before. Who takes no messages
    /// yet is shown what others get, and those may end without having taken it.
    fn note_given(&mut self, pos: u64, flagged: bool, given: &[(SessionId, Copy)]) {
        for (id, _) in given {
            let Some(session) = self.sessions.get_mut(id) else {
                continue;
            };
            if flagged {
                session.had.insert(pos);
            }
            if !session.is_taker() {
                session.shown.insert(pos);
                if session.shown.len() > SHOWN_MAX {
                    session.shown.pop_first();
                }
            }
        }
    }

    fn end_spool(&mut self, cx: &mut Context, id: SessionId) {
        self.spool.reader = None;
        self.release(cx, id);
    }

    /// Whether a live message has to wait because older ones are still on their way; then it is held.
    pub(crate) fn waits_for_spool(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        frame: &Text,
        kind: &SentKind,
    ) -> bool {
        let waits = self.spool.is_read_by(id);
        if waits {
            self.hold(cx, id, frame.clone(), kind.clone(), Urgency::Later);
        }
        waits
    }

    /// A session ended: what it never acknowledged waits for the next one, if nobody else has it
    /// (SM-29, SM-35).
    pub(crate) fn spool_unacked(&mut self, cx: &mut Context, session: &Session) {
        if self.spool.reader == Some(session.id) {
            self.spool.reader = None;
            self.spool.any = true;
        }
        let nobody = !self.has_taker();
        let lost = session.untaken().filter_map(|kind| match kind {
            SentKind::Entry { pos, alone } => (*alone || nobody).then_some(*pos),
            SentKind::Droppable | SentKind::Loose(_) | SentKind::Request(..) => None,
        });
        let mut spans = spans_of(lost);
        let ahead = (session.cursor + 1, self.tail.head());
        if session.mode == Mode::S11 && nobody && ahead.0 <= ahead.1 {
            spans.push(ahead);
        }
        if !spans.is_empty() {
            self.flag(cx, spans);
        }
    }
}

/// A change of flags that is being written.
pub(crate) struct FlagsDone {
    account: BareJid,
    /// Whether the account waits for it.
    is_counted: bool,
    /// From which positions flags were taken; otherwise some were set.
    cleared: Option<(u64, u64)>,
}

impl Core {
    /// An entry that is not flagged comes to an account where nobody hears of it: it waits, too.
    pub(crate) fn flag_unheard(&mut self, account: &BareJid, parcel: &Parcel) {
        let Parcel::Entry {
            entry,
            flagged: Some(false),
            ..
        } = parcel
        else {
            return;
        };
        let spans = vec![(entry.pos, entry.pos)];
        let done = FlagsDone {
            account: account.clone(),
            is_counted: false,
            cleared: None,
        };
        let account = account.clone();
        write_flags(&mut self.cx, done, Change::Spool { account, spans });
    }

    /// The store answered a change of flags.
    pub(crate) fn on_flags(&mut self, done: &FlagsDone, result: Result<(), ChangeError>) {
        if result == Err(ChangeError::Storage) {
            tracing::warn!("ordinary clients may get messages twice, or from the archive only");
        }
        self.with(&done.account, |account, cx| {
            account.on_flags(cx, done, result.is_ok())
        });
    }
}

fn write_flags(cx: &mut Context, done: FlagsDone, change: Change) {
    let ticket = cx.await_answer(Pending::Flags(done));
    cx.output(Output::Change {
        ticket,
        change: Box::new(change),
    });
}

/// Consecutive positions in one.
fn spans_of(positions: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for pos in positions {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == pos => *last = pos,
            Some(_) | None => spans.push((pos, pos)),
        }
    }
    spans
}
