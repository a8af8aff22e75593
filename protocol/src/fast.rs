//! Login by token (XEP-0484) with the mechanism HT-SHA-256-NONE, both ends.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::ns;
use crate::scram::ScramHash;
use crate::time::Stamp;
use crate::xml::Element;

/// The one mechanism: browsers tell nothing that a token could be bound to.
pub const MECHANISM: &str = "HT-SHA-256-NONE";

/// A token as a device keeps it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Token {
    /// The secret.
    pub secret: String,
    /// When it stops to work.
    pub expiry: Option<Stamp>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// Reads `<token/>`.
    pub fn from_element(token: &Element) -> Option<Self> {
        let secret = token
            .get_attr("token")
            .filter(|secret| !secret.is_empty())?;
        Some(Self {
            secret: secret.to_owned(),
            expiry: token.get_attr("expiry").and_then(Stamp::parse),
        })
    }

    /// The element.
    pub fn to_element(&self) -> Element {
        Element::new("token", ns::FAST)
            .attr("token", &self.secret)
            .attr_opt("expiry", self.expiry)
    }

    /// What the client says first: who it is, and that it has the token.
    pub fn initial_response(&self, username: &str) -> Vec<u8> {
        let proof = hmac(&self.secret, "Initiator");
        [username.as_bytes(), b"\0", &proof].concat()
    }

    /// Whether the server's last word shows that it knows the token too; tolerates the leading zero
    /// byte that some drafts have (AU-30).
    pub fn is_answered_by(&self, data: &[u8]) -> bool {
        let data = match data {
            [0, rest @ ..] if rest.len() == 32 => rest,
            _ => data,
        };
        hmac(&self.secret, "Responder").ct_eq(data).into()
    }
}

/// What a server keeps of a token: enough to check it and to answer, not enough to log in with.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKeys {
    /// SHA-256 of what the client says; what it says cannot be computed from it.
    pub verifier: [u8; 32],
    /// What the server answers.
    pub answer: [u8; 32],
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKeys(…)")
    }
}

impl TokenKeys {
    /// The keys of a token's secret.
    pub fn of_secret(secret: &str) -> Self {
        let digest = |data: Vec<u8>| <[u8; 32]>::from(Sha256::digest(data));
        Self {
            verifier: digest(hmac(secret, "Initiator")),
            answer: hmac(secret, "Responder").try_into().unwrap_or_default(),
        }
    }

    /// Whether the client's proof is made with the token; takes the same time for every proof.
    pub fn accepts(&self, proof: &[u8]) -> bool {
        Sha256::digest(proof).ct_eq(&self.verifier).into()
    }
}

/// Takes a client's first words apart: who, and the proof.
pub fn parse_initial(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == 0)?;
    let (username, proof) = data.split_at_checked(end)?;
    let username = std::str::from_utf8(username).ok()?;
    Some((username, proof.get(1..)?))
}

/// Writes `<fast/>` of the offer.
pub fn feature() -> Element {
    let mechanism = Element::new("mechanism", ns::FAST).text(MECHANISM);
    Element::new("fast", ns::FAST).child(mechanism)
}

fn hmac(secret: &str, label: &str) -> Vec<u8> {
    ScramHash::Sha256.hmac(secret.as_bytes(), label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &str) -> Token {
        Token {
            secret: secret.into(),
            expiry: None,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // proves: AU-30
    #[test]
    fn both_messages_come_out_as_another_implementation_of_hmac_makes_them() {
        let token = token("a-token");
        let first = token.initial_response("romeo");
        let (username, proof) = parse_initial(&first).unwrap();
        assert_eq!(username, "romeo");
        // openssl dgst -sha256 -hmac a-token
        assert_eq!(hex(proof), INITIATOR);
        let keys = TokenKeys::of_secret("a-token");
        assert_eq!(hex(&keys.answer), RESPONDER);
        assert!(keys.accepts(proof));
        assert!(token.is_answered_by(&keys.answer));
    }

    const INITIATOR: &str = "24befcc07b1c8041f935b6dea4670203754f02eac8206a142bb2c0e2f7d6237a";
    const RESPONDER: &str = "54158313ab20c5d2a63b7d04c1c0516601861126919b41325c09a1f4fceb2e75";

    // proves: AU-30
    #[test]
    fn an_answer_counts_with_and_without_the_zero_and_only_if_it_is_right() {
        let token = token("a-token");
        let answer = TokenKeys::of_secret("a-token").answer.to_vec();
        let other = TokenKeys::of_secret("b-token").answer.to_vec();
        let with_zero = |data: &[u8]| [&[0], data].concat();
        for (data, is_right) in [
            (answer.clone(), true),
            (with_zero(&answer), true),
            (with_zero(&with_zero(&answer)), false),
            (other.clone(), false),
            (with_zero(&other), false),
            (answer[..31].to_vec(), false),
            (Vec::new(), false),
        ] {
            assert_eq!(token.is_answered_by(&data), is_right, "{}", hex(&data));
        }
    }

    // proves: AU-25
    #[test]
    fn nothing_that_a_server_keeps_logs_in() {
        let keys = TokenKeys::of_secret("a-token");
        assert!(!keys.accepts(&keys.verifier));
        assert!(!keys.accepts(&keys.answer));
        assert!(!keys.accepts(b"a-token"));
        assert!(!keys.accepts(b""));
        assert!(!format!("{keys:?} {:?}", token("a-token")).contains("a-token"));
    }

    #[test]
    fn first_words_without_a_name_or_a_zero_are_none() {
        assert_eq!(parse_initial(b"romeo"), None);
        assert_eq!(parse_initial(b"\xff\0proof"), None);
        assert_eq!(parse_initial(b"romeo\0"), Some(("romeo", &b""[..])));
        assert_eq!(parse_initial(b"\0\0"), Some(("", &b"\0"[..])));
    }

    // proves: AU-25
    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token {
            secret: "s".into(),
            expiry: Some(Stamp(1_000)),
        };
        let element = token.to_element();
        assert_eq!(element.get_attr("expiry"), Some("1970-01-01T00:00:01.000Z"));
        assert_eq!(Token::from_element(&element), Some(token));
        assert_eq!(Token::from_element(&Element::new("token", ns::FAST)), None);
    }
}
