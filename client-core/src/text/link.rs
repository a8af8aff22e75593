//! Links in texts: few schemes, nothing hidden, never in another guise (SEC-60).

use super::Span;

/// What is looked for; anything else stays text.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "xmpp:"];
/// Longer ones stay text.
const CHARS_MAX: usize = 2_000;

/// Something that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads: http, https, mailto or xmpp, and exactly what the text says.
    pub href: String,
}

impl Link {
    pub(super) fn of(href: String) -> Self {
        Self { href }
    }

    /// Whether it leads out of this application, to the web.
    pub fn is_web(&self) -> bool {
        let scheme = self.href.get(..4);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
    }
}

/// A text with its links.
pub(super) fn links_of(text: &str) -> Vec<Span> {
    let chars: Vec<char> = text.chars().collect();
    let text = |start, end| chars.get(start..end).unwrap_or_default().iter().collect();
    let mut spans = Vec::new();
    let mut at = 0;
    for (start, end) in ranges(&chars) {
        spans.push(Span::Text(text(at, start)));
        spans.push(Span::Link(Link::of(text(start, end))));
        at = end;
    }
    spans.push(Span::Text(text(at, chars.len())));
    spans.retain(|span| !matches!(span, Span::Text(text) if text.is_empty()));
    spans
}

/// Where links begin and end.
pub(super) fn ranges(chars: &[char]) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let end = scheme_at(chars, at).and_then(|scheme| end_of(chars, at, scheme));
        match end {
            Some(end) => {
                ranges.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    ranges
}

/// The length of a scheme that begins here, as a word of its own.
fn scheme_at(chars: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).and_then(|before| chars.get(before));
    if before.is_some_and(|c| c.is_alphanumeric()) {
        return None;
    }
    let found = SCHEMES.iter().find(|scheme| {
        let mut rest = chars.get(at..).unwrap_or_default().iter();
        scheme
            .chars()
            .all(|c| rest.next().is_some_and(|own| own.eq_ignore_ascii_case(&c)))
    });
    found.map(|scheme| scheme.len())
}

/// Where the link ends: before what cannot be in one, and before the punctuation of the sentence.
fn end_of(chars: &[char], start: usize, scheme: usize) -> Option<usize> {
    let rest = chars.get(start + scheme..)?;
    let bounded = rest.iter().take(CHARS_MAX + 1);
    let mut len = bounded.take_while(|c| is_link_char(**c)).count();
    if len > CHARS_MAX {
        return None;
    }
    let body = rest.get(..len)?;
    while let Some(last) = len.checked_sub(1).and_then(|last| body.get(last)) {
        let open = match last {
            ')' => Some('('),
            ']' => Some('['),
            _ => None,
        };
        let count = |sign: char| body.iter().take(len).filter(|c| **c == sign).count();
        let is_balanced = open.is_some_and(|open| count(open) >= count(*last));
        if is_balanced || !is_trailing(*last) {
            break;
        }
        len -= 1;
    }
    let body = body.get(..len)?;
    let is_web = chars
        .get(start)
        .is_some_and(|c| c.eq_ignore_ascii_case(&'h'));
    let is_good = !body.is_empty() && (!is_web || has_plain_host(body));
    is_good.then_some(start + scheme + len)
}

/// Whether what follows `https://` begins with a host, and nothing that only looks like one.
fn has_plain_host(body: &[char]) -> bool {
    let host = body.iter().take_while(|c| !matches!(c, '/' | '?' | '#'));
    let host: String = host.collect();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']' | '_');
    let begins_well = host
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || c == '[');
    begins_well && host.chars().all(is_plain)
}

fn is_link_char(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !is_format(c)
        && !matches!(c, '<' | '>' | '"' | '`' | '\\')
}

/// Marks that are not seen and turn or hide what stands beside them (SEC-61).
fn is_format(c: char) -> bool {
    let is_hidden = matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}');
    is_hidden
        || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}')
}

fn is_trailing(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ':'
            | ';'
            | '!'
            | '?'
            | '\''
            | ')'
            | ']'
            | '}'
            | '*'
            | '_'
            | '~'
            | '…'
            | '’'
            | '”'
            | '»'
    )
}
