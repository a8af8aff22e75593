//! What a device keeps: rows, outbox, contacts and its cursor.
//!
//! A [`Batch`] is written in one transaction, so that rows and cursor can never disagree (S11-50).

mod memory;
pub mod suite;

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, FullJid, Handled, IdPrefix};
use serde::{Deserialize, Serialize};

pub use self::memory::MemoryHistory;
use crate::view::Mark;

/// Where a row stands in this device's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// In the known part of the archive, in its order: rows of one account have ascending numbers.
    /// Older history found later gets smaller, also negative ones.
    Confirmed(i64),
    /// Arrived live while a catch-up runs; takes its place when that is done (S11-53).
    Provisional(u64),
}

impl Place {
    /// A number that orders all rows: provisional ones behind every confirmed one. Exact as a
    /// JavaScript number, so it can be the key of an IndexedDB store.
    pub fn order(self) -> i64 {
        match self {
            Self::Confirmed(place) => place,
            Self::Provisional(seq) => (1 << 51) + i64::try_from(seq).unwrap_or(i64::MAX >> 12),
        }
    }
}

/// One row of history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Where it stands; unique.
    pub place: Place,
    /// Key of its line: the message id of an own message written here, else the archive id.
    pub key: String,
    /// Archive id in the own archive; absent if the message was not archived.
    pub id: Option<ArchiveId>,
    /// The other person.
    pub peer: BareJid,
    /// Whether this account sent it.
    pub own: bool,
    /// The sender's message id.
    pub message_id: Option<String>,
    /// When it was archived, or sent.
    pub stamp: Stamp,
    /// What it is.
    pub content: Content,
    /// What is known of its fate.
    pub mark: Mark,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A line of text.
    Text(String),
    /// Something without text that this version does not show: its payload as XML.
    Other(String),
    /// Messages are missing here, and cannot be had from the archive any more (S11-54).
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
    /// The text.
    pub body: String,
    /// When it was written.
    pub written: Stamp,
    /// The id prefix under which it was first sent, its own for life (P6); durable before it is sent.
    pub prefix: Option<IdPrefix>,
    /// Why the server refused it, if it did.
    pub failed: Option<String>,
}

/// A conversation as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The other person.
    pub peer: BareJid,
    /// Text of the last line.
    pub last_text: String,
    /// Whether the last line is an own one.
    pub last_own: bool,
    /// When the last line was archived or written.
    pub last_stamp: Stamp,
    /// How many received lines were not read on this device.
    pub unread: u32,
}

/// A contact, or somebody who wants to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// As the roster has it; a mere request has subscription `none`.
    pub item: protocol::roster::Item,
    /// Whether this person asked and waits for an answer.
    pub wants: bool,
}

/// The device's own state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Whose device.
    pub account: BareJid,
    /// Id of the last entry of the gapless known part: the cursor (S11-50).
    pub pos: Option<ArchiveId>,
    /// Id of the oldest entry of the known part.
    pub oldest: Option<ArchiveId>,
    /// Whether the known part reaches back to the start of the archive.
    pub reaches_start: bool,
    /// Places of the oldest and newest row of the known part; `(1, 0)` while it is empty. Rows from
    /// before a gap lie below it.
    pub places: (i64, i64),
    /// The stream that can be resumed.
    pub stream: Option<ResumableStream>,
    /// Version of the roster that is kept.
    pub roster_ver: Option<String>,
    /// Number of the next outbox item.
    pub next_seq: u64,
    /// Entries that came by page and whose live copies may still come on this stream, oldest first.
    #[serde(default)]
    pub ahead: Vec<ArchiveId>,
}

impl Device {
    /// A device that knows nothing yet.
    pub fn new(account: BareJid) -> Self {
        Self {
            account,
            pos: None,
            oldest: None,
            reaches_start: false,
            places: (1, 0),
            stream: None,
            roster_ver: None,
            next_seq: 0,
            ahead: Vec::new(),
        }
    }

    /// Whether messages are missing somewhere below the known part (S11-54).
    pub fn has_gap(&self) -> bool {
        self.places.0 > 1
    }
}

/// What is needed to resume a stream (SM-11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumableStream {
    /// SM-ID.
    pub id: String,
    /// The bound address.
    pub jid: FullJid,
    /// How many stanzas were handled: as of the batch that carries this.
    pub handled: Handled,
    /// The prefix of own archive ids, kept over resumption (S11-04).
    pub prefix: Option<IdPrefix>,
}

/// What is written in one transaction; empty parts change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Rows to put; one at the same place is replaced.
    pub rows: Vec<Row>,
    /// Places whose rows go away, before `rows` are put.
    pub drop_rows: Vec<Place>,
    /// Outbox items to put, by `seq`.
    pub outbox: Vec<OutboxItem>,
    /// Outbox items that go away.
    pub drop_outbox: Vec<u64>,
    /// Conversations to put, by peer.
    pub chats: Vec<Chat>,
    /// Whether all contacts go away before `contacts` are put.
    pub reset_contacts: bool,
    /// Contacts to put, by address.
    pub contacts: Vec<Contact>,
    /// Contacts that go away.
    pub drop_contacts: Vec<BareJid>,
    /// The device's state.
    pub device: Option<Device>,
}

impl Batch {
    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a device finds when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Its state; absent on a fresh device.
    pub device: Option<Device>,
    /// All contacts.
    pub contacts: Vec<Contact>,
    /// All conversations.
    pub chats: Vec<Chat>,
    /// The whole outbox, oldest first.
    pub outbox: Vec<OutboxItem>,
    /// The provisional rows, oldest first.
    pub provisional: Vec<Row>,
}

/// A question for confirmed rows of one conversation, newest first wanted, oldest first answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Echoed in the answer.
    pub query: u64,
    /// The conversation.
    pub peer: BareJid,
    /// Only rows before this place.
    pub before: Option<Place>,
    /// At most so many.
    pub max: usize,
}
