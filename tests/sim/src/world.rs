//! The scheduler: one heap of events, every choice from the seed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use client_core::{Input as ToEngine, Intent};
use protocol::{BareJid, Now, Text};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use server_core::{ConnId, Input as ToCore, Output};

use crate::device::{self, Device};
use crate::server::{self, Server};

/// Which kinds of fault a run may have.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Connections are cut; one end may learn of it much later.
    pub cuts: bool,
    /// Tabs are killed and opened again.
    pub reloads: bool,
    /// The server is killed and started again.
    pub crashes: bool,
}

impl Faults {
    /// Every kind.
    pub const ALL: Self = Self {
        cuts: true,
        reloads: true,
        crashes: true,
    };
    /// Nothing but connections that are cut.
    pub const CUTS: Self = Self {
        cuts: true,
        ..Self::NONE
    };
    /// A quiet world.
    pub const NONE: Self = Self {
        cuts: false,
        reloads: false,
        crashes: false,
    };
}

/// Wall time at which every run begins.
const START_MS: i64 = 1_795_341_600_000;
/// Simulated time after the last fault within which everything must be in order (INV-27).
const SETTLE_MS: u64 = 240_000;

/// Devices of all accounts together.
const MAX_DEVICES: usize = 9;
/// How much of the story a failing run tells.
const LOG_SHOWN: usize = 200;

/// What happens at some time.
enum Event {
    ToServer(ConnId, Text),
    ToDevice(ConnId, Text),
    /// The device's socket opens.
    Open(ConnId),
    /// An end learns that the connection is gone.
    DeviceLost(ConnId),
    ServerLost(ConnId),
    /// The store carries out a question of a server's life.
    Ask(u64, Box<Output>),
    /// The answer arrives, if the server still lives.
    Answer(u64, Box<ToCore>),
    /// A transaction of a device's life is durable.
    Committed(usize, u64),
    DeviceTick(usize, u64),
    ServerTick(u64),
    Action(Action),
}

enum Action {
    Say(usize),
    Cut(usize),
    Reload(usize),
    Crash,
    NewDevice(BareJid),
    Hide(usize, bool),
}

struct Link {
    device: usize,
    life: u64,
    to_server_ms: u64,
    to_device_ms: u64,
    is_cut: bool,
}

/// One line that somebody wrote.
pub(crate) struct Said {
    device: usize,
    pub(crate) account: BareJid,
    pub(crate) text: String,
}

/// One simulated world.
pub struct World {
    rng: ChaCha20Rng,
    now_ms: u64,
    order: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(crate) server: Server,
    server_life: u64,
    ask_ms: u64,
    answer_ms: u64,
    pub(crate) devices: Vec<Device>,
    links: BTreeMap<ConnId, Link>,
    next_conn: u64,
    /// Every line that was written and not lost with its tab.
    pub(crate) said: Vec<Said>,
    /// How many lines were ever written, those included that a killed tab took with it.
    lines: u64,
    pub(crate) accounts: Vec<BareJid>,
    /// What happened, for the report of a failing run.
    log: Vec<String>,
}

impl World {
    /// Two accounts with a few devices each, and nothing said yet.
    ///
    /// # Errors
    /// If an account cannot be made.
    pub fn new(seed: u64) -> Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let accounts = vec![
            BareJid::new("romeo@localhost")?,
            BareJid::new("juliet@localhost")?,
        ];
        let server = Server::new(fresh(&mut rng), &accounts)?;
        let mut world = Self {
            rng,
            now_ms: 1_000,
            order: 0,
            events: BTreeMap::new(),
            server,
            server_life: 0,
            ask_ms: 0,
            answer_ms: 0,
            devices: Vec::new(),
            links: BTreeMap::new(),
            next_conn: 0,
            said: Vec::new(),
            lines: 0,
            accounts: accounts.clone(),
            log: Vec::new(),
        };
        for account in accounts {
            for _ in 0..world.rng.random_range(1..=3) {
                world.add_device(account.clone());
            }
        }
        Ok(world)
    }

    /// Lets so many things happen at random times, then lets everything come to rest, and checks.
    ///
    /// # Errors
    /// The first promise that does not hold, with the end of the story.
    pub fn run(mut self, actions: usize, faults: Faults) -> Result<()> {
        let mut at = self.now_ms;
        for _ in 0..actions {
            at += self.rng.random_range(1..4_000) / self.rng.random_range(1..40);
            let action = self.choose(faults);
            self.schedule_at(at, Event::Action(action));
        }
        // Nobody is held back any more once the world comes to rest.
        for device in 0..MAX_DEVICES {
            self.schedule_at(at + 1, Event::Action(Action::Hide(device, false)));
        }
        let end = at + SETTLE_MS;
        let played = self.play(end).and_then(|()| crate::check::all(&self));
        played.with_context(|| {
            let tail = self.log.len().saturating_sub(LOG_SHOWN);
            self.log.get(tail..).unwrap_or_default().join("\n")
        })
    }

    fn choose(&mut self, faults: Faults) -> Action {
        let device = self.rng.random_range(0..self.devices.len());
        match self.rng.random_range(0..100_u32) {
            0..8 if faults.cuts => Action::Cut(device),
            8..12 if faults.reloads => Action::Reload(device),
            12..14 if faults.crashes => Action::Crash,
            14..16 => {
                let index = self.rng.random_range(0..self.accounts.len());
                let account = self.accounts.get(index).or(self.accounts.first());
                account
                    .cloned()
                    .map_or(Action::Say(device), Action::NewDevice)
            }
            16..22 => Action::Hide(device, self.rng.random_bool(0.5)),
            _ => Action::Say(device),
        }
    }

    fn play(&mut self, end_ms: u64) -> Result<()> {
        let mut steps = 0_u64;
        self.drain()?;
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > end_ms {
                return Ok(());
            }
            self.now_ms = at;
            self.step(event)?;
            self.drain()?;
            steps += 1;
            ensure!(steps < 2_000_000, "it never comes to rest");
        }
        Ok(())
    }

    fn step(&mut self, event: Event) -> Result<()> {
        let now = self.now();
        match event {
            Event::ToServer(conn, text) if self.is_up(conn) => {
                self.note(|| format!("→ {} {text}", conn.0));
                self.server.frame(conn, text, now)?;
            }
            Event::ToDevice(conn, text) if self.is_up(conn) => {
                self.note(|| format!("← {} {text}", conn.0));
                self.with_device(conn, |device| {
                    device.engine.handle(ToEngine::Frame(text), now)
                });
            }
            Event::Open(conn) if self.is_up(conn) => {
                let seed = fresh(&mut self.rng);
                self.server.accept(conn, seed, now);
                self.with_device(conn, |device| {
                    device.engine.handle(ToEngine::Connected, now)
                });
            }
            Event::ToServer(..) | Event::ToDevice(..) | Event::Open(_) => {}
            Event::DeviceLost(conn) => self.with_device(conn, |device| {
                device.conn = None;
                device
                    .engine
                    .handle(ToEngine::Disconnected("lost".to_owned()), now);
            }),
            Event::ServerLost(conn) => self.server.lost(conn, now),
            Event::Ask(life, question) if life == self.server_life => {
                if let Some(answer) = self.server.ask(*question) {
                    let at = self.later(1..30).max(self.answer_ms + 1);
                    self.answer_ms = at;
                    self.schedule_at(at, Event::Answer(life, Box::new(answer)));
                }
            }
            Event::Answer(life, answer) if life == self.server_life => {
                self.server.input(*answer, now)
            }
            Event::Ask(..) | Event::Answer(..) => {}
            Event::Committed(index, life) => {
                if let Some(device) = self.devices.get_mut(index).filter(|d| d.life == life) {
                    device.finish_commit(now);
                }
            }
            Event::DeviceTick(index, life) => {
                if let Some(device) = self.devices.get_mut(index).filter(|d| d.life == life) {
                    device.engine.handle(ToEngine::Tick, now);
                }
            }
            Event::ServerTick(life) => {
                if life == self.server_life {
                    self.server.tick(now)?;
                }
            }
            Event::Action(action) => self.act(action),
        }
        Ok(())
    }

    fn act(&mut self, action: Action) {
        let now = self.now();
        match action {
            Action::Say(index) => {
                self.lines += 1;
                let text = format!("line {}", self.lines);
                let Some(device) = self.devices.get_mut(index) else {
                    return;
                };
                let account = device.account.clone();
                let Some(to) = self
                    .accounts
                    .iter()
                    .find(|other| **other != account)
                    .cloned()
                else {
                    return;
                };
                device.engine.handle(
                    ToEngine::Intent(Intent::Send {
                        to,
                        body: text.clone(),
                    }),
                    now,
                );
                self.note(|| format!("{index} says {text}"));
                self.said.push(Said {
                    device: index,
                    account,
                    text,
                });
            }
            Action::Cut(index) => {
                let conn = self.devices.get(index).and_then(|device| device.conn);
                self.note(|| format!("{index} is cut off: {conn:?}"));
                if let Some(conn) = conn {
                    self.cut(conn);
                }
            }
            Action::Reload(index) => {
                self.note(|| format!("{index} is reloaded"));
                let seed = fresh(&mut self.rng);
                let Some(device) = self.devices.get_mut(index) else {
                    return;
                };
                let conn = device.conn.take();
                self.forget_unsaved(index);
                if let Some(device) = self.devices.get_mut(index) {
                    device.reload(seed, now);
                }
                if let Some(link) = conn.and_then(|conn| self.links.get_mut(&conn)) {
                    link.is_cut = true;
                }
                if let Some(conn) = conn {
                    let at = self.later(0..5_000);
                    self.schedule_at(at, Event::ServerLost(conn));
                }
            }
            Action::Crash => {
                self.note(|| "the server is killed".to_owned());
                self.server_life += 1;
                let seed = fresh(&mut self.rng);
                self.server.crash(seed);
                let open: Vec<_> = self
                    .links
                    .iter()
                    .filter(|(_, l)| !l.is_cut)
                    .map(|(c, _)| *c)
                    .collect();
                for conn in open {
                    self.cut(conn);
                }
            }
            Action::NewDevice(account) if self.devices.len() < MAX_DEVICES => {
                self.add_device(account)
            }
            Action::NewDevice(_) => {}
            Action::Hide(index, hidden) => {
                if let Some(device) = self.devices.get_mut(index) {
                    device.engine.handle(ToEngine::Visible(!hidden), now);
                }
            }
        }
    }

    /// A line whose first transaction was not through when its tab was killed never was (INV-17).
    fn forget_unsaved(&mut self, index: usize) {
        let Some(device) = self.devices.get(index) else {
            return;
        };
        let kept = device.kept_texts();
        self.said
            .retain(|said| said.device != index || kept.contains(&said.text));
    }

    fn cut(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        if std::mem::replace(&mut link.is_cut, true) {
            return;
        }
        let (soon, late) = (self.later(0..50), self.later(0..8_000));
        let device_first = self.rng.random_bool(0.5);
        let (device_at, server_at) = if device_first {
            (soon, late)
        } else {
            (late, soon)
        };
        self.schedule_at(device_at, Event::DeviceLost(conn));
        self.schedule_at(server_at, Event::ServerLost(conn));
    }

    fn add_device(&mut self, account: BareJid) {
        let seed = fresh(&mut self.rng);
        self.devices.push(Device::new(account, seed, self.now()));
    }

    /// Carries out what everybody wants done, until nobody wants anything.
    fn drain(&mut self) -> Result<()> {
        loop {
            let mut idle = true;
            while let Some(effect) = self.server.poll() {
                idle = false;
                self.on_server(effect);
            }
            for index in 0..self.devices.len() {
                let now = self.now();
                while let Some(effect) = self.devices.get_mut(index).and_then(|d| d.poll(now)) {
                    idle = false;
                    self.on_device(index, effect);
                }
            }
            if idle {
                break;
            }
        }
        self.arm();
        Ok(())
    }

    fn on_server(&mut self, effect: server::Effect) {
        match effect {
            server::Effect::Send(conn, text) => {
                let at = self.later(1..40);
                let Some(link) = self.links.get_mut(&conn) else {
                    return;
                };
                link.to_device_ms = at.max(link.to_device_ms + 1);
                let at = link.to_device_ms;
                self.schedule_at(at, Event::ToDevice(conn, text));
            }
            server::Effect::Close(conn) => {
                // What was sent before still arrives.
                let at = self
                    .links
                    .get(&conn)
                    .map_or(self.now_ms, |link| link.to_device_ms)
                    + 1;
                self.schedule_at(at, Event::DeviceLost(conn));
                self.schedule_at(self.now_ms, Event::ServerLost(conn));
            }
            server::Effect::Ask(question) => {
                let at = self.later(1..20).max(self.ask_ms + 1);
                self.ask_ms = at;
                self.schedule_at(at, Event::Ask(self.server_life, question));
            }
        }
    }

    fn on_device(&mut self, index: usize, effect: device::Effect) {
        match effect {
            device::Effect::Connect => {
                self.next_conn += 1;
                let conn = ConnId(self.next_conn);
                let Some(device) = self.devices.get_mut(index) else {
                    return;
                };
                device.conn = Some(conn);
                let life = device.life;
                let link = Link {
                    device: index,
                    life,
                    to_server_ms: 0,
                    to_device_ms: 0,
                    is_cut: false,
                };
                self.links.insert(conn, link);
                let at = self.later(1..60);
                self.schedule_at(at, Event::Open(conn));
            }
            device::Effect::Send(text) => {
                let at = self.later(1..40);
                let Some(conn) = self.devices.get(index).and_then(|device| device.conn) else {
                    return;
                };
                let Some(link) = self.links.get_mut(&conn) else {
                    return;
                };
                link.to_server_ms = at.max(link.to_server_ms + 1);
                let at = link.to_server_ms;
                self.schedule_at(at, Event::ToServer(conn, text));
            }
            device::Effect::Disconnect => {
                let Some(conn) = self.devices.get(index).and_then(|device| device.conn) else {
                    return;
                };
                let at = self
                    .links
                    .get(&conn)
                    .map_or(self.now_ms, |link| link.to_server_ms)
                    + 1;
                self.schedule_at(at, Event::ServerLost(conn));
                self.schedule_at(self.now_ms, Event::DeviceLost(conn));
            }
            device::Effect::Commit => {
                let Some(life) = self.devices.get(index).map(|device| device.life) else {
                    return;
                };
                let at = self.later(0..30);
                self.schedule_at(at, Event::Committed(index, life));
            }
        }
    }

    fn arm(&mut self) {
        let now_ms = self.now_ms;
        let device_ticks = self.devices.iter().enumerate();
        let device_ticks = device_ticks
            .filter_map(|(index, device)| Some((device.engine.deadline()?, index, device.life)));
        let due: Vec<_> = device_ticks.collect();
        for (at, index, life) in due {
            if self.ticks_armed_differs(at, index, life) {
                self.schedule_at(at.max(now_ms), Event::DeviceTick(index, life));
            }
        }
        if let Some(at) = self.server.deadline() {
            let life = self.server_life;
            let at = at.max(now_ms);
            let is_armed = self
                .events
                .range((at, 0)..(at + 1, 0))
                .any(|(_, e)| matches!(e, Event::ServerTick(l) if *l == life));
            if !is_armed {
                self.schedule_at(at, Event::ServerTick(life));
            }
        }
    }

    fn ticks_armed_differs(&self, at: u64, index: usize, life: u64) -> bool {
        let at = at.max(self.now_ms);
        let same =
            |event: &Event| matches!(event, Event::DeviceTick(i, l) if *i == index && *l == life);
        !self
            .events
            .range((at, 0)..(at + 1, 0))
            .any(|(_, event)| same(event))
    }

    fn is_up(&self, conn: ConnId) -> bool {
        self.links.get(&conn).is_some_and(|link| !link.is_cut)
    }

    fn with_device(&mut self, conn: ConnId, act: impl FnOnce(&mut Device)) {
        let Some(link) = self.links.get(&conn) else {
            return;
        };
        let device = self.devices.get_mut(link.device);
        if let Some(device) = device.filter(|d| d.life == link.life && d.conn == Some(conn)) {
            act(device);
        }
    }

    fn now(&self) -> Now {
        let passed = i64::try_from(self.now_ms).unwrap_or(i64::MAX);
        Now {
            mono_ms: self.now_ms,
            wall_ms: START_MS + passed,
        }
    }

    fn later(&mut self, range: std::ops::Range<u64>) -> u64 {
        self.now_ms + self.rng.random_range(range)
    }

    fn schedule_at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at.max(self.now_ms), self.order), event);
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let line = what();
        self.log.push(format!("{:>8} {line}", self.now_ms));
    }
}

fn fresh(rng: &mut ChaCha20Rng) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}
