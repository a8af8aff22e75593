//! Ids under which messages lie in archives (protocol.md §16a, MAM-03).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Text;

/// The longest archive id that is accepted, in bytes (MAM-03).
pub const ARCHIVE_ID_LEN_MAX: usize = 96;
/// The longest message id from which an archive id can be computed, in bytes (S11-10).
pub const COMPUTABLE_LEN_MAX: usize = 64;

/// The id of one entry in one archive: opaque text of `A-Za-z0-9._~-`, at most 96 bytes.
///
/// An id of the owner's own sent message is `prefix.message-id` and holds a `.`; every other id is
/// 22 base64url characters and holds none, so the two can never meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArchiveId(Text);

impl ArchiveId {
    /// The id that an own message gets in its sender's archive, computed alike on both ends (S11-10).
    ///
    /// Gives `None` if `message_id` is not computable: it must match `[A-Za-z0-9._~-]{1,64}`.
    pub fn of_own(prefix: &IdPrefix, message_id: &str) -> Option<Self> {
        is_computable(message_id).then(|| Self(format!("{prefix}.{message_id}").into()))
    }

    /// An id from 128 random or encrypted bits: 22 base64url characters.
    pub fn from_bits(bits: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits).into())
    }

    /// The 128 bits of an id made by [`ArchiveId::from_bits`]; `None` for every other id.
    pub fn to_bits(&self) -> Option<[u8; 16]> {
        if self.0.len() != 22 {
            return None;
        }
        URL_SAFE_NO_PAD
            .decode(self.0.as_bytes())
            .ok()?
            .try_into()
            .ok()
    }

    /// Takes over an id that came from elsewhere; `None` if it has other characters or is too long.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= ARCHIVE_ID_LEN_MAX;
        (fits && text.bytes().all(is_id_byte)).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ArchiveId> for String {
    fn from(id: ArchiveId) -> Self {
        id.0.to_string()
    }
}

impl TryFrom<String> for ArchiveId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an archive id")
    }
}

/// The first half of a session's own archive ids: 22 base64url characters, new with every bind (S11-03).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdPrefix(Text);

impl IdPrefix {
    /// A prefix from 128 random bits.
    pub fn from_bits(bits: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits).into())
    }

    /// Reads a prefix; `None` unless it is exactly 22 base64url characters (S11-21).
    pub fn parse(text: &str) -> Option<Self> {
        let is_base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (text.len() == 22 && text.bytes().all(is_base64url)).then(|| Self(text.into()))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<IdPrefix> for String {
    fn from(prefix: IdPrefix) -> Self {
        prefix.0.to_string()
    }
}

impl TryFrom<String> for IdPrefix {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an id prefix")
    }
}

/// Whether an archive id can be computed from this message id: `[A-Za-z0-9._~-]{1,64}` (protocol.md §16a).
pub fn is_computable(message_id: &str) -> bool {
    let fits = !message_id.is_empty() && message_id.len() <= COMPUTABLE_LEN_MAX;
    fits && message_id.bytes().all(is_id_byte)
}

fn is_id_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: S11-10 S11-12
    #[test]
    fn own_ids_are_prefix_dot_message_id_or_not_computable() {
        let prefix = IdPrefix::from_bits([7; 16]);
        for (message_id, computable) in [
            ("m1", true),
            ("A.b_c~d-9", true),
            (&*"x".repeat(64), true),
            (&*"x".repeat(65), false),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("é", false),
            ("a/b", false),
        ] {
            let id = ArchiveId::of_own(&prefix, message_id);
            assert_eq!(id.is_some(), computable, "{message_id}");
            if let Some(id) = id {
                assert_eq!(id.as_str(), format!("{prefix}.{message_id}"));
                assert_eq!(ArchiveId::parse(id.as_str()), Some(id));
            }
        }
    }

    // proves: MAM-03
    #[test]
    fn ids_of_bits_hold_no_dot_and_give_their_bits_back() {
        for byte in 0..=255 {
            let id = ArchiveId::from_bits([byte; 16]);
            assert!(!id.as_str().contains('.'));
            assert_eq!(id.as_str().len(), 22);
            assert_eq!(id.to_bits(), Some([byte; 16]));
        }
        assert_eq!(ArchiveId::parse("a.b").and_then(|id| id.to_bits()), None);
    }

    // proves: S11-21
    #[test]
    fn prefixes_are_22_base64url_characters() {
        assert!(IdPrefix::parse(&"a".repeat(22)).is_some());
        for text in [
            &*"a".repeat(21),
            &*"a".repeat(23),
            "aaaaaaaaaaaaaaaaaaaaa.",
            "aaaaaaaaaaaaaaaaaaaaa é",
        ] {
            assert_eq!(IdPrefix::parse(text), None, "{text}");
        }
    }
}
