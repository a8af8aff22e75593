//! Rounds on real processes: `cargo xtask crash --rounds 200`.
//!
//! Devices of three pairs of people talk through a network that is cut, stalled and half closed; the server is killed
//! and started again on its data; and when all has come to rest, three readers are held against each other: the
//! archives as an ordinary client reads them, the rows of the database as a query of our own reads them, and the
//! history of every device. The order of events is the machine's, so a seed repeats what is done to whom and when,
//! but not every outcome.
#![allow(
    clippy::print_stdout,
    reason = "what is played tells of itself as it goes on"
)]

mod check;
mod ledger;
mod ordinary;
mod plan;
mod records;
mod report;
mod round;
mod trace;
mod victim;
mod world;

use std::{ops::Range, path::PathBuf};

use anyhow::Result;

use crate::{
    check::Finding,
    plan::{Plan, choices},
    world::World,
};
pub use crate::{
    report::Report,
    trace::{Traced, trace},
};

/// Findings that are told in full; of the others there is only the number.
const TOLD_MAX: usize = 20;

/// What is played.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many rounds.
    pub rounds: u64,
    /// The first round's seed; the next round has the next number.
    pub seed: u64,
    /// Rounds that share a database.
    pub per_database: u64,
    /// Lines of a device in a round, about.
    pub lines: u32,
    /// The server's program; without one, what `BALCONY_BIN` names or a development build leaves.
    pub program: Option<PathBuf>,
}

/// Plays all rounds, up to the first that breaks a promise.
///
/// # Errors
/// When the server does not come back, its database is not whole, or a reader cannot read.
pub async fn run(settings: &Settings) -> Result<Report> {
    let mut report = Report {
        seed: settings.seed,
        ..Report::default()
    };
    let end = settings.seed + settings.rounds;
    let mut seed = settings.seed;
    while report.is_good() && seed < end {
        let last = end.min(seed + settings.per_database.max(1));
        database(settings, seed..last, &mut report).await?;
        seed = last;
    }
    Ok(report)
}

/// Plays the rounds of one database.
async fn database(settings: &Settings, seeds: Range<u64>, report: &mut Report) -> Result<()> {
    let (first, last) = (seeds.start, seeds.end - 1);
    let mut world = World::start(settings.program.as_deref(), first).await?;
    for seed in seeds {
        let plan = Plan::draw(&mut choices(seed, 0), world.devices.len(), settings.lines);
        let played = round::play(&mut world, seed, &plan, seed == last).await;
        let again = format!("--seed {first} --rounds {}", seed - first + 1);
        let (tally, found) = match played {
            Ok(played) => played,
            Err(error) => {
                let folder = world.keep()?;
                let told = format!("round of seed {seed} ({again}); kept {}", folder.display());
                return Err(error.context(told));
            }
        };
        report.add_round(&tally, &found);
        println!(
            "seed {seed}: {:.1} s (talk {:.1}, rest {:.1}), {} cuts, {:?} after {} acks, {} lines so far: {}",
            tally.seconds,
            tally.talk_seconds,
            tally.rest_seconds,
            tally.cuts,
            plan.blow,
            plan.after_acks,
            world.lines().0,
            if found.is_empty() { "good" } else { "BROKEN" }
        );
        if !found.is_empty() {
            tell(&mut world, &found)?;
            println!("again, though not with the same timing: cargo xtask crash {again}");
            break;
        }
    }
    report.add_database(world.counts(), world.lines());
    Ok(())
}

fn tell(world: &mut World, found: &[Finding]) -> Result<()> {
    let mut told = None;
    for finding in found.iter().take(TOLD_MAX) {
        println!("{:?}: {}", finding.kind, finding.what);
        told = told.or(finding.message_id.as_deref());
    }
    println!("{} findings in all", found.len());
    if let Some(message_id) = told {
        println!("the story of {message_id}:\n{}", world.story(message_id));
    }
    let folder = world.keep()?;
    println!("kept: {}", folder.display());
    Ok(())
}
