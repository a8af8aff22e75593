//! Many seeds, every fault.

use anyhow::{Context as _, Result};
use sim::{Faults, World};

fn run(seeds: std::ops::Range<u64>, faults: Faults) -> Result<()> {
    for seed in seeds {
        let run = World::new(seed).and_then(|world| world.run(60, faults));
        run.with_context(|| format!("seed {seed} with {faults:?}"))?;
    }
    Ok(())
}

// proves: S11-40 S11-41 S11-55 INV-04 INV-15
#[test]
fn without_faults_every_device_shows_the_log() -> Result<()> {
    run(0..20, Faults::NONE)
}

// proves: S11-25 S11-52 S11-53 S11-55 SM-16 SM-17 SM-18 INV-07 INV-15 INV-27
#[test]
fn cuts_lose_nothing_and_double_nothing() -> Result<()> {
    run(100..150, Faults::CUTS)
}

// proves: S11-20 S11-23 S11-25 S11-30 S11-50 S11-55 SM-11 SM-24 MAM-31 INV-07 INV-14 INV-15 INV-17 INV-27
#[test]
fn reloads_and_crashes_lose_nothing_and_double_nothing() -> Result<()> {
    run(200..300, Faults::ALL)
}
