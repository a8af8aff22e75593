//! The keys of the one password.

use std::sync::OnceLock;

use protocol::scram::{ClientKeys, ScramHash, StoredKeys};

use super::PASSWORD;

const SALT: [u8; 16] = [7; 16];
const ITERATIONS: u32 = 4_096;

/// The keys of the password, derived once for all tests.
pub(crate) fn client_keys() -> ClientKeys {
    static KEYS: OnceLock<ClientKeys> = OnceLock::new();
    let derive = || {
        let hash = ScramHash::Sha256;
        let salted = hash.salted_password(PASSWORD, &SALT, ITERATIONS);
        ClientKeys::of_salted(hash, &salted, SALT.to_vec(), ITERATIONS)
    };
    KEYS.get_or_init(derive).clone()
}

pub(super) fn stored_keys() -> StoredKeys {
    static KEYS: OnceLock<StoredKeys> = OnceLock::new();
    let hash = ScramHash::Sha256;
    let derive = || StoredKeys::of_password(hash, PASSWORD, SALT.to_vec(), ITERATIONS);
    KEYS.get_or_init(derive).clone()
}
