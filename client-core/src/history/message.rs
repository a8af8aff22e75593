//! What a message is: its text and what comes with it, or what it says of an earlier one.

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, IdPrefix};
use serde::{Deserialize, Serialize};

use super::{Place, Row};
use crate::failure::Failure;
use crate::view::Mark;

/// What the sender of a message wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// That it arrived (XEP-0184).
    pub receipt: bool,
    /// That it was displayed (XEP-0333).
    pub marker: bool,
    /// Whether an answer is being written (XEP-0085).
    #[serde(default)]
    pub states: bool,
}

/// What comes with a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The line that it answers.
    pub reply: Option<Reply>,
    /// Whether it is shown as it stands, without styling (XEP-0393).
    pub is_unstyled: bool,
}

/// Which line is answered (XEP-0461).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Its message id.
    pub of: String,
    /// Whether this account wrote it, as the answer says.
    pub is_own: bool,
    /// What goes before the text of an own answer, for programs that know no answers. Kept, because a
    /// message is sent again as it was (S11-16); of what others quote nothing is kept, as it proves
    /// nothing.
    pub quote: String,
}

/// A message that tells of an earlier one, named by its message id. It is no line of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// It arrived (XEP-0184).
    Received(String),
    /// It was displayed, and all before it (XEP-0333).
    Displayed(String),
    /// It reads otherwise now (XEP-0308).
    Corrected {
        /// Its message id.
        of: String,
        /// What it reads now.
        text: String,
    },
    /// With what somebody reacts to it: all of it, in place of what was before (XEP-0444).
    Reacted {
        /// Its message id.
        of: String,
        /// Each once; none takes all back.
        emojis: Vec<String>,
    },
    /// It does not count any more (XEP-0424).
    Retracted(String),
}

impl Signal {
    /// The message id of the earlier message.
    pub fn of(&self) -> &str {
        match self {
            Self::Received(of) | Self::Displayed(of) | Self::Retracted(of) => of,
            Self::Corrected { of, .. } | Self::Reacted { of, .. } => of,
        }
    }

    /// Whether a person said it, and not a program by itself.
    pub fn is_said(&self) -> bool {
        match self {
            Self::Received(_) | Self::Displayed(_) => false,
            Self::Corrected { .. } | Self::Reacted { .. } | Self::Retracted(_) => true,
        }
    }
}

/// What somebody said later of a line of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The message id with which they said it.
    pub message_id: Option<String>,
    /// Its archive id, if this account said it.
    pub id: Option<ArchiveId>,
    /// What the line reads now; nothing if it was retracted.
    pub text: Option<String>,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A line of text.
    Text(String),
    /// What became of another line.
    Signal(Signal),
    /// What an archive left of a line that was retracted (XEP-0424).
    Retracted,
    /// The record that an own entry came back (S11-36).
    Bounced {
        /// Its archive id.
        of: ArchiveId,
        /// Why.
        #[serde(alias = "words")]
        why: Failure,
    },
    /// Something without text that this version does not show: its payload as XML.
    Other(String),
    /// Messages may be missing here (S11-54).
    Gap,
}

/// An own message on its way: from Enter until it is archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// Order of writing; unique.
    pub seq: u64,
    /// The message id (a UUIDv4), also the key of its line.
    pub message_id: String,
    /// The addressee.
    pub to: BareJid,
    /// The text; empty for a signal.
    pub body: String,
    /// What it says of another message, if it is no line.
    #[serde(default)]
    pub signal: Option<Signal>,
    /// What comes with its text.
    #[serde(default)]
    pub beside: Beside,
    /// What the addressee is asked to tell. Kept, because a message is sent again as it was (S11-16).
    #[serde(default)]
    pub asks: Asks,
    /// The entry that a marker is for, where the server tells the own devices of it (MD-05).
    #[serde(default)]
    pub assist: Option<ArchiveId>,
    /// When it was written.
    pub written: Stamp,
    /// The id prefix under which it was first sent, its own for life (P6); durable before it is sent.
    pub prefix: Option<IdPrefix>,
    /// Why it is not sent any more.
    pub failed: Option<Failure>,
    /// Whether the server refused it: then its id is spent, as sending it again gets the same answer (S11-22).
    #[serde(default)]
    pub is_spent: bool,
}

impl OutboxItem {
    /// Whether a person said it, and not a program by itself.
    pub fn is_said(&self) -> bool {
        self.signal.as_ref().is_none_or(Signal::is_said)
    }

    /// What a person wrote, if there is a text.
    pub fn text(&self) -> Option<&str> {
        match &self.signal {
            None => Some(&self.body),
            Some(Signal::Corrected { text, .. }) => Some(text),
            Some(Signal::Received(_) | Signal::Displayed(_)) => None,
            Some(Signal::Reacted { .. } | Signal::Retracted(_)) => None,
        }
    }

    /// The row that it will be, at a place that it has not got yet.
    pub(crate) fn to_row(&self, id: Option<ArchiveId>, mark: Mark) -> Row {
        Row {
            place: Place::Provisional(self.seq),
            key: self.message_id.clone(),
            id,
            peer: self.to.clone(),
            own: true,
            message_id: Some(self.message_id.clone()),
            stamp: self.written,
            content: match &self.signal {
                Some(signal) => Content::Signal(signal.clone()),
                None => Content::Text(self.body.clone()),
            },
            beside: self.beside.clone(),
            mark,
            asks: self.asks,
        }
    }
}
