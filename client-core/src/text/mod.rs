//! What a message's text looks like: styling (XEP-0393), links and actions, as a tree that a screen
//! shows element by element. Nothing of it is ever taken for HTML.

mod link;
mod spans;
#[cfg(test)]
mod tests;

pub use self::link::Link;
pub use self::spans::Span;
use self::spans::spans_of;

/// Quotes deeper than this are text.
const QUOTES_MAX: usize = 6;
/// What begins and ends text that is shown as it stands.
const FENCE: &str = "```";

/// A part of a text, one below the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Lines, with line breaks between them.
    Text(Vec<Span>),
    /// Text that is shown as it stands.
    Code(String),
    /// What somebody else said.
    Quote(Vec<Self>),
}

/// Reads a text: blocks first, then what is inside their lines (IM-18).
pub fn styled(text: &str) -> Vec<Block> {
    let lines: Vec<_> = text.split('\n').collect();
    blocks_of(&lines, 0)
}

/// A text without styling, in which only links are found.
pub fn unstyled(text: &str) -> Vec<Block> {
    vec![Block::Text(link::links_of(text))]
}

/// What somebody does, if a text says that instead of something (IM-21).
pub fn action_of(text: &str) -> Option<&str> {
    text.strip_prefix("/me ")
        .filter(|rest| !rest.trim().is_empty())
}

fn blocks_of(lines: &[&str], depth: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let (block, taken) = if line.starts_with(FENCE) {
            code_of(rest)
        } else if line.starts_with('>') && depth < QUOTES_MAX {
            quote_of(rest, depth)
        } else {
            plain.push(line);
            rest = after;
            continue;
        };
        flush(&mut blocks, &mut plain);
        blocks.push(block);
        rest = rest.get(taken..).unwrap_or_default();
    }
    flush(&mut blocks, &mut plain);
    blocks
}

fn flush(blocks: &mut Vec<Block>, plain: &mut Vec<&str>) {
    let mut spans = Vec::new();
    for (at, line) in plain.drain(..).enumerate() {
        if at > 0 {
            spans.push(Span::Text("\n".to_owned()));
        }
        spans.extend(spans_of(line));
    }
    if !spans.is_empty() {
        blocks.push(Block::Text(joined(spans)));
    }
}

/// Text next to text is one text.
fn joined(spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        if let (Some(Span::Text(last)), Span::Text(text)) = (joined.last_mut(), &span) {
            last.push_str(text);
        } else {
            joined.push(span);
        }
    }
    joined
}

/// What stands between two fences, or behind one; and how many lines that takes.
fn code_of(lines: &[&str]) -> (Block, usize) {
    let inner = lines.get(1..).unwrap_or_default();
    let end = inner.iter().position(|line| line.trim_end() == FENCE);
    let len = end.unwrap_or(inner.len());
    let code = inner.get(..len).unwrap_or_default().join("\n");
    (Block::Code(code), len + 1 + usize::from(end.is_some()))
}

/// The lines that begin with `>`, read without it; and how many those are.
fn quote_of(lines: &[&str], depth: usize) -> (Block, usize) {
    let quoted = lines.iter().map_while(|line| line.strip_prefix('>'));
    let inner: Vec<_> = quoted
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    (Block::Quote(blocks_of(&inner, depth + 1)), inner.len())
}
