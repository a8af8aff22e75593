//! What people tell of themselves.

use protocol::BareJid;
use serde::{Deserialize, Serialize};

/// What somebody tells of themselves: a contact, or the account itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub jid: BareJid,
    /// What they call themselves (XEP-0172).
    pub nick: Option<String>,
    /// Their picture (XEP-0084).
    pub picture: Option<Picture>,
    /// Id of the picture that they announced last, while it is not here: it is still to be fetched.
    pub wanted: Option<String>,
}

impl Person {
    /// Somebody who told nothing.
    pub fn new(jid: BareJid) -> Self {
        Self {
            jid,
            nick: None,
            picture: None,
            wanted: None,
        }
    }
}

/// A picture that was checked: a PNG of a size that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The SHA-1 of its bytes in hexadecimal digits.
    pub id: String,
    /// The bytes.
    pub base64: String,
}
