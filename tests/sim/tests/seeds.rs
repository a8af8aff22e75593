//! Many seeds, every fault.

use sim::{Faults, Wish};

fn run(seeds: std::ops::Range<u64>, faults: Option<Faults>) {
    let actions = 40;
    let played = sim::seeds(seeds, Wish { actions, faults }, 2);
    if let Err(failed) = played {
        panic!("{failed}");
    }
}

// proves: RT-08 S11-40 S11-41 S11-55 INV-04 INV-15
#[test]
fn without_faults_every_device_shows_the_log() {
    run(0..20, Some(Faults::NONE));
}

// proves: RT-08 S11-25 S11-52 S11-53 S11-55 SM-16 SM-17 SM-18 INV-07 INV-15 INV-27
#[test]
fn cuts_lose_nothing_and_double_nothing() {
    let cuts = true;
    run(
        100..150,
        Some(Faults {
            cuts,
            ..Faults::NONE
        }),
    );
}

// proves: S11-20 S11-23 S11-25 S11-30 S11-50 S11-55 SM-11 SM-24 MAM-31 INV-07 INV-08 INV-10 INV-14 INV-15
// proves: INV-16 INV-17 INV-20 INV-21 INV-24 INV-25 INV-27 INV-29 INV-31
#[test]
fn reloads_and_crashes_lose_nothing_and_double_nothing() {
    run(200..300, None);
}
