//! The two defences of INV-07, each of which must do alone (reliability.md §1).

use std::process::ExitCode;

use anyhow::Result;
use sim::{Plan, Wish};

use crate::with_planted;

/// What makes up each defence against a message that is archived twice, as the faults that lift it. The
/// fence of the old stream stays: without it the counters of a stream mean nothing (SM-16).
const DEFENCES: [(&str, &str, bool); 3] = [
    ("identity off", "repetition-not-looked-up", false),
    (
        "order off",
        "resume-without-waiting,page-before-appends,resend-before-catching-up",
        false,
    ),
    (
        "both off",
        "repetition-not-looked-up,resume-without-waiting,page-before-appends,resend-before-catching-up",
        true,
    ),
];

/// Either defence of INV-07 must do alone, and without both it must fail.
pub(crate) fn all() -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (name, lifted, must_fail) in DEFENCES {
        let played = with_planted(lifted, &["doubles", "0", "1000"])?;
        let fails = !played.status.success();
        let told = String::from_utf8_lossy(&played.stdout);
        let told = told.lines().last().unwrap_or_default();
        let verdict = if fails == must_fail {
            "as it must be"
        } else {
            "WRONG"
        };
        println!("{name}: {told} ({verdict})");
        if fails != must_fail {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// A run that is only counted.
pub(crate) fn counting(seed: u64) -> Plan {
    let mut plan = Plan::of_seed(seed, Wish::default());
    plan.count_only();
    plan
}

/// Plays seeds on disks that take everything, and looks only at what is archived twice or not at all.
pub(crate) fn doubles(first: u64, end: u64) -> Result<ExitCode> {
    let mut failures = 0;
    for seed in first..end {
        if let Err(failure) = sim::play(counting(seed), 0) {
            failures += 1;
            let violation = failure.violation;
            println!("{seed}: {} {}", violation.inv, violation.what);
        }
    }
    println!(
        "{failures} of {} seeds have a double or a loss",
        end - first
    );
    Ok(match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
