//! What is due when.

use std::collections::BTreeSet;

use protocol::jid::BareJid;

use crate::io::ConnId;
use crate::session::SessionId;

/// Whose deadline it is; the owner looks for itself what is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Conn(ConnId),
    Session(BareJid, SessionId),
}

/// Deadlines in order. A timer is never taken back: whoever is woken for nothing goes on sleeping.
#[derive(Default)]
pub(crate) struct Timers(BTreeSet<(u64, Timer)>);

impl Timers {
    pub(crate) fn arm(&mut self, at_ms: u64, timer: Timer) {
        self.0.insert((at_ms, timer));
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.0.first().map(|(at_ms, _)| *at_ms)
    }

    pub(crate) fn due(&mut self, now_ms: u64) -> Option<Timer> {
        if self.next()? > now_ms {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
