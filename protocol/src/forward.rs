//! Forwarded messages (XEP-0297) and the wrappers of copies (XEP-0280, mr2).

use crate::frame::Frame;
use crate::message::Message;
use crate::ns;
use crate::stanza::Stanza;
use crate::time::Stamp;
use crate::xml::{Element, XmlLimits};
use crate::{Text, delay};

/// Which way a wrapped copy went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Another own device sent it.
    Sent,
    /// It was addressed to another own device.
    Received,
}

/// A message taken out of its wrapper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The message.
    pub message: Message,
    /// When it was archived or first sent, if stated.
    pub stamp: Option<Stamp>,
}

/// The message inside a `<forwarded/>`.
pub fn unwrap(forwarded: &Element) -> Option<Forwarded> {
    if !forwarded.is("forwarded", ns::FORWARD) {
        return None;
    }
    let inner = forwarded.find("message", ns::CLIENT)?;
    let text = Text::from(inner.to_string());
    let frame = Frame::parse(&text, XmlLimits::RELAYED).ok()?;
    let Frame::Stanza(stanza) = frame else {
        return None;
    };
    let stamp = forwarded.find("delay", ns::DELAY).and_then(delay::stamp_of);
    Some(Forwarded {
        message: Message::of_stanza(stanza)?,
        stamp,
    })
}

/// The copy inside a `<sent/>` or `<received/>` wrapper of XEP-0280 or mr2 (MR-04).
///
/// Whether the wrapper may be believed is the caller's to check: it must come from the own account (RT-14).
pub fn unwrap_copy(stanza: &Stanza) -> Option<(Direction, Forwarded)> {
    stanza.children.iter().find_map(|child| {
        if !matches!(&*child.ns, ns::CARBONS | ns::MR2) {
            return None;
        }
        let direction = match &*child.name {
            "sent" => Direction::Sent,
            "received" => Direction::Received,
            _ => return None,
        };
        let wrapper = child.element().ok()?;
        let forwarded = wrapper.find("forwarded", ns::FORWARD).and_then(unwrap)?;
        Some((direction, forwarded))
    })
}
