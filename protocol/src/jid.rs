//! Addresses: the `jid` crate's types under our names (CO-09..11).
//!
//! Both halves of Balcony prepare and compare addresses with this one parser.

pub use ::jid::{BareJid, Error as JidError, FullJid, Jid, ResourcePart, ResourceRef};
