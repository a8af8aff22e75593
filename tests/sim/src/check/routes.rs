//! INV-20, INV-21 and the rules of ordinary sessions: who may be told what.

use super::facts::{Entry, Facts, Mode, Session, bare};
use super::{Violation, hold};
use crate::seen::{Line, Seen};

impl Facts {
    /// Every frame is for the account that it goes to.
    pub(super) fn is_explained(&self, conn: u64, seen: &Seen) -> Result<(), Violation> {
        let Some(known) = self.conns.get(&conn) else {
            return Ok(());
        };
        let account = &known.account;
        match seen {
            Seen::Line(line) => self.is_own_line(conn, account, line),
            Seen::Result { line, .. } => {
                let id = line.ids.last().map(|(_, id)| id.as_str());
                let log = self.log(account);
                let pos = id.and_then(|id| log.and_then(|log| log.pos_of(id)));
                let entry = log.zip(pos).and_then(|(log, pos)| log.at(pos));
                let is_same = entry.is_some_and(|entry| is_same(&entry.line, line));
                hold!("INV-20", is_same, "page for {account}: {line:?}");
                Ok(())
            }
            Seen::Presence { from, .. } => {
                let is_local = self.logs.contains_key(bare(from));
                hold!("INV-20", is_local, "presence of {from} for {account}");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_own_line(&self, conn: u64, account: &str, line: &Line) -> Result<(), Violation> {
        let mid = &line.mid;
        let is_theirs = bare(&line.from) == account || bare(&line.to) == account;
        hold!("INV-20", is_theirs, "{account} gets {line:?}");
        let others: Vec<_> = line.ids.iter().filter(|(by, _)| by != account).collect();
        hold!(
            "INV-20",
            others.is_empty(),
            "{account} is told ids {others:?}"
        );
        let log = self.log(account);
        let message = self.messages.get(mid);
        if let Some(message) = message {
            let is_from = message.from.contains(&line.from);
            hold!("INV-21", is_from, "{mid} comes from {}", line.from);
        }
        let has_failed = message.is_some_and(|message| message.failed.contains(account));
        let pos = log.and_then(|log| log.pos_of_message(mid));
        match line.ids.as_slice() {
            [] => {
                let has_failed = has_failed || line.bounced && line.unarchived;
                hold!("INV-20", has_failed, "{account} gets {mid} without id");
                hold!(
                    "INV-19",
                    line.unarchived,
                    "{account} is not told that {mid} is lost"
                );
            }
            [(_, id)] => {
                let entry = log.zip(pos).and_then(|(log, pos)| log.at(pos));
                let entry = entry.filter(|entry| entry.aid == *id && is_same(&entry.line, line));
                hold!("INV-06", entry.is_some(), "{account} gets {mid} as {id}");
                hold!(
                    "INV-19",
                    !line.unarchived,
                    "{mid} has an id and is not archived"
                );
            }
            ids => hold!("INV-20", ids.is_empty(), "{mid} has the ids {ids:?}"),
        }
        self.has_its_form(conn, line)
    }

    /// Each mode has its own wrappers (CC-04, MR-04).
    fn has_its_form(&self, conn: u64, line: &Line) -> Result<(), Violation> {
        let session = self.conns.get(&conn).and_then(|conn| conn.session);
        let Some(session) = session.and_then(|session| self.sessions.get(session)) else {
            let what = format!("{} goes to a connection without session", line.mid);
            return Err(Violation::new("INV-21", what));
        };
        let Some((name, ns)) = &line.wrap else {
            return Ok(());
        };
        let (jid, mode) = (&session.jid, session.mode);
        let fits = match ns.as_str() {
            protocol::ns::MR2 => matches!(mode, Mode::S11 | Mode::Mr2),
            _ => mode == Mode::Carbons,
        };
        hold!("CC-04", fits, "{jid} ({mode:?}) gets a wrapper of {ns}");
        let is_sent = bare(&line.from) == session.account;
        let says = if is_sent { "sent" } else { "received" };
        hold!("CC-04", name == says, "{jid} gets {} as {name}", line.mid);
        Ok(())
    }

    /// What ordinary sessions that are still there must have been given (RT-05, CC-02, MR-03).
    pub(super) fn ordinary_sessions_are_complete(&self) -> Result<(), Violation> {
        for session in &self.sessions {
            let (Some(ready_at), Some(_)) = (session.ready_at, session.conn) else {
                continue;
            };
            let Some(log) = self.log(&session.account) else {
                continue;
            };
            for pos in ready_at + 1..=log.head() {
                let Some(entry) = log.at(pos) else { continue };
                let is_due = self.is_due(session, entry);
                let is_given = session.given.contains(&pos);
                let (jid, mode, priority) = (&session.jid, session.mode, session.priority);
                hold!(
                    "RT-05",
                    is_due == is_given,
                    "{jid} ({mode:?}, priority {priority:?}): {pos} due {is_due}, given {is_given}"
                );
            }
        }
        Ok(())
    }

    fn is_due(&self, session: &Session, entry: &Entry) -> bool {
        let line = &entry.line;
        let is_willing = session.priority.is_some_and(|priority| priority >= 0);
        let is_incoming = bare(&line.to) == session.account;
        // Records are for s11 sessions only.
        if line.from == session.jid || line.bounced {
            return false;
        }
        match session.mode {
            Mode::S11 | Mode::Mr2 | Mode::Carbons => true,
            Mode::Plain => is_incoming && is_willing,
        }
    }
}

/// Whether two readings are of one message, whatever is around it.
fn is_same(entry: &Line, line: &Line) -> bool {
    (&entry.mid, &entry.text, &entry.from, bare(&entry.to))
        == (&line.mid, &line.text, &line.from, bare(&line.to))
}
