use thiserror::Error;

use crate::stream_error::StreamCondition;

/// Why a text is not what the stream may carry, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind} at byte {at}")]
pub struct ParseError {
    /// Byte offset into the text of the frame.
    pub at: usize,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// The ways in which a text fails, each with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseErrorKind {
    /// Not well-formed XML, or not one element (WS-04).
    #[error("not well-formed: {0}")]
    NotWellFormed(&'static str),
    /// XML that RFC 6120 §11.1 forbids (WS-06).
    #[error("restricted XML: {0}")]
    Restricted(&'static str),
    /// Beyond a limit (LIM-10..13).
    #[error("over the limit: {0}")]
    Limit(&'static str),
    /// Well-formed, but not an element that this place may hold.
    #[error("bad format: {0}")]
    BadFormat(&'static str),
    /// A stream header in the wrong namespace (WS-07).
    #[error("invalid namespace")]
    InvalidNamespace,
    /// A first-level element that is neither stanza nor nonza (CO-04).
    #[error("unsupported stanza type")]
    UnsupportedStanza,
}

impl ParseError {
    /// The stream error condition that the peer is told.
    pub fn condition(&self) -> StreamCondition {
        match self.kind {
            ParseErrorKind::NotWellFormed(_) => StreamCondition::NotWellFormed,
            ParseErrorKind::Restricted(_) => StreamCondition::RestrictedXml,
            ParseErrorKind::Limit(_) => StreamCondition::PolicyViolation,
            ParseErrorKind::BadFormat(_) => StreamCondition::BadFormat,
            ParseErrorKind::InvalidNamespace => StreamCondition::InvalidNamespace,
            ParseErrorKind::UnsupportedStanza => StreamCondition::UnsupportedStanzaType,
        }
    }
}
