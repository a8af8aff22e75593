//! What tests of the whole share: the server as a process, a network that fails on demand.

pub mod proxy;
pub mod server;
