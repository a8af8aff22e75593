//! Randomness from the operating system, the only kind that this program uses (SEC-33).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// The operating system gave no random bytes.
#[derive(Debug, Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Draws random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

/// Draws 192 bits as 32 characters that may stand in a URL.
pub(crate) fn token() -> Result<String, NoRandomness> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<24>()?))
}

/// Draws a password that a person can copy: 20 characters, 100 bits and more.
pub(crate) fn password() -> Result<String, NoRandomness> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: u8| LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(bytes::<20>()?.into_iter().filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // proves: SEC-33
    #[test]
    fn tokens_and_passwords_are_long_and_never_the_same() {
        let tokens: HashSet<_> = (0..1_000).map(|_| token().unwrap()).collect();
        assert_eq!(tokens.len(), 1_000);
        assert!(tokens.iter().all(|token| token.len() == 32));
        assert_eq!(password().unwrap().len(), 20);
        assert_ne!(password().unwrap(), password().unwrap());
    }
}
