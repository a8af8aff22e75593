//! A share of the runs that are made on purpose; `cargo xtask sim --patterns` plays more.

/// How many of each pattern are played, spread over all of it.
const SHARE: u64 = 60;

// proves: INV-01 INV-07 INV-15 INV-27
#[test]
fn faults_at_chosen_moments_break_nothing() {
    for pattern in sim::patterns() {
        assert!(pattern.count > SHARE, "{} is empty", pattern.name);
        let step = (pattern.count / SHARE) | 1; // odd, to meet both halves
        let played = sim::plans(0..SHARE, SHARE, 2, |n| pattern.plan(n * step));
        if let Err(failed) = played {
            panic!("{}: {failed}", pattern.name);
        }
    }
}
