//! The scheduler: one heap of events, every choice from the seed.

mod acts;
mod storage;
mod wires;

use std::collections::BTreeMap;

use anyhow::Result;
use protocol::{BareJid, Now, Text};
use server_core::{ConnId, Input as ToCore, Output};

use crate::chance::Chance;
use crate::check::{Checker, Violation};
use crate::device::{self, Device};
use crate::disk::{Disk, Writer};
use crate::plan::{Action, NAMES, Plan, START_MS, When, Whom};
use crate::record::{self, Event, Recorder};
use crate::seen::All;
use crate::server::Server;

/// Wall time at which every run begins.
const EPOCH_MS: i64 = 1_795_341_600_000;
/// Simulated time after the last fault within which everything must be in order (INV-27).
const SETTLE_MS: u64 = 240_000;
/// More events than any run has: something goes round in circles.
const TURNS_MAX: u64 = 300_000;

/// What happens at some time.
enum Due {
    ToServer(ConnId, Text, All),
    ToDevice(ConnId, Text, All),
    /// The device's socket opens.
    Open(ConnId),
    /// An end learns that the connection is gone.
    DeviceLost(ConnId),
    ServerLost(ConnId),
    /// A frame of so many bytes is on the wire at last.
    Written(ConnId, usize),
    /// A batch of a server's life is flushed.
    Flushed(u64, Writer),
    /// The store looks at what a server's life asked for.
    Read(u64, Box<Output>),
    /// The answer arrives, if the server still lives; of which transaction.
    Answer(u64, Box<ToCore>, Option<u64>),
    /// A transaction of a device's life is durable.
    Committed(usize, u64),
    DeviceTick(usize, u64),
    ServerTick(u64),
    /// A broken or signed-out tab is opened again.
    Reopen(usize, u64),
    Wipe(usize, u64),
    Action(Action),
    /// Everything is shown again, and every clock right.
    Calm,
    /// Ordinary clients fetch what no page brought.
    Refresh,
}

/// One connection.
struct Link {
    device: usize,
    life: u64,
    to_server_ms: u64,
    to_device_ms: u64,
    /// Until when it carries nothing.
    clogged_ms: u64,
    is_cut: bool,
    /// Whether the server takes nothing from it any more.
    is_closed: bool,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// How many events were recorded.
    pub events: u64,
    /// Digest of all of them (INV-30).
    pub digest: u64,
    /// How many things had happened when faults stopped: the moments for [`When::Turn`].
    pub turns: u64,
    /// What was seen, for the summary.
    pub tally: crate::check::Tally,
}

/// A run that broke a promise.
#[derive(Debug)]
pub struct Failure {
    /// Which promise, and how.
    pub violation: Violation,
    /// The end of the log.
    pub story: Vec<String>,
}

/// One simulated world.
pub struct World {
    plan: Plan,
    chance: Chance,
    now_ms: u64,
    /// How many things happened.
    turns: u64,
    /// How many had when the faults stopped.
    calm_at: u64,
    order: u64,
    due: BTreeMap<(u64, u32, u64), Due>,
    server: Server,
    server_life: u64,
    server_armed_ms: Option<u64>,
    server_clock_ms: i64,
    /// When the last answers of the writers arrive: they keep their order.
    answered_ms: [u64; 2],
    disk: Disk,
    devices: Vec<Device>,
    links: BTreeMap<ConnId, Link>,
    next_conn: u64,
    lines: u64,
    accounts: Vec<BareJid>,
    recorder: Recorder,
    checker: Checker,
    /// Whether faults still happen.
    is_calm: bool,
    broken: Option<Violation>,
}

impl World {
    /// Everybody is there and nothing happened yet; the last `keep` events are kept for the report.
    ///
    /// # Errors
    /// If an account cannot be made.
    pub fn new(plan: Plan, keep: usize) -> Result<Self> {
        let names = NAMES.iter().take(plan.accounts.max(1));
        let accounts = names.map(|name| BareJid::new(&format!("{name}@localhost")));
        let accounts: Vec<BareJid> = accounts.collect::<Result<_, _>>()?;
        let chance = Chance::new(plan.seed);
        let server = Server::new(chance.seed(0, 0), &accounts, &plan)?;
        let checker = Checker::new(&accounts, server.limits());
        let mut world = Self {
            chance,
            now_ms: START_MS,
            turns: 0,
            calm_at: 0,
            order: 0,
            due: BTreeMap::new(),
            server,
            server_life: 0,
            server_armed_ms: None,
            server_clock_ms: 0,
            answered_ms: [0; 2],
            disk: Disk::default(),
            devices: Vec::new(),
            links: BTreeMap::new(),
            next_conn: 0,
            lines: 0,
            accounts,
            recorder: Recorder::new(keep.max(record::SHOWN)),
            checker,
            is_calm: false,
            broken: None,
            plan,
        };
        for device in world.plan.devices.clone() {
            world.add_device(device.account, device.kind, device.clock_ms, None);
        }
        Ok(world)
    }

    /// Plays the plan, lets everything come to rest, and checks all along.
    ///
    /// # Errors
    /// The first promise that does not hold, with the end of the story.
    pub fn run(mut self) -> Result<Outcome, Box<Failure>> {
        let result = self.play();
        let outcome = Outcome {
            events: self.recorder.count(),
            digest: self.recorder.digest(),
            turns: self.calm_at,
            tally: self.checker.tally,
        };
        result.map(|()| outcome).map_err(|violation| {
            let story = self.recorder.lines();
            Box::new(Failure { violation, story })
        })
    }

    fn play(&mut self) -> Result<(), Violation> {
        let mut at_turns: BTreeMap<u64, Vec<Action>> = BTreeMap::new();
        for step in std::mem::take(&mut self.plan.steps) {
            match step.when {
                When::Ms(at_ms) => self.schedule_at(at_ms, Due::Action(step.action)),
                When::Turn(turn) => at_turns.entry(turn).or_default().push(step.action),
            }
        }
        let last = self
            .due
            .last_key_value()
            .map_or(self.now_ms, |((at, ..), _)| *at);
        let end_ms = last + SETTLE_MS;
        self.schedule_at(last + 1, Due::Calm);
        for before_ms in [90_000, 60_000, 30_000] {
            self.schedule_at(end_ms - before_ms, Due::Refresh);
        }
        self.drain()?;
        loop {
            for action in at_turns.remove(&self.turns).unwrap_or_default() {
                if !self.is_calm {
                    self.act(action)?;
                    self.drain()?;
                }
            }
            let Some(((at, ..), due)) = self.due.pop_first() else {
                break;
            };
            if at > end_ms {
                break;
            }
            self.now_ms = at;
            self.step(due)?;
            self.drain()?;
            self.turns += 1;
            if self.turns > TURNS_MAX {
                return Err(Violation::new("INV-27", "it never comes to rest"));
            }
        }
        self.record(Event::Quiet)?;
        match self.plan.counts_only {
            true => self.checker.counts_at_quiet(),
            false => self.checker.at_quiet(&self.devices, &self.server),
        }
    }

    fn step(&mut self, due: Due) -> Result<(), Violation> {
        let now = self.now();
        match due {
            Due::ToServer(conn, text, seen) => self.on_to_server(conn, text, &seen)?,
            Due::ToDevice(conn, text, seen) => self.on_to_device(conn, text, &seen)?,
            Due::Open(conn) => self.on_open(conn)?,
            Due::DeviceLost(conn) => self.on_device_lost(conn)?,
            Due::ServerLost(conn) => self.on_server_lost(conn)?,
            Due::Written(conn, bytes) => self.server.written(conn, bytes, now),
            Due::Flushed(life, writer) if life == self.server_life => self.on_flushed(writer)?,
            Due::Read(life, question) if life == self.server_life => self.on_read(life, *question),
            Due::Answer(life, answer, txn) if life == self.server_life => {
                if let Some(txn) = txn {
                    self.record(Event::Told { txn })?;
                }
                self.server.input(*answer, now);
            }
            Due::Flushed(..) | Due::Read(..) | Due::Answer(..) => {}
            Due::Committed(dev, life) => self.on_committed(dev, life)?,
            Due::DeviceTick(dev, life) => {
                let now = self.now_of(dev);
                let at_ms = self.now_ms;
                let device = self.devices.get_mut(dev).filter(|d| d.life == life);
                if let Some(device) = device.filter(|d| d.armed_ms == Some(at_ms)) {
                    device.armed_ms = None;
                    device.on_tick(now);
                }
            }
            Due::ServerTick(life) if life == self.server_life => {
                self.server_armed_ms = None;
                self.server_tick(now)?;
            }
            Due::ServerTick(_) => {}
            Due::Reopen(dev, life) => {
                if self.devices.get(dev).is_some_and(|d| d.life == life) {
                    self.reload(dev, 0)?;
                }
            }
            Due::Wipe(dev, life) => self.wipe(dev, life)?,
            Due::Action(action) => self.act(action)?,
            Due::Calm => self.calm(),
            Due::Refresh => {
                for device in &mut self.devices {
                    if let device::Program::Ordinary(client) = &mut device.program {
                        client.refresh();
                    }
                }
            }
        }
        Ok(())
    }

    fn server_tick(&mut self, now: Now) -> Result<(), Violation> {
        let ticked = self.server.tick(now);
        ticked.map_err(|error| Violation::new("INV-31", error.to_string()))
    }

    /// Carries out what everybody wants done, until nobody wants anything.
    fn drain(&mut self) -> Result<(), Violation> {
        loop {
            let mut idle = true;
            while let Some(effect) = self.server.poll() {
                idle = false;
                self.on_server(effect)?;
            }
            for dev in 0..self.devices.len() {
                let now = self.now_of(dev);
                while let Some(effect) = self.devices.get_mut(dev).and_then(|d| d.poll(now)) {
                    idle = false;
                    self.on_device(dev, effect)?;
                }
            }
            if idle {
                break;
            }
        }
        self.arm();
        match self.broken.take() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    fn arm(&mut self) {
        for dev in 0..self.devices.len() {
            let Some(device) = self.devices.get_mut(dev) else {
                continue;
            };
            let Some(at) = device.deadline().map(|at| at.max(self.now_ms)) else {
                continue;
            };
            if device.armed_ms.is_none_or(|armed| at < armed) {
                device.armed_ms = Some(at);
                let life = device.life;
                self.schedule_at(at, Due::DeviceTick(dev, life));
            }
        }
        let Some(at) = self.server.deadline().map(|at| at.max(self.now_ms)) else {
            return;
        };
        if self.server_armed_ms.is_none_or(|armed| at < armed) {
            self.server_armed_ms = Some(at);
            self.schedule_at(at, Due::ServerTick(self.server_life));
        }
    }

    fn add_device(
        &mut self,
        account: usize,
        kind: crate::plan::Kind,
        clock_ms: i64,
        steals: Option<String>,
    ) {
        let dev = self.devices.len();
        let index = account % self.accounts.len().max(1);
        let Some(jid) = self.accounts.get(index).cloned() else {
            return;
        };
        let seed = self.chance.seed(1 + dev as u64, 0);
        let account = jid.to_string();
        let kind_name = kind.name();
        let mut device = Device::new(jid, kind, clock_ms, seed, self.now());
        if let device::Program::Ordinary(client) = &mut device.program {
            client.steals = steals;
        }
        self.devices.push(device);
        let event = Event::Device {
            dev,
            account,
            kind: kind_name,
        };
        if let Err(violation) = self.record(event) {
            self.broken = Some(violation);
        }
    }

    fn peer_of(&self, dev: usize, whom: Whom) -> Option<BareJid> {
        let own = &self.devices.get(dev)?.account;
        let at = self.accounts.iter().position(|account| account == own)?;
        match whom {
            Whom::Other(n) => {
                let count = self.accounts.len();
                let step = 1 + n.saturating_sub(1) % count.saturating_sub(1).max(1);
                self.accounts.get((at + step) % count).cloned()
            }
            Whom::Self_ => Some(own.clone()),
            Whom::Nobody => BareJid::new("nobody@localhost").ok(),
        }
    }

    fn now(&self) -> Now {
        self.now_off_by(self.server_clock_ms)
    }

    fn now_of(&self, dev: usize) -> Now {
        self.now_off_by(self.devices.get(dev).map_or(0, |device| device.clock_ms))
    }

    fn now_off_by(&self, off_ms: i64) -> Now {
        let passed = i64::try_from(self.now_ms).unwrap_or(i64::MAX);
        Now {
            mono_ms: self.now_ms,
            wall_ms: EPOCH_MS + passed + off_ms,
        }
    }

    fn schedule_at(&mut self, at: u64, due: Due) {
        self.order += 1;
        let shuffle = self.chance.order.bits();
        self.due
            .insert((at.max(self.now_ms), shuffle, self.order), due);
    }

    fn record(&mut self, event: Event) -> Result<(), Violation> {
        let checked = self.checker.on(self.now_ms, &event);
        self.recorder.push(self.now_ms, event);
        let is_count = |violation: &Violation| matches!(violation.inv, "INV-05" | "INV-07");
        checked.or_else(
            |violation| match self.plan.counts_only && !is_count(&violation) {
                true => Ok(()),
                false => Err(violation),
            },
        )
    }
}
