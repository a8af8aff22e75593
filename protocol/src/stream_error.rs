//! Stream errors (RFC 6120 §4.9): final for the stream that carries them (WS-31).

use std::fmt;

use crate::ns;
use crate::xml::Element;

/// The defined conditions that Balcony sends or understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its condition of RFC 6120 §4.9.3")]
pub enum StreamCondition {
    BadFormat,
    Conflict,
    ConnectionTimeout,
    HostUnknown,
    ImproperAddressing,
    InternalServerError,
    InvalidFrom,
    InvalidNamespace,
    NotAuthorized,
    NotWellFormed,
    PolicyViolation,
    Reset,
    ResourceConstraint,
    RestrictedXml,
    SystemShutdown,
    UndefinedCondition,
    UnsupportedEncoding,
    UnsupportedStanzaType,
    UnsupportedVersion,
}

impl StreamCondition {
    const ALL: [(Self, &'static str); 19] = [
        (Self::BadFormat, "bad-format"),
        (Self::Conflict, "conflict"),
        (Self::ConnectionTimeout, "connection-timeout"),
        (Self::HostUnknown, "host-unknown"),
        (Self::ImproperAddressing, "improper-addressing"),
        (Self::InternalServerError, "internal-server-error"),
        (Self::InvalidFrom, "invalid-from"),
        (Self::InvalidNamespace, "invalid-namespace"),
        (Self::NotAuthorized, "not-authorized"),
        (Self::NotWellFormed, "not-well-formed"),
        (Self::PolicyViolation, "policy-violation"),
        (Self::Reset, "reset"),
        (Self::ResourceConstraint, "resource-constraint"),
        (Self::RestrictedXml, "restricted-xml"),
        (Self::SystemShutdown, "system-shutdown"),
        (Self::UndefinedCondition, "undefined-condition"),
        (Self::UnsupportedEncoding, "unsupported-encoding"),
        (Self::UnsupportedStanzaType, "unsupported-stanza-type"),
        (Self::UnsupportedVersion, "unsupported-version"),
    ];

    /// The element's name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(condition, _)| *condition == self);
        found.map_or("undefined-condition", |(_, name)| *name)
    }

    /// The condition of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(condition, _)| *condition)
    }
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stream error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The defined condition.
    pub condition: StreamCondition,
    /// Explanation in plain English, if any.
    pub text: Option<String>,
    /// An element of another specification that says more.
    pub detail: Option<Element>,
}

impl StreamError {
    /// An error without explanation.
    pub fn new(condition: StreamCondition) -> Self {
        Self {
            condition,
            text: None,
            detail: None,
        }
    }

    /// The same with an explanation.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Writes `<stream:error/>` as a frame.
    pub fn write(&self) -> String {
        let mut out = format!("<stream:error xmlns:stream='{}'>", ns::STREAMS);
        Element::new(self.condition.name(), ns::STREAM_ERRORS).write(&mut out, "");
        if let Some(text) = &self.text {
            Element::new("text", ns::STREAM_ERRORS)
                .text(text)
                .write(&mut out, "");
        }
        if let Some(detail) = &self.detail {
            detail.write(&mut out, "");
        }
        out.push_str("</stream:error>");
        out
    }

    /// Reads a nonza; `None` if it is no stream error.
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("error", ns::STREAMS) {
            return None;
        }
        let is_condition = |c: &&Element| c.ns() == ns::STREAM_ERRORS && c.name() != "text";
        let condition = element.children().find(is_condition);
        let condition = condition.and_then(|c| StreamCondition::parse(c.name()));
        Some(Self {
            condition: condition.unwrap_or(StreamCondition::UndefinedCondition),
            text: element
                .find("text", ns::STREAM_ERRORS)
                .map(Element::own_text),
            detail: element
                .children()
                .find(|c| c.ns() != ns::STREAM_ERRORS)
                .cloned(),
        })
    }
}
