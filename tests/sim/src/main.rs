//! Runs seeds: `cargo xtask sim --seeds 0..1000`.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program speaks on standard output"
)]

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sim::{Faults, World};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || {
        arguments
            .next()
            .context("two numbers: the first seed and the one behind the last")
    };
    let (first, end): (u64, u64) = (number()?.parse()?, number()?.parse()?);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    if let Some((seed, error)) = run(first..end, threads) {
        bail!("seed {seed}: {error:#}");
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let seeds = end - first;
    println!(
        "{seeds} seeds without a violation, {:.0} a minute on {threads} threads",
        seeds as f64 / minutes
    );
    Ok(())
}

/// Plays the seeds, each on one thread; gives the lowest one that failed, with what was broken.
fn run(seeds: Range<u64>, threads: usize) -> Option<(u64, anyhow::Error)> {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let Err(error) = World::new(seed).and_then(|w| w.run(120, Faults::ALL)) else {
                        continue;
                    };
                    next.fetch_max(seeds.end, Ordering::Relaxed);
                    if let Ok(mut failed) = failed.lock() {
                        let is_first = failed.as_ref().is_none_or(|(other, _)| seed < *other);
                        if is_first {
                            *failed = Some((seed, error));
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_default()
}
