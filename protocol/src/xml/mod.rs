//! Strict reading and plain writing of XML.

mod element;
mod error;
mod names;
mod scan;
mod tag;
mod write;

pub use element::{Attribute, Element, Node};
pub use error::{ParseError, ParseErrorKind};
pub use scan::{Item, Scanner, StartTag, Used, XmlLimits};
pub(crate) use write::push_attribute;
pub use write::{escape_attribute, escape_text};
