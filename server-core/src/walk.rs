//! A session's cursor walks the log: an own entry becomes an ack, any other a copy (P1, P3).

use protocol::fork::Mode;
use protocol::forward::Direction;
use protocol::mutant;
use protocol::{BareJid, FullJid, Text, ns};

use crate::account::Account;
use crate::copies::{self, Copy};
use crate::core::Context;
use crate::io::Output;
use crate::message::Work;
use crate::session::{AwaitedPage, Own, SentKind, Session, SessionId};
use crate::tail::{Line, Tail};

/// Why a walk stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The cursor is at the end of the log, or as far as it may go.
    End,
    /// The device takes no more for now.
    Pause,
    /// An earlier stanza of its own is not settled.
    Own,
    /// The next entry is not in memory.
    Read,
}

impl Account {
    /// Lets a session's cursor go as far as it can (S11-40, S11-41).
    pub(crate) fn walk(&mut self, cx: &mut Context, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.pour(cx);
            if overtakes(session, &self.tail, cx) {
                return self.release(cx, id);
            }
        }
        self.read_spool(cx, id);
        if self.give_page(cx, id) {
            self.walk_to(cx, id, u64::MAX);
        }
    }

    /// Lets the cursor go up to a position. `false` if it has to wait on the way there, for other
    /// things than an earlier stanza of this session.
    pub(crate) fn walk_to(&mut self, cx: &mut Context, id: SessionId, limit: u64) -> bool {
        let Self {
            sessions,
            tail,
            jid,
            reading,
            ..
        } = self;
        let Some(session) = sessions.get_mut(&id) else {
            return true;
        };
        let spares = limit == u64::MAX && spares(session, tail, cx);
        if session.conn.is_none() && mutant("copies-skipped-while-detached") {
            session.cursor = tail.head();
        }
        if session.mode != Mode::S11 || session.conn.is_none() || spares {
            return true;
        }
        let mut walk = Walk {
            session,
            cx,
            owes_ack: false,
        };
        let stop = walk.run(tail, jid, limit);
        walk.pay_ack();
        if stop == Stop::Read && reading.is_none() {
            let (after, max) = (session.cursor, cx.config.limits.read_entries);
            *reading = Some(after);
            cx.output(Output::ReadEntries {
                account: jid.clone(),
                after,
                max,
            });
        }
        let is_short = limit < u64::MAX && session.cursor < limit;
        if stop == Stop::End && is_short {
            // The store is ahead of what was told.
            self.read_gap(cx);
        }
        stop == Stop::Own || stop == Stop::End && !is_short
    }

    /// Lets the cursor go over what lies in the log before a frame that was held back, but not past an
    /// open page (MAM-17).
    pub(crate) fn walk_before(&mut self, cx: &mut Context, id: SessionId, after: u64) {
        let reach = self.sessions.get(&id).map(Session::reach);
        self.walk_to(cx, id, after.min(reach.unwrap_or(0)));
    }

    /// Lets every s11 session walk.
    pub(crate) fn walk_all(&mut self, cx: &mut Context) {
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        for id in ids {
            self.walk(cx, id);
        }
    }
}

struct Walk<'a> {
    session: &'a mut Session,
    cx: &'a mut Context,
    /// Whether own entries were passed that no `<a/>` has covered.
    owes_ack: bool,
}

impl Walk<'_> {
    fn run(&mut self, tail: &Tail, account: &BareJid, limit: u64) -> Stop {
        while self.session.cursor < tail.head().min(limit) {
            if !self.session.takes_more(self.cx) {
                return Stop::Pause;
            }
            let Some(line) = tail.at(self.session.cursor + 1) else {
                return Stop::Read;
            };
            if !self.step(line, account) {
                return Stop::Own;
            }
        }
        Stop::End
    }

    /// Passes one entry; `false` if it must wait for an earlier stanza of this session.
    fn step(&mut self, line: &Line, account: &BareJid) -> bool {
        if let Some(own) = self.session.own.get(&line.pos).copied() {
            if !self.may_pass(own) && !mutant("own-entry-does-not-wait") {
                return false;
            }
            self.session.own.remove(&line.pos);
            if own.needs_copy || mutant("copy-to-the-sending-device") {
                self.copy(line, account, Some(Copy::Wrap(Direction::Sent, ns::MR2)));
            }
            self.settle(own);
        } else if self.is_untold(line) {
            return false;
        } else {
            self.copy(line, account, copy_of(line, account, &self.session.jid));
            if mutant("every-copy-twice") {
                self.copy(line, account, copy_of(line, account, &self.session.jid));
            }
        }
        self.session.cursor =
            line.pos + u64::from(mutant("cursor-one-too-far") && line.pos.is_multiple_of(8));
        true
    }

    /// An own entry waits until every stanza that came before it is handled: else the ack that
    /// covers it could not be written before the next copy (S11-41).
    fn may_pass(&self, own: Own) -> bool {
        match (&self.session.sm, own.slot) {
            (Some(sm), Some(slot)) => sm.received.is_next(slot),
            _ => true,
        }
    }

    /// An own entry may be read from the log before the answer that it is written comes.
    fn is_untold(&self, line: &Line) -> bool {
        let is_own = line.envelope.from == self.session.jid;
        let mut work = self.session.work.iter();
        is_own && work.any(|work| matches!(work, Work::Append))
    }

    fn settle(&mut self, own: Own) {
        if let Some(conn) = self.session.conn.filter(|_| own.owes_credit) {
            self.cx.credit(conn);
        }
        if let Some(sm) = &mut self.session.sm {
            if let Some(slot) = own.slot {
                sm.received.settle(slot);
            }
            self.owes_ack |= sm.received.handled() != sm.told;
        }
    }

    fn copy(&mut self, line: &Line, account: &BareJid, copy: Option<Copy>) {
        if !mutant("ack-after-a-later-copy") {
            self.pay_ack();
        }
        let Some(copy) = copy else { return };
        let frame = render(&line.copy_now(self.cx), line, account, self.session, copy);
        let kind = SentKind::Entry {
            pos: line.pos,
            alone: false,
        };
        self.session.send(self.cx, frame, kind);
    }

    fn pay_ack(&mut self) {
        if std::mem::take(&mut self.owes_ack) {
            self.session.ack(self.cx);
        }
    }
}

/// The copy of an entry that is not known as an own one. What this very resource sent all the same was
/// sent before the session was restored: it comes like that of any other device (S11-62).
fn copy_of(line: &Line, account: &BareJid, jid: &FullJid) -> Option<Copy> {
    if line.envelope.from == *jid {
        return Some(Copy::Wrap(Direction::Sent, ns::MR2));
    }
    copies::for_s11(&line.envelope, account, jid)
}

fn render(copy: &Text, line: &Line, account: &BareJid, session: &Session, kind: Copy) -> Text {
    match kind {
        Copy::Direct => copy.clone(),
        Copy::Wrap(direction, ns) => copies::wrap(
            account,
            &session.jid,
            line.envelope.kind,
            (direction, ns),
            copy,
        ),
    }
}

/// Whether the walk is about to pass something while older things are held back: they go first (CS-03).
fn overtakes(session: &mut Session, tail: &Tail, cx: &mut Context) -> bool {
    if session.mode != Mode::S11 || session.hold.len() == 0 || !session.takes_more(cx) {
        return false;
    }
    let has_more = session.cursor < tail.head() && !spares(session, tail, cx);
    has_more || matches!(session.awaited_page, AwaitedPage::Read(_))
}

/// Whether an inactive session is left alone for now: only wraps lie ahead, few and not for long (CS-02, CS-04).
fn spares(session: &mut Session, tail: &Tail, cx: &mut Context) -> bool {
    if !session.hold.is_inactive || session.cursor >= tail.head() {
        return false;
    }
    let ahead = session.cursor + 1..=tail.head();
    let limits = &cx.config.limits;
    let account = session.jid.to_bare();
    let is_wrap = |pos: u64| {
        let Some(line) = tail.at(pos) else {
            return false;
        };
        let copy = copy_of(line, &account, &session.jid);
        !session.own.contains_key(&pos) && !matches!(copy, Some(Copy::Direct))
    };
    let count = tail.head() - session.cursor;
    let few = count < limits.held_copies as u64;
    let spared =
        few && ahead.into_iter().all(is_wrap) && !session.hold.is_due(limits, cx.now.mono_ms);
    if spared {
        let since = *session.hold.since_ms.get_or_insert(cx.now.mono_ms);
        cx.timers.arm(since + limits.held_ms, session.timer());
    }
    spared
}
