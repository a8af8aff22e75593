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

/// Links to one more device that an account may have open; the oldest go (SEC-32).
pub const LINKS_MAX: usize = 5;
/// Bytes of a device's name at most.
pub const DEVICE_NAME_BYTES: usize = 64;

/// What a device may be called: one short line; `None` if nothing is left of it.
pub fn device_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars().filter(|c| !c.is_control()) {
        if name.len() + c.len_utf8() > DEVICE_NAME_BYTES {
            break;
        }
        name.push(c);
    }
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// What is known of a device that has tokens (SEC-67).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Which one.
    pub device: DeviceId,
    /// What it calls itself, or what somebody called it.
    pub name: Option<String>,
    /// When it got its first token.
    pub first: Stamp,
    /// When it last got a token, or a session of it was written.
    pub last: Stamp,
    /// When the last of its tokens stops to work.
    pub expires: Stamp,
}

/// What a login by token is checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceTokens {
    /// The device's tokens, expired ones too: the one in use and perhaps the next one.
    pub tokens: Vec<StoredToken>,
    /// What the account gave out for a device that it does not know yet, expired ones too.
    pub links: Vec<StoredToken>,
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
    /// What the device calls itself; counts when it is new.
    pub name: Option<String>,
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
    /// The link with this verifier, which is used up.
    Link([u8; 32]),
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Token(_) => "Token(…)",
            Self::Link(_) => "Link(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: SEC-67
    #[test]
    fn a_name_is_one_short_line() {
        for (text, name) in [
            ("Phone", Some("Phone")),
            ("  Ro\nmeo's\u{7} phone ", Some("Romeo's phone")),
            ("", None),
            (" \t\n", None),
        ] {
            assert_eq!(device_name(text).as_deref(), name, "{text:?}");
        }
        let long = device_name(&"ü".repeat(100)).unwrap_or_default();
        assert_eq!(long, "ü".repeat(32));
    }
}
