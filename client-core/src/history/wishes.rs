//! What the person wants of the roster.

use protocol::BareJid;
use serde::{Deserialize, Serialize};

/// Something that the person wants of a contact; kept until the server has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Order of wishing; unique, also among outbox items.
    pub seq: u64,
    /// The contact.
    pub jid: BareJid,
    /// What is wanted.
    pub wanting: Wanting,
}

/// What is wanted of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanting {
    /// To ask a person to become one.
    Add,
    /// To accept somebody's request and ask back.
    Accept,
    /// To refuse somebody's request.
    Refuse,
    /// To have it no more.
    Remove,
    /// To call it so, or by no name of its own.
    Rename(Option<String>),
    /// To hear nothing of it any more (XEP-0191).
    Block,
    /// To hear of it again.
    Unblock,
}
