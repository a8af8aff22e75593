//! What a round does: every choice from its seed.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

/// What befalls the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and once more while it starts again.
    KillStarting(Duration),
    /// SIGKILL, and once more while the devices come back.
    KillReconnecting(Duration),
    /// SIGSTOP for a while, then SIGKILL soon after it woke up.
    Freeze(Duration),
    /// SIGTERM: an orderly end.
    Terminate,
}

/// One round.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Lines of each device.
    pub(crate) lines: u32,
    /// Longest pause between two lines of a device.
    pub(crate) pause_ms: u64,
    /// Lines of a device that may wait to be archived.
    pub(crate) window: usize,
    /// The blow comes after so many acks of this round …
    pub(crate) after_acks: u64,
    /// … and so long.
    pub(crate) delay: Duration,
    pub(crate) blow: Blow,
}

impl Plan {
    /// Draws a round for so many devices with about so many lines each.
    pub(crate) fn draw(rng: &mut ChaCha12Rng, devices: usize, lines: u32) -> Self {
        let lines = rng.random_range(lines / 2..=lines + lines / 2).max(2);
        let all = u64::from(lines) * devices as u64;
        let blow = match rng.random_range(0..20) {
            0..=11 => Blow::Kill,
            12..=13 => Blow::KillStarting(millis(rng, 0..80)),
            14..=16 => Blow::KillReconnecting(millis(rng, 0..400)),
            17..=18 => Blow::Freeze(millis(rng, 1_000..5_000)),
            _ => Blow::Terminate,
        };
        Self {
            lines,
            pause_ms: rng.random_range(5..120),
            window: rng.random_range(1..24),
            after_acks: rng.random_range(1..=all * 7 / 10),
            delay: millis(rng, 20..400),
            blow,
        }
    }
}

/// A source of choices of its own for each subject, so that one does not shift the others.
pub(crate) fn choices(seed: u64, subject: u64) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(subject);
    rng
}

/// A duration below the range's end.
pub(crate) fn millis(rng: &mut ChaCha12Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_and_all_blows_occur() {
        let plan = |seed| format!("{:?}", Plan::draw(&mut choices(seed, 0), 20, 30));
        assert_eq!(plan(7), plan(7));
        for blow in [
            "Kill,",
            "KillStarting",
            "KillReconnecting",
            "Freeze",
            "Terminate",
        ] {
            assert!(
                (0..200).any(|seed| plan(seed).replace(" }", ",").contains(blow)),
                "{blow}"
            );
        }
    }
}
