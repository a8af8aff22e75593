//! Many seeds on every core.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::check::{Tally, Violation};
use crate::plan::{Plan, Wish};
use crate::world::{Failure, Outcome, World};

/// A run that broke a promise.
#[derive(Debug)]
pub struct Failed {
    /// The seed, or the number of the plan.
    pub seed: u64,
    /// What it broke.
    pub failure: Box<Failure>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { inv, what } = &self.failure.violation;
        for line in &self.failure.story {
            writeln!(f, "{line}")?;
        }
        write!(f, "{inv} at seed {}: {what}", self.seed)
    }
}

/// What many runs came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// How many runs there were.
    pub seeds: u64,
    /// Their events.
    pub events: u64,
    /// What happened in them.
    pub tally: Tally,
}

impl Summary {
    /// Adds a run without a violation.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.events += outcome.events;
        self.tally.add(&outcome.tally);
    }
}

/// Plays one plan; a panic is a broken promise too (INV-31).
///
/// # Errors
/// The first promise that does not hold.
pub fn play(plan: Plan, keep: usize) -> Result<Outcome, Box<Failure>> {
    let run = AssertUnwindSafe(|| match World::new(plan, keep) {
        Ok(world) => world.run(),
        Err(error) => Err(broken(format!("no world: {error}"))),
    });
    catch_unwind(run).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or(panic.downcast_ref::<&str>().copied());
        Err(broken(format!("panic: {}", words.unwrap_or("?"))))
    })
}

fn broken(what: String) -> Box<Failure> {
    Box::new(Failure {
        violation: Violation::new("INV-31", what),
        story: Vec::new(),
    })
}

/// Plays seeds, each on one of so many threads; every hundredth twice, to see that it is the same run
/// event by event (INV-30).
///
/// # Errors
/// The lowest seed that broke a promise, of those that were played.
pub fn seeds(seeds: Range<u64>, wish: Wish, threads: usize) -> Result<Summary, Failed> {
    let again = 100;
    plans(seeds, again, threads, |seed| Plan::of_seed(seed, wish))
}

/// Plays plans that are known by number, each on one of so many threads, one in `again` twice.
///
/// # Errors
/// The lowest number whose plan broke a promise, of those that were played.
pub fn plans(
    numbers: Range<u64>,
    again: u64,
    threads: usize,
    plan_of: impl Fn(u64) -> Plan + Sync,
) -> Result<Summary, Failed> {
    let next = AtomicU64::new(numbers.start);
    let sum = Mutex::new(Summary::default());
    let failed: Mutex<Option<Failed>> = Mutex::new(None);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            match one(&plan_of(number), number.is_multiple_of(again)) {
                Ok(outcome) => {
                    let Ok(mut sum) = sum.lock() else { return };
                    sum.add(&outcome);
                }
                Err(failure) => {
                    next.fetch_max(numbers.end, Ordering::Relaxed);
                    let Ok(mut failed) = failed.lock() else {
                        return;
                    };
                    if failed.as_ref().is_none_or(|other| number < other.seed) {
                        let seed = number;
                        *failed = Some(Failed { seed, failure });
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    match failed.into_inner().unwrap_or_default() {
        Some(failed) => Err(failed),
        None => Ok(sum.into_inner().unwrap_or_default()),
    }
}

fn one(plan: &Plan, twice: bool) -> Result<Outcome, Box<Failure>> {
    let outcome = play(plan.clone(), 0)?;
    if twice && play(plan.clone(), 0)?.digest != outcome.digest {
        let mut failure = broken("two runs of one seed differ".to_owned());
        failure.violation.inv = "INV-30";
        return Err(failure);
    }
    Ok(outcome)
}
