//! `cargo xtask sim`: the simulation over a range of seeds.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::home;

/// Runs the seeds of `range`, written `A..B`, in a release build that keeps all checks.
///
/// # Errors
/// When the range cannot be read, or a seed breaks a promise; the run tells which and how.
pub(crate) fn run(range: &str) -> Result<()> {
    let (first, end) = range.split_once("..").context("seeds are written A..B")?;
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "run",
            "--quiet",
            "--profile",
            "sim",
            "--package",
            "sim",
            "--",
        ])
        .args(["seeds", first, end]);
    let status = command
        .current_dir(home::root())
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("a promise was broken");
    }
    Ok(())
}

/// Plays every fault that can be planted; each must be found within 200 seeds.
///
/// # Errors
/// When one is not found.
pub(crate) fn mutants() -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--profile", "sim", "--package", "sim"])
        .args(["--target-dir", "target/mutants", "--", "mutants"])
        .env("RUSTFLAGS", "--cfg mutants")
        .current_dir(home::root())
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("a planted fault was not found");
    }
    Ok(())
}
