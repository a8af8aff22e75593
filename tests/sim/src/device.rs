//! One device: a program, its clock, and at most one connection.

use protocol::{BareJid, Now, Text};
use server_core::ConnId;

use crate::engine::Tab;
use crate::ordinary::Ordinary;
use crate::plan::Kind;
use crate::seen::Seen;

/// What a device does outside itself.
pub(crate) enum Effect {
    Connect,
    Send(Text),
    Disconnect,
    /// A transaction is under way; it is whole or nothing.
    Commit,
    /// The open conversation may look different.
    Show,
    /// A line that is going to be sent, from a program without an outbox: its id, addressee and text.
    Sends(String, BareJid, String),
}

/// One device.
pub(crate) struct Device {
    pub(crate) account: BareJid,
    pub(crate) kind: Kind,
    pub(crate) program: Program,
    pub(crate) conn: Option<ConnId>,
    /// Counts the lives of the device: what was on its way to an earlier one is lost.
    pub(crate) life: u64,
    pub(crate) clock_ms: i64,
    /// For when a tick is armed.
    pub(crate) armed_ms: Option<u64>,
    /// Until when it reads nothing.
    pub(crate) stalled_until_ms: u64,
    /// Whether it is signed out, and wiped before long.
    pub(crate) is_leaving: bool,
}

/// What runs on it.
pub(crate) enum Program {
    Engine(Box<Tab>),
    Ordinary(Box<Ordinary>),
}

impl Device {
    pub(crate) fn new(
        account: BareJid,
        kind: Kind,
        clock_ms: i64,
        seed: [u8; 32],
        now: Now,
    ) -> Self {
        let program = match kind {
            Kind::Engine => Program::Engine(Box::new(Tab::new(&account, seed, now))),
            Kind::Plain | Kind::Carbons | Kind::Mr2 => {
                Program::Ordinary(Box::new(Ordinary::new(&account, kind, seed, now.mono_ms)))
            }
        };
        Self {
            account,
            kind,
            program,
            conn: None,
            life: 0,
            clock_ms,
            armed_ms: None,
            stalled_until_ms: 0,
            is_leaving: false,
        }
    }

    /// The engine, if it runs one.
    pub(crate) fn tab(&self) -> Option<&Tab> {
        match &self.program {
            Program::Engine(tab) => Some(tab),
            Program::Ordinary(_) => None,
        }
    }

    /// The engine, if it runs one.
    pub(crate) fn tab_mut(&mut self) -> Option<&mut Tab> {
        match &mut self.program {
            Program::Engine(tab) => Some(tab),
            Program::Ordinary(_) => None,
        }
    }

    pub(crate) fn on_connected(&mut self, now: Now) {
        match &mut self.program {
            Program::Engine(tab) => tab.on_connected(now),
            Program::Ordinary(client) => client.on_connected(),
        }
    }

    pub(crate) fn on_frame(&mut self, text: Text, seen: &[Seen], now: Now) {
        match &mut self.program {
            Program::Engine(tab) => tab.on_frame(text, now),
            Program::Ordinary(client) => client.on_frame(&text, seen, now.mono_ms),
        }
    }

    pub(crate) fn on_lost(&mut self, now: Now) {
        self.conn = None;
        match &mut self.program {
            Program::Engine(tab) => tab.on_lost(now),
            Program::Ordinary(client) => client.on_lost(now.mono_ms),
        }
    }

    pub(crate) fn on_tick(&mut self, now: Now) {
        match &mut self.program {
            Program::Engine(tab) => tab.on_tick(now),
            Program::Ordinary(client) => client.on_tick(now.mono_ms),
        }
    }

    pub(crate) fn say(&mut self, to: &BareJid, text: String, now: Now) {
        match &mut self.program {
            Program::Engine(tab) => tab.say(to, text, now),
            Program::Ordinary(client) => client.say(to, text),
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        match &self.program {
            Program::Engine(tab) => tab.deadline(),
            Program::Ordinary(client) => client.deadline(),
        }
    }

    pub(crate) fn poll(&mut self, now: Now) -> Option<Effect> {
        match &mut self.program {
            Program::Engine(tab) => tab.poll(now),
            Program::Ordinary(client) => client.poll(),
        }
    }
}
