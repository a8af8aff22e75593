//! What a store keeps of the tokens with which devices log in (AU-25..29).

use protocol::BareJid;
use protocol::fast::TokenKeys;
use protocol::time::Stamp;
use sha2::{Digest as _, Sha256};

use crate::records::KeyEpoch;

/// A device of an account: SHA-256 of the user-agent id that only it and the server know (AU-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub [u8; 32]);

impl DeviceId {
    /// The device that calls itself so.
    pub fn of_agent(agent: &str) -> Self {
        Self(Sha256::digest(agent).into())
    }
}

/// One token of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// With what it is checked.
    pub keys: TokenKeys,
    /// When it was made.
    pub made: Stamp,
    /// When it stops to work.
    pub expires: Stamp,
    /// Whether the device has logged in with it: only then its older ones are gone (AU-26).
    pub used: bool,
}

/// What a login by token is checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceTokens {
    /// The device's tokens, expired ones too: the one in use and perhaps the next one.
    pub tokens: Vec<StoredToken>,
    /// Of which epoch they are.
    pub epoch: KeyEpoch,
    /// Whether login is refused for the time being (AU-10).
    pub disabled: bool,
}

/// What a login does to the tokens of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// Who logged in.
    pub account: BareJid,
    /// On which device.
    pub device: DeviceId,
    /// With what; if it does not hold any more, nothing is changed.
    pub proof: Proof,
    /// Whether all tokens of the device die (AU-28).
    pub invalidate: bool,
    /// The next token; takes the place of one that was never used.
    pub issue: Option<StoredToken>,
}

/// What a login was made with.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// The password with this StoredKey.
    Password(Vec<u8>),
    /// The token with this verifier.
    Token([u8; 32]),
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}
