//! Faults that are planted on purpose, to see whether the simulation finds them.
//!
//! Only a build with `--cfg mutants` can have one, and the server refuses to be built so. Each is one line where
//! it lies; `tests/sim/src/mutants.rs` lists them.

/// Whether this fault is planted: always `false` but in a build with `--cfg mutants`, where the
/// environment variable `MUTANT` names one, or several with commas between.
#[cfg(not(mutants))]
#[inline(always)]
pub const fn mutant(_name: &str) -> bool {
    false
}

/// Whether this fault is planted.
#[cfg(mutants)]
pub fn mutant(name: &str) -> bool {
    static PLANTED: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").ok());
    let mut planted = PLANTED.iter().flat_map(|names| names.split(','));
    planted.any(|planted| planted == name)
}
