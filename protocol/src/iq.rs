//! Requests and answers (RFC 6120 §8.2.3).

use crate::ns;
use crate::stanza::{Address, Header, Stanza, StanzaKind};
use crate::stanza_error::StanzaError;
use crate::xml::Element;

/// What an iq is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IqKind {
    /// A question with its one payload.
    Get(Element),
    /// A wish with its one payload.
    Set(Element),
    /// An answer.
    Result(Option<Element>),
    /// A refusal.
    Error(StanzaError),
}

/// An iq whose form is right: an id, and exactly one child where one must be (CO-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq {
    /// Addressee.
    pub to: Address,
    /// Sender.
    pub from: Address,
    /// Ties answer to request.
    pub id: String,
    /// What it is.
    pub kind: IqKind,
}

impl Iq {
    /// Reads a stanza; `None` if the form is wrong, which is answered with `bad-request` (CO-04).
    pub fn of_stanza(stanza: &Stanza) -> Option<Self> {
        if stanza.kind != StanzaKind::Iq {
            return None;
        }
        let Header {
            to, from, id, kind, ..
        } = &stanza.header;
        let id = id.clone().filter(|id| !id.is_empty())?;
        let only_child = || match stanza.children.as_slice() {
            [child] => child.element().ok(),
            _ => None,
        };
        let kind = match kind.as_deref()? {
            "get" => IqKind::Get(only_child()?),
            "set" => IqKind::Set(only_child()?),
            "result" => IqKind::Result(stanza.children.first().and_then(|c| c.element().ok())),
            "error" => {
                let error = stanza
                    .find("error", ns::CLIENT)
                    .and_then(|c| c.element().ok())?;
                IqKind::Error(StanzaError::from_element(&error))
            }
            _ => return None,
        };
        Some(Self {
            to: to.clone(),
            from: from.clone(),
            id,
            kind,
        })
    }

    /// A question.
    pub fn get(id: impl Into<String>, payload: Element) -> Self {
        Self::new(id, IqKind::Get(payload))
    }

    /// A wish.
    pub fn set(id: impl Into<String>, payload: Element) -> Self {
        Self::new(id, IqKind::Set(payload))
    }

    fn new(id: impl Into<String>, kind: IqKind) -> Self {
        Self {
            to: Address::Absent,
            from: Address::Absent,
            id: id.into(),
            kind,
        }
    }

    /// Sets the addressee.
    #[must_use]
    pub fn to(mut self, to: impl Into<Address>) -> Self {
        self.to = to.into();
        self
    }

    /// Sets the sender.
    #[must_use]
    pub fn from(mut self, from: impl Into<Address>) -> Self {
        self.from = from.into();
        self
    }

    /// The answer to this request, addresses swapped.
    #[must_use]
    pub fn result(&self, payload: Option<Element>) -> Self {
        self.answer(IqKind::Result(payload))
    }

    /// The refusal of this request, addresses swapped.
    #[must_use]
    pub fn error(&self, error: impl Into<StanzaError>) -> Self {
        self.answer(IqKind::Error(error.into()))
    }

    fn answer(&self, kind: IqKind) -> Self {
        Self {
            to: self.from.clone(),
            from: self.to.clone(),
            id: self.id.clone(),
            kind,
        }
    }

    /// The stanza.
    pub fn to_stanza(&self) -> Stanza {
        let (kind, payload) = match &self.kind {
            IqKind::Get(payload) => ("get", Some(payload.clone())),
            IqKind::Set(payload) => ("set", Some(payload.clone())),
            IqKind::Result(payload) => ("result", payload.clone()),
            IqKind::Error(error) => ("error", Some(error.to_element())),
        };
        let mut stanza = Stanza::new(StanzaKind::Iq).typed(kind).id(self.id.clone());
        stanza.header.to = self.to.clone();
        stanza.header.from = self.from.clone();
        match payload {
            Some(payload) => stanza.child(&payload),
            None => stanza,
        }
    }

    /// Writes the frame.
    pub fn write(&self) -> String {
        self.to_stanza().write()
    }
}
