//! What a device keeps: rows, outbox, contacts and its cursor.
//!
//! A [`Batch`] is written in one transaction, so that rows and cursor can never disagree (S11-50).

mod memory;
mod message;
mod people;
mod reading;
pub mod suite;
mod wishes;

use std::collections::BTreeSet;

use protocol::fast::Token;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, FullJid, Handled, IdPrefix};
use serde::{Deserialize, Serialize};

pub use self::memory::MemoryHistory;
pub use self::message::{Asks, Beside, Content, OutboxItem, Reply, Revision, Signal};
pub use self::people::{Person, Picture};
pub use self::reading::{Owed, Part, Reading};
pub use self::wishes::{Wanting, Wish};
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
    /// What comes with its text.
    #[serde(default)]
    pub beside: Beside,
    /// What is known of its fate.
    pub mark: Mark,
    /// What its sender wants to be told.
    #[serde(default)]
    pub asks: Asks,
}

impl Row {
    /// Whether it counts as unread where nobody has read it: a line that somebody else wrote.
    pub fn is_news(&self) -> bool {
        !self.own && matches!(self.content, Content::Text(_))
    }

    /// Whether what it says of another message counts: all devices of the account come to know of it.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.mark, Mark::NotSaved | Mark::Failed(_))
    }
}

/// A conversation as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The other person.
    pub peer: BareJid,
    /// Text of the last line, as it was first.
    pub last_text: String,
    /// Whether the last line is an own one.
    pub last_own: bool,
    /// When the last line was archived or written.
    pub last_stamp: Stamp,
    /// What is known of the last line's fate, if it is an own one; nothing where an earlier version
    /// kept none.
    #[serde(default)]
    pub last_mark: Option<Mark>,
    /// Its message id, by which others tell of it.
    #[serde(default)]
    pub last_message_id: Option<String>,
    /// Its archive id, by which the record of a bounce tells of it.
    #[serde(default)]
    pub last_id: Option<ArchiveId>,
    /// Whether nothing is left of the last line but that it was retracted.
    #[serde(default)]
    pub last_retracted: bool,
    /// What its sender said of it since, oldest first.
    #[serde(default)]
    pub last_revisions: Vec<Revision>,
    /// How far it was read.
    #[serde(default)]
    pub read: Reading,
    /// Received messages whose senders wait for a receipt, oldest first.
    #[serde(default)]
    pub owed: Vec<Owed>,
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
    /// Number of the next outbox item or wish.
    pub next_seq: u64,
    /// Entries that came by page and whose live copies may still come on this stream, oldest first.
    #[serde(default)]
    pub ahead: Vec<ArchiveId>,
    /// Known parts below a gap, the lowest first (S11-54).
    #[serde(default)]
    pub below: Vec<Part>,
    /// What the device calls itself to the server, and to nobody else: a UUIDv4 (AU-19).
    #[serde(default)]
    pub agent: Option<String>,
    /// With what it logs in (AU-32).
    #[serde(default)]
    pub token: Option<Token>,
    /// Who is online with which devices, as the stream told: it does not tell again when it is
    /// resumed (SM-20).
    #[serde(default)]
    pub online: Vec<(BareJid, String)>,
    /// Whether the server publishes read state that comes beside a marker (MD-04), as it said when the
    /// stream began.
    #[serde(default)]
    pub is_assisted: bool,
    /// Whether the server heard on this stream who this is, and its answers came (SM-20).
    #[serde(default)]
    pub is_introduced: bool,
    /// What was asked of the roster and is not with the server yet, oldest first (SM-11).
    #[serde(default)]
    pub wishes: Vec<Wish>,
    /// Who is blocked, as the server and then the person said: accounts and whole domains. The stream
    /// tells of changes only, also when it is resumed (SM-21).
    #[serde(default)]
    pub blocked: BTreeSet<BareJid>,
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
            below: Vec::new(),
            agent: None,
            token: None,
            online: Vec::new(),
            is_assisted: false,
            is_introduced: false,
            wishes: Vec::new(),
            blocked: BTreeSet::new(),
        }
    }

    /// Whether a first page told where the known part begins. Nothing is sent before: it might come to
    /// lie before the beginning, where no live entry has a place.
    pub fn is_begun(&self) -> bool {
        self.pos.is_some() || self.reaches_start
    }

    /// Whether the gap below the known part can still be filled (S11-54).
    pub fn fills_gap(&self) -> bool {
        !self.below.is_empty() && !self.reaches_start
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
    /// What people tell of themselves, to put by address.
    pub people: Vec<Person>,
    /// People of whom nothing is kept any more, before `people` are put.
    pub drop_people: Vec<BareJid>,
    /// The device's state.
    pub device: Option<Device>,
    /// Whether it must survive a power cut although it has no line: a token, for the old one stops to
    /// work once the new one was used (AU-26), and what somebody wants of the roster (SM-11).
    pub is_lasting: bool,
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
    /// What people tell of themselves.
    pub people: Vec<Person>,
    /// All conversations.
    pub chats: Vec<Chat>,
    /// The whole outbox, oldest first.
    pub outbox: Vec<OutboxItem>,
    /// The provisional rows, oldest first.
    pub provisional: Vec<Row>,
    /// The unread rows: of each conversation those that [`Wanted::Unread`] gives.
    pub unread: Vec<Row>,
}

/// A question for confirmed rows, oldest first answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Echoed in the answer.
    pub query: u64,
    /// Which rows.
    pub wanted: Wanted,
}

/// Which rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest ones of a conversation.
    Latest {
        /// The conversation.
        peer: BareJid,
        /// Only rows before this place.
        before: Option<Place>,
        /// At most so many.
        max: usize,
    },
    /// The newest lines of a conversation that others wrote, at most [`UNREAD_MAX`].
    Unread {
        /// The conversation.
        peer: BareJid,
        /// Only rows after this place.
        after: Place,
    },
    /// The entries with these ids, as far as they are held.
    Entries(Vec<ArchiveId>),
}

/// So many unread lines of a conversation are counted.
pub const UNREAD_MAX: usize = 1_000;
