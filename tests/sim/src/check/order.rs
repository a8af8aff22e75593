//! INV-11, INV-12, INV-25: each s11 stream tells the log after its bind, in order, each entry once.

use super::counts::id_for;
use super::facts::{Facts, Mode, Session};
use super::{Violation, hold};
use crate::seen::Line;

impl Facts {
    /// A copy is written to a session, for the first time.
    pub(super) fn copy(&mut self, conn: u64, line: &Line) -> Result<(), Violation> {
        let Some(index) = self.conns.get(&conn).and_then(|conn| conn.session) else {
            let what = format!("{} goes to a connection without session", line.mid);
            return Err(Violation::new("INV-21", what));
        };
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        let pos = id_for(line, &session.account);
        let log = self.logs.get(&session.account);
        let Some(pos) = pos.and_then(|id| log.and_then(|log| log.pos_of(id))) else {
            return Ok(());
        };
        let jid = &session.jid;
        let is_own = line.from == *jid && !session.is_restored;
        hold!("INV-11", !is_own, "{jid} gets its own {} back", line.mid);
        if session.mode != Mode::S11 {
            let last = session.given.last().copied();
            let is_next = line.late || last.is_none_or(|last| pos > last);
            let is_first = session.given.insert(pos);
            hold!("RT-05", is_next, "{jid}: {pos} after {last:?}");
            hold!("RT-05", is_first, "{jid}: {pos} a second time");
            return Ok(());
        }
        session.pass(pos)
    }

    /// A page holds only what its stream was told before, so that copies and pages never contradict each
    /// other (MAM-17), unless an own entry stands between that no ack can cover yet. What was asked on an earlier connection is answered first.
    pub(super) fn page_is_behind(
        &self,
        conn: u64,
        queryid: &str,
        line: &Line,
    ) -> Result<(), Violation> {
        let conn = self.conns.get(&conn);
        let conn = conn.filter(|conn| conn.query.as_ref().is_some_and(|q| q.iq == queryid));
        let session = conn.and_then(|conn| self.sessions.get(conn.session?));
        let Some(session) = session.filter(|session| session.mode == Mode::S11) else {
            return Ok(());
        };
        let id = line.ids.last().map(|(_, id)| id);
        let log = self.log(&session.account);
        let pos = id.and_then(|id| log.and_then(|log| log.pos_of(id)));
        let is_own = |pos: u64| {
            let entry = log.and_then(|log| log.at(pos));
            let message = entry.and_then(|entry| self.messages.get(&entry.line.mid));
            message.is_some_and(|message| message.dev == session.dev)
        };
        let known = session.known();
        let jid = &session.jid;
        hold!(
            "INV-11",
            pos <= Some(known) || is_own(known + 1),
            "{jid}: a page brings {pos:?}, copies came up to {known}"
        );
        Ok(())
    }

    /// An own entry is acknowledged; where it stands among the copies is its place.
    pub(super) fn place_own(
        &mut self,
        conn: u64,
        aid: Option<&str>,
        is_resumed: bool,
    ) -> Result<(), Violation> {
        let Some(index) = self.conns.get(&conn).and_then(|conn| conn.session) else {
            return Ok(());
        };
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        let log = self.logs.get(&session.account);
        let pos = aid.and_then(|aid| log.and_then(|log| log.pos_of(aid)));
        let Some(pos) = pos.filter(|_| session.mode == Mode::S11) else {
            return Ok(());
        };
        if session.cursor.is_some_and(|cursor| pos <= cursor) {
            return Ok(());
        }
        // What was sent again may lie before the stream's beginning, which is not seen.
        if is_resumed || session.cursor.is_none() && pos <= session.bound_at {
            session.covered.insert(pos);
            if session.cursor.is_some() {
                session.absorb();
            }
            return Ok(());
        }
        session.pass(pos).map_err(|violation| {
            let what = format!("the ack of its own entry: {}", violation.what);
            Violation::new("INV-12", what)
        })
    }

    /// Every live s11 stream has told the whole log (INV-11, INV-25).
    pub(super) fn streams_are_complete(&self) -> Result<(), Violation> {
        for session in &self.sessions {
            if session.conn.is_none() || session.mode != Mode::S11 {
                continue;
            }
            let head = self
                .log(&session.account)
                .map_or(0, super::facts::Log::head);
            let jid = &session.jid;
            let known = session.known();
            hold!(
                "INV-11",
                known >= head,
                "{jid} was told up to {known} of {head}"
            );
        }
        Ok(())
    }
}

impl Session {
    /// Up to here the stream was told the log.
    fn known(&self) -> u64 {
        let mut known = self.cursor.unwrap_or(self.bound_at);
        while self.covered.contains(&(known + 1)) {
            known += 1;
        }
        known
    }

    /// The entry at `pos` is told: everything before it was.
    fn pass(&mut self, pos: u64) -> Result<(), Violation> {
        let jid = &self.jid;
        let Some(cursor) = self.cursor else {
            // Where the stream begins is not seen, but it cannot be behind what was there.
            let mut first = pos;
            while self.covered.contains(&(first - 1)) {
                first -= 1;
            }
            let bound_at = self.bound_at;
            hold!(
                "INV-11",
                first <= bound_at + 1,
                "{jid} begins at {first} after {bound_at}"
            );
            self.cursor = Some(pos);
            self.absorb();
            return Ok(());
        };
        hold!("INV-11", pos > cursor, "{jid}: {pos} after {cursor}");
        for between in cursor + 1..pos {
            let is_covered = self.covered.contains(&between);
            let inactive = if self.is_inactive { "INV-25, " } else { "" };
            hold!(
                "INV-11",
                is_covered,
                "{inactive}{jid}: {pos} before {between}"
            );
        }
        self.cursor = Some(pos);
        self.absorb();
        Ok(())
    }

    /// Own entries that an h covered already follow at once.
    fn absorb(&mut self) {
        let Some(mut cursor) = self.cursor else {
            return;
        };
        while self.covered.contains(&(cursor + 1)) {
            cursor += 1;
        }
        self.covered.retain(|pos| *pos > cursor);
        self.cursor = Some(cursor);
    }
}
