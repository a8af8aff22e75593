//! `cargo xtask sim`: the simulation over a range of seeds.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::home;

/// Runs the seeds of `range`, written `A..B`, in a release build that keeps all checks.
///
/// # Errors
/// When the range cannot be read, or a seed breaks a promise; the run tells which and how.
pub(crate) fn run(range: &str) -> Result<()> {
    let (first, end) = range.split_once("..").context("seeds are written A..B")?;
    play(&["seeds", first, end])
}

/// Plays one seed and tells all of its story.
///
/// # Errors
/// When it breaks a promise.
pub(crate) fn one(seed: u64) -> Result<()> {
    play(&["seed", &seed.to_string()])
}

/// Plays the plan in a file, such as a failing run left, and tells all of its story.
///
/// # Errors
/// When there is no such plan, or it breaks a promise.
pub(crate) fn replay(file: &Path) -> Result<()> {
    let file = fs::canonicalize(file).with_context(|| format!("finding {}", file.display()))?;
    play(&["replay", &file.to_string_lossy()])
}

/// Plays one of every so many runs that are made on purpose; an odd number meets all kinds.
///
/// # Errors
/// When one breaks a promise.
pub(crate) fn patterns(every: u64) -> Result<()> {
    play(&["patterns", &every.to_string()])
}

fn play(arguments: &[&str]) -> Result<()> {
    let mut simulation = simulation();
    simulation.arg("--").args(arguments);
    if !simulation.status().context("starting cargo")?.success() {
        bail!("a promise was broken");
    }
    Ok(())
}

fn simulation() -> Command {
    let mut command = home::cargo();
    command.args(["run", "--quiet", "--profile", "sim", "--package", "sim"]);
    command
}

/// Plays every fault that can be planted; each must be found within 200 seeds.
///
/// # Errors
/// When one is not found.
pub(crate) fn mutants() -> Result<()> {
    for what in ["mutants", "defences"] {
        let mut simulation = simulation();
        simulation
            .args(["--target-dir", "target/mutants", "--", what])
            .env("RUSTFLAGS", "--cfg mutants");
        if !simulation.status().context("starting cargo")?.success() {
            bail!("a planted fault was not found");
        }
    }
    Ok(())
}
