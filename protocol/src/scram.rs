//! SCRAM (RFC 5802, RFC 7677) with the downgrade protection of XEP-0474, both ends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// How often a fresh password is hashed (AU-05).
pub const ITERATIONS: u32 = 10_000;
/// What a client accepts (AU-05, SEC-27).
pub const ITERATIONS_ACCEPTED: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

/// The hash functions that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScramHash {
    /// SCRAM-SHA-1, for clients that know nothing better.
    Sha1,
    /// SCRAM-SHA-256.
    Sha256,
}

impl ScramHash {
    /// All, the best first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The mechanism's name.
    pub fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    /// The hash of a mechanism.
    pub fn of_mechanism(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.mechanism() == name)
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    /// HMAC with this hash.
    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        // HMAC takes keys of every length, so neither constructor can fail.
        match self {
            Self::Sha1 => Hmac::<Sha1>::new_from_slice(key)
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
                .unwrap_or_default(),
            Self::Sha256 => Hmac::<Sha256>::new_from_slice(key)
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
                .unwrap_or_default(),
        }
    }

    /// SaltedPassword: PBKDF2 of a prepared password.
    pub fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha1 => {
                pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt, iterations)
                    .to_vec()
            }
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
                    .to_vec()
            }
        }
    }
}

/// What a server keeps of a password (AU-07).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKeys {
    /// Which hash.
    pub hash: ScramHash,
    /// At least 16 random bytes.
    pub salt: Vec<u8>,
    /// PBKDF2 rounds.
    pub iterations: u32,
    /// H(ClientKey).
    pub stored_key: Vec<u8>,
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for StoredKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKeys")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl StoredKeys {
    /// Hashes a prepared password.
    pub fn of_password(hash: ScramHash, password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let salted = hash.salted_password(password, &salt, iterations);
        let keys = ClientKeys::of_salted(hash, &salted, salt, iterations);
        let stored_key = hash.hash(&keys.client_key);
        Self {
            hash,
            salt: keys.salt,
            iterations,
            stored_key,
            server_key: keys.server_key,
        }
    }
}

/// What a client needs to log in: derived from the password, or kept so that it need not be typed again.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKeys {
    /// Which hash.
    pub hash: ScramHash,
    /// The salt for which the keys hold.
    pub salt: Vec<u8>,
    /// The rounds for which the keys hold.
    pub iterations: u32,
    /// HMAC(SaltedPassword, "Client Key").
    pub client_key: Vec<u8>,
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKeys")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// The label whose HMAC under SaltedPassword is the client key.
pub const CLIENT_KEY_LABEL: &str = "Client Key";
/// The label whose HMAC under SaltedPassword is the server key.
pub const SERVER_KEY_LABEL: &str = "Server Key";

impl ClientKeys {
    /// The keys of a SaltedPassword.
    pub fn of_salted(hash: ScramHash, salted: &[u8], salt: Vec<u8>, iterations: u32) -> Self {
        let client_key = hash.hmac(salted, CLIENT_KEY_LABEL.as_bytes());
        let server_key = hash.hmac(salted, SERVER_KEY_LABEL.as_bytes());
        Self {
            hash,
            salt,
            iterations,
            client_key,
            server_key,
        }
    }
}

/// Why an exchange stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScramError {
    /// The peer's message does not follow the grammar.
    #[error("malformed message")]
    Malformed,
    /// Channel binding is claimed that this transport does not have (AU-09).
    #[error("channel binding is not available")]
    ChannelBinding,
    /// The client asks to act for another account (AU-09).
    #[error("another authorization identity")]
    Authzid,
    /// Wrong password, wrong nonce or wrong signature.
    #[error("proof does not fit")]
    Proof,
    /// The server asks for too few or too many rounds (AU-05).
    #[error("unacceptable number of iterations")]
    Iterations,
    /// The list of mechanisms that arrived is not the one that was sent (AU-13).
    #[error("the list of mechanisms was tampered with")]
    Downgrade,
    /// The password has no acceptable form (AU-11).
    #[error("not a possible password")]
    Password,
}

/// The hash of the offered mechanisms for the attribute `h` (XEP-0474; AU-12).
pub fn mechanisms_hash(hash: ScramHash, mechanisms: &[&str]) -> String {
    let mut sorted = mechanisms.to_vec();
    sorted.sort_unstable();
    STANDARD.encode(hash.hash(sorted.join("\u{1e}").as_bytes()))
}

/// The client's first message, as the server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// The account's local part, unescaped, not prepared.
    pub username: String,
    authzid: Option<String>,
    header: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// Reads `n,,n=USER,r=NONCE`.
    ///
    /// # Errors
    /// [`ScramError::ChannelBinding`] and [`ScramError::Malformed`] (AU-09, AU-10).
    pub fn parse(text: &str) -> Result<Self, ScramError> {
        let mut parts = text.splitn(3, ',');
        let mut next = || parts.next().ok_or(ScramError::Malformed);
        let (flag, authzid, bare) = (next()?, next()?, next()?);
        match flag {
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err(ScramError::ChannelBinding),
            _ => return Err(ScramError::Malformed),
        }
        let escaped_authzid = match authzid {
            "" => None,
            _ => Some(authzid.strip_prefix("a=").ok_or(ScramError::Malformed)?),
        };
        let mut fields = bare.split(',');
        let username = fields
            .next()
            .and_then(|f| f.strip_prefix("n="))
            .ok_or(ScramError::Malformed)?;
        let nonce = fields
            .next()
            .and_then(|f| f.strip_prefix("r="))
            .ok_or(ScramError::Malformed)?;
        if nonce.is_empty() || username.is_empty() {
            return Err(ScramError::Malformed);
        }
        Ok(Self {
            username: unescape(username)?,
            authzid: escaped_authzid.map(unescape).transpose()?,
            header: format!("{flag},{authzid},"),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// The identity that the client asks to act for, if it names one.
    pub fn authzid(&self) -> Option<&str> {
        self.authzid.as_deref()
    }
}

/// A server's side of one exchange, after the first message.
#[derive(Debug)]
pub struct ServerExchange {
    first: ClientFirst,
    keys: StoredKeys,
    nonce: String,
    server_first: String,
}

impl ServerExchange {
    /// Answers the first message; gives the challenge with it.
    ///
    /// `server_nonce` is fresh text of at least 144 random bits without commas.
    pub fn new(
        first: ClientFirst,
        keys: StoredKeys,
        server_nonce: &str,
        mechanisms: &[&str],
    ) -> (Self, String) {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let salt = STANDARD.encode(&keys.salt);
        let downgrade = mechanisms_hash(keys.hash, mechanisms);
        let challenge = format!("r={nonce},s={salt},i={},h={downgrade}", keys.iterations);
        (
            Self {
                first,
                keys,
                nonce,
                server_first: challenge.clone(),
            },
            challenge,
        )
    }

    /// The StoredKey against which the client's proof is checked.
    pub fn stored_key(&self) -> &[u8] {
        &self.keys.stored_key
    }

    /// Checks the client's proof; gives the server's signature `v=…`.
    ///
    /// # Errors
    /// [`ScramError::Malformed`] or [`ScramError::Proof`].
    pub fn finish(&self, client_final: &str) -> Result<String, ScramError> {
        let (without_proof, proof) = client_final
            .rsplit_once(",p=")
            .ok_or(ScramError::Malformed)?;
        let binding = format!("c={},", STANDARD.encode(&self.first.header));
        let rest = without_proof
            .strip_prefix(&*binding)
            .ok_or(ScramError::Malformed)?;
        let nonce = rest.split(',').next().and_then(|f| f.strip_prefix("r="));
        if nonce != Some(&*self.nonce) {
            return Err(ScramError::Proof);
        }
        let proof = STANDARD.decode(proof).map_err(|_| ScramError::Malformed)?;
        let hash = self.keys.hash;
        let auth_message = format!("{},{},{without_proof}", self.first.bare, self.server_first);
        let signature = hash.hmac(&self.keys.stored_key, auth_message.as_bytes());
        if proof.len() != signature.len() {
            return Err(ScramError::Proof);
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(p, s)| p ^ s).collect();
        if !bool::from(hash.hash(&client_key).ct_eq(&self.keys.stored_key)) {
            return Err(ScramError::Proof);
        }
        let signature = hash.hmac(&self.keys.server_key, auth_message.as_bytes());
        Ok(format!("v={}", STANDARD.encode(signature)))
    }
}

/// What a client logs in with.
#[derive(Clone)]
pub enum Secret {
    /// The password as typed.
    Password(String),
    /// Keys kept from an earlier login; they hold for one salt and number of rounds.
    Keys(ClientKeys),
}

/// A client's side of one exchange.
pub struct ClientExchange {
    hash: ScramHash,
    bare: String,
    nonce: String,
}

/// What the client sends last, and what it must hear then.
pub struct ClientFinal {
    /// The response.
    pub message: String,
    /// The server's signature: what success must carry (AU-06).
    pub expected: String,
    /// The keys that were used, to be kept if the user wants to stay signed in.
    pub keys: ClientKeys,
    /// SaltedPassword, if the secret was a password: other keys can be made of it.
    pub salted_password: Option<Vec<u8>>,
}

impl ClientExchange {
    /// Starts; gives the first message with it. `nonce` is fresh text of at least 144 random bits.
    pub fn new(hash: ScramHash, username: &str, nonce: &str) -> (Self, String) {
        let escaped = username.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={escaped},r={nonce}");
        let first = format!("n,,{bare}");
        (
            Self {
                hash,
                bare,
                nonce: nonce.to_owned(),
            },
            first,
        )
    }

    /// Answers the challenge. `offered` are the mechanisms that the server's features listed.
    ///
    /// # Errors
    /// Whatever makes the server unworthy of a proof (AU-05, AU-13); [`ScramError::Proof`] if kept
    /// keys do not fit the salt any more, so that the password is needed again.
    pub fn answer(
        &self,
        challenge: &str,
        secret: &Secret,
        offered: &[&str],
    ) -> Result<ClientFinal, ScramError> {
        let field = |name: char| {
            let mut fields = challenge.split(',').filter_map(|f| f.split_once('='));
            fields
                .find(|(n, _)| n.chars().eq([name]))
                .map(|(_, value)| value)
        };
        if field('m').is_some() {
            return Err(ScramError::Malformed);
        }
        let nonce = field('r').ok_or(ScramError::Malformed)?;
        let salt = field('s')
            .and_then(|s| STANDARD.decode(s).ok())
            .ok_or(ScramError::Malformed)?;
        let iterations = field('i')
            .and_then(|i| i.parse().ok())
            .ok_or(ScramError::Malformed)?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(ScramError::Proof);
        }
        if !ITERATIONS_ACCEPTED.contains(&iterations) {
            return Err(ScramError::Iterations);
        }
        if field('h').is_some_and(|h| h != mechanisms_hash(self.hash, offered)) {
            return Err(ScramError::Downgrade);
        }
        let (keys, salted_password) = self.keys(secret, salt, iterations)?;
        let without_proof = format!("c=biws,r={nonce}");
        let auth_message = format!("{},{challenge},{without_proof}", self.bare);
        let stored_key = self.hash.hash(&keys.client_key);
        let signature = self.hash.hmac(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> = keys
            .client_key
            .iter()
            .zip(&signature)
            .map(|(k, s)| k ^ s)
            .collect();
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        let expected = self.hash.hmac(&keys.server_key, auth_message.as_bytes());
        Ok(ClientFinal {
            message,
            expected: format!("v={}", STANDARD.encode(expected)),
            keys,
            salted_password,
        })
    }

    fn keys(
        &self,
        secret: &Secret,
        salt: Vec<u8>,
        iterations: u32,
    ) -> Result<(ClientKeys, Option<Vec<u8>>), ScramError> {
        match secret {
            Secret::Password(password) => {
                let prepared = crate::password::prepare(password).ok_or(ScramError::Password)?;
                let salted = self.hash.salted_password(&prepared, &salt, iterations);
                let keys = ClientKeys::of_salted(self.hash, &salted, salt, iterations);
                Ok((keys, Some(salted)))
            }
            Secret::Keys(keys) => {
                let fits =
                    keys.hash == self.hash && keys.salt == salt && keys.iterations == iterations;
                fits.then(|| (keys.clone(), None)).ok_or(ScramError::Proof)
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, ScramError> {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('=');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = match part.strip_prefix("3D") {
            Some(rest) => {
                out.push('=');
                rest
            }
            None => {
                let rest = part.strip_prefix("2C").ok_or(ScramError::Malformed)?;
                out.push(',');
                rest
            }
        };
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    // proves: AU-04
    #[test]
    fn the_exchange_of_rfc_7677_comes_out_letter_by_letter() {
        let (client, first) = ClientExchange::new(ScramHash::Sha256, "user", CLIENT_NONCE);
        assert_eq!(first, format!("n,,n=user,r={CLIENT_NONCE}"));
        let challenge = format!("r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=4096");
        let last = client
            .answer(&challenge, &Secret::Password("pencil".into()), &[])
            .unwrap();
        assert_eq!(
            last.message,
            format!(
                "c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            )
        );
        assert_eq!(
            last.expected,
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    fn exchange(hash: ScramHash, typed: &str) -> Result<(String, String), ScramError> {
        let keys = StoredKeys::of_password(hash, "pencil", vec![1; 16], 4_096);
        let offered = ["SCRAM-SHA-256", "SCRAM-SHA-1"];
        let (client, first) = ClientExchange::new(hash, "a=b,c", "client-nonce");
        let first = ClientFirst::parse(&first)?;
        assert_eq!(first.username, "a=b,c");
        let (server, challenge) = ServerExchange::new(first, keys, "server-nonce", &offered);
        let last = client.answer(&challenge, &Secret::Password(typed.into()), &offered)?;
        Ok((server.finish(&last.message)?, last.expected))
    }

    // proves: AU-06
    #[test]
    fn both_ends_agree_with_the_right_password_and_not_with_a_wrong_one() {
        for hash in ScramHash::ALL {
            let (signature, expected) = exchange(hash, "pencil").unwrap();
            assert_eq!(signature, expected);
            assert_eq!(exchange(hash, "Pencil"), Err(ScramError::Proof));
        }
    }

    // proves: AU-05 AU-13
    #[test]
    fn a_client_refuses_hostile_challenges() {
        let (client, _) = ClientExchange::new(ScramHash::Sha256, "user", "mine");
        let offered = ["SCRAM-SHA-256"];
        let good = mechanisms_hash(ScramHash::Sha256, &offered);
        let bad = mechanisms_hash(ScramHash::Sha256, &["PLAIN"]);
        for (challenge, refused) in [
            (format!("r=mineyours,s={SALT},i=4096,h={good}"), None),
            (
                format!("r=mineyours,s={SALT},i=4095"),
                Some(ScramError::Iterations),
            ),
            (
                format!("r=mineyours,s={SALT},i=1000001"),
                Some(ScramError::Iterations),
            ),
            (format!("r=other,s={SALT},i=4096"), Some(ScramError::Proof)),
            (format!("r=mine,s={SALT},i=4096"), Some(ScramError::Proof)),
            (
                format!("r=mineyours,s={SALT},i=4096,h={bad}"),
                Some(ScramError::Downgrade),
            ),
            (
                format!("m=x,r=mineyours,s={SALT},i=4096"),
                Some(ScramError::Malformed),
            ),
            (
                "r=mineyours,s=*,i=4096".to_owned(),
                Some(ScramError::Malformed),
            ),
            (String::new(), Some(ScramError::Malformed)),
        ] {
            let answer = client.answer(&challenge, &Secret::Password("pencil".into()), &offered);
            assert_eq!(answer.err(), refused, "{challenge}");
        }
    }

    // proves: AU-09
    #[test]
    fn first_messages_are_judged_by_their_header() {
        for (first, refused) in [
            ("n,,n=user,r=x", None),
            ("y,,n=user,r=x", None),
            ("n,a=user@localhost,n=user,r=x", None),
            ("p=tls-unique,,n=user,r=x", Some(ScramError::ChannelBinding)),
            ("n,,m=ext,n=user,r=x", Some(ScramError::Malformed)),
            ("n,,n=user", Some(ScramError::Malformed)),
            ("n,,n=us=er,r=x", Some(ScramError::Malformed)),
            ("", Some(ScramError::Malformed)),
        ] {
            assert_eq!(ClientFirst::parse(first).err(), refused, "{first}");
        }
    }
}
