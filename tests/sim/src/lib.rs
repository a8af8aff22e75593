//! The shipped cores under one seeded scheduler: real frames over simulated links, a store in memory
//! that answers late, cuts, reloads, crashes, ordinary clients beside the engine. One seed is one run,
//! event by event, and every event is checked.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a rule looks at the few kinds of event that it is about"
)]

mod chance;
mod check;
mod device;
mod disk;
mod engine;
mod mutants;
mod ordinary;
mod patterns;
mod plan;
mod record;
mod run;
mod seen;
mod server;
mod shrink;
mod world;

pub use crate::check::{Tally, Violation};
pub use crate::mutants::MUTANTS;
pub use crate::patterns::{Pattern, patterns};
pub use crate::plan::{
    Action, DevicePlan, Faults, Kind, Plan, SmallLimits, Step, When, Whom, Wish,
};
pub use crate::run::{Failed, Summary, plans, play, seeds};
pub use crate::shrink::{Shrunk, shrink};
pub use crate::world::{Failure, Outcome, World};
