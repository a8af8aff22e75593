//! Everything that a run is made of, drawn from its seed before it begins, so that a failing run can
//! be made smaller piece by piece.

mod text;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

/// What the accounts are called.
pub(crate) const NAMES: [&str; 4] = ["romeo", "juliet", "mercutio", "nurse"];

/// When the first thing happens.
pub(crate) const START_MS: u64 = 1_000;
/// How many devices there may be, of all accounts together.
pub(crate) const DEVICES_MAX: usize = 9;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From which all chance comes; one generator per subject, so that less of one shifts no other.
    pub seed: u64,
    /// How many accounts there are.
    pub accounts: usize,
    /// The devices that exist from the start.
    pub devices: Vec<DevicePlan>,
    /// Which kinds of fault there are.
    pub faults: Faults,
    /// How small the server's bounds are.
    pub limits: SmallLimits,
    /// Whether the accounts are contacts of each other, so that presence flows.
    pub are_contacts: bool,
    /// Whether only what is twice or lost counts as a violation (INV-05, INV-07).
    pub counts_only: bool,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// One device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DevicePlan {
    /// Whose, as a number.
    pub account: usize,
    /// Which program.
    pub kind: Kind,
    /// How far its clock is off, in milliseconds.
    pub clock_ms: i64,
}

/// Which program a device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The shipped engine, on an s11 stream.
    Engine,
    /// An ordinary client without forks.
    Plain,
    /// One with XEP-0280.
    Carbons,
    /// One with mr2.
    Mr2,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Plain => "plain",
            Self::Carbons => "carbons",
            Self::Mr2 => "mr2",
        }
    }
}

/// Which kinds of fault a run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each kind of fault is on or off by itself"
)]
pub struct Faults {
    /// Connections are cut.
    pub cuts: bool,
    /// One end learns of a cut up to a minute later.
    pub half_open: bool,
    /// Some frames take up to three seconds.
    pub slow_links: bool,
    /// Devices stop reading for a while.
    pub slow_readers: bool,
    /// Tabs are killed and opened again.
    pub reloads: bool,
    /// A killed tab loses its last transactions that were not strict.
    pub lost_tail: bool,
    /// Transactions of devices are aborted.
    pub aborts: bool,
    /// The server is killed and started again.
    pub crashes: bool,
    /// Some batches take up to two seconds, or stall.
    pub slow_disk: bool,
    /// Appends fail, of one log or of all.
    pub full_disk: bool,
    /// Reads fail.
    pub bad_reads: bool,
    /// Clocks of devices and server jump.
    pub clocks: bool,
    /// Tabs are hidden and shown.
    pub hides: bool,
    /// Devices come and go for good.
    pub moves: bool,
    /// Somebody tries to resume what is not theirs, and forges ids.
    pub hostile: bool,
    /// Archives lose their oldest entries.
    pub trims: bool,
}

/// How many kinds of fault there are.
pub(crate) const FAULT_KINDS: usize = 16;

impl Faults {
    /// A quiet world.
    pub const NONE: Self = Self {
        cuts: false,
        half_open: false,
        slow_links: false,
        slow_readers: false,
        reloads: false,
        lost_tail: false,
        aborts: false,
        crashes: false,
        slow_disk: false,
        full_disk: false,
        bad_reads: false,
        clocks: false,
        hides: false,
        moves: false,
        hostile: false,
        trims: false,
    };

    /// The switch of each kind.
    pub(crate) fn switches(&mut self) -> [&mut bool; FAULT_KINDS] {
        [
            &mut self.cuts,
            &mut self.half_open,
            &mut self.slow_links,
            &mut self.slow_readers,
            &mut self.reloads,
            &mut self.lost_tail,
            &mut self.aborts,
            &mut self.crashes,
            &mut self.slow_disk,
            &mut self.full_disk,
            &mut self.bad_reads,
            &mut self.clocks,
            &mut self.hides,
            &mut self.moves,
            &mut self.hostile,
            &mut self.trims,
        ]
    }

    /// Whether an action of this kind may happen.
    pub(crate) fn allow(self, action: &Action) -> bool {
        match action {
            Action::Say { .. } | Action::Open { .. } | Action::Older { .. } => true,
            Action::Cut { .. } | Action::Clog { .. } | Action::Online { .. } => self.cuts,
            Action::Stall { .. } => self.slow_readers,
            Action::Reload { .. } => self.reloads,
            Action::Abort { .. } => self.aborts,
            Action::Crash | Action::CrashAtCommit { .. } => self.crashes,
            Action::FailAppends { .. } => self.full_disk,
            Action::FailReads { .. } => self.bad_reads,
            Action::Clock { .. } | Action::ServerClock { .. } => self.clocks,
            Action::Hide { .. } => self.hides,
            Action::NewDevice { .. } | Action::SignOut { .. } => self.moves,
            Action::Steal { .. } => self.hostile,
            Action::Trim { .. } => self.trims,
        }
    }
}

/// Bounds of the server that are small in some runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SmallLimits {
    /// [`server_core::Limits::tail_entries`]
    pub tail_entries: usize,
    /// [`server_core::Limits::read_entries`]
    pub read_entries: usize,
    /// [`server_core::Limits::unacked_stanzas`]
    pub unacked_stanzas: usize,
    /// [`server_core::Limits::held_copies`]
    pub held_copies: usize,
    /// [`server_core::Limits::resume_s`]
    pub resume_s: u32,
    /// [`server_core::Limits::page`]
    pub page_max: u32,
    /// [`store::Limits::quota_bytes`]
    pub quota_bytes: u64,
    /// [`store::Limits::stranger_bytes`]
    pub stranger_bytes: u64,
}

impl Default for SmallLimits {
    fn default() -> Self {
        Self {
            tail_entries: 256,
            read_entries: 128,
            unacked_stanzas: 5_000,
            held_copies: 256,
            resume_s: 600,
            page_max: 250,
            quota_bytes: 1 << 30,
            stranger_bytes: 64 << 10,
        }
    }
}

/// Something that happens at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub when: When,
    /// What.
    pub action: Action,
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time, in milliseconds.
    Ms(u64),
    /// Before the so-manieth thing that happens: between any two frames, commits or ticks.
    Turn(u64),
}

/// What happens. Devices are numbers, taken modulo how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Action {
    /// Somebody writes lines.
    Say {
        /// On which device.
        dev: usize,
        /// To whom.
        to: Whom,
        /// How many.
        lines: u8,
    },
    /// A connection is cut.
    Cut {
        /// Of which device.
        dev: usize,
    },
    /// A link carries nothing either way for a while, then everything at once.
    Clog {
        /// Of which device.
        dev: usize,
        /// How long.
        for_ms: u64,
    },
    /// A device reads nothing for a while.
    Stall {
        /// Which.
        dev: usize,
        /// How long.
        for_ms: u64,
    },
    /// The browser says that the network is back.
    Online {
        /// To which device.
        dev: usize,
    },
    /// A tab is killed and opened again.
    Reload {
        /// Which.
        dev: usize,
        /// How many of its last transactions are lost, if they may be.
        lose: u8,
    },
    /// The next transaction of a device is aborted.
    Abort {
        /// Which.
        dev: usize,
    },
    /// The server is killed.
    Crash,
    /// The server is killed at its next so-manieth commit, before anybody hears of it.
    CrashAtCommit {
        /// How many commits from now.
        commits: u8,
    },
    /// Appends fail.
    FailAppends {
        /// Whose side; 0 both.
        side: u8,
        /// How many.
        appends: u8,
    },
    /// Reads fail.
    FailReads {
        /// How many.
        reads: u8,
    },
    /// A device's clock jumps.
    Clock {
        /// Which.
        dev: usize,
        /// By how much.
        by_ms: i64,
    },
    /// The server's wall clock jumps.
    ServerClock {
        /// By how much.
        by_ms: i64,
    },
    /// A tab is hidden or shown.
    Hide {
        /// Which.
        dev: usize,
        /// Whether it is hidden.
        hidden: bool,
    },
    /// A device opens the conversation with somebody.
    Open {
        /// Which.
        dev: usize,
        /// With whom.
        with: Whom,
    },
    /// Somebody scrolls up.
    Older {
        /// On which device.
        dev: usize,
    },
    /// An account gets one more device.
    NewDevice {
        /// Which account.
        account: usize,
        /// Which program.
        kind: Kind,
    },
    /// A device is signed out and wiped; it comes back as a new one.
    SignOut {
        /// Which.
        dev: usize,
    },
    /// A stranger's device tries to resume the stream of this one.
    Steal {
        /// Which.
        dev: usize,
    },
    /// An archive keeps so many of its newest entries only (MAM-24); nothing happens where there are
    /// ordinary clients, which have no way to know.
    Trim {
        /// Whose.
        account: usize,
        /// How many stay.
        keep: u8,
    },
}

impl Action {
    /// The device that it is about, if it is about one.
    pub(crate) fn dev_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Say { dev, .. }
            | Self::Cut { dev }
            | Self::Clog { dev, .. }
            | Self::Stall { dev, .. }
            | Self::Online { dev }
            | Self::Reload { dev, .. }
            | Self::Abort { dev }
            | Self::Clock { dev, .. }
            | Self::Hide { dev, .. }
            | Self::Open { dev, .. }
            | Self::Older { dev }
            | Self::SignOut { dev }
            | Self::Steal { dev } => Some(dev),
            Self::Crash
            | Self::CrashAtCommit { .. }
            | Self::FailAppends { .. }
            | Self::FailReads { .. }
            | Self::ServerClock { .. }
            | Self::NewDevice { .. }
            | Self::Trim { .. } => None,
        }
    }
}

/// Whom a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Whom {
    /// The account so many further on; itself if there is but one.
    Other(usize),
    /// The own account.
    Self_,
    /// Nobody who exists.
    Nobody,
}

/// How a run differs from what its seed alone would make.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Roughly how many things happen.
    pub actions: usize,
    /// The faults; drawn from the seed if absent.
    pub faults: Option<Faults>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            actions: 80,
            faults: None,
        }
    }
}

impl Plan {
    /// The run of a seed.
    pub fn of_seed(seed: u64, wish: Wish) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0x5eed);
        let faults = wish.faults.unwrap_or_else(|| draw_faults(&mut rng));
        let mut limits = draw_limits(&mut rng);
        let accounts = if rng.random_bool(0.7) { 2 } else { 3 };
        let ordinary = rng.random_bool(0.35);
        let mut devices = Vec::new();
        for account in 0..accounts {
            for n in 0..rng.random_range(1..=3) {
                let kind = if ordinary && n > 0 {
                    draw_ordinary(&mut rng)
                } else {
                    Kind::Engine
                };
                let off = if faults.clocks { 3_600_000 } else { 1 };
                let clock_ms = rng.random_range(-off..=off);
                devices.push(DevicePlan {
                    account,
                    kind,
                    clock_ms,
                });
            }
        }
        let are_contacts = rng.random_bool(0.4);
        // Of its own, so that the rest of the run is the same with and without it.
        let mut own = ChaCha20Rng::seed_from_u64(seed ^ 0x17);
        if own.random_bool(0.2) {
            limits.stranger_bytes = own.random_range(1_000..20_000);
        }
        let mut plan = Self {
            seed,
            accounts,
            devices,
            faults,
            limits,
            are_contacts,
            counts_only: false,
            steps: Vec::new(),
        };
        plan.draw_steps(&mut rng, wish.actions, ordinary);
        plan.draw_trims(wish);
        plan.draw_returns(wish);
        plan
    }

    /// What either defence of INV-07 is judged by: ids that can be computed, and a disk that takes
    /// everything, since only the identity of messages tells apart what it failed to take.
    pub fn count_only(&mut self) {
        self.counts_only = true;
        self.faults.full_disk = false;
        self.faults.hostile = false;
        self.faults.trims = false;
        self.limits.quota_bytes = 1 << 30;
        for device in &mut self.devices {
            device.kind = Kind::Engine;
        }
        let faults = self.faults;
        self.steps.retain(|step| faults.allow(&step.action));
        for step in &mut self.steps {
            if let Action::NewDevice { kind, .. } = &mut step.action {
                *kind = Kind::Engine;
            }
        }
    }

    /// From a generator of its own: it came later, and the seeds before it keep their meaning.
    fn draw_trims(&mut self, wish: Wish) {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed ^ 0x7219);
        self.faults.trims = match wish.faults {
            Some(faults) => faults.trims,
            None => rng.random_bool(0.15),
        };
        if !self.faults.trims {
            return;
        }
        let count = self.steps.len();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..count.max(1));
            let Some(step) = self.steps.get(at).copied() else {
                return;
            };
            let action = Action::Trim {
                account: rng.random_range(0..self.accounts),
                keep: rng.random_range(1..30),
            };
            self.steps.insert(at, Step { action, ..step });
        }
    }

    /// Devices come back with lines that were written meanwhile, and everybody talks: own lines stand behind
    /// the question for a page, and the page overtakes copies (MAM-17). Drawn as trims are.
    fn draw_returns(&mut self, wish: Wish) {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed ^ 0x2e7);
        let last = self.steps.last().map(|step| step.when);
        let Some(When::Ms(mut at_ms)) = last.filter(|_| wish.faults.is_none()) else {
            return;
        };
        if !rng.random_bool(0.1) {
            return;
        }
        (self.faults.cuts, self.faults.slow_disk) = (true, true);
        let (to, lines) = (Whom::Other(1), 1);
        let mut push = |at_ms, action| {
            let when = When::Ms(at_ms);
            self.steps.push(Step { when, action });
        };
        for _ in 0..4 {
            let dev = rng.random_range(0..64);
            push(at_ms, Action::Cut { dev });
            for _ in 0..3 {
                at_ms += rng.random_range(1..150);
                push(at_ms, Action::Say { dev, to, lines });
            }
            for _ in 0..12 {
                at_ms += rng.random_range(1..200);
                let dev = rng.random_range(0..64);
                push(at_ms, Action::Say { dev, to, lines });
            }
        }
    }

    fn draw_steps(&mut self, rng: &mut ChaCha20Rng, actions: usize, ordinary: bool) {
        let pace = rng.random_range(1..8_u64);
        // One kind of fault may come in a storm.
        let storm = rng.random_range(0..4_u32) == 0;
        let mut at_ms = START_MS;
        for dev in 0..self.devices.len() {
            let action = Action::Open {
                dev,
                with: Whom::Other(1),
            };
            self.steps.push(Step {
                when: When::Ms(at_ms),
                action,
            });
        }
        for _ in 0..rng.random_range(actions / 2..=actions) {
            at_ms += rng.random_range(1..3_000) / rng.random_range(1..=10 * pace);
            let action = self.draw_action(rng, storm, ordinary);
            if self.faults.allow(&action) {
                self.steps.push(Step {
                    when: When::Ms(at_ms),
                    action,
                });
            }
        }
    }

    fn draw_action(&self, rng: &mut ChaCha20Rng, storm: bool, ordinary: bool) -> Action {
        let dev = rng.random_range(0..64);
        let faulty = if storm { 60 } else { 30 };
        if rng.random_range(0..100) >= faulty {
            return match rng.random_range(0..40_u32) {
                0 => Action::Open {
                    dev,
                    with: draw_whom(rng),
                },
                1 => Action::Older { dev },
                2 | 3 => Action::Say {
                    dev,
                    to: draw_whom(rng),
                    lines: rng.random_range(4..24),
                },
                _ => Action::Say {
                    dev,
                    to: draw_whom(rng),
                    lines: 1,
                },
            };
        }
        let by_ms = rng.random_range(-86_400_000..86_400_000_i64);
        match rng.random_range(0..40_u32) {
            0..9 => Action::Cut { dev },
            9..11 => Action::Clog {
                dev,
                for_ms: rng.random_range(100..20_000),
            },
            11 => Action::Online { dev },
            12..14 => Action::Stall {
                dev,
                for_ms: rng.random_range(500..45_000),
            },
            14..20 => Action::Reload {
                dev,
                lose: rng.random_range(0..6),
            },
            20 => Action::Abort { dev },
            21..23 => Action::Crash,
            23..26 => Action::CrashAtCommit {
                commits: rng.random_range(1..6),
            },
            26..28 => Action::FailAppends {
                side: rng.random_range(0..3),
                appends: rng.random_range(1..8),
            },
            28 => Action::FailReads {
                reads: rng.random_range(1..4),
            },
            29 => Action::Clock { dev, by_ms },
            30 => Action::ServerClock { by_ms },
            31..36 => Action::Hide {
                dev,
                hidden: rng.random_bool(0.6),
            },
            36 | 37 => Action::NewDevice {
                account: rng.random_range(0..self.accounts),
                kind: if ordinary && rng.random_bool(0.5) {
                    draw_ordinary(rng)
                } else {
                    Kind::Engine
                },
            },
            38 => Action::SignOut { dev },
            _ => Action::Steal { dev },
        }
    }
}

fn draw_faults(rng: &mut ChaCha20Rng) -> Faults {
    let mut faults = Faults::NONE;
    // Some runs have nearly every fault, some one or two, so that each shows what it does alone.
    let share = *[0.1, 0.3, 0.5, 0.8].choose(rng).unwrap_or(&0.5);
    for switch in faults.switches().into_iter().take(FAULT_KINDS - 1) {
        *switch = rng.random_bool(share);
    }
    faults
}

fn draw_limits(rng: &mut ChaCha20Rng) -> SmallLimits {
    let mut pick = |small: std::ops::Range<u64>, usual: u64, chance: f64| {
        if rng.random_bool(chance) {
            rng.random_range(small)
        } else {
            usual
        }
    };
    let tail_entries = pick(1..9, 256, 0.6);
    let read_entries = pick(1..9, 128, 0.6);
    let unacked_stanzas = pick(120..300, 5_000, 0.3);
    let held_copies = pick(2..12, 256, 0.5);
    let resume_s = pick(1..40, 600, 0.4);
    let page_max = pick(1..30, 250, 0.4);
    let quota_bytes = pick(4_000..40_000, 1 << 30, 0.1);
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    SmallLimits {
        tail_entries: size(tail_entries),
        read_entries: size(read_entries),
        unacked_stanzas: size(unacked_stanzas),
        held_copies: size(held_copies),
        resume_s: small(resume_s),
        page_max: small(page_max),
        quota_bytes,
        stranger_bytes: 64 << 10,
    }
}

fn draw_ordinary(rng: &mut ChaCha20Rng) -> Kind {
    let kinds = [Kind::Plain, Kind::Carbons, Kind::Mr2, Kind::Engine];
    *kinds.choose(rng).unwrap_or(&Kind::Engine)
}

fn draw_whom(rng: &mut ChaCha20Rng) -> Whom {
    match rng.random_range(0..40_u32) {
        0 => Whom::Self_,
        1 => Whom::Nobody,
        n if n < 30 => Whom::Other(1),
        _ => Whom::Other(2),
    }
}
