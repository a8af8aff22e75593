//! `cargo xtask test`: every check and test, one stage after the other, and one line at the end.

mod process;
mod stages;
mod tally;
mod tools;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub(crate) use tools::chromedriver;

use process::{End, Watched};
use stages::{Kind, STAGES, Stage};
use tally::Tally;

/// How long all stages together may take.
const ALL_MAX: Duration = Duration::from_secs(45 * 60);

/// What came of one stage.
struct Report {
    name: &'static str,
    outcome: &'static str,
    took: Duration,
    tally: Tally,
}

/// Runs all stages, or those whose name contains one of `only`, and prints the sum on the last line.
///
/// # Errors
/// When anything failed.
pub(crate) fn run(only: &[String]) -> Result<()> {
    process::end_children_with_us()?;
    let end = Instant::now() + ALL_MAX;
    let wanted = |stage: &&Stage| {
        only.is_empty() || only.iter().any(|word| stage.name.contains(word.as_str()))
    };
    let reports: Vec<Report> = STAGES
        .iter()
        .filter(wanted)
        .map(|stage| run_stage(stage, end))
        .collect();
    println!("\n== all stages");
    for Report {
        name,
        outcome,
        took,
        tally,
    } in &reports
    {
        println!("{:>6.1} s  {name}: {outcome}, {tally}", took.as_secs_f32());
    }
    let sum: Tally = reports.iter().map(|report| report.tally).sum();
    println!("{sum}");
    if sum.failed > 0 {
        // The line above is the last word: no error report follows it.
        std::process::exit(1);
    }
    if reports.is_empty() {
        bail!("no stage of that name");
    }
    Ok(())
}

fn run_stage(stage: &Stage, end: Instant) -> Report {
    println!("\n== {}", stage.name);
    let start = Instant::now();
    let deadline = end.min(start + Duration::from_secs(stage.minutes * 60));
    let (outcome, tally) = match perform(stage, deadline) {
        Ok((outcome, tally)) => (outcome, tally),
        Err(error) => {
            eprintln!("{error:#}");
            ("failed", Tally::FAILURE)
        }
    };
    let took = start.elapsed();
    println!(
        "== {}: {outcome} after {:.1} s",
        stage.name,
        took.as_secs_f32()
    );
    Report {
        name: stage.name,
        outcome,
        took,
        tally,
    }
}

fn perform(stage: &Stage, deadline: Instant) -> Result<(&'static str, Tally)> {
    let commands = (stage.commands)()?;
    if commands.is_empty() {
        return Ok(("nothing to do", Tally::default()));
    }
    let mut tally = Tally::default();
    for mut command in commands {
        // An error says what it means; traces are for panics.
        command.env("RUST_LIB_BACKTRACE", "0");
        match Watched::spawn(command)?.follow(deadline, |line| tally.read(line))? {
            End::Success => {}
            End::Failure => return Ok(("failed", stage.kind.failed(tally))),
            End::Deadline => return Ok(("stopped at its deadline", stage.kind.failed(tally))),
        }
    }
    Ok(match (stage.kind, tally) {
        (Kind::Check, _) => ("passed", Tally::SUCCESS),
        (
            Kind::Tests,
            Tally {
                passed: 0,
                failed: 0,
                skipped: _,
            },
        ) => ("failed: no test ran", Tally::FAILURE),
        (Kind::Tests, Tally { failed: 0, .. }) => ("passed", tally),
        (Kind::Tests, _) => ("failed", tally),
    })
}
