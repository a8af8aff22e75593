//! Addresses (CO-09..11).
//!
//! A server prepares whatever anybody writes: with the feature `prep` these are the `jid` crate's types
//! under our names. A client gets from its server nothing but prepared addresses, and leaves it to the
//! server to prepare what is typed; without the feature these are types of our own that take an address
//! apart alike, and know nothing of Unicode's tables, which weigh more than the rest of a compiled
//! client's data.

#[cfg(any(test, not(feature = "prep")))]
#[cfg_attr(
    feature = "prep",
    allow(
        dead_code,
        unreachable_pub,
        reason = "compared with the other types, and not used"
    )
)]
mod prepared;

#[cfg(feature = "prep")]
pub use ::jid::{BareJid, Error as JidError, FullJid, Jid, ResourcePart, ResourceRef};

#[cfg(not(feature = "prep"))]
pub use self::prepared::{BareJid, FullJid, Jid, JidError};
