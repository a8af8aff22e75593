//! What goes into the [`Core`](crate::Core) and what comes out.

use std::sync::Arc;

use protocol::{ArchiveId, BareJid, Text};

use crate::archive::{Append, AppendError, Ends, Entry, Outcome, Page, PageQuery, ReadError};
use crate::inline::Inline;
use crate::nodes::{ItemPage, ItemQuery};
use crate::records::{AccountRecord, Change, ChangeError, Credentials, KeyEpoch};
use crate::tokens::DeviceRecord;

/// One connection: one WebSocket and its stream. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// Who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// To which account.
    pub account: BareJid,
    /// By keys of which epoch.
    pub epoch: KeyEpoch,
}

/// Ties an answer of the driver to what was asked. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What happened outside.
#[derive(Debug)]
pub enum Input {
    /// [`Opening`](crate::Opening) handed over a connection that is logged in.
    Attached {
        /// The connection.
        conn: ConnId,
        /// Who logged in.
        identity: Identity,
        /// What a login in one exchange asked for; such a login is answered by the core.
        inline: Option<Box<Inline>>,
    },
    /// One text frame arrived. Each is answered by one [`Output::Credit`].
    Frame {
        /// On which connection.
        conn: ConnId,
        /// The text.
        text: Text,
    },
    /// A frame arrived that is no text, or too long: the stream ends with this error.
    Refused {
        /// On which connection.
        conn: ConnId,
        /// Why.
        error: protocol::StreamError,
    },
    /// The connection is gone. Comes exactly once, also after [`Output::Close`].
    Lost {
        /// Which connection.
        conn: ConnId,
    },
    /// Frames went onto the wire.
    Written {
        /// On which connection.
        conn: ConnId,
        /// How many.
        frames: usize,
        /// Of how many bytes in all.
        bytes: usize,
    },
    /// The answer to [`Output::ReadCredentials`].
    Credentials {
        /// Which.
        ticket: Ticket,
        /// The keys; `None` if there is no such account.
        result: Result<Option<Credentials>, ReadError>,
    },
    /// The answer to [`Output::Load`]; `Err` if the store failed.
    Loaded {
        /// Whose record.
        account: BareJid,
        /// The record; `None` if there is no such account.
        result: Result<Option<AccountRecord>, ReadError>,
    },
    /// The answer to [`Output::Append`].
    Appended {
        /// Which.
        ticket: Ticket,
        /// What became of it.
        result: Result<Outcome, AppendError>,
    },
    /// The answer to [`Output::ReadPage`].
    Page {
        /// Which.
        ticket: Ticket,
        /// The page.
        result: Result<Page, ReadError>,
    },
    /// The answer to [`Output::ReadEnds`].
    Ends {
        /// Which.
        ticket: Ticket,
        /// The ends.
        result: Result<Ends, ReadError>,
    },
    /// The answer to [`Output::Locate`].
    Located {
        /// Which.
        ticket: Ticket,
        /// Its position; `None` if the log holds no such entry.
        result: Result<Option<u64>, ReadError>,
    },
    /// The answer to [`Output::ReadEntries`].
    Entries {
        /// Whose log.
        account: BareJid,
        /// Entries at consecutive positions, oldest first.
        result: Result<Vec<Arc<Entry>>, ReadError>,
    },
    /// The answer to [`Output::ReadSpool`].
    Spool {
        /// Whose log.
        account: BareJid,
        /// Flagged entries, oldest first; none if there are no more.
        result: Result<Vec<Arc<Entry>>, ReadError>,
    },
    /// The answer to [`Output::ReadItems`].
    Items {
        /// Which.
        ticket: Ticket,
        /// The items.
        result: Result<ItemPage, ReadError>,
    },
    /// The answer to [`Output::ReadDevices`].
    Devices {
        /// Which.
        ticket: Ticket,
        /// What the store knows of them.
        result: Result<Vec<DeviceRecord>, ReadError>,
    },
    /// The answer to [`Output::Change`].
    Changed {
        /// Which.
        ticket: Ticket,
        /// What became of it.
        result: Result<(), ChangeError>,
    },
    /// [`Opening`](crate::Opening) made an account with an invitation, which the store has made a contact
    /// of its inviter already (RG-08).
    Joined {
        /// Who is there.
        account: BareJid,
        /// Who invited.
        inviter: BareJid,
    },
    /// The driver hashed a password, see [`Output::Hash`].
    Hashed {
        /// Which.
        ticket: Ticket,
        /// One set of keys per hash function; `None` if it could not be hashed.
        keys: Option<Vec<protocol::scram::StoredKeys>>,
    },
    /// An account was removed or its password changed outside: end its streams (AU-29, RG-11).
    Revoked {
        /// Which account.
        account: BareJid,
    },
    /// The deadline passed.
    Tick,
    /// The server stops: end every stream with `system-shutdown` (WS-30). Sessions that can be resumed
    /// stay so.
    Shutdown,
}

/// What is to be done outside, in this order.
#[derive(Debug)]
pub enum Output {
    /// Put a text frame on the wire.
    Send {
        /// Of which connection.
        conn: ConnId,
        /// The text.
        frame: Text,
    },
    /// Close the connection once what was sent is on the wire.
    Close {
        /// Which connection.
        conn: ConnId,
    },
    /// One frame of the connection is handled; its place in LIM-14 is free again.
    Credit {
        /// Which connection.
        conn: ConnId,
    },
    /// Read the keys of an account once more: a login is answered only if it still holds (AU-29). What is
    /// read must be no older than the question.
    ReadCredentials {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Whose keys.
        account: BareJid,
    },
    /// Load what is known of an account; one at a time per account.
    Load {
        /// Which account.
        account: BareJid,
    },
    /// Write a message. Appends are answered in the order in which they were asked.
    Append {
        /// Ties the answer to it.
        ticket: Ticket,
        /// What to write.
        append: Box<Append>,
    },
    /// Read a page for a query.
    ReadPage {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Which page.
        query: Box<PageQuery>,
    },
    /// Read the oldest and newest entry.
    ReadEnds {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Whose log.
        account: BareJid,
    },
    /// Find the position of an entry.
    Locate {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Whose log.
        account: BareJid,
        /// The entry's archive id.
        id: ArchiveId,
    },
    /// Read entries behind a position for a walk; one at a time per account.
    ReadEntries {
        /// Whose log.
        account: BareJid,
        /// The position before the first wanted.
        after: u64,
        /// At most so many.
        max: usize,
    },
    /// Read entries that are flagged to wait for an ordinary client; one at a time per account.
    ReadSpool {
        /// Whose log.
        account: BareJid,
        /// The position before the first wanted.
        after: u64,
        /// At most so many.
        max: usize,
    },
    /// Read items of a node.
    ReadItems {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Which items.
        query: Box<ItemQuery>,
    },
    /// Read what is known of an account's devices.
    ReadDevices {
        /// Ties the answer to it.
        ticket: Ticket,
        /// Whose.
        account: BareJid,
    },
    /// Make a change durable. Changes are carried out in the order in which they were asked.
    Change {
        /// Ties the answer to it.
        ticket: Ticket,
        /// The change.
        change: Box<Change>,
    },
    /// Hash a prepared password with a fresh salt, away from this thread.
    Hash {
        /// Ties the answer to it.
        ticket: Ticket,
        /// The prepared password.
        password: Password,
    },
}

/// A prepared password on its way to be hashed; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}
