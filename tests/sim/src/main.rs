//! Plays seeds: `cargo xtask sim --seeds 0..1000`.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program speaks on standard output"
)]

mod defences;
mod report;

use std::fs;
use std::process::{Command, ExitCode, Output};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sim::{Failed, Plan, Summary, Wish};

/// Within how many seeds a planted fault must be found.
const MUTANT_SEEDS: u64 = 200;
/// How much of a single seed's story is told.
const STORY: usize = 100_000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["seeds", first, end] => many(number(first)?, number(end)?),
        ["search", first, end] => search(number(first)?, number(end)?),
        ["survey", first, end] => survey(number(first)?, number(end)?),
        ["seed", seed] => one(&Plan::of_seed(number(seed)?, Wish::default())),
        ["double", seed] => one(&defences::counting(number(seed)?)),
        ["replay", file] => {
            let text = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
            one(&Plan::of_text(&text).with_context(|| format!("reading {file}"))?)
        }
        ["patterns", every] => patterns(number(every)?),
        ["mutants"] => mutants(),
        ["defences"] => defences::all(),
        ["doubles", first, end] => defences::doubles(number(first)?, number(end)?),
        _ => bail!(
            "seeds A B, search A B, survey A B, seed N, replay FILE, patterns EVERY, mutants, \
             defences, doubles A B or double N"
        ),
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text} is no number"))
}

/// Plays seeds until one fails, which is made smaller.
fn many(first: u64, end: u64) -> Result<ExitCode> {
    let threads = threads();
    let started = Instant::now();
    Ok(match sim::seeds(first..end, Wish::default(), threads) {
        Ok(sum) => {
            say(&sum, started, threads);
            ExitCode::SUCCESS
        }
        Err(Failed { seed, failure }) => {
            let plan = Plan::of_seed(seed, Wish::default());
            report::tell(&format!("seed {seed}"), &plan, &failure)?;
            ExitCode::FAILURE
        }
    })
}

/// Plays one of every so many runs that are made on purpose, each kind until one fails.
fn patterns(every: u64) -> Result<ExitCode> {
    let every = every.max(1);
    let mut code = ExitCode::SUCCESS;
    for pattern in sim::patterns() {
        let started = Instant::now();
        let count = pattern.count.div_ceil(every);
        let played = sim::plans(0..count, 1_000, threads(), |n| pattern.plan(n * every));
        println!("{}:", pattern.name);
        match played {
            Ok(sum) => say(&sum, started, threads()),
            Err(Failed { seed, failure }) => {
                let number = seed * every;
                let name = format!("{} {number}", pattern.name);
                report::tell(&name, &pattern.plan(number), &failure)?;
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// Plays seeds until one fails, and leaves it as it is.
fn search(first: u64, end: u64) -> Result<ExitCode> {
    Ok(match sim::seeds(first..end, Wish::default(), threads()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(failed) => {
            println!("{failed}");
            ExitCode::FAILURE
        }
    })
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Plays all seeds and tells in a line each which ones fail.
fn survey(first: u64, end: u64) -> Result<ExitCode> {
    let (mut sum, started) = (Summary::default(), Instant::now());
    for seed in first..end {
        match sim::play(Plan::of_seed(seed, Wish::default()), 0) {
            Ok(outcome) => sum.add(&outcome),
            Err(failure) => {
                let violation = failure.violation;
                println!("{seed}: {} {}", violation.inv, violation.what);
            }
        }
    }
    println!("{} of {} seeds fail", end - first - sum.seeds, end - first);
    say(&sum, started, 1);
    Ok(ExitCode::SUCCESS)
}

/// Plays every planted fault in a process of its own, until a seed finds it.
fn mutants() -> Result<ExitCode> {
    let mut survivors = Vec::new();
    for (name, meaning) in sim::MUTANTS {
        let played = with_planted(name, &["search", "0", &MUTANT_SEEDS.to_string()])?;
        let told = String::from_utf8_lossy(&played.stdout);
        let verdict = told.lines().rfind(|line| line.contains(" at seed "));
        match verdict.filter(|_| !played.status.success()) {
            Some(verdict) => println!("{name}: killed by {verdict}"),
            None => {
                println!("{name}: SURVIVED ({meaning})");
                survivors.push(*name);
            }
        }
    }
    let all = sim::MUTANTS.len();
    println!(
        "{} of {all} planted faults are found",
        all - survivors.len()
    );
    Ok(match survivors.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Runs this program with faults planted, whose names stand with commas between.
fn with_planted(mutants: &str, arguments: &[&str]) -> Result<Output> {
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .env("MUTANT", mutants)
        .output()
        .with_context(|| format!("playing {mutants}"))
}

/// Plays one plan and tells all of its story.
fn one(plan: &Plan) -> Result<ExitCode> {
    Ok(match sim::play(plan.clone(), STORY) {
        Ok(outcome) => {
            println!("{}no violation; {:?}", plan.to_text()?, outcome.tally);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            for line in &failure.story {
                println!("{line}");
            }
            println!("\n{}", plan.to_text()?);
            println!("{}: {}", failure.violation.inv, failure.violation.what);
            ExitCode::FAILURE
        }
    })
}

fn say(sum: &Summary, started: Instant, threads: usize) {
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!(
        "{} runs without a violation, {:.0} a minute on {threads} threads; {} events",
        sum.seeds,
        sum.seeds as f64 / minutes,
        sum.events
    );
    println!("{:?}", sum.tally);
}
