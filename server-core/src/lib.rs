//! What one Balcony server decides: who may connect, where a message goes, what each device gets and
//! when. No sockets, disks, clocks or chance of its own: a driver feeds [`Input`]s and carries out
//! [`Output`]s, and the simulation runs the very code that ships.

mod accept;
mod account;
mod advances;
pub mod archive;
mod beside;
mod binding;
mod conn;
mod copies;
pub mod core;
mod dormant;
mod envelope;
mod features;
mod hold;
mod ids;
mod inline;
pub mod io;
mod iq;
pub mod limits;
mod loading;
mod message;
pub mod nodes;
pub mod opening;
mod parcel;
mod pending;
mod pep;
mod presence;
pub mod records;
mod requests;
mod resume;
mod roster;
mod session;
mod spool;
mod strip;
mod subscription;
mod tail;
mod timers;
pub mod tokens;
mod walk;

pub use crate::core::Core;
pub use crate::inline::Inline;
pub use crate::io::{ConnId, Identity, Input, Output, Ticket};
pub use crate::limits::{Limits, ServerConfig};
pub use crate::opening::{Opening, OpeningInput, OpeningOutput};
