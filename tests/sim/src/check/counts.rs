//! INV-01, INV-09, INV-10, INV-13, INV-19, INV-22, INV-29: streams, their counters, and what acks mean.

use super::facts::{Facts, Mode, Query, Session, bare};
use super::{Violation, hold};
use crate::ordinary::READY;
use crate::seen::{Line, Seen};

impl Facts {
    /// A client wrote a frame.
    pub(super) fn on_tx(&mut self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        self.on_query(conn, seen)?;
        let Some(known) = self.conns.get_mut(&conn) else {
            return Ok(());
        };
        let session = known.client_session;
        if *seen == Seen::Enable && session.is_none() {
            known.enables_inline = true;
        }
        if let Seen::Ack { h } = seen {
            return self.acks_what_is_kept(conn, *h);
        }
        if let Seen::Line(line) = seen {
            let is_durable = self.messages.contains_key(&line.mid);
            hold!(
                "INV-17",
                is_durable,
                "{} is sent before it is durable",
                line.mid
            );
        }
        let Some(session) = session.and_then(|session| self.sessions.get_mut(session)) else {
            return Ok(());
        };
        if *seen == Seen::Enable {
            session.is_client_counting = true;
        } else if session.is_client_counting && seen.counts() {
            session.tx = session.tx.wrapping_add(1);
        }
        Ok(())
    }

    /// INV-14: what a device acknowledges, it has written. Entries before its first row are not kept.
    fn acks_what_is_kept(&mut self, conn: u64, h: u32) -> Result<(), Violation> {
        let session = self.conns.get(&conn).and_then(|conn| conn.client_session);
        let Some(session) = session.and_then(|session| self.sessions.get_mut(session)) else {
            return Ok(());
        };
        let Some(device) = self.devices.get(session.dev).filter(|d| d.is_engine) else {
            return Ok(());
        };
        let first = device.oldest();
        while let Some((n, pos)) = session.copies.front().copied()
            && h.wrapping_sub(n) < u32::MAX / 2
        {
            session.copies.pop_front();
            let is_kept = device.keeps(pos) || first.is_some_and(|first| pos < first);
            let (jid, dev) = (&session.jid, session.dev);
            hold!(
                "INV-14",
                is_kept,
                "{jid} acks {h}, and {dev} has not written {pos}"
            );
        }
        Ok(())
    }

    /// A stanza came to a client: counted, and remembered if it is the copy of an entry.
    fn count_in(&mut self, conn: u64, seen: &Seen) {
        let session = self.conns.get(&conn).and_then(|conn| conn.client_session);
        let Some(session) = session.and_then(|session| self.sessions.get_mut(session)) else {
            return;
        };
        if matches!(seen, Seen::Enabled { .. }) {
            session.is_client_taking = true;
        }
        if !session.is_client_taking || !seen.counts() {
            return;
        }
        session.taken = session.taken.wrapping_add(1);
        let log = self.logs.get(&session.account);
        let id = seen.line().and_then(|line| id_for(line, &session.account));
        if let Some(pos) = id.and_then(|id| log.and_then(|log| log.pos_of(id))) {
            session.copies.push_back((session.taken, pos));
        }
    }

    /// A client took a frame.
    pub(super) fn on_in(&mut self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        self.on_page(conn, seen)?;
        self.count_in(conn, seen);
        let sessions = &mut self.sessions;
        let Some(known) = self.conns.get_mut(&conn) else {
            return Ok(());
        };
        match seen {
            Seen::Bound { jid } => {
                known.client_session = sessions.iter().rposition(|s| s.jid == *jid);
                let session = known.client_session.and_then(|s| sessions.get_mut(s));
                if let Some(session) = session {
                    session.is_client_counting = known.enables_inline;
                }
            }
            Seen::Resumed { previd, h, .. } => {
                let sm = Some(previd);
                known.client_session = sessions.iter().rposition(|s| s.sm.as_ref() == sm);
                let session = known.client_session.and_then(|s| sessions.get_mut(s));
                let asked = known.resume.as_ref().map_or(0, |(h, _)| *h);
                if let Some(session) = session {
                    session.is_client_counting = true;
                    session.is_client_taking = true;
                    session.taken = asked;
                    session.copies.clear();
                    (session.tx, session.heard) = (*h, *h);
                }
            }
            Seen::Ack { h } => {
                let session = known.client_session.and_then(|s| sessions.get_mut(s));
                if let Some(session) = session {
                    session.heard = *h;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The server took a frame.
    pub(super) fn on_rx(&mut self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        if let (Seen::Resume { h, pos, .. }, Some(known)) = (seen, self.conns.get_mut(&conn)) {
            known.resume = Some((*h, pos.clone()));
        }
        let Some(session) = self.session_of(conn) else {
            return Ok(());
        };
        match seen {
            Seen::Ack { h } => {
                let acked = h.wrapping_sub(session.out_acked) as usize;
                let (sent, jid) = (session.unacked.len(), &session.jid);
                hold!("INV-10", acked <= sent, "{jid} acks {acked} of {sent}");
                session.out_acked = *h;
                session.unacked.drain(..acked);
            }
            Seen::Iq { kind, about, .. } if kind == "set" && about == "enable" => {
                session.mode = Mode::Carbons;
            }
            Seen::Active { is_active } => session.is_inactive = !is_active,
            Seen::Presence { kind, priority, .. } => {
                session.priority = kind.is_empty().then_some(*priority);
            }
            _ => {}
        }
        let aid = match (seen.line(), &session.prefix) {
            (Some(line), Some(prefix)) => Some(line.resend.as_ref().unwrap_or(prefix))
                .map(|prefix| format!("{prefix}.{}", line.mid)),
            _ => None,
        };
        if session.is_counting && seen.counts() {
            let own = seen.line().map(|line| (line.mid.clone(), aid.clone()));
            session.rx.push_back(own);
        }
        let jid = session.jid.clone();
        if let Some(message) = seen
            .line()
            .and_then(|line| self.messages.get_mut(&line.mid))
        {
            message.rx += 1;
            message.from.insert(jid);
            message.aids.extend(aid);
        }
        Ok(())
    }

    /// The server wrote a frame.
    pub(super) fn on_out(&mut self, conn: u64, seen: &Seen, digest: u64) -> Result<(), Violation> {
        match seen {
            Seen::ModeOn { prefix } => {
                if let Some(known) = self.conns.get_mut(&conn) {
                    known.mode = Some(prefix.clone());
                }
                return Ok(());
            }
            Seen::Bound { jid } => {
                self.bind(conn, jid);
                return Ok(());
            }
            Seen::Enabled { sm } => {
                if let Some(session) = self.session_of(conn) {
                    session.sm.clone_from(sm);
                    session.is_counting = true;
                }
                return Ok(());
            }
            Seen::Resumed {
                previd,
                h,
                restored,
            } => return self.resume(conn, previd, *h, *restored),
            Seen::Close | Seen::StreamError { .. } => {
                self.on_lost(conn, "server");
                return Ok(());
            }
            _ => {}
        }
        self.is_explained(conn, seen)?;
        let is_again = self.count_out(conn, seen, digest)?;
        match seen {
            Seen::Ack { h } => self.acknowledge(conn, *h, false)?,
            Seen::Notice { mid } | Seen::Refusal { mid } => self.excuse(conn, mid, seen)?,
            Seen::Line(line) if !is_again => self.copy(conn, line)?,
            Seen::Result { queryid, line } if !is_again => {
                self.page_is_behind(conn, queryid, line)?;
            }
            Seen::Iq { kind, iq, .. } if iq == READY && kind == "result" => self.ready(conn),
            _ => {}
        }
        Ok(())
    }

    fn bind(&mut self, conn: u64, jid: &str) {
        let Some(known) = self.conns.get_mut(&conn) else {
            return;
        };
        let (mode, prefix) = match known.mode.clone() {
            Some(Some(prefix)) => (Mode::S11, Some(prefix)),
            Some(None) => (Mode::Mr2, None),
            None => (Mode::Plain, None),
        };
        known.session = Some(self.sessions.len());
        let log = self.logs.get(&known.account);
        self.sessions.push(Session {
            account: known.account.clone(),
            dev: known.dev,
            mode,
            prefix,
            jid: jid.to_owned(),
            conn: Some(conn),
            bound_at: log.map_or(0, super::facts::Log::head),
            ..Session::default()
        });
    }

    /// What of an ordinary session is in force now; carbons were asked for before.
    fn ready(&mut self, conn: u64) {
        let logs = &self.logs;
        let Some(session) = self.conns.get(&conn).and_then(|conn| conn.session) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        session.ready_at = logs.get(&session.account).map(super::facts::Log::head);
    }

    /// Counts a stanza; gives whether it was sent before.
    fn count_out(&mut self, conn: u64, seen: &Seen, digest: u64) -> Result<bool, Violation> {
        let most = self.unacked_max;
        let query = self.conns.get(&conn).and_then(|conn| conn.query.as_ref());
        // What was asked before a cut may have been answered before the notices came about.
        let is_asked_here = matches!(
            (seen, query), (Seen::Fin { iq, .. }, Some(query)) if query.iq == *iq
        );
        let Some(session) = self.session_of(conn) else {
            return Ok(false);
        };
        if !session.is_counting || !seen.counts() {
            // A burst may wait for the wire behind a request (LIM-07), but no ack comes before its end.
            let is_ack = matches!(seen, Seen::Ack { .. });
            let waits = session.again.len();
            hold!(
                "INV-13",
                waits == 0 || !is_ack,
                "{waits} must come again first"
            );
            return Ok(false);
        }
        session.out = session.out.wrapping_add(1);
        if let Some(expected) = session.again.pop_front() {
            hold!(
                "INV-13",
                expected == digest,
                "{}: {seen:?} instead",
                session.jid
            );
            return Ok(true);
        }
        if is_asked_here {
            let owed = &session.owed;
            hold!(
                "INV-19",
                owed.is_empty() || session.is_restored,
                "no notice of {owed:?}"
            );
        }
        session.unacked.push_back(digest);
        let (waiting, jid) = (session.unacked.len(), &session.jid);
        hold!(
            "INV-29",
            waiting <= most + 1,
            "{jid}: {waiting} unacknowledged"
        );
        Ok(false)
    }

    fn excuse(&mut self, conn: u64, mid: &str, seen: &Seen) -> Result<(), Violation> {
        let Some(session) = self.session_of(conn) else {
            return Ok(());
        };
        session.excused.insert(mid.to_owned());
        session.owed.remove(mid);
        let account = session.account.clone();
        if let Seen::Notice { .. } = seen {
            let log = self.logs.get(&account);
            let lies = log.and_then(|log| log.pos_of_message(mid));
            let message = self.messages.get_mut(mid);
            // A store that takes nothing at all cannot tell that it has the message already (S11-17).
            let is_blind = message
                .as_ref()
                .is_some_and(|m| m.failed.contains(&account));
            hold!(
                "INV-19",
                lies.is_none() || is_blind,
                "{mid} is archived at {lies:?}"
            );
            if let Some(message) = message {
                message.noticed = Some(message.rx);
            }
        }
        Ok(())
    }

    fn resume(&mut self, conn: u64, previd: &str, h: u32, restored: bool) -> Result<(), Violation> {
        let Some(known) = self.conns.get(&conn) else {
            return Ok(());
        };
        let (account, asked) = (known.account.clone(), known.resume.clone());
        let sm = Some(previd);
        let found = self.sessions.iter().rposition(|s| s.sm.as_deref() == sm);
        let Some(index) = found else {
            return Err(Violation::new(
                "INV-22",
                format!("{previd} was never given"),
            ));
        };
        let (client_h, pos) = asked.unwrap_or_default();
        let log = self.logs.get(&account);
        let pos = pos.and_then(|pos| log.and_then(|log| log.pos_of(&pos)));
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        let owner = &session.account;
        hold!(
            "INV-22",
            *owner == account,
            "{account} resumes a stream of {owner}"
        );
        let former = session.conn.replace(conn);
        let (jid, is_lost) = (&session.jid, std::mem::take(&mut session.is_lost));
        hold!(
            "INV-22",
            restored || !is_lost,
            "{jid} outlives its server and is not told"
        );
        // The first answer may have been lost: then it is given again, and the stream goes on as it was.
        hold!(
            "INV-22",
            session.is_restored || !restored || is_lost,
            "{jid} is said to be restored"
        );
        if is_lost {
            session.restores_rightly(h, log)?;
            session.restore(h, client_h, pos);
        } else {
            let acked = client_h.wrapping_sub(session.out_acked) as usize;
            let (sent, jid) = (session.unacked.len(), &session.jid);
            hold!(
                "INV-13",
                acked <= sent,
                "{jid} resumes at {client_h}, sent {sent}"
            );
            session.unacked.drain(..acked);
            (session.out, session.out_acked) = (client_h, client_h);
            session.again = session.unacked.clone();
            let rx = session
                .told
                .wrapping_add(u32::try_from(session.rx.len()).unwrap_or(0));
            hold!("INV-09", h == rx, "{jid}: resumed with {h}, taken {rx}");
        }
        session.is_inactive = false;
        if let Some(former) = former.and_then(|former| self.conns.get_mut(&former)) {
            former.session = None;
        }
        if let Some(known) = self.conns.get_mut(&conn) {
            known.session = Some(index);
        }
        self.acknowledge(conn, h, true)
    }

    /// `h` is told: INV-09 for the number, INV-01 for what it says, INV-12 for where it stands.
    fn acknowledge(&mut self, conn: u64, h: u32, is_resumed: bool) -> Result<(), Violation> {
        let index = self.conns.get(&conn).and_then(|conn| conn.session);
        let Some(session) = index.and_then(|index| self.sessions.get_mut(index)) else {
            return Ok(());
        };
        let more = h.wrapping_sub(session.told) as usize;
        let (waiting, jid, told) = (session.rx.len(), session.jid.clone(), session.told);
        hold!(
            "INV-09",
            more <= waiting,
            "{jid}: h {h} after {told}, taken {waiting} more"
        );
        session.told = h;
        let settled: Vec<_> = session.rx.drain(..more).collect();
        let log = self.logs.get(&session.account);
        for (n, own) in (told.wrapping_add(1)..).zip(&settled) {
            let mid = own.as_ref().map(|(mid, _)| mid);
            if mid.is_some_and(|mid| log.is_some_and(|log| log.pos_of_message(mid).is_some())) {
                session.last_archived = n;
            }
        }
        let settled: Vec<_> = settled.into_iter().flatten().collect();
        for (mid, aid) in settled {
            self.is_kept(conn, &mid, is_resumed)?;
            self.place_own(conn, aid.as_deref(), is_resumed)?;
        }
        Ok(())
    }

    /// INV-01 for one message of the session.
    fn is_kept(&mut self, conn: u64, mid: &str, is_resumed: bool) -> Result<(), Violation> {
        let Some(session) = self.session_of(conn) else {
            return Ok(());
        };
        let is_s11 = session.mode == Mode::S11;
        let (is_excused, account) = (session.excused.contains(mid), session.account.clone());
        let is_restored = session.is_restored;
        let Some(message) = self.messages.get(mid) else {
            return Ok(());
        };
        let lies = |account: &str| {
            let log = self.logs.get(account);
            log.is_none_or(|log| log.pos_of_message(mid).is_some())
        };
        let has_failed = message.failed.contains(&account);
        let is_told = is_excused || !is_s11 || is_restored || is_resumed;
        hold!(
            "INV-01",
            lies(&account) || has_failed && is_told || is_excused,
            "{mid} of {account} is acknowledged and not archived (failed {has_failed}, told {is_told})"
        );
        let to = bare(&message.to).to_owned();
        let is_owed = is_resumed && is_s11 && has_failed && !is_excused && !lies(&account);
        hold!(
            "INV-01",
            lies(&to) || message.failed.contains(&to) || has_failed || is_excused,
            "{mid} is acknowledged and not archived for {to}"
        );
        if let Some(session) = self.session_of(conn).filter(|_| is_owed) {
            session.owed.insert(mid.to_owned());
        }
        Ok(())
    }

    fn on_query(&mut self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        let (Seen::Query { iq, after, max }, Some(known)) = (seen, self.conns.get_mut(&conn))
        else {
            return Ok(());
        };
        let log = self.logs.get(&known.account);
        let device = self.devices.get_mut(known.dev);
        let after = after
            .as_ref()
            .and_then(|id| log.and_then(|log| log.pos_of(id)));
        known.query = Some(Query {
            iq: iq.clone(),
            after,
            last: after,
            len: 0,
            max: *max,
        });
        let Some(device) = device else { return Ok(()) };
        device.open_query = Some(iq.clone());
        let is_thrifty = after.is_none() || device.cursor.is_none() || after >= device.cursor;
        let cursor = device.cursor;
        hold!("INV-28", is_thrifty, "asks after {after:?}, has {cursor:?}");
        Ok(())
    }

    /// Pages are runs of the log behind what was asked, and no longer than they may be (INV-04, INV-28).
    fn on_page(&mut self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        let page_max = self.page_max;
        let (Seen::Result { queryid, line }, Some(known)) = (seen, self.conns.get_mut(&conn))
        else {
            return Ok(());
        };
        let Some(query) = known.query.as_mut().filter(|query| query.iq == *queryid) else {
            return Ok(());
        };
        let log = self.logs.get(&known.account);
        let id = line
            .ids
            .last()
            .map(|(_, id)| id.as_str())
            .unwrap_or_default();
        let pos = log.and_then(|log| log.pos_of(id)).unwrap_or(0);
        query.len += 1;
        let (len, max) = (query.len, query.max.min(page_max));
        hold!("INV-28", len <= max, "a page of {len}, asked {max}");
        let is_next = query.last.is_none_or(|last| pos == last + 1);
        let last = query.last;
        hold!("INV-04", is_next, "page brings {pos} after {last:?}");
        let is_new = query.after.is_none_or(|after| pos > after);
        hold!("INV-28", is_new, "page brings {pos} again");
        query.last = Some(pos);
        let device = self.devices.get_mut(known.dev);
        if let Some(device) =
            device.filter(|d| !d.is_engine && d.open_query.as_ref() == Some(queryid))
        {
            let expected = (device.paged + 1).max(log.map_or(0, |log| log.gone) + 1);
            hold!(
                "INV-04",
                pos == expected,
                "ordinary client: {pos}, not {expected}"
            );
            device.paged = pos;
        }
        Ok(())
    }

    /// INV-10: both ends of every live stream count alike.
    pub(super) fn counters_agree(&self) -> Result<(), Violation> {
        for session in &self.sessions {
            let conn = session.conn.and_then(|conn| self.conns.get(&conn));
            if !session.is_counting || conn.is_none_or(|conn| conn.client_session.is_none()) {
                continue;
            }
            let Session {
                jid,
                tx,
                heard,
                out,
                out_acked,
                ..
            } = session;
            hold!("INV-10", tx == heard, "{jid} sent {tx}, was told {heard}");
            hold!(
                "INV-10",
                out == out_acked,
                "{jid} was sent {out}, told {out_acked}"
            );
        }
        Ok(())
    }
}

impl Session {
    /// S11-60: the record counts every own message that is archived, and nothing that never came.
    fn restores_rightly(&self, h: u32, log: Option<&super::facts::Log>) -> Result<(), Violation> {
        let (jid, told, archived) = (&self.jid, self.told, self.last_archived);
        let rx = told.wrapping_add(u32::try_from(self.rx.len()).unwrap_or(0));
        hold!("INV-09", h <= rx, "{jid}: restored with {h}, taken {rx}");
        hold!(
            "INV-09",
            h >= archived,
            "{jid}: restored with {h}, archived {archived}"
        );
        let beyond = self
            .rx
            .iter()
            .skip(h.saturating_sub(told) as usize)
            .flatten();
        for (mid, _) in beyond {
            let lies = log.and_then(|log| log.pos_of_message(mid));
            hold!(
                "INV-09",
                lies.is_none(),
                "{jid}: restored with {h}, without {mid}"
            );
        }
        Ok(())
    }

    /// The server came back from its disk: it counts on from what both sides say (S11-62).
    fn restore(&mut self, h: u32, client_h: u32, pos: Option<u64>) {
        self.is_restored = true;
        self.told = h;
        self.rx.clear();
        (self.out, self.out_acked) = (client_h, client_h);
        self.unacked.clear();
        self.again.clear();
        self.covered.clear();
        self.cursor = pos;
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            account: String::new(),
            dev: 0,
            mode: Mode::Plain,
            prefix: None,
            jid: String::new(),
            sm: None,
            conn: None,
            is_counting: false,
            is_client_counting: false,
            rx: Default::default(),
            told: 0,
            out: 0,
            out_acked: 0,
            unacked: Default::default(),
            again: Default::default(),
            tx: 0,
            heard: 0,
            excused: Default::default(),
            owed: Default::default(),
            cursor: None,
            bound_at: 0,
            covered: Default::default(),
            is_client_taking: false,
            taken: 0,
            copies: Default::default(),
            last_archived: 0,
            is_restored: false,
            is_lost: false,
            is_inactive: false,
            ready_at: None,
            priority: None,
            given: Default::default(),
        }
    }
}

/// A line's archive id in the log of an account.
pub(super) fn id_for<'a>(line: &'a Line, account: &str) -> Option<&'a str> {
    let mut ids = line.ids.iter().filter(|(by, _)| by == account);
    ids.next().map(|(_, id)| id.as_str())
}
