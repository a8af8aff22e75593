//! What one device decides: when to connect, what is waiting, what is known, what the screen may show.
//!
//! No sockets, disks, clocks or chance of its own: a driver feeds [`Input`]s to the [`Engine`] and
//! carries out its [`Output`]s. The browser, the test bots and the simulation run this same code.

mod catch_up;
pub mod engine;
mod failure;
mod gather;
pub mod history;
mod ids;
mod inbound;
pub mod io;
mod link;
mod login;
mod reduce;
mod stream;
pub mod text;
pub mod view;

pub use crate::engine::{Config, Engine};
pub use crate::failure::Failure;
pub use crate::history::{
    Batch, Chat, Contact, Device, MemoryHistory, OutboxItem, Person, Picture, Place, Restored, Row,
    RowQuery, Wanted,
};
pub use crate::io::{Input, Intent, Output};
pub use crate::view::{
    Change, ChatSummary, Connection, Line, Mark, People, SignIn, Timeline, Told, Trouble, View,
};
