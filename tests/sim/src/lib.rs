//! The shipped cores under one seeded scheduler: real frames over simulated links, a store in memory
//! that answers late, cuts, reloads and crashes. One seed is one run, event by event.

mod check;
mod device;
mod server;
mod world;

pub use crate::world::{Faults, World};
