//! One WebSocket message ↔ one [`Frame`] (RFC 7395 §3).

use crate::stanza::{Child, Header, Stanza, StanzaKind};
use crate::xml::{
    Element, Item, ParseError, ParseErrorKind, Scanner, StartTag, XmlLimits, push_attribute,
};
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
    let mut rewritten_len = 0;
    let mut depth = 1_usize;
    while let Some(item) = scanner.next_item()? {
        match item {
            Item::Start(tag) => {
                depth += 1;
                if depth == 2 {
                    current = Some(ChildHead::of_tag(text, &tag));
                }
            }
            Item::Text(_) => {}
            Item::End { end, used } => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some(head) = current.take()
                {
                    let missing = declarations(scanner.needed(used));
                    let child = head.finish(text, end, &missing)?;
                    if !missing.is_empty() {
                        rewritten_len += child.xml.len();
                        check_rewritten(end, rewritten_len)?;
                    }
                    children.push(child);
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
}

impl ChildHead {
    fn of_tag(text: &Text, tag: &StartTag<'_>) -> Self {
        let ns = match &tag.ns {
            std::borrow::Cow::Borrowed(uri) => share(text, uri),
            std::borrow::Cow::Owned(uri) => Text::from(uri.as_str()),
        };
        Self {
            ns,
            name: share(text, tag.name),
            start: tag.start,
        }
    }

    /// Keeps the range as it is if it is self-contained, else puts in what is missing (SEC-21).
    fn finish(self, text: &Text, end: usize, missing: &str) -> Result<Child, ParseError> {
        let range = text.get(self.start..end).unwrap_or_default();
        let xml = if missing.is_empty() {
            share(text, range)
        } else {
            let name_len = range.find([' ', '\t', '\n', '\r', '/', '>']);
            let (name, rest) = range.split_at(name_len.unwrap_or_default());
            let xml = [name, missing, rest].concat();
            // More declarations than anybody accepts in one place would end the reader's stream.
            Scanner::with_default_ns(&xml, XmlLimits::AFTER_LOGIN, ns::CLIENT)
                .and_then(|mut scanner| scanner.next_item().map(drop))
                .map_err(|error| ParseError {
                    at: self.start,
                    kind: error.kind,
                })?;
            xml.into()
        };
        Ok(Child {
            ns: self.ns,
            name: self.name,
            xml,
        })
    }
}

/// Bytes that all rewritten children of a stanza may have together (LIM-04): with the declarations of
/// the root repeated in each of thousands of children, a stanza would else grow a hundredfold.
const REWRITTEN_LEN_MAX: usize = 262_144;

fn check_rewritten(at: usize, len: usize) -> Result<(), ParseError> {
    if len > REWRITTEN_LEN_MAX {
        let kind = ParseErrorKind::Limit("declarations of the root, repeated in its children");
        return Err(ParseError { at, kind });
    }
    Ok(())
}

/// Writes declarations as attributes of a start tag.
fn declarations<'a>(needed: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> String {
    let mut out = String::new();
    for (prefix, uri) in needed {
        match prefix {
            Some(prefix) => push_attribute(&mut out, &format!("xmlns:{prefix}"), uri),
            None => push_attribute(&mut out, "xmlns", uri),
        }
    }
    out
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
