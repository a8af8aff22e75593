//! Chance: one generator per subject, so that fewer choices about one shift none about another.

use std::ops::Range;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The generators of one run.
pub(crate) struct Chance {
    seed: u64,
    pub(crate) network: Dice,
    pub(crate) disk: Dice,
    pub(crate) tabs: Dice,
    pub(crate) order: Dice,
}

/// One generator.
pub(crate) struct Dice(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = |subject: u64| Dice(ChaCha8Rng::seed_from_u64(mix(seed, subject, 0)));
        Self {
            seed,
            network: dice(1),
            disk: dice(2),
            tabs: dice(3),
            order: dice(4),
        }
    }

    /// 32 bytes for the so-manieth life of a thing.
    pub(crate) fn seed(&self, thing: u64, life: u64) -> [u8; 32] {
        let mut bytes = [0; 32];
        ChaCha8Rng::seed_from_u64(mix(self.seed, 16 + thing, life)).fill_bytes(&mut bytes);
        bytes
    }
}

impl Dice {
    pub(crate) fn range(&mut self, range: Range<u64>) -> u64 {
        self.0.random_range(range)
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.0.random_bool(share)
    }

    pub(crate) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }
}

fn mix(seed: u64, subject: u64, life: u64) -> u64 {
    let spread = |n: u64| n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread(seed) ^ spread(subject).rotate_left(21) ^ spread(life).rotate_left(42)
}
