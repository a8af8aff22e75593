//! What the store keeps of an account beside its log.

use protocol::blocking::Blocklist;
use protocol::jid::{Jid, ResourcePart};
use protocol::roster::Item;
use protocol::scram::StoredKeys;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, IdPrefix, Text};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::nodes::{Node, NodeChange};
use crate::tokens::{DeviceId, StoredToken, TokenUse};

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
    /// Of whom it wants to hear nothing.
    pub blocked: Blocklist,
    /// Its nodes, by name.
    pub nodes: Vec<Node>,
    /// Sessions of former processes, and those that ended not long ago.
    pub sessions: Vec<SessionRecord>,
}

/// How many ended sessions of an account are remembered (SM-23).
pub const ENDED_SESSIONS_MAX: usize = 16;
/// For how many milliseconds an ended session is remembered (SM-23).
pub const ENDED_SESSION_KEPT_MS: i64 = 86_400_000;

/// What is durable of a session that can be resumed (S11-60).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Tells it from the account's other sessions.
    pub key: SessionKey,
    /// The resource that it bound.
    pub resource: ResourcePart,
    /// First half of its own archive ids. Sessions that have none are not restored (S11-65).
    pub prefix: Option<IdPrefix>,
    /// The device whose session it is, where it said so (BI-07).
    pub device: Option<DeviceId>,
    /// How many stanzas of the client are handled, not modulo anything, so that it never falls.
    pub handled: u64,
    /// For how many seconds it is kept once its connection is lost.
    pub max_s: u32,
    /// Whether it can still be resumed.
    pub life: SessionLife,
}

/// SHA-256 of an SM-ID; the SM-ID itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub [u8; 32]);

impl SessionKey {
    /// The key of an SM-ID.
    pub fn of(sm_id: &str) -> Self {
        Self(Sha256::digest(sm_id).into())
    }
}

/// How long a session can be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLife {
    /// A connection carries it, or did when its process ended.
    Attached,
    /// It waits for its client until then.
    Detached(Stamp),
    /// It ended then; only its count is still told.
    Ended(Stamp),
}

impl SessionLife {
    /// When it ended or will end, if that is known.
    pub fn end(self) -> Option<Stamp> {
        match self {
            Self::Attached => None,
            Self::Detached(end) | Self::Ended(end) => Some(end),
        }
    }
}

impl SessionRecord {
    /// Whether it can be resumed at `now`.
    pub fn is_alive(&self, now: Stamp) -> bool {
        match self.life {
            SessionLife::Attached => true,
            SessionLife::Detached(end) => now < end,
            SessionLife::Ended(_) => false,
        }
    }

    /// Whether nothing of it is told any more at `now`.
    pub fn is_forgotten(&self, now: Stamp) -> bool {
        let end = self.life.end();
        end.is_some_and(|end| end.0.saturating_add(ENDED_SESSION_KEPT_MS) < now.0)
    }

    /// Lets it wait for its client as long as it may: its process has ended.
    pub fn detach(&mut self, now: Stamp) {
        if self.life == SessionLife::Attached {
            let kept_ms = i64::from(self.max_s) * 1_000;
            self.life = SessionLife::Detached(Stamp(now.0.saturating_add(kept_ms)));
        }
    }
}

/// Leaves of an account's sessions what is to be remembered at `now`: all that can be resumed, and the
/// latest of the others (SM-23).
pub fn trim_sessions(sessions: &mut Vec<SessionRecord>, now: Stamp) {
    sessions.retain(|session| !session.is_forgotten(now));
    let ended = sessions.iter().filter(|session| !session.is_alive(now));
    let mut ends: Vec<_> = ended.map(|s| (s.life.end(), s.key)).collect();
    ends.sort_unstable();
    let surplus = ends.len().saturating_sub(ENDED_SESSIONS_MAX);
    ends.truncate(surplus);
    sessions.retain(|session| !ends.iter().any(|(_, key)| *key == session.key));
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
    /// Of which epoch they are.
    pub epoch: KeyEpoch,
    /// Whether login is refused for the time being (AU-10).
    pub disabled: bool,
}

/// Is another one after each change of an account's password or revocation of its tokens, and for
/// whoever has the same name later. A login holds as long as the epoch is the one in which the keys were
/// read that it was checked against (AU-29).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyEpoch(pub i64);

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
    /// Blocks addresses (BL-01).
    Block {
        /// Who blocks.
        account: BareJid,
        /// Whom, besides those blocked already.
        jids: Vec<Jid>,
        /// How many may be blocked in all.
        max: usize,
    },
    /// Blocks addresses no longer.
    Unblock {
        /// Who blocked them.
        account: BareJid,
        /// Whom.
        jids: Vec<Jid>,
    },
    /// Blocks nobody any longer.
    UnblockAll {
        /// Who blocked somebody.
        account: BareJid,
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
    /// Keeps an invitation of an account (RG-06).
    Invite {
        /// What is kept; it names its inviter.
        invite: Invite,
        /// How many an account may have that can still be used (LIM-16).
        max: usize,
    },
    /// Writes a contact who asks with an invitation of the account, and uses the invitation up in the
    /// same transaction (RG-09).
    Accept {
        /// Whose roster, and whose invitation.
        account: BareJid,
        /// The whole contact.
        contact: Contact,
        /// SHA-256 of the invitation's token.
        token: [u8; 32],
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
    /// Writes the record of a session. Its count never falls: a record may come late. Of those that
    /// ended, the surplus is forgotten ([`trim_sessions`]).
    Session {
        /// Whose session.
        account: BareJid,
        /// The whole record.
        record: SessionRecord,
    },
    /// Removes an account with all that belongs to it.
    Delete {
        /// The account.
        account: BareJid,
    },
    /// A login concerns the tokens of its device (AU-25..28).
    UseToken(Box<TokenUse>),
    /// Keeps a link by which one more device of an account signs in, once. Of more than
    /// [`LINKS_MAX`](crate::tokens::LINKS_MAX) the oldest is forgotten.
    LinkDevice {
        /// Whose.
        account: BareJid,
        /// What the new device proves that it has.
        link: StoredToken,
    },
    /// Calls a device something else.
    NameDevice {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
        /// Its name.
        name: String,
    },
    /// Makes tokens worthless, and all links to further devices (AU-29).
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
    /// The node, the blocklist or the account may not hold so much (LIM-20).
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
