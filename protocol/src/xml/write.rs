use super::names::is_xml_char;

/// Appends character data, escaped so that it reads back the same in every parser; what no XML may hold
/// (control characters that someone pasted) becomes U+FFFD.
pub fn escape_text(out: &mut String, text: &str) {
    escape(out, text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#13;"),
        c if !is_xml_char(c) => Some("\u{FFFD}"),
        _ => None,
    });
}

/// Appends ` name='value'`.
pub(crate) fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape_attribute(out, value);
    out.push('\'');
}

/// Appends an attribute value without its quotes, as [`escape_text`]; fits into single and double ones.
pub fn escape_attribute(out: &mut String, value: &str) {
    escape(out, value, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\'' => Some("&apos;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        c if !is_xml_char(c) => Some("\u{FFFD}"),
        _ => None,
    });
}

fn escape(out: &mut String, text: &str, replacement: impl Fn(char) -> Option<&'static str>) {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| replacement(*c).is_some()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(replacement(c).unwrap_or_default());
        rest = rest.get(at + c.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
}
