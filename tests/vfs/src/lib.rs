//! A disk under SQLite that loses power, fills up and fails to flush when it is told to.
//!
//! [`Disk::install`] puts it under every SQLite connection of the process that is opened afterwards.
//! What is written goes to the real files, so that SQLite reads what it wrote; beside them the disk
//! remembers what a power cut would leave: each file as it was flushed last, and, of what was written
//! since, whatever chance lets through, torn or whole.

mod disk;
mod methods;

pub use crate::disk::{Disk, Faults};
