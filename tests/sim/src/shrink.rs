//! A failing plan made smaller, piece by piece, as long as the same promise is broken.

use std::time::Instant;

use crate::plan::{
    Action, DEVICES_MAX, DevicePlan, FAULT_KINDS, Kind, Plan, START_MS, SmallLimits, Step, When,
    Whom,
};
use crate::run::play;
use crate::world::Failure;

/// With how many other seeds a smaller plan is tried: what went also shifts what chance does.
const OTHER_SEEDS: u64 = 3;

/// Each gives one bound its usual size again.
const RESETS: [fn(&mut SmallLimits, SmallLimits); 8] = [
    |limits, usual| limits.tail_entries = usual.tail_entries,
    |limits, usual| limits.read_entries = usual.read_entries,
    |limits, usual| limits.unacked_stanzas = usual.unacked_stanzas,
    |limits, usual| limits.held_copies = usual.held_copies,
    |limits, usual| limits.resume_s = usual.resume_s,
    |limits, usual| limits.page_max = usual.page_max,
    |limits, usual| limits.quota_bytes = usual.quota_bytes,
    |limits, usual| limits.stranger_bytes = usual.stranger_bytes,
];

/// What is left of a plan.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Plan,
    /// How it fails.
    pub failure: Box<Failure>,
    /// How many plans were played.
    pub plays: u64,
    /// Whether nothing more could be taken away; else time was up.
    pub is_done: bool,
}

/// Takes away what is not needed to break the promise `inv`, until `end`; `None` if the plan does
/// not break it. The same plan always gives the same, if there is time enough.
#[must_use]
pub fn shrink(plan: Plan, inv: &str, end: Instant) -> Option<Shrunk> {
    shrink_by(|plan| play(plan.clone(), 0).err(), plan, inv, end)
}

/// The same, where `fails` plays a plan.
fn shrink_by(
    fails: impl Fn(&Plan) -> Option<Box<Failure>>,
    plan: Plan,
    inv: &str,
    end: Instant,
) -> Option<Shrunk> {
    let failure = fails(&plan)?;
    if failure.violation.inv != inv {
        return None;
    }
    let mut work = Work {
        fails,
        best: Shrunk {
            plan,
            failure,
            plays: 1,
            is_done: false,
        },
        other_seeds: 0,
        end,
    };
    // Other seeds cost much, so they come last.
    for other_seeds in [0, OTHER_SEEDS] {
        work.other_seeds = other_seeds;
        while work.round() {}
    }
    work.best.is_done = !work.is_late();
    Some(work.best)
}

struct Work<F> {
    fails: F,
    best: Shrunk,
    other_seeds: u64,
    end: Instant,
}

impl<F: Fn(&Plan) -> Option<Box<Failure>>> Work<F> {
    fn is_late(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Tries everything once; gives whether anything helped.
    fn round(&mut self) -> bool {
        let before = size(&self.best.plan);
        self.name_devices();
        self.drop_faults();
        self.drop_devices();
        self.drop_accounts();
        self.drop_steps();
        self.lower();
        self.hurry();
        size(&self.best.plan) < before && !self.is_late()
    }

    /// Takes the plan if it breaks the same promise and is smaller.
    fn accept(&mut self, plan: &Plan) -> bool {
        if *plan == self.best.plan || size(plan) > size(&self.best.plan) {
            return false;
        }
        let seed = plan.seed;
        (0..=self.other_seeds).any(|other| {
            if self.is_late() {
                return false;
            }
            let seed = seed.wrapping_add(other.wrapping_mul(1_000_003));
            let plan = Plan {
                seed,
                ..plan.clone()
            };
            self.best.plays += 1;
            let Some(failure) = (self.fails)(&plan) else {
                return false;
            };
            let is_same = failure.violation.inv == self.best.failure.violation.inv;
            if is_same {
                self.best.plan = plan;
                self.best.failure = failure;
            }
            is_same
        })
    }

    fn attempt(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut plan = self.best.plan.clone();
        change(&mut plan);
        self.accept(&plan)
    }

    /// Calls every device by its own number, so that others can go.
    fn name_devices(&mut self) {
        self.attempt(|plan| {
            let mut count = plan.devices.len().max(1);
            for step in &mut plan.steps {
                if let Some(dev) = step.action.dev_mut() {
                    *dev %= count;
                }
                let adds = matches!(step.action, Action::NewDevice { .. } | Action::Steal { .. });
                if adds && count < DEVICES_MAX {
                    count += 1;
                }
            }
        });
    }

    fn drop_faults(&mut self) {
        for kind in 0..FAULT_KINDS {
            self.attempt(|plan| {
                if let Some(switch) = plan.faults.switches().into_iter().nth(kind) {
                    *switch = false;
                }
                let faults = plan.faults;
                plan.steps.retain(|step| faults.allow(&step.action));
            });
        }
        self.attempt(|plan| plan.are_contacts = false);
        self.attempt(|plan| plan.limits = SmallLimits::default());
        for reset in RESETS {
            self.attempt(|plan| reset(&mut plan.limits, SmallLimits::default()));
        }
    }

    fn drop_devices(&mut self) {
        for dev in (0..self.best.plan.devices.len()).rev() {
            let is_gone = self.attempt(|plan| drop_device(plan, dev));
            // Another one may do what it did.
            let _ = is_gone || self.attempt(|plan| replace_device(plan, dev));
        }
    }

    fn drop_accounts(&mut self) {
        for account in (1..self.best.plan.accounts).rev() {
            self.attempt(|plan| {
                for dev in (0..plan.devices.len()).rev() {
                    if plan.devices.get(dev).is_some_and(|d| d.account == account) {
                        replace_device(plan, dev);
                    }
                }
                for device in &mut plan.devices {
                    device.account -= usize::from(device.account > account);
                }
                plan.accounts -= 1;
            });
        }
    }

    /// Halves, quarters, and so on down to single steps.
    fn drop_steps(&mut self) {
        let mut size = self.best.plan.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = self.best.plan.steps.len();
            while from > 0 && !self.is_late() {
                let end = from.min(self.best.plan.steps.len());
                from = end.saturating_sub(size);
                self.attempt(|plan| {
                    plan.steps.drain(from..end);
                });
            }
            size /= 2;
        }
    }

    /// Fewer lines, shorter delays, plainer devices.
    fn lower(&mut self) {
        for at in 0..self.best.plan.steps.len() {
            while self.attempt(|plan| {
                if let Some(step) = plan.steps.get_mut(at) {
                    lower(&mut step.action);
                }
            }) {}
        }
        for dev in 0..self.best.plan.devices.len() {
            self.attempt(|plan| {
                if let Some(device) = plan.devices.get_mut(dev) {
                    device.clock_ms = 0;
                }
            });
            self.attempt(|plan| {
                if let Some(device) = plan.devices.get_mut(dev) {
                    device.kind = Kind::Engine;
                }
            });
        }
    }

    /// Shorter pauses between steps.
    fn hurry(&mut self) {
        for at in 0..self.best.plan.steps.len() {
            for percent in [0, 10, 50] {
                if self.attempt(|plan| shorten(&mut plan.steps, at, percent)) {
                    break;
                }
            }
        }
    }
}

/// What a plan is measured by: smaller in the first that differs is smaller.
fn size(plan: &Plan) -> impl Ord + use<> {
    let kinds = { plan.faults }.switches().map(|on| usize::from(*on));
    let small = small_limits(plan.limits);
    let weight: u64 = plan.steps.iter().map(|step| weight(step.action)).sum();
    let device = |d: &DevicePlan| d.clock_ms.unsigned_abs() + u64::from(d.kind != Kind::Engine);
    let pieces = plan.steps.len() + plan.devices.len() + plan.accounts;
    (
        pieces + kinds.iter().sum::<usize>() + small + usize::from(plan.are_contacts),
        weight + plan.devices.iter().map(device).sum::<u64>(),
        plan.steps.iter().filter_map(time_of).sum::<u64>(),
    )
}

/// How many bounds are not of their usual size.
fn small_limits(limits: SmallLimits) -> usize {
    let is_small = |reset: &&fn(&mut SmallLimits, SmallLimits)| {
        let mut usual = limits;
        reset(&mut usual, SmallLimits::default());
        usual != limits
    };
    RESETS.iter().filter(is_small).count()
}

fn drop_device(plan: &mut Plan, gone: usize) {
    plan.devices.remove(gone);
    plan.steps.retain_mut(|step| match step.action.dev_mut() {
        Some(dev) if *dev == gone => false,
        Some(dev) => {
            *dev -= usize::from(*dev > gone);
            true
        }
        None => true,
    });
}

/// What one device did, the first does.
fn replace_device(plan: &mut Plan, gone: usize) {
    let steps = plan.steps.iter_mut();
    for dev in steps.filter_map(|step| step.action.dev_mut()) {
        if *dev == gone {
            *dev = 0;
        }
    }
    drop_device(plan, gone);
}

/// Everything from this step on happens earlier; so much of the pause before it is kept.
fn shorten(steps: &mut [Step], at: usize, percent: u64) {
    let before = steps.iter().take(at).filter_map(time_of).max();
    let Some(now) = steps.get(at).and_then(time_of) else {
        return;
    };
    let pause = now.saturating_sub(before.unwrap_or(START_MS));
    let less = pause - pause * percent / 100;
    for step in steps.iter_mut().skip(at) {
        if let When::Ms(at_ms) = &mut step.when {
            *at_ms = at_ms.saturating_sub(less);
        }
    }
}

fn time_of(step: &Step) -> Option<u64> {
    match step.when {
        When::Ms(at_ms) => Some(at_ms),
        When::Turn(_) => None,
    }
}

/// How much of it there is.
fn weight(action: Action) -> u64 {
    match action {
        Action::Say { to, lines, .. } => u64::from(lines) + u64::from(to != Whom::Other(1)),
        Action::Clog { for_ms, .. } | Action::Stall { for_ms, .. } => for_ms,
        Action::Reload { lose, .. } => u64::from(lose),
        Action::CrashAtCommit { commits } => u64::from(commits),
        Action::FailAppends { appends, .. } => u64::from(appends),
        Action::FailReads { reads } => u64::from(reads),
        Action::Clock { by_ms, .. } | Action::ServerClock { by_ms } => by_ms.unsigned_abs(),
        Action::NewDevice { kind, .. } => u64::from(kind != Kind::Engine),
        Action::Trim { keep, .. } => u64::from(keep),
        Action::Cut { .. }
        | Action::Online { .. }
        | Action::Abort { .. }
        | Action::Crash
        | Action::Hide { .. }
        | Action::Open { .. }
        | Action::Older { .. }
        | Action::SignOut { .. }
        | Action::Steal { .. } => 0,
    }
}

fn lower(action: &mut Action) {
    match action {
        Action::Say { lines, .. } if *lines > 1 => *lines /= 2,
        Action::Say { to, .. } => *to = Whom::Other(1),
        Action::Clog { for_ms, .. } | Action::Stall { for_ms, .. } => *for_ms /= 2,
        Action::Reload { lose, .. } => *lose /= 2,
        Action::CrashAtCommit { commits: n }
        | Action::FailAppends { appends: n, .. }
        | Action::FailReads { reads: n } => *n = (*n / 2).max(1),
        Action::Clock { by_ms, .. } | Action::ServerClock { by_ms } => *by_ms /= 10,
        Action::NewDevice { kind, .. } => *kind = Kind::Engine,
        Action::Trim { keep, .. } => *keep = (*keep / 2).max(1),
        Action::Cut { .. }
        | Action::Online { .. }
        | Action::Abort { .. }
        | Action::Crash
        | Action::Hide { .. }
        | Action::Open { .. }
        | Action::Older { .. }
        | Action::SignOut { .. }
        | Action::Steal { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::Violation;
    use crate::plan::{Faults, Wish};

    /// A fault that is not in the cores: it breaks a promise to kill the server in a run with two
    /// reloads and three lines.
    fn planted(plan: &Plan) -> Option<Box<Failure>> {
        let tally = match play(plan.clone(), 0) {
            Ok(outcome) => outcome.tally,
            Err(failure) => return Some(failure),
        };
        let is_broken = tally.crashes >= 1 && tally.reloads >= 2 && tally.sends >= 3;
        is_broken.then(|| {
            Box::new(Failure {
                violation: Violation::new("INV-00", "planted"),
                story: Vec::new(),
            })
        })
    }

    fn failing() -> Plan {
        let wish = Wish {
            actions: 30,
            faults: Some(Faults {
                cuts: true,
                crashes: true,
                reloads: true,
                slow_disk: true,
                hides: true,
                ..Faults::NONE
            }),
        };
        let mut plans = (0..1_000).map(|seed| Plan::of_seed(seed, wish));
        let fails = |plan: &Plan| planted(plan).is_some_and(|f| f.violation.inv == "INV-00");
        plans.find(fails).expect("one of so many")
    }

    #[test]
    fn what_is_left_of_a_failing_plan_is_what_breaks_the_same_promise() {
        let plan = failing();
        let end = Instant::now() + Duration::from_secs(600);
        let small = shrink_by(planted, plan.clone(), "INV-00", end).unwrap();
        assert!(small.is_done);
        let text = small.plan.to_text().unwrap();
        let again = planted(&Plan::of_text(&text).unwrap()).unwrap();
        assert_eq!(again.violation, small.failure.violation);
        // One kill, two reloads, and three lines that may be of one step.
        assert!(small.plan.steps.len() <= 6, "{text}");
        assert_eq!(
            (small.plan.devices.len(), small.plan.accounts),
            (1, 1),
            "{text}"
        );
        let only = Faults {
            crashes: true,
            reloads: true,
            ..Faults::NONE
        };
        assert_eq!(small.plan.faults, only, "{text}");
        let same = shrink_by(planted, plan, "INV-00", end).unwrap();
        assert_eq!((same.plan, same.plays), (small.plan, small.plays));
    }

    #[test]
    fn nothing_is_made_smaller_that_does_not_fail_or_when_time_is_up() {
        let plan = failing();
        let later = Instant::now() + Duration::from_secs(600);
        assert!(shrink_by(planted, plan.clone(), "INV-99", later).is_none());
        let late = shrink_by(planted, plan.clone(), "INV-00", Instant::now()).unwrap();
        assert_eq!((late.plan, late.is_done), (plan, false));
    }
}
