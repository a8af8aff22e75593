//! What people type as names and passwords, in the form in which a server knows it.
//!
//! The browser has Unicode's tables, so the compiled client needs none of its own.

use js_sys::JsString;

/// A name as a server prepares it, or nearly so: the server has the last word, and tells contacts by
/// its own.
pub fn name(typed: &str) -> String {
    if typed.is_ascii() {
        return typed.to_ascii_lowercase();
    }
    // One by one, for what a letter is folded to must not depend on what it stands beside.
    let folded: String = typed.chars().map(folded).collect();
    normal(&folded, "NFKC")
}

/// A password in the form that is hashed (AU-11).
pub fn password(typed: &str) -> String {
    if typed.is_ascii() {
        return typed.to_owned();
    }
    normal(typed, "NFC")
}

fn folded(letter: char) -> String {
    let compatible = normal(&letter.to_string(), "NFKC");
    let upper = JsString::from(compatible).to_upper_case();
    let lower = |letter: char| String::from(JsString::from(letter.to_string()).to_lower_case());
    String::from(upper).chars().map(lower).collect()
}

fn normal(text: &str, form: &str) -> String {
    JsString::from(text).normalize(form).into()
}
