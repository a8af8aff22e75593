//! Frames without what people wrote and what lets anybody in.

/// Stands for what is hidden.
const HIDDEN: &str = "•••";
/// Attributes whose values are secrets.
const SECRETS: [&str; 2] = ["token", "previd"];

/// The frame with every text between tags hidden, and the values of attributes that are secrets: so neither
/// bodies nor passwords, proofs and tokens are left (SEC-71).
pub fn redact(frame: &str) -> String {
    let mut out = String::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        hide(&mut out, text);
        let end = end_of_tag(tag);
        let (tag, behind) = tag.split_at(end);
        push_tag(&mut out, tag);
        rest = behind;
    }
    hide(&mut out, rest);
    out
}

fn hide(out: &mut String, text: &str) {
    if !text.trim().is_empty() {
        out.push_str(HIDDEN);
    }
}

/// Where the tag at the start of the text ends; `>` may stand in the value of an attribute.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
    }
    text.len()
}

fn push_tag(out: &mut String, tag: &str) {
    let mut rest = tag;
    while let Some((before, value, quote, behind)) = next_attribute(rest) {
        out.push_str(before);
        out.push(quote);
        let name = before.trim_end_matches('=').trim_end();
        let is_secret = SECRETS.iter().any(|secret| {
            let prefix = name.strip_suffix(secret);
            prefix.is_some_and(|prefix| prefix.ends_with([' ', '\n', '\t', ':']))
        });
        out.push_str(if is_secret { HIDDEN } else { value });
        out.push(quote);
        rest = behind;
    }
    out.push_str(rest);
}

/// What stands before the next value, the value, its quote, and the rest.
fn next_attribute(tag: &str) -> Option<(&str, &str, char, &str)> {
    let open = tag.find(['"', '\''])?;
    let quote = tag.get(open..)?.chars().next()?;
    let (before, rest) = (tag.get(..open)?, tag.get(open + 1..)?);
    let close = rest.find(quote)?;
    Some((before, rest.get(..close)?, quote, rest.get(close + 1..)?))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    // proves: SEC-71
    #[wasm_bindgen_test]
    fn neither_bodies_nor_secrets_are_left() {
        for (frame, wanted) in [
            (
                "<message id='a' to=\"j@x\"><body>wherefore &lt;b></body><x y='>'/></message>",
                "<message id='a' to=\"j@x\"><body>•••</body><x y='>'/></message>",
            ),
            (
                "<resume xmlns='urn:xmpp:sm:3' h='4' previd='s3cret'/>",
                "<resume xmlns='urn:xmpp:sm:3' h='4' previd='•••'/>",
            ),
            (
                "<preauth xmlns='urn:xmpp:pars:0' token='T'/>",
                "<preauth xmlns='urn:xmpp:pars:0' token='•••'/>",
            ),
            (
                "<token expiry='2027' token=\"x'y\"/>",
                "<token expiry='2027' token=\"•••\"/>",
            ),
            ("<r/>", "<r/>"),
            ("<broken a='", "<broken a='"),
        ] {
            assert_eq!(redact(frame), wanted);
        }
    }
}
