//! Stanzas as they travel: the header read, the payload left as shared text.

use crate::jid::Jid;
use crate::ns;
use crate::stanza_error::StanzaError;
use crate::xml::{Element, ParseError, StartTag, escape_attribute};
use crate::{FullJid, Text};

/// The three kinds of stanza (RFC 6120 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StanzaKind {
    /// `<message/>`
    Message,
    /// `<presence/>`
    Presence,
    /// `<iq/>`
    Iq,
}

impl StanzaKind {
    /// The kind of an element of `jabber:client` by its name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "message" => Some(Self::Message),
            "presence" => Some(Self::Presence),
            "iq" => Some(Self::Iq),
            _ => None,
        }
    }

    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Presence => "presence",
            Self::Iq => "iq",
        }
    }
}

/// Where a stanza is meant to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// No such attribute.
    #[default]
    Absent,
    /// A prepared address.
    Jid(Jid),
    /// Something that is no address (CO-10).
    Malformed(String),
}

impl Address {
    fn of_attr(value: Option<&str>) -> Self {
        match value {
            None => Self::Absent,
            Some(text) => {
                Jid::new(text).map_or_else(|_| Self::Malformed(text.to_owned()), Self::Jid)
            }
        }
    }

    /// The address if there is a good one.
    pub fn jid(&self) -> Option<&Jid> {
        match self {
            Self::Jid(jid) => Some(jid),
            Self::Absent | Self::Malformed(_) => None,
        }
    }

    /// The address as it is written.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Jid(jid) => Some(jid.as_str()),
            Self::Malformed(text) => Some(text),
        }
    }
}

impl<J: Into<Jid>> From<J> for Address {
    fn from(jid: J) -> Self {
        Self::Jid(jid.into())
    }
}

/// The attributes that all stanzas share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Addressee.
    pub to: Address,
    /// Sender, as claimed; the server stamps its own (CO-01).
    pub from: Address,
    /// The sender's id for it.
    pub id: Option<String>,
    /// `type` as it stands.
    pub kind: Option<String>,
    /// `xml:lang` as it stands.
    pub lang: Option<String>,
}

impl Header {
    pub(crate) fn of_tag(tag: &StartTag<'_>) -> Self {
        let plain = |wanted: &str| {
            let found = tag
                .attributes
                .iter()
                .find(|(ns, name, _)| ns.is_empty() && *name == wanted);
            found.map(|(_, _, value)| &**value)
        };
        let lang = tag
            .attributes
            .iter()
            .find(|(ns, name, _)| ns == ns::XML && *name == "lang");
        Self {
            to: Address::of_attr(plain("to")),
            from: Address::of_attr(plain("from")),
            id: plain("id").map(str::to_owned),
            kind: plain("type").map(str::to_owned),
            lang: lang.map(|(_, _, value)| value.to_string()),
        }
    }
}

/// A direct child of a stanza: what it is, and its text, which means the same wherever it is put
/// inside a `jabber:client` stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Namespace name.
    pub ns: Text,
    /// Local name.
    pub name: Text,
    /// The element's XML; shares the bytes of the frame.
    pub xml: Text,
}

impl Child {
    /// Makes a child of a tree.
    pub fn of_element(element: &Element) -> Self {
        let mut xml = String::new();
        element.write(&mut xml, ns::CLIENT);
        Self {
            ns: element.ns().into(),
            name: element.name().into(),
            xml: xml.into(),
        }
    }

    /// Whether this is `<name xmlns='ns'>`.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        &*self.name == name && &*self.ns == ns
    }

    /// Builds the tree.
    ///
    /// # Errors
    /// Never for a child that came out of [`crate::Frame::parse`].
    pub fn element(&self) -> Result<Element, ParseError> {
        Element::parse_child(&self.xml)
    }
}

/// A stanza: header and children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// Message, presence or iq.
    pub kind: StanzaKind,
    /// The shared attributes.
    pub header: Header,
    /// Direct children in order; white space and text between them is not kept.
    pub children: Vec<Child>,
}

impl Stanza {
    /// A stanza without children.
    pub fn new(kind: StanzaKind) -> Self {
        Self {
            kind,
            header: Header::default(),
            children: Vec::new(),
        }
    }

    /// Sets the addressee.
    #[must_use]
    pub fn to(mut self, to: impl Into<Address>) -> Self {
        self.header.to = to.into();
        self
    }

    /// Sets the sender.
    #[must_use]
    pub fn from(mut self, from: impl Into<Address>) -> Self {
        self.header.from = from.into();
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.header.id = Some(id.into());
        self
    }

    /// Sets `type`.
    #[must_use]
    pub fn typed(mut self, kind: &str) -> Self {
        self.header.kind = Some(kind.to_owned());
        self
    }

    /// Adds a child.
    #[must_use]
    pub fn child(mut self, element: &Element) -> Self {
        self.children.push(Child::of_element(element));
        self
    }

    /// The first child `<name xmlns='ns'>`.
    pub fn find(&self, name: &str, ns: &str) -> Option<&Child> {
        self.children.iter().find(|child| child.is(name, ns))
    }

    /// Writes the stanza as a frame of its own, always with an end tag.
    pub fn write(&self) -> String {
        let payload: usize = self.children.iter().map(|child| child.xml.len()).sum();
        let mut out = String::with_capacity(payload + 256);
        self.write_start(&mut out);
        for child in &self.children {
            out.push_str(&child.xml);
        }
        out.push_str("</");
        out.push_str(self.kind.name());
        out.push('>');
        out
    }

    fn write_start(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.kind.name());
        let header = &self.header;
        for (name, value) in [
            ("xmlns", Some(ns::CLIENT)),
            ("from", header.from.as_str()),
            ("to", header.to.as_str()),
            ("type", header.kind.as_deref()),
            ("id", header.id.as_deref()),
            ("xml:lang", header.lang.as_deref()),
        ] {
            if let Some(value) = value {
                out.push(' ');
                out.push_str(name);
                out.push_str("='");
                escape_attribute(out, value);
                out.push('\'');
            }
        }
        out.push('>');
    }

    /// The error answer to this stanza: addresses swapped, id kept, payload not echoed (CO-08).
    ///
    /// Gives `None` if it must not be answered: errors and results never are (CO-06).
    pub fn error(
        &self,
        error: &StanzaError,
        from: impl Into<Address>,
        to: &FullJid,
    ) -> Option<Self> {
        let kind = self.header.kind.as_deref();
        if kind == Some("error") || (self.kind == StanzaKind::Iq && kind == Some("result")) {
            return None;
        }
        let mut answer = Self::new(self.kind)
            .typed("error")
            .from(from)
            .to(to.clone());
        answer.header.id.clone_from(&self.header.id);
        Some(answer.child(&error.to_element()))
    }
}
