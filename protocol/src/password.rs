//! Preparing passwords (OpaqueString, RFC 8265 §4.2; AU-11).

/// The longest password that is accepted, in bytes after preparation.
pub const PASSWORD_LEN_MAX: usize = 1_023;

/// The form of a password that is hashed, the same at registration and login.
///
/// Spaces of every kind become U+0020 and the text NFC; without the feature `prep`, whoever calls hands
/// in text that is NFC already, as browsers can make it. Gives `None` for an empty password, one with
/// control characters, and one over [`PASSWORD_LEN_MAX`].
pub fn prepare(password: &str) -> Option<String> {
    let spaced = password.chars().map(|c| if is_space(c) { ' ' } else { c });
    let prepared = normalised(spaced);
    let fits = !prepared.is_empty() && prepared.len() <= PASSWORD_LEN_MAX;
    (fits && !prepared.chars().any(char::is_control)).then_some(prepared)
}

#[cfg(feature = "prep")]
fn normalised(text: impl Iterator<Item = char>) -> String {
    use unicode_normalization::UnicodeNormalization as _;

    text.nfc().collect()
}

#[cfg(not(feature = "prep"))]
fn normalised(text: impl Iterator<Item = char>) -> String {
    text.collect()
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
            ("π ß å", Some("π ß å")),
            ("", None),
            ("a\tb", None),
        ] {
            assert_eq!(prepare(password).as_deref(), prepared, "{password:?}");
        }
        #[cfg(feature = "prep")]
        assert_eq!(prepare("A\u{30a}").as_deref(), Some("\u{c5}"));
    }
}
