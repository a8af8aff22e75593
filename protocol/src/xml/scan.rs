//! One strict pass over the text of a frame.
//!
//! quick-xml is the tokenizer; whether the text is well-formed, namespace-well-formed, free of the
//! productions that RFC 6120 §11.1 forbids and within the limits is judged here.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::error::{ParseError, ParseErrorKind};
use super::names::{is_xml_char, is_xml_space, split_qname};
use super::tag::{line_feeds, malformed, resolve_references, split_tag};
use crate::ns;

/// Bounds of one frame (LIM-10..13); the number of bytes is bounded below this layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// Elements inside each other, the root included.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Bytes of one qualified name, and of one namespace name: a short prefix repeats a long
    /// namespace name in every tree and every rewritten child.
    pub name_bytes: usize,
    /// Namespace declarations of one element.
    pub declarations: usize,
    /// Namespace declarations in scope at one place.
    pub declarations_in_scope: usize,
}

impl XmlLimits {
    /// The bounds before the peer is known.
    pub const BEFORE_LOGIN: Self = Self {
        depth: 8,
        elements: 64,
        ..Self::AFTER_LOGIN
    };
    /// The bounds of a bound session.
    pub const AFTER_LOGIN: Self = Self {
        depth: 32,
        elements: 4_096,
        attributes: 64,
        name_bytes: 256,
        declarations: 16,
        declarations_in_scope: 64,
    };
    /// The bounds of what a server relays: what a session may send, and room for the wrappers,
    /// ids and declarations that are put around and into it. Whoever reads copies, pages or an
    /// archive by less would refuse for ever what was rightly accepted once.
    pub const RELAYED: Self = Self {
        depth: 40,
        elements: 4_160,
        attributes: 128,
        name_bytes: 256,
        declarations: 64,
        declarations_in_scope: 120,
    };
}

/// What a pass finds, in document order.
#[derive(Debug)]
pub enum Item<'a> {
    /// A start tag; an empty-element tag gives this and then [`Item::End`].
    Start(StartTag<'a>),
    /// Character data, references resolved; one run may come in several pieces.
    Text(Cow<'a, str>),
    /// An end tag; `end` is the offset just behind it.
    End {
        /// Byte offset behind the tag.
        end: usize,
        /// The declarations that a name in the element, its own included, was resolved by.
        used: Used,
    },
}

/// One start tag with everything resolved.
#[derive(Debug)]
pub struct StartTag<'a> {
    /// Namespace name, empty if none.
    pub ns: Cow<'a, str>,
    /// Local name.
    pub name: &'a str,
    /// Attributes without namespace declarations: (namespace, local name, value).
    pub attributes: Vec<(Cow<'a, str>, &'a str, Cow<'a, str>)>,
    /// Byte offset of its `<`.
    pub start: usize,
    /// Depth of the element: 1 for the root.
    pub depth: usize,
}

/// Declarations by their place in the scope, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used(u128);

impl Used {
    fn add(&mut self, index: usize) {
        // Beyond the mask everything counts as used; `declarations_in_scope` keeps clear of that.
        self.0 |= u32::try_from(index)
            .ok()
            .and_then(|index| 1_u128.checked_shl(index))
            .unwrap_or(u128::MAX);
    }

    fn has(self, index: usize) -> bool {
        let mut only = Self::default();
        only.add(index);
        self.0 & only.0 != 0
    }
}

struct Open<'a> {
    qname: &'a str,
    /// Length of `scope` before this element's own declarations.
    scope_len: usize,
    /// What the names in here, its own included, were resolved by.
    used: Used,
}

/// A strict pass over one element; yields [`Item`]s until the root is closed and nothing follows.
pub struct Scanner<'a> {
    reader: Reader<&'a [u8]>,
    limits: XmlLimits,
    scope: Vec<(Option<&'a str>, Cow<'a, str>)>,
    open: Vec<Open<'a>>,
    elements: usize,
    text: &'a str,
    offset: usize,
    root_closed: bool,
    pending_end: bool,
}

impl<'a> Scanner<'a> {
    /// Starts a pass; a leading XML declaration is passed over (WS-05).
    ///
    /// # Errors
    /// If the text does not begin with `<` (WS-03).
    pub fn new(text: &'a str, limits: XmlLimits) -> Result<Self, ParseError> {
        Self::with_default_ns(text, limits, "")
    }

    /// Starts a pass over a fragment that stands where `default_ns` is the default namespace.
    ///
    /// # Errors
    /// As [`Scanner::new`].
    pub fn with_default_ns(
        text: &'a str,
        limits: XmlLimits,
        default_ns: &'a str,
    ) -> Result<Self, ParseError> {
        let offset = declaration_len(text)?;
        let body = text.get(offset..).unwrap_or_default();
        if !body.starts_with('<') {
            return Err(ParseError {
                at: offset,
                kind: malformed("does not start with '<'"),
            });
        }
        Ok(Self {
            reader: reader_of(body),
            limits,
            scope: vec![(None, Cow::Borrowed(default_ns))],
            open: Vec::new(),
            elements: 0,
            text,
            offset,
            root_closed: false,
            pending_end: false,
        })
    }

    /// The next item; `None` once the whole text was read.
    ///
    /// # Errors
    /// At the first byte that makes the text unacceptable.
    pub fn next_item(&mut self) -> Result<Option<Item<'a>>, ParseError> {
        let at = self.position();
        self.advance(at).map_err(|kind| ParseError { at, kind })
    }

    /// The text of a range of the input.
    pub fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Those of the declarations in scope that are among `used`, as (prefix, namespace name): what
    /// an element that was just closed needs from outside.
    pub fn needed(&self, used: Used) -> impl Iterator<Item = (Option<&'a str>, &str)> {
        let scope = self.scope.iter().enumerate();
        let needed = scope.filter(move |(index, _)| used.has(*index));
        needed.map(|(_, (prefix, uri))| (*prefix, &**uri))
    }

    fn position(&self) -> usize {
        self.offset + usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn advance(&mut self, at: usize) -> Result<Option<Item<'a>>, ParseErrorKind> {
        if std::mem::take(&mut self.pending_end) {
            return self.close(at).map(Some);
        }
        let rest = self.text.get(at..).unwrap_or_default();
        let run_len = rest.find('<').unwrap_or(rest.len());
        if run_len > 0 {
            return self.character_data(at, at + run_len).map(Some);
        }
        refuse_restricted(rest)?;
        let event = self.reader.read_event().map_err(|_| malformed("markup"))?;
        let end = self.position();
        // The reader accepts an unclosed `<a/` and the like; every token must end where it should.
        match event {
            Event::Start(_) => self.open_tag(at, end, ">").map(Some),
            Event::Empty(_) => {
                let item = self.open_tag(at, end, "/>")?;
                self.pending_end = true;
                Ok(Some(item))
            }
            Event::End(_) => {
                self.check_end_tag(at, end)?;
                self.close(end).map(Some)
            }
            Event::CData(data) => self.cdata(data.into_inner()).map(Some),
            // Those that are spelled right were refused above.
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) | Event::Decl(_) => {
                Err(malformed("markup"))
            }
            // Between the tags everything was read above.
            Event::Text(_) | Event::GeneralRef(_) => Err(malformed("text")),
            Event::Eof if self.root_closed => Ok(None),
            Event::Eof => Err(malformed("root not closed")),
        }
    }

    fn open_tag(&mut self, at: usize, end: usize, close: &str) -> Result<Item<'a>, ParseErrorKind> {
        if self.root_closed {
            return Err(malformed("second root"));
        }
        let markup: &'a str = self.text.get(at..end).unwrap_or_default();
        let content = markup.strip_prefix('<').and_then(|m| m.strip_suffix(close));
        let (qname, raw) = split_tag(content.ok_or(malformed("start tag"))?, &self.limits)?;
        self.elements += 1;
        self.check_counts()?;
        let scope_len = self.scope.len();
        self.declare(&raw)?;
        let mut used = Used::default();
        let (prefix, name) = split_qname(qname).ok_or(malformed("element name"))?;
        let ns = self.resolve(prefix, &mut used)?;
        let attributes = self.attributes(raw, &mut used)?;
        self.open.push(Open {
            qname,
            scope_len,
            used,
        });
        Ok(Item::Start(StartTag {
            ns,
            name,
            attributes,
            start: at,
            depth: self.open.len(),
        }))
    }

    fn check_counts(&self) -> Result<(), ParseErrorKind> {
        if self.open.len() >= self.limits.depth {
            return Err(ParseErrorKind::Limit("depth"));
        }
        if self.elements > self.limits.elements {
            return Err(ParseErrorKind::Limit("elements"));
        }
        Ok(())
    }

    fn declare(&mut self, raw: &[(&'a str, Cow<'a, str>)]) -> Result<(), ParseErrorKind> {
        let before = self.scope.len();
        for (qname, value) in raw {
            let prefix = match *qname {
                "xmlns" => None,
                other => match other.strip_prefix("xmlns:") {
                    Some(prefix) => Some(prefix),
                    None => continue,
                },
            };
            check_declaration(prefix, value)?;
            if value.len() > self.limits.name_bytes {
                return Err(ParseErrorKind::Limit("namespace name"));
            }
            let own = self.scope.get(before..).unwrap_or_default();
            if own.iter().any(|(declared, _)| *declared == prefix) {
                return Err(malformed("duplicate declaration"));
            }
            self.scope.push((prefix, value.clone()));
        }
        // The first entry of the scope is the default namespace around the root: nobody declared it.
        if self.scope.len() - before > self.limits.declarations
            || self.scope.len() > self.limits.declarations_in_scope + 1
        {
            return Err(ParseErrorKind::Limit("namespace declarations"));
        }
        Ok(())
    }

    fn resolve(
        &self,
        prefix: Option<&'a str>,
        used: &mut Used,
    ) -> Result<Cow<'a, str>, ParseErrorKind> {
        match prefix {
            Some("xml") => return Ok(Cow::Borrowed(ns::XML)),
            Some("xmlns") => return Err(malformed("prefix xmlns")),
            _ => {}
        }
        let found = self
            .scope
            .iter()
            .enumerate()
            .rev()
            .find(|(_, (declared, _))| *declared == prefix);
        let (index, (_, uri)) = found.ok_or(malformed("unbound prefix"))?;
        // An inherited `jabber:client` default means the same in every copy that we write.
        if prefix.is_some() || uri != ns::CLIENT {
            used.add(index);
        }
        Ok(uri.clone())
    }

    #[expect(clippy::type_complexity, reason = "the shape of StartTag::attributes")]
    fn attributes(
        &self,
        raw: Vec<(&'a str, Cow<'a, str>)>,
        used: &mut Used,
    ) -> Result<Vec<(Cow<'a, str>, &'a str, Cow<'a, str>)>, ParseErrorKind> {
        let mut attributes: Vec<(Cow<'a, str>, &'a str, Cow<'a, str>)> = Vec::new();
        for (qname, value) in raw {
            if qname == "xmlns" || qname.starts_with("xmlns:") {
                continue;
            }
            let (prefix, name) = split_qname(qname).ok_or(malformed("attribute name"))?;
            let ns = match prefix {
                None => Cow::Borrowed(""),
                Some(_) => self.resolve(prefix, used)?,
            };
            if attributes.iter().any(|(n, l, _)| *n == ns && *l == name) {
                return Err(malformed("duplicate attribute"));
            }
            if ns == ns::XML && name == "space" && !matches!(&*value, "default" | "preserve") {
                return Err(malformed("xml:space"));
            }
            attributes.push((ns, name, value));
        }
        Ok(attributes)
    }

    fn check_end_tag(&self, at: usize, end: usize) -> Result<(), ParseErrorKind> {
        let markup = self.text.get(at..end).unwrap_or_default();
        let name = markup.strip_prefix("</").and_then(|m| m.strip_suffix('>'));
        let name = name.map(|n| n.trim_end_matches(is_xml_space));
        match self.open.last() {
            Some(open) if name == Some(open.qname) => Ok(()),
            Some(_) => Err(malformed("end tag does not match")),
            None => Err(malformed("end tag without start")),
        }
    }

    fn close(&mut self, end: usize) -> Result<Item<'a>, ParseErrorKind> {
        let open = self.open.pop().ok_or(malformed("end tag without start"))?;
        self.scope.truncate(open.scope_len);
        match self.open.last_mut() {
            Some(parent) => parent.used.0 |= open.used.0,
            None => self.root_closed = true,
        }
        Ok(Item::End {
            end,
            used: open.used,
        })
    }

    /// Reads a whole run of text at once: the tokenizer gives one event per reference, and 50,000
    /// of them in a stanza took longer than everything else together.
    fn character_data(&mut self, at: usize, end: usize) -> Result<Item<'a>, ParseErrorKind> {
        let run: &'a str = self.text.get(at..end).unwrap_or_default();
        self.offset = end;
        self.reader = reader_of(self.text.get(end..).unwrap_or_default());
        if self.open.is_empty() {
            let is_space = run.chars().all(is_xml_space);
            let outside = malformed("text outside the root");
            return is_space
                .then_some(Item::Text(Cow::Borrowed("")))
                .ok_or(outside);
        }
        if run.contains("]]>") {
            return Err(malformed("']]>' in character data"));
        }
        check_characters(run)?;
        resolve_references(run).map(Item::Text)
    }

    fn cdata(&self, data: Cow<'a, str>) -> Result<Item<'a>, ParseErrorKind> {
        if self.open.is_empty() {
            return Err(malformed("text outside the root"));
        }
        check_characters(&data)?;
        let normal = match data {
            Cow::Borrowed(data) => line_feeds(data),
            Cow::Owned(data) => Cow::Owned(line_feeds(&data).into_owned()),
        };
        Ok(Item::Text(normal))
    }
}

fn reader_of(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    reader
}

fn check_characters(text: &str) -> Result<(), ParseErrorKind> {
    if text.chars().all(is_xml_char) {
        Ok(())
    } else {
        Err(malformed("forbidden character"))
    }
}

/// Bytes of a leading `<?xml …?>`, which is tolerated when it says nothing unusual.
fn declaration_len(text: &str) -> Result<usize, ParseError> {
    let Some(rest) = text
        .strip_prefix("<?xml")
        .filter(|r| r.starts_with(is_xml_space))
    else {
        return Ok(0);
    };
    let wrong = |why| ParseError {
        at: 0,
        kind: ParseErrorKind::Restricted(why),
    };
    let (inside, after) = rest
        .split_once("?>")
        .ok_or(wrong("XML declaration not closed"))?;
    if inside.contains('&') {
        return Err(wrong("XML declaration"));
    }
    let (_, raw) =
        split_tag(inside, &XmlLimits::BEFORE_LOGIN).map_err(|_| wrong("XML declaration"))?;
    let mut expected = ["version", "encoding", "standalone"].iter();
    for (index, (name, value)) in raw.iter().enumerate() {
        let known = expected.any(|e| e == name);
        let fits = match *name {
            "version" => index == 0 && value == "1.0",
            "encoding" => index > 0 && value.eq_ignore_ascii_case("utf-8"),
            "standalone" => index == 2 && value == "yes",
            _ => false,
        };
        if !known || !fits {
            return Err(wrong("XML declaration"));
        }
    }
    if raw.is_empty() {
        return Err(wrong("XML declaration"));
    }
    let trimmed = after.trim_start_matches(is_xml_space);
    Ok(text.len() - trimmed.len())
}

/// Refuses the productions of RFC 6120 §11.1 by how they begin, before the tokenizer reads them.
fn refuse_restricted(rest: &str) -> Result<(), ParseErrorKind> {
    for (start, what) in [
        ("<?", "processing instruction"),
        ("<!--", "comment"),
        ("<!DOCTYPE", "document type declaration"),
    ] {
        if rest.starts_with(start) {
            return Err(ParseErrorKind::Restricted(what));
        }
    }
    Ok(())
}

fn check_declaration(prefix: Option<&str>, uri: &str) -> Result<(), ParseErrorKind> {
    let reserved = uri == ns::XML || uri == ns::XMLNS;
    let fits = match prefix {
        None => !reserved,
        Some("xml") => uri == ns::XML,
        Some("xmlns") => false,
        Some(prefix) => {
            !reserved && !uri.is_empty() && split_qname(prefix).is_some_and(|(p, _)| p.is_none())
        }
    };
    if fits {
        Ok(())
    } else {
        Err(malformed("namespace declaration"))
    }
}
