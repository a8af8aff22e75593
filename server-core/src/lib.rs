//! What one Balcony server decides: who may connect, where a message goes, what each device gets and
//! when. No sockets, disks, clocks or chance of its own: a driver feeds [`Input`](core::Input)s and
//! carries out [`Output`](core::Output)s, and the simulation runs the very code that ships.

pub mod archive;
pub mod records;
