//! Messages (RFC 6121 §5).

use sha2::{Digest as _, Sha256};

use crate::ns;
use crate::stanza::{Address, Child, Header, Stanza, StanzaKind};
use crate::xml::{Element, Node};

/// The longest message id that is accepted, in bytes (CO-19).
pub const MESSAGE_ID_LEN_MAX: usize = 255;

/// `type` of a message; anything unknown counts as normal (RT-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its type of RFC 6121 §5.2.2")]
pub enum MessageType {
    Chat,
    Error,
    Groupchat,
    Headline,
    Normal,
}

impl MessageType {
    /// The type of an attribute's value.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            Some("chat") => Self::Chat,
            Some("error") => Self::Error,
            Some("groupchat") => Self::Groupchat,
            Some("headline") => Self::Headline,
            _ => Self::Normal,
        }
    }

    /// The attribute's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Error => "error",
            Self::Groupchat => "groupchat",
            Self::Headline => "headline",
            Self::Normal => "normal",
        }
    }
}

/// A message: the shared header and the payload as shared text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(pub Stanza);

impl Message {
    /// Wraps a stanza; `None` if it is no message.
    pub fn of_stanza(stanza: Stanza) -> Option<Self> {
        (stanza.kind == StanzaKind::Message).then_some(Self(stanza))
    }

    /// Its type.
    pub fn kind(&self) -> MessageType {
        MessageType::parse(self.0.header.kind.as_deref())
    }

    /// The shared header.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// Its children.
    pub fn children(&self) -> &[Child] {
        &self.0.children
    }

    /// The sender's id for it, if it has a non-empty one.
    pub fn id(&self) -> Option<&str> {
        self.0.header.id.as_deref().filter(|id| !id.is_empty())
    }

    /// The text of the first non-empty `<body/>`.
    pub fn body(&self) -> Option<String> {
        let bodies = self
            .0
            .children
            .iter()
            .filter(|child| child.is("body", ns::CLIENT));
        let texts = bodies
            .filter_map(|child| child.element().ok())
            .map(|body| body.own_text());
        texts.into_iter().find(|text| !text.is_empty())
    }

    /// What makes two messages the same one (S11-16): SHA-256 over the bare addressee, type, language
    /// and children in canonical form. `delay` and `resend` do not count.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let to = match &self.0.header.to {
            Address::Jid(jid) => jid.to_bare().to_string(),
            Address::Absent | Address::Malformed(_) => String::new(),
        };
        part(&mut hash, &to);
        part(&mut hash, self.kind().name());
        part(&mut hash, self.0.header.lang.as_deref().unwrap_or_default());
        for child in &self.0.children {
            let skipped = child.is("delay", ns::DELAY) || child.is("resend", ns::S11);
            if !skipped && let Ok(element) = child.element() {
                digest_element(&mut hash, &element);
            }
        }
        hash.finalize().into()
    }
}

/// Feeds a length-prefixed text, so that no two sequences of texts look alike.
fn part(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

/// Feeds a tree without recursion: payloads come from strangers (SEC-76).
fn digest_element(hash: &mut Sha256, root: &Element) {
    enum Step<'a> {
        Enter(&'a Element),
        Text(&'a str),
        Leave,
    }
    let mut steps = vec![Step::Enter(root)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Enter(element) => {
                hash.update(b"<");
                part(hash, element.ns());
                part(hash, element.name());
                let mut attributes: Vec<_> = element.attributes().iter().collect();
                attributes.sort_by(|a, b| (&a.ns, &a.name).cmp(&(&b.ns, &b.name)));
                for attribute in attributes {
                    part(hash, &attribute.ns);
                    part(hash, &attribute.name);
                    part(hash, &attribute.value);
                }
                steps.push(Step::Leave);
                steps.extend(element.nodes().iter().rev().map(|node| match node {
                    Node::Element(child) => Step::Enter(child),
                    Node::Text(text) => Step::Text(text),
                }));
            }
            Step::Text(text) => {
                hash.update(b"t");
                part(hash, text);
            }
            Step::Leave => hash.update(b">"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::xml::XmlLimits;

    /// A chat message with these children.
    pub(crate) fn message(children: &str) -> Message {
        let xml =
            format!("<message xmlns='jabber:client' type='chat' id='m0'>{children}</message>");
        match Frame::parse(&xml.into(), XmlLimits::AFTER_LOGIN) {
            Ok(Frame::Stanza(stanza)) => Message::of_stanza(stanza).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
