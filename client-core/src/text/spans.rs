use super::joined;
use super::link::{self, Link};

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Text as it is.
    Text(String),
    /// Something important.
    Strong(Vec<Self>),
    /// Something said with a certain voice.
    Emphasis(Vec<Self>),
    /// Something that does not count any more.
    Strike(Vec<Self>),
    /// Text that is shown as it stands.
    Code(String),
    /// Something that can be opened.
    Link(Link),
}

/// What is inside a line, each span as short as can be (XEP-0393 §3.2).
pub(super) fn spans_of(line: &str) -> Vec<Span> {
    let chars: Vec<char> = line.chars().collect();
    let links = link::ranges(&chars);
    let reader = Reader {
        chars: &chars,
        links: &links,
    };
    reader.read(0, chars.len())
}

struct Reader<'a> {
    chars: &'a [char],
    /// Where links are: what looks like styling inside them is not.
    links: &'a [(usize, usize)],
}

impl Reader<'_> {
    /// Reads from one place to another. Each kind of span is inside none of its own, so this goes four
    /// levels deep at most, and what was not found once is not looked for again.
    fn read(&self, start: usize, end: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut plain = start;
        let mut at = start;
        let mut missing: Vec<char> = Vec::new();
        while at < end {
            if let Some((_, link_end)) = self.link_at(at).filter(|(_, to)| *to <= end) {
                spans.push(Span::Text(self.text(plain, at)));
                spans.push(Span::Link(Link::of(self.text(at, link_end))));
                (at, plain) = (link_end, link_end);
                continue;
            }
            let sign = self.chars.get(at).copied().filter(|c| is_directive(*c));
            let sign = sign.filter(|c| !missing.contains(c) && self.opens(at, start));
            let Some(sign) = sign else {
                at += 1;
                continue;
            };
            match self.closing(sign, at, end) {
                Some(close) if close > at + 1 => {
                    spans.push(Span::Text(self.text(plain, at)));
                    spans.push(self.span(sign, at + 1, close));
                    (at, plain) = (close + 1, close + 1);
                }
                Some(_) => at += 1,
                None => {
                    missing.push(sign);
                    at += 1;
                }
            }
        }
        spans.push(Span::Text(self.text(plain, end)));
        spans.retain(|span| !matches!(span, Span::Text(text) if text.is_empty()));
        joined(spans)
    }

    fn span(&self, sign: char, start: usize, end: usize) -> Span {
        match sign {
            '*' => Span::Strong(self.read(start, end)),
            '_' => Span::Emphasis(self.read(start, end)),
            '~' => Span::Strike(self.read(start, end)),
            _ => Span::Code(self.text(start, end)),
        }
    }

    /// Whether a directive begins a span: at the start, behind space or another directive, and with
    /// text behind it.
    fn opens(&self, at: usize, start: usize) -> bool {
        let before = at.checked_sub(1).filter(|_| at > start);
        let before = before.and_then(|before| self.chars.get(before));
        let own = self.chars.get(at);
        let is_free =
            before.is_none_or(|c| c.is_whitespace() || is_directive(*c) && Some(c) != own);
        let next = self.chars.get(at + 1);
        is_free && next.is_some_and(|c| !c.is_whitespace())
    }

    /// The next place that ends a span: directly behind text, and in no link.
    fn closing(&self, sign: char, open: usize, end: usize) -> Option<usize> {
        let is_closing = |at: &usize| {
            let is_sign = self.chars.get(*at) == Some(&sign);
            let before = self.chars.get(*at - 1);
            is_sign && before.is_some_and(|c| !c.is_whitespace()) && !self.is_in_link(*at)
        };
        (open + 1..end).find(is_closing)
    }

    fn link_at(&self, at: usize) -> Option<(usize, usize)> {
        let found = self.links.binary_search_by_key(&at, |(start, _)| *start);
        found.ok().and_then(|index| self.links.get(index).copied())
    }

    fn is_in_link(&self, at: usize) -> bool {
        let next = self.links.partition_point(|(start, _)| *start <= at);
        let link = next.checked_sub(1).and_then(|index| self.links.get(index));
        link.is_some_and(|(_, end)| at < *end)
    }

    fn text(&self, start: usize, end: usize) -> String {
        self.chars
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .collect()
    }
}

fn is_directive(c: char) -> bool {
    matches!(c, '*' | '_' | '~' | '`')
}
