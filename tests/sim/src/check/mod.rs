//! What must always hold (reliability.md §1), checked at every event and once everything is at rest.
//!
//! The checker knows the world only by its events: it sees frames, commits and transactions, never
//! the insides of a core. One file per group of invariants.

mod counts;
mod devices;
mod facts;
mod logs;
mod order;
mod reading;
mod rest;
mod routes;

use protocol::BareJid;
use server_core::Limits;

use self::facts::Facts;
use crate::engine::Tab;
use crate::record::Event;
use crate::seen::Seen;
use crate::server::Server;

/// A promise that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, by its id.
    pub inv: &'static str,
    /// How it is broken.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(inv: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { inv, what }
    }
}

/// What happened, in numbers; to tell that runs are not empty.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "each is named after what it counts")]
pub struct Tally {
    pub sends: u64,
    pub commits: u64,
    pub failed: u64,
    pub resumed: u64,
    pub restored: u64,
    pub not_resumed: u64,
    pub bound: u64,
    pub cuts: u64,
    pub crashes: u64,
    pub reloads: u64,
    pub repeats: u64,
    pub stores: u64,
    pub entries_by_page: u64,
}

impl Tally {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.sends, other.sends),
            (&mut self.commits, other.commits),
            (&mut self.failed, other.failed),
            (&mut self.resumed, other.resumed),
            (&mut self.restored, other.restored),
            (&mut self.not_resumed, other.not_resumed),
            (&mut self.bound, other.bound),
            (&mut self.cuts, other.cuts),
            (&mut self.crashes, other.crashes),
            (&mut self.reloads, other.reloads),
            (&mut self.repeats, other.repeats),
            (&mut self.stores, other.stores),
            (&mut self.entries_by_page, other.entries_by_page),
        ];
        for (mine, theirs) in pairs {
            *mine += theirs;
        }
    }
}

/// Fails with the invariant's id unless it holds.
macro_rules! hold {
    ($inv:literal, $holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err($crate::check::Violation::new($inv, format!($($words)+)));
        }
    };
}
pub(crate) use hold;

/// Watches one run.
pub(crate) struct Checker {
    facts: Facts,
    pub(crate) tally: Tally,
}

impl Checker {
    pub(crate) fn new(accounts: &[BareJid], limits: &Limits) -> Self {
        Self {
            facts: Facts::new(accounts, limits),
            tally: Tally::default(),
        }
    }

    /// Takes an event and checks what must hold with it.
    pub(crate) fn on(&mut self, at_ms: u64, event: &Event) -> Result<(), Violation> {
        self.count(event);
        let facts = &mut self.facts;
        match event {
            Event::Device { dev, account, kind } => facts.on_device(*dev, account, kind),
            Event::Open { conn, dev } => facts.on_open(*conn, *dev),
            Event::Send { dev, mid, to, text } => return facts.on_send(*dev, mid, to, text),
            Event::Tx { conn, seen } => return facts.on_tx(*conn, seen),
            Event::Rx { conn, seen } => return facts.on_rx(*conn, seen),
            Event::Out { conn, seen, digest } => return facts.on_out(*conn, seen, *digest),
            Event::In { conn, seen } => return facts.on_in(*conn, seen),
            Event::Commit {
                log,
                pos,
                aid,
                line,
                own,
                txn,
            } => return facts.on_commit(log, *pos, aid, line, (*own, *txn)),
            Event::Fail { log, mid, own, .. } => facts.on_fail(log, mid, *own),
            Event::Store { .. } => return facts.on_store(event),
            Event::Show {
                dev,
                with,
                from,
                lines,
            } => return facts.on_show(*dev, with, *from, lines),
            Event::Lost { conn, by } => facts.on_lost(*conn, by),
            Event::SignOut { dev } => facts.on_sign_out(*dev),
            Event::Reload { dev, .. } => facts.on_reload(*dev),
            Event::Crash => facts.on_crash(),
            Event::Trim { log, keep } => facts.on_trim(log, *keep),
            Event::Again { .. }
            | Event::Told { .. }
            | Event::Cut { .. }
            | Event::Up
            | Event::Fault { .. } => {}
            Event::Quiet => facts.quiet_ms = at_ms,
        }
        Ok(())
    }

    /// A tab was opened again on what its disk kept.
    pub(crate) fn on_restored(&mut self, dev: usize, tab: &Tab) -> Result<(), Violation> {
        self.facts.on_restored(dev, tab)
    }

    /// The server's process is gone: what the disk holds is what was told (INV-02, INV-03).
    pub(crate) fn on_restart(&self, server: &Server) -> Result<(), Violation> {
        self.facts.compare_logs(server)
    }

    /// Whether a message was seen before.
    pub(crate) fn knows(&self, mid: &str) -> bool {
        self.facts.messages.contains_key(mid)
    }

    /// How many entries of an account's log some device still has to learn of, to settle its lines.
    pub(crate) fn unsettled(&self, account: &str) -> u64 {
        self.facts.unsettled(account)
    }

    /// The SM-ID of a device's newest session.
    pub(crate) fn sm_id_of(&self, dev: usize) -> Option<String> {
        let sessions = self.facts.sessions.iter().rev();
        let mut own = sessions.filter(|session| session.dev == dev);
        own.find_map(|session| session.sm.clone())
    }

    fn count(&mut self, event: &Event) {
        let tally = &mut self.tally;
        let counter = match event {
            Event::Send { .. } => &mut tally.sends,
            Event::Commit { .. } => &mut tally.commits,
            Event::Fail { .. } => &mut tally.failed,
            Event::Cut { .. } => &mut tally.cuts,
            Event::Crash => &mut tally.crashes,
            Event::Reload { .. } => &mut tally.reloads,
            Event::Again { .. } => &mut tally.repeats,
            Event::Store { .. } => &mut tally.stores,
            Event::Out { seen, .. } => match seen {
                Seen::Resumed { restored: true, .. } => &mut tally.restored,
                Seen::Resumed { .. } => &mut tally.resumed,
                Seen::NotResumed { .. } => &mut tally.not_resumed,
                Seen::Bound { .. } => &mut tally.bound,
                Seen::Result { .. } => &mut tally.entries_by_page,
                _ => return,
            },
            Event::Device { .. }
            | Event::Open { .. }
            | Event::Tx { .. }
            | Event::Rx { .. }
            | Event::In { .. }
            | Event::Told { .. }
            | Event::Show { .. }
            | Event::Lost { .. }
            | Event::SignOut { .. }
            | Event::Up
            | Event::Trim { .. }
            | Event::Fault { .. }
            | Event::Quiet => return,
        };
        *counter += 1;
    }
}
