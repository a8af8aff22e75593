//! The inside of one start tag, read by the grammar of XML 1.0 §3.1.

use std::borrow::Cow;

use super::error::ParseErrorKind;
use super::names::{is_xml_char, is_xml_space};
use super::scan::XmlLimits;

/// One attribute as it stands in the tag: its qualified name and its value, references resolved.
pub(super) type RawAttribute<'a> = (&'a str, Cow<'a, str>);

/// Splits `name a='1' b="2"` into the name and its attributes; stops at the first one too many.
pub(super) fn split_tag<'a>(
    content: &'a str,
    limits: &XmlLimits,
) -> Result<(&'a str, Vec<RawAttribute<'a>>), ParseErrorKind> {
    let name_len = content.find(is_xml_space).unwrap_or(content.len());
    let (name, mut rest) = content.split_at_checked(name_len).ok_or(malformed("tag"))?;
    check_name(name, limits)?;
    let mut attributes = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches(is_xml_space);
        if trimmed.is_empty() {
            return Ok((name, attributes));
        }
        if trimmed.len() == rest.len() {
            return Err(malformed("no space before an attribute"));
        }
        let (attribute, after) = take_attribute(trimmed)?;
        check_name(attribute.0, limits)?;
        if attributes.len() >= limits.attributes {
            return Err(ParseErrorKind::Limit("attributes"));
        }
        attributes.push(attribute);
        rest = after;
    }
}

fn check_name(name: &str, limits: &XmlLimits) -> Result<(), ParseErrorKind> {
    if name.len() > limits.name_bytes {
        return Err(ParseErrorKind::Limit("name"));
    }
    Ok(())
}

fn take_attribute(text: &str) -> Result<(RawAttribute<'_>, &str), ParseErrorKind> {
    let (name, after) = text
        .split_once('=')
        .ok_or(malformed("attribute without value"))?;
    let after = after.trim_start_matches(is_xml_space);
    let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let quote = quote.ok_or(malformed("attribute without quotes"))?;
    let (_, after) = after.split_at_checked(1).ok_or(malformed("attribute"))?;
    let (value, rest) = after
        .split_once(quote)
        .ok_or(malformed("attribute not closed"))?;
    Ok((
        (name.trim_end_matches(is_xml_space), resolve_value(value)?),
        rest,
    ))
}

/// Resolves references and normalises white space (XML 1.0 §3.3.3).
fn resolve_value(raw: &str) -> Result<Cow<'_, str>, ParseErrorKind> {
    if raw.contains('<') {
        return Err(malformed("'<' in an attribute value"));
    }
    if !raw.chars().all(is_xml_char) {
        return Err(malformed("forbidden character"));
    }
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at_checked(at).ok_or(malformed("reference"))?;
        value.push_str(before);
        let Some(reference) = from.strip_prefix('&') else {
            value.push(' ');
            rest = from
                .strip_prefix("\r\n")
                .or(from.get(1..))
                .unwrap_or_default();
            continue;
        };
        let (name, after) = reference.split_once(';').ok_or(malformed("bare '&'"))?;
        value.push(resolve_reference(name)?);
        rest = after;
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

/// Resolves references in character data; line ends become line feeds (XML 1.0 §2.11).
pub(super) fn resolve_references(raw: &str) -> Result<Cow<'_, str>, ParseErrorKind> {
    let Some((before, mut rest)) = raw.split_once('&') else {
        return Ok(line_feeds(raw));
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&line_feeds(before));
    loop {
        let (name, after) = rest.split_once(';').ok_or(malformed("bare '&'"))?;
        text.push(resolve_reference(name)?);
        match after.split_once('&') {
            Some((before, next)) => {
                text.push_str(&line_feeds(before));
                rest = next;
            }
            None => {
                text.push_str(&line_feeds(after));
                return Ok(Cow::Owned(text));
            }
        }
    }
}

pub(super) fn line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The character of `lt`, `gt`, `amp`, `apos`, `quot`, `#60` or `#x3C`; every other reference is refused.
fn resolve_reference(name: &str) -> Result<char, ParseErrorKind> {
    let number = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => name.strip_prefix('#').ok_or(not_predefined(name))?,
    };
    let (digits, radix) = number
        .strip_prefix('x')
        .map_or((number, 10), |hex| (hex, 16));
    // Seven digits are enough for the highest code point; zeros before them only hide something.
    let is_number = (1..=7).contains(&digits.len()) && digits.chars().all(|c| c.is_digit(radix));
    let code = is_number
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten();
    let character = code.and_then(char::from_u32).filter(|c| is_xml_char(*c));
    character.ok_or(malformed("character reference"))
}

fn not_predefined(name: &str) -> ParseErrorKind {
    match super::names::split_qname(name) {
        Some((None, _)) => ParseErrorKind::Restricted("entity reference"),
        _ => malformed("bare '&'"),
    }
}

pub(super) const fn malformed(why: &'static str) -> ParseErrorKind {
    ParseErrorKind::NotWellFormed(why)
}
