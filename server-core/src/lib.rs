//! What one Balcony server decides: who may connect, where a message goes, what each device gets and
//! when. No sockets, disks, clocks or chance of its own: a driver feeds [`Input`]s and carries out
//! [`Output`]s, and the simulation runs the very code that ships.

pub mod archive;
pub mod core;
mod features;
mod ids;
pub mod io;
pub mod limits;
pub mod opening;
pub mod records;

pub use crate::core::Core;
pub use crate::io::{ConnId, Input, Output, Ticket};
pub use crate::limits::{Limits, ServerConfig};
pub use crate::opening::{Opening, OpeningInput, OpeningOutput};
