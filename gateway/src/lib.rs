//! The Balcony server program: moves bytes between sockets, `server-core` and `store`, and decides
//! nothing about stanzas itself.
//!
//! [`Gateway::start`] runs a whole server inside a process, which is what tests do; [`cli`] is the
//! program that people start.

#[cfg(mutants)]
compile_error!("a server with planted faults is for nobody");

mod accept;
mod app;
mod appender;
mod changer;
pub mod cli;
mod clock;
mod config;
mod data_dir;
mod demo;
mod gateway;
mod hasher;
mod http;
mod invite;
mod keeper;
mod lab;
mod metrics;
mod peers;
mod random;
mod reader;
mod revoked;
mod shard;
mod ws;

pub use crate::config::{Config, ConfigError, Limits, Retention};
pub use crate::demo::DemoAccount;
pub use crate::gateway::{Gateway, StartError};
