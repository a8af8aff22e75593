//! Runs that are made on purpose, beside those drawn by chance: one fault at every turn of a short
//! script, two of them at every pair of turns, a kill at every commit, and links that stand still
//! together.

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::plan::{
    Action, DevicePlan, Faults, Kind, Plan, START_MS, SmallLimits, Step, When, Whom, Wish,
};
use crate::run::play;

/// Up to which commit of a script the server is killed; no script has more.
const COMMITS: u64 = 64;
/// Up to which commit after its first end it is killed once more.
const COMMITS_AGAIN: u64 = 8;
/// When the server may be killed for the second time.
const AGAIN_MS: u64 = START_MS + 1_500;
/// How long a script is watched: within it every cut is found out and mended.
const WATCHED_MS: u64 = START_MS + 7_000;
/// How many runs with links that stand still.
const CLOGS: u64 = 2_000;

/// Runs of one kind, by number.
pub struct Pattern {
    /// What happens in them.
    pub name: String,
    /// How many there are.
    pub count: u64,
    plan_of: Box<dyn Fn(u64) -> Plan + Send + Sync>,
}

impl Pattern {
    fn new(
        name: String,
        count: u64,
        plan_of: impl Fn(u64) -> Plan + Send + Sync + 'static,
    ) -> Self {
        let plan_of = Box::new(plan_of);
        Self {
            name,
            count,
            plan_of,
        }
    }

    /// One of the runs.
    #[must_use]
    pub fn plan(&self, number: u64) -> Plan {
        (self.plan_of)(number)
    }
}

/// All patterns.
#[must_use]
pub fn patterns() -> Vec<Pattern> {
    let mut all = vec![Pattern::new(
        "links that stand still".to_owned(),
        CLOGS,
        clog,
    )];
    for (name, script) in SCRIPTS {
        let plan = of_script(*script, false);
        let named = |what: &str| format!("{name}, {what}");
        all.push(Pattern::new(
            named("a kill at each commit"),
            COMMITS * (COMMITS_AGAIN + 1),
            move |number| kill_at_commit(*script, number),
        ));
        let turns = play(plan.clone(), 0).map_or(0, |outcome| outcome.turns);
        let faults = faults_of(&plan);
        let kinds = faults.len() as u64;
        let (one, two) = (faults.clone(), faults);
        all.push(Pattern::new(
            named("one fault at each turn"),
            2 * turns * kinds,
            move |number| {
                let plan = of_script(*script, number % 2 == 1);
                with_faults(plan, &one, &[(number / 2 / turns, number / 2 % turns)])
            },
        ));
        let pairs = turns * kinds;
        all.push(Pattern::new(
            named("two faults at each two turns"),
            pairs * pairs,
            move |number| {
                let (first, second) = (number / pairs, number % pairs);
                let place = |n: u64| (n / turns, n % turns);
                let plan = of_script(*script, first % 2 == 1);
                with_faults(plan, &two, &[place(first), place(second)])
            },
        ));
    }
    all
}

/// A script: the programs of two accounts' devices, then what happens and after how many milliseconds.
type Script = (&'static [(usize, Kind)], &'static [(u64, Action)]);

const R: (usize, Kind) = (0, Kind::Engine);
const J: (usize, Kind) = (1, Kind::Engine);

const fn say(dev: usize) -> Action {
    let to = Whom::Other(1);
    Action::Say { dev, to, lines: 1 }
}

const fn say_to_self(dev: usize) -> Action {
    let to = Whom::Self_;
    Action::Say { dev, to, lines: 1 }
}

const fn hide(dev: usize, hidden: bool) -> Action {
    Action::Hide { dev, hidden }
}

/// The short scripts.
const SCRIPTS: &[(&str, Script)] = &[
    (
        "two talk",
        (&[R, J], &[(400, say(0)), (420, say(1)), (600, say(0))]),
    ),
    (
        "siblings",
        (
            &[R, R, J],
            &[(400, say(0)), (410, say(1)), (430, say(2)), (900, say(1))],
        ),
    ),
    (
        "a cut",
        (
            &[R, J],
            &[
                (400, say(0)),
                (450, Action::Cut { dev: 0 }),
                (460, say(1)),
                (500, say(0)),
            ],
        ),
    ),
    (
        "a reload",
        (
            &[R, J],
            &[
                (400, say(0)),
                (420, Action::Reload { dev: 0, lose: 2 }),
                (500, say(1)),
                (600, say(0)),
            ],
        ),
    ),
    (
        "a restart",
        (
            &[R, J],
            &[
                (400, say(0)),
                (415, Action::Crash),
                (500, say(1)),
                (900, say(0)),
            ],
        ),
    ),
    (
        "a hidden tab",
        (
            &[R, J],
            &[
                (300, hide(1, true)),
                (400, say(0)),
                (450, say(0)),
                (600, hide(1, false)),
                (620, say(0)),
            ],
        ),
    ),
    (
        "ordinary clients",
        (
            &[R, (1, Kind::Plain), (1, Kind::Carbons)],
            &[(400, say(0)), (450, say(1)), (500, say(2)), (900, say(0))],
        ),
    ),
    (
        "notes to oneself",
        (&[R, R], &[(400, say_to_self(0)), (410, say_to_self(1))]),
    ),
    (
        "a new device",
        (
            &[R, J],
            &[
                (400, say(0)),
                (
                    450,
                    Action::NewDevice {
                        account: 1,
                        kind: Kind::Engine,
                    },
                ),
                (470, say(0)),
                (700, say(2)),
            ],
        ),
    ),
    (
        "a full disk",
        (
            &[R, J],
            &[
                (
                    390,
                    Action::FailAppends {
                        side: 2,
                        appends: 1,
                    },
                ),
                (400, say(0)),
                (420, say(0)),
                (430, say(1)),
            ],
        ),
    ),
];

/// The plan of a script that nothing disturbs.
fn of_script((devices, actions): Script, half_open: bool) -> Plan {
    let device = |(account, kind): &(usize, Kind)| DevicePlan {
        account: *account,
        kind: *kind,
        clock_ms: 0,
    };
    let mut faults = Faults::NONE;
    for switch in faults.switches() {
        *switch = true;
    }
    // Those that act by themselves at any time.
    (faults.slow_links, faults.slow_disk) = (false, false);
    faults.half_open = half_open;
    let end = (WATCHED_MS - START_MS, Action::Older { dev: 0 });
    let steps = actions.iter().chain([&end]).map(|(after_ms, action)| Step {
        when: When::Ms(START_MS + after_ms),
        action: *action,
    });
    Plan {
        counts_only: false,
        seed: 1,
        accounts: 2,
        devices: devices.iter().map(device).collect(),
        faults,
        limits: SmallLimits::default(),
        are_contacts: false,
        steps: steps.collect(),
    }
}

/// The faults that are put into a script.
fn faults_of(plan: &Plan) -> Vec<Action> {
    let mut faults = vec![
        Action::Crash,
        Action::FailAppends {
            side: 0,
            appends: 1,
        },
        Action::FailReads { reads: 1 },
        Action::Abort { dev: 0 },
    ];
    for dev in 0..plan.devices.len() {
        faults.push(Action::Cut { dev });
        faults.push(Action::Reload { dev, lose: 1 });
    }
    faults
}

/// Puts faults, by number, at turns.
fn with_faults(mut plan: Plan, faults: &[Action], places: &[(u64, u64)]) -> Plan {
    for (fault, turn) in places {
        let fault = usize::try_from(*fault).ok().and_then(|n| faults.get(n));
        plan.steps.extend(fault.map(|action| Step {
            when: When::Turn(*turn),
            action: *action,
        }));
    }
    plan
}

/// The server is killed at its nth commit, and perhaps at one after its second start.
fn kill_at_commit(script: Script, number: u64) -> Plan {
    let mut plan = of_script(script, false);
    let (first, second) = (number % COMMITS, number / COMMITS);
    let kill = |at_ms: u64, commits: u64| Step {
        when: When::Ms(at_ms),
        action: Action::CrashAtCommit {
            commits: u8::try_from(commits).unwrap_or(u8::MAX),
        },
    };
    plan.steps.push(kill(START_MS, first + 1));
    if second > 0 {
        plan.steps.push(kill(AGAIN_MS, second));
    }
    plan
}

/// Some links stand still one after the other, and go on in another order; meanwhile everybody writes,
/// and now and then a connection or the server ends.
fn clog(number: u64) -> Plan {
    let faults = Faults {
        cuts: number % 2 == 1,
        crashes: number % 4 >= 2,
        half_open: number % 8 >= 4,
        ..Faults::NONE
    };
    let wish = Wish {
        actions: 0,
        faults: Some(faults),
    };
    let mut plan = Plan::of_seed(number, wish);
    plan.faults.cuts = true;
    let mut rng = ChaCha8Rng::seed_from_u64(number);
    let mut at_ms = START_MS + 1_000;
    let mut devices: Vec<usize> = (0..plan.devices.len()).collect();
    for _ in 0..3 {
        devices.shuffle(&mut rng);
        let some = rng.random_range(1..=devices.len().max(1));
        let mut release_ms = at_ms;
        for (nth, dev) in (0..).zip(devices.iter().copied().take(some)) {
            let still_ms = at_ms + nth * rng.random_range(0..200);
            let until_ms = still_ms + rng.random_range(500..8_000);
            release_ms = release_ms.max(until_ms);
            let for_ms = until_ms - still_ms;
            push(&mut plan, still_ms, Action::Clog { dev, for_ms });
            if faults.cuts && rng.random_bool(0.3) {
                let cut_ms = rng.random_range(still_ms..until_ms);
                push(&mut plan, cut_ms, Action::Cut { dev });
            }
        }
        if faults.crashes && rng.random_bool(0.5) {
            let crash_ms = rng.random_range(at_ms..release_ms);
            push(&mut plan, crash_ms, Action::Crash);
        }
        while at_ms < release_ms {
            let dev = rng.random_range(0..plan.devices.len().max(1));
            push(&mut plan, at_ms, say(dev));
            at_ms += rng.random_range(20..900);
        }
    }
    plan
}

fn push(plan: &mut Plan, at_ms: u64, action: Action) {
    let when = When::Ms(at_ms);
    plan.steps.push(Step { when, action });
}
