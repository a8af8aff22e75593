//! What tests of the whole share: the server as a process, a network that fails on demand, devices without a screen.

pub mod bot;
pub mod plain;
pub mod proxy;
pub mod server;
