//! Preparing passwords (OpaqueString, RFC 8265 §4.2; AU-11).

use unicode_normalization::UnicodeNormalization as _;

/// The longest password that is accepted, in bytes after preparation.
pub const PASSWORD_LEN_MAX: usize = 1_023;

/// The form of a password that is hashed, the same at registration and login.
///
/// Spaces of every kind become U+0020 and the text NFC. Gives `None` for an empty password, one with
/// control characters, and one over [`PASSWORD_LEN_MAX`].
pub fn prepare(password: &str) -> Option<String> {
    let spaced = password.chars().map(|c| if is_space(c) { ' ' } else { c });
    let prepared: String = spaced.nfc().collect();
    let fits = !prepared.is_empty() && prepared.len() <= PASSWORD_LEN_MAX;
    (fits && !prepared.chars().any(char::is_control)).then_some(prepared)
}

/// General category Zs.
fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: AU-11
    #[test]
    fn passwords_are_normalised_and_empty_ones_refused() {
        for (password, prepared) in [
            ("correct horse", Some("correct horse")),
            ("a\u{3000}b", Some("a b")),
            ("A\u{30a}", Some("\u{c5}")),
            ("π ß å", Some("π ß å")),
            ("", None),
            ("a\tb", None),
        ] {
            assert_eq!(prepare(password).as_deref(), prepared, "{password:?}");
        }
    }
}
