//! One WebSocket message ↔ one [`Frame`] (RFC 7395 §3).

use std::ops::Range;

use crate::stanza::{Child, Header, Stanza, StanzaKind};
use crate::xml::{Element, Item, ParseError, ParseErrorKind, Scanner, StartTag, XmlLimits};
use crate::{Text, ns};

/// What one WebSocket message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// `<open/>`: the stream header.
    Open(Open),
    /// `<close/>`: the end of the stream, perhaps with a place to go instead.
    Close {
        /// Where the server asks the client to connect instead.
        see_other_uri: Option<String>,
    },
    /// A message, presence or iq.
    Stanza(Stanza),
    /// Any other first-level element: features, stream errors, SASL, stream management and so on.
    Nonza(Element),
}

/// The attributes of a stream header, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The domain that is asked for, or the client's address in an answer.
    pub to: Option<String>,
    /// Who opens.
    pub from: Option<String>,
    /// The stream id, in a server's header.
    pub id: Option<String>,
    /// `1.0`.
    pub version: Option<String>,
    /// Default language of the stream.
    pub lang: Option<String>,
}

impl Frame {
    /// Parses the text of one WebSocket message; the only parse that a message gets.
    ///
    /// # Errors
    /// If the text is not one well-formed, unrestricted element within the limits, or an element
    /// that no stream carries. The offset counts bytes of the text.
    pub fn parse(text: &Text, limits: XmlLimits) -> Result<Self, ParseError> {
        let mut scanner = Scanner::new(text, limits)?;
        let Some(Item::Start(root)) = scanner.next_item()? else {
            return Err(ParseError {
                at: 0,
                kind: ParseErrorKind::NotWellFormed("no element"),
            });
        };
        if root.ns == ns::CLIENT && StanzaKind::of_name(root.name).is_some() {
            return parse_stanza(text, &root, scanner).map(Self::Stanza);
        }
        let at = root.start;
        drop(scanner);
        Self::of_element(Element::parse(text, limits)?).map_err(|kind| ParseError { at, kind })
    }

    fn of_element(element: Element) -> Result<Self, ParseErrorKind> {
        if element.ns() == ns::FRAMING {
            return match element.name() {
                "open" => Ok(Self::Open(Open::of_element(&element))),
                "close" => {
                    let see_other_uri = element.get_attr("see-other-uri").map(str::to_owned);
                    Ok(Self::Close { see_other_uri })
                }
                _ => Err(ParseErrorKind::BadFormat("unknown framing element")),
            };
        }
        if element.ns() == ns::CLIENT || element.ns().is_empty() {
            return Err(ParseErrorKind::UnsupportedStanza);
        }
        Ok(Self::Nonza(element))
    }
}

impl Open {
    fn of_element(element: &Element) -> Self {
        let attribute = |name| element.get_attr(name).map(str::to_owned);
        Self {
            to: attribute("to"),
            from: attribute("from"),
            id: attribute("id"),
            version: attribute("version"),
            lang: element.get_attr_ns(ns::XML, "lang").map(str::to_owned),
        }
    }

    /// Writes the stream header.
    pub fn write(&self) -> String {
        let element = Element::new("open", ns::FRAMING)
            .attr_opt("to", self.to.as_deref())
            .attr_opt("from", self.from.as_deref())
            .attr_opt("id", self.id.as_deref())
            .attr_opt("version", self.version.as_deref());
        match &self.lang {
            Some(lang) => element.attr_ns(ns::XML, "lang", lang).to_string(),
            None => element.to_string(),
        }
    }
}

/// Writes `<close/>`.
pub fn write_close() -> String {
    Element::new("close", ns::FRAMING).to_string()
}

/// Writes `<stream:features/>` around what is offered.
pub fn write_features(features: &[Element]) -> String {
    let mut out = format!("<stream:features xmlns:stream='{}'>", ns::STREAMS);
    for feature in features {
        feature.write(&mut out, "");
    }
    out.push_str("</stream:features>");
    out
}

fn parse_stanza(
    text: &Text,
    root: &StartTag<'_>,
    mut scanner: Scanner<'_>,
) -> Result<Stanza, ParseError> {
    let kind = StanzaKind::of_name(root.name).unwrap_or(StanzaKind::Message);
    let header = Header::of_tag(root);
    let mut children = Vec::new();
    let mut current: Option<ChildHead> = None;
    let mut depth = 1_usize;
    while let Some(item) = scanner.next_item()? {
        match item {
            Item::Start(tag) => {
                depth += 1;
                if depth == 2 {
                    current = Some(ChildHead::of_tag(
                        text,
                        &tag,
                        scanner.scope_len_of_innermost(),
                    ));
                }
            }
            Item::Text(_) => {}
            Item::End { end, free_from } => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some(head) = current.take()
                {
                    children.push(head.finish(text, end, free_from)?);
                }
            }
        }
    }
    Ok(Stanza {
        kind,
        header,
        children,
    })
}

struct ChildHead {
    ns: Text,
    name: Text,
    start: usize,
    scope_len: usize,
}

impl ChildHead {
    fn of_tag(text: &Text, tag: &StartTag<'_>, scope_len: usize) -> Self {
        let ns = match &tag.ns {
            std::borrow::Cow::Borrowed(uri) => share(text, uri),
            std::borrow::Cow::Owned(uri) => Text::from(uri.as_str()),
        };
        Self {
            ns,
            name: share(text, tag.name),
            start: tag.start,
            scope_len,
        }
    }

    /// Keeps the range as it is if it is self-contained, else writes it anew (SEC-21).
    fn finish(self, text: &Text, end: usize, free_from: usize) -> Result<Child, ParseError> {
        let range: Range<usize> = self.start..end;
        let xml = if free_from >= self.scope_len {
            share(text, text.get(range).unwrap_or_default())
        } else {
            rewritten(text, self.start)?
        };
        Ok(Child {
            ns: self.ns,
            name: self.name,
            xml,
        })
    }
}

/// The child that starts at `start`, with every declaration that it needs inside it.
fn rewritten(text: &Text, start: usize) -> Result<Text, ParseError> {
    let mut scanner = Scanner::new(text, XmlLimits::AFTER_LOGIN)?;
    let mut index = 0;
    let mut depth = 0_usize;
    while let Some(item) = scanner.next_item()? {
        match item {
            Item::Start(tag) => {
                depth += 1;
                if depth == 2 && tag.start == start {
                    break;
                }
                if depth == 2 {
                    index += 1;
                }
            }
            Item::Text(_) => {}
            Item::End { .. } => depth = depth.saturating_sub(1),
        }
    }
    let root = Element::parse(text, XmlLimits::AFTER_LOGIN)?;
    let mut out = String::new();
    if let Some(child) = root.children().nth(index) {
        child.write(&mut out, ns::CLIENT);
    }
    Ok(out.into())
}

/// A part of the frame that shares its bytes, or a copy of text from elsewhere.
fn share(text: &Text, part: &str) -> Text {
    let whole = text.as_bytes().as_ptr_range();
    if part.is_empty() {
        Text::new()
    } else if whole.contains(&part.as_ptr()) {
        text.slice_ref(part)
    } else {
        Text::from(part)
    }
}
