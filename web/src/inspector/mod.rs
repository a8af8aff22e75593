//! What went over the wire, for developers: kept in memory only, and only in developer mode.

mod journey;
mod redact;
mod wire;

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::time::Stamp;

pub use self::journey::{journey, message_id};
pub use self::redact::redact;
pub use self::wire::Wire;

/// So many records are kept,
const RECORDS_MAX: usize = 2_000;
/// and so many bytes of frames.
const BYTES_MAX: usize = 4 << 20;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// This device sent a frame.
    Sent(Arc<str>),
    /// A frame came.
    Came(Arc<str>),
    /// The socket opened, or closed and why.
    Link(Arc<str>),
    /// What is known of a line changed: its message id or key, the mark, the archive id.
    Became {
        /// Key of the line: the message id of one written here, else its archive id.
        key: Arc<str>,
        /// The mark's name.
        mark: &'static str,
        /// Where it lies in the own archive, as far as is known.
        archive_id: Option<Arc<str>>,
    },
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Ascending from 1.
    pub number: u64,
    /// When, by the wall clock.
    pub at: Stamp,
    /// What.
    pub what: What,
}

impl Record {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match &self.what {
            What::Sent(_) => "sent",
            What::Came(_) => "came",
            What::Link(_) => "link",
            What::Became { .. } => "became",
        }
    }

    /// The text of the frame, or what stands for one.
    pub fn text(&self) -> String {
        match &self.what {
            What::Sent(text) | What::Came(text) | What::Link(text) => text.to_string(),
            What::Became {
                key,
                mark,
                archive_id,
            } => match archive_id {
                Some(id) => format!("{key}: {mark}, {id}"),
                None => format!("{key}: {mark}"),
            },
        }
    }

    /// The same, a frame without its contents and secrets if those are hidden.
    pub fn written(&self, hides: bool) -> String {
        match &self.what {
            What::Sent(frame) | What::Came(frame) if hides => redact(frame),
            What::Became { .. } | What::Came(_) | What::Link(_) | What::Sent(_) => self.text(),
        }
    }

    fn bytes(&self) -> usize {
        match &self.what {
            What::Sent(text) | What::Came(text) | What::Link(text) => text.len(),
            What::Became { key, .. } => key.len(),
        }
    }
}

/// The newest records, oldest first.
#[derive(Clone, Debug, Default)]
pub struct WireLog {
    records: VecDeque<Record>,
    newest: u64,
    bytes: usize,
}

impl WireLog {
    /// Adds a record; the oldest ones go once there are too many.
    pub fn push(&mut self, at: Stamp, what: What) {
        self.newest += 1;
        let number = self.newest;
        let record = Record { number, at, what };
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > RECORDS_MAX || self.bytes > BYTES_MAX {
            match self.records.pop_front() {
                Some(oldest) => self.bytes -= oldest.bytes(),
                None => break,
            }
        }
    }

    /// All records, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }

    /// Forgets all records; numbers go on.
    pub fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }
}
