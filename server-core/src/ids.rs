//! Unguessable texts, drawn from the seeded generator.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;

/// 128 random bits as 22 base64url characters: stream ids, SM-IDs (WS-10, SM-14).
pub(crate) fn opaque(rng: &mut impl Rng) -> String {
    URL_SAFE_NO_PAD.encode(bits(rng))
}

/// 128 random bits.
pub(crate) fn bits(rng: &mut impl Rng) -> [u8; 16] {
    let mut bits = [0; 16];
    rng.fill_bytes(&mut bits);
    bits
}

/// A server's half of a SCRAM nonce: 192 random bits (AU-05).
pub(crate) fn nonce(rng: &mut impl Rng) -> String {
    URL_SAFE_NO_PAD.encode(bytes(rng, 24))
}

/// 256 random bits as 43 base64url characters: tokens (AU-25).
pub(crate) fn secret(rng: &mut impl Rng) -> String {
    URL_SAFE_NO_PAD.encode(bytes(rng, 32))
}

/// So many random bytes.
pub(crate) fn bytes(rng: &mut impl Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}
