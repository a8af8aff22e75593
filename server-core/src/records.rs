//! What the store keeps of an account beside its log.

use protocol::roster::Item;
use protocol::scram::StoredKeys;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Text};
use thiserror::Error;

use crate::nodes::{Node, NodeChange};
use crate::tokens::{DeviceId, TokenUse};

/// What is known of an account when its first session binds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRecord {
    /// Position of the newest entry of its log; 0 if it is empty.
    pub head: u64,
    /// Its newest entry at that moment, if it has any.
    pub newest: Option<(ArchiveId, Stamp)>,
    /// Whether entries are flagged to wait for an ordinary client.
    pub has_spool: bool,
    /// Its contacts, removed ones too.
    pub contacts: Vec<Contact>,
    /// The newest roster version; 0 for a roster that never changed.
    pub roster_ver: u64,
    /// Its nodes, by name.
    pub nodes: Vec<Node>,
}

/// One contact and what waits with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// As the roster shows it.
    pub item: Item,
    /// Whether the roster shows it at all; false for removed contacts and for mere requests.
    pub listed: bool,
    /// The contact's subscription request as it came, until it is answered (RO-10).
    pub request: Option<Text>,
    /// The roster version that brought its last change (RO-06).
    pub ver: u64,
}

/// The keys of a login, if there is such an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// One per hash function.
    pub keys: Vec<StoredKeys>,
    /// Whether login is refused for the time being (AU-10).
    pub disabled: bool,
}

/// A change of an account that must be durable before it is told (RO-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes a contact, and its version as the roster's newest.
    Contact {
        /// Whose roster.
        account: BareJid,
        /// The whole contact.
        contact: Contact,
    },
    /// Changes a node.
    Node {
        /// Whose.
        account: BareJid,
        /// Its name.
        node: String,
        /// What becomes of it.
        change: NodeChange,
    },
    /// Makes an account (RG-03); consumes the token in the same transaction.
    Register {
        /// The new account.
        account: BareJid,
        /// Its keys.
        keys: Vec<StoredKeys>,
        /// SHA-256 of the token that allows it; absent where registration is open.
        token: Option<[u8; 32]>,
    },
    /// Replaces the keys of an account; its tokens are gone with the old ones (AU-29).
    SetKeys {
        /// The account.
        account: BareJid,
        /// Its new keys.
        keys: Vec<StoredKeys>,
    },
    /// Flags entries to wait for an ordinary client; positions that hold none are passed over.
    Spool {
        /// Whose log.
        account: BareJid,
        /// Positions from first to last.
        spans: Vec<(u64, u64)>,
    },
    /// Takes the flags from entries.
    Unspool {
        /// Whose log.
        account: BareJid,
        /// The first position.
        first: u64,
        /// The last position.
        last: u64,
    },
    /// Removes an account with all that belongs to it.
    Delete {
        /// The account.
        account: BareJid,
    },
    /// A login concerns the tokens of its device (AU-25..28).
    UseToken(Box<TokenUse>),
    /// Makes tokens worthless (AU-29).
    RevokeTokens {
        /// Whose.
        account: BareJid,
        /// Of which device; of all of them if absent.
        device: Option<DeviceId>,
    },
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// The account exists.
    #[error("the account exists already")]
    Exists,
    /// The account does not exist.
    #[error("there is no such account")]
    NoAccount,
    /// The token is unknown, used up or expired; or what a login was made with does not hold any more.
    #[error("the token does not allow it")]
    Token,
    /// None of the items is there.
    #[error("there is no such item")]
    NoItem,
    /// The node or the account may not hold so much (LIM-20).
    #[error("there is no room for it")]
    Full,
    /// The store failed; it has logged why.
    #[error("store unavailable")]
    Storage,
}

/// A token that lets somebody make an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// SHA-256 of the token; the token itself is never stored.
    pub token: [u8; 32],
    /// Not valid after this.
    pub expires: Stamp,
    /// The only local part that it makes, if it is reserved.
    pub reserved: Option<String>,
    /// Who invited: the new account and this one become contacts (RG-08).
    pub inviter: Option<BareJid>,
    /// Whether it is the set-up link, which dies with the first account (SEC-52).
    pub setup: bool,
}
