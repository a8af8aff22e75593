//! Runs seeds: `cargo xtask sim --seeds 0..1000`.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program speaks on standard output"
)]

use std::time::Instant;

use anyhow::{Context as _, Result};
use sim::{Faults, World};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || {
        arguments
            .next()
            .context("two numbers: the first seed and the one behind the last")
    };
    let (first, end): (u64, u64) = (number()?.parse()?, number()?.parse()?);
    let started = Instant::now();
    for seed in first..end {
        let world = World::new(seed)?;
        world
            .run(120, Faults::ALL)
            .with_context(|| format!("seed {seed}"))?;
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let seeds = end - first;
    println!(
        "{seeds} seeds without a violation, {:.0} a minute",
        seeds as f64 / minutes
    );
    Ok(())
}
