//! One device against a small hand-written server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails"
)]

mod blocking;
mod catching_up;
mod contacts;
mod crash;
mod fallback;
mod forged;
mod gaps;
mod inviting;
mod login;
mod one_exchange;
mod people;
mod pulse;
mod reading;
mod receipts;
mod resuming;
mod saying;
mod screen;
mod sending;
mod server;
mod times;
mod typing;
mod vectors;
mod world;
