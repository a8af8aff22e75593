//! What the core asks of an archive and what it is told.
//!
//! Every account has one log: entries at dense positions 1, 2, 3 …, in the one order that all its
//! devices show. A position is internal; outside, an entry is known by its archive id.

use std::sync::Arc;

use protocol::blocking::Blocklist;
use protocol::jid::ResourcePart;
use protocol::retract::Retraction;
use protocol::s11::Reason;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Condition, Frame, Jid, Message, Text, XmlLimits};
use thiserror::Error;

use crate::records::SessionRecord;

/// What a message leaves behind, written in one durable transaction (P2, S11-30).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The account whose session sent it; its log gets the outgoing entry.
    pub sender: BareJid,
    /// The sender's resource, by which the recipient may block it (BL-05); absent for records.
    pub resource: Option<ResourcePart>,
    /// The local account that it goes to; equal to `sender` for a note to oneself, which is one entry
    /// only. Absent for remote addressees and records.
    pub recipient: Option<BareJid>,
    /// The other party for `with` filters: the bare addressee, also when it is not local.
    pub peer: BareJid,
    /// The id of the sender's entry where the sender computed it (S11-10); the store makes all others.
    pub own_id: Option<ArchiveId>,
    /// [`protocol::Message::digest`]; tells a message sent again from another one with the same id.
    pub digest: [u8; 32],
    /// Whether entries are written, or only the outcome remembered under `own_id` (S11-17).
    pub keep: Keep,
    /// Whether the recipient's entry is flagged to wait for an ordinary client, in the same
    /// transaction; see [`crate::io::Output::ReadSpool`].
    pub spool: bool,
    /// The earlier message of the sender's that it retracts: where the conversation holds it, only a
    /// tombstone stays of it (IM-15).
    pub retracts: Option<Retraction>,
    /// The stanza as accepted, stripped and stamped; ends with `</message>`.
    pub stanza: Text,
    /// The session that sent it, counting this message and all before it as handled. Written in the
    /// same transaction, whatever the outcome (S11-60): of a record that is there, only the count.
    pub session: Option<Box<SessionRecord>>,
}

impl Append {
    /// Whether a recipient with this list wants to hear nothing of the sender (BL-02).
    #[must_use]
    pub fn is_blocked_by(&self, list: &Blocklist) -> bool {
        let from = || match &self.resource {
            Some(resource) => self.sender.with_resource(resource).into(),
            None => Jid::from(self.sender.clone()),
        };
        !list.is_empty() && list.blocks(&from())
    }
}

/// What is written for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// An entry in both logs.
    Entries,
    /// An entry in both logs if the two have exchanged messages before, else a refusal with this
    /// condition (LIM-17).
    EntriesIfKnown(Condition),
    /// No entry, by policy; the outcome is remembered if there is an `own_id`.
    OutcomeOnly,
    /// No entry: the message was refused with this condition, which a repetition hears again (S11-22).
    Refusal(Condition),
}

impl Keep {
    /// Whether entries are written, if all goes well.
    #[must_use]
    pub fn makes_entries(self) -> bool {
        match self {
            Self::Entries | Self::EntriesIfKnown(_) => true,
            Self::OutcomeOnly | Self::Refusal(_) => false,
        }
    }
}

/// Where an entry lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Dense position in the account's log, from 1; never sent out.
    pub pos: u64,
    /// Its archive id.
    pub id: ArchiveId,
}

/// What became of an [`Append`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was written.
    Stored(Receipt),
    /// The same message was there before; nothing was written (S11-14, S11-22).
    Repeated(FirstOutcome),
    /// Another message has this id; nothing was written (S11-15).
    Conflict,
    /// The two have never exchanged messages: it was refused, and nothing but that written (LIM-17).
    Refused(Condition),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Commit time of both entries; never earlier than that of an earlier entry of the same log.
    pub stamp: Stamp,
    /// The sender's entry, or why there is none; absent by policy.
    pub sender: Option<Result<Place, AppendError>>,
    /// The recipient's entry.
    pub recipient: RecipientSide,
}

/// What became of the recipient's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientSide {
    /// Nothing to write: a note to oneself, a remote addressee, a record, or not kept by policy.
    None,
    /// There is no such account here, or it blocks the sender; nobody can tell which (BL-02).
    NoAccount,
    /// Its entry.
    Stored(Place),
    /// Its archive could not take it.
    Failed(AppendError),
}

/// The first outcome of a message that came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstOutcome {
    /// It lies in the sender's log at this position.
    Archived {
        /// Dense position.
        pos: u64,
    },
    /// It was accepted and, by policy, not archived.
    NotArchived,
    /// It was accepted, and the sender's archive could not take it.
    Unarchived(Reason),
    /// It was refused.
    Refused(Condition),
}

/// Why a log did not take an entry; the message is delivered all the same (P4).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The account's archive is full.
    #[error("archive of {account} is full ({limit_bytes} bytes)")]
    Quota {
        /// Whose.
        account: BareJid,
        /// What it may hold.
        limit_bytes: u64,
    },
    /// The entry is larger than any archive takes.
    #[error("entry of {len_bytes} bytes is too large")]
    Size {
        /// Its size.
        len_bytes: usize,
    },
    /// The store failed; it has logged why.
    #[error("store unavailable")]
    Storage,
}

impl AppendError {
    /// What devices are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Quota { .. } => Reason::Quota,
            Self::Size { .. } => Reason::Size,
            Self::Storage => Reason::Storage,
        }
    }
}

/// One entry of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Dense position.
    pub pos: u64,
    /// Archive id in this log.
    pub id: ArchiveId,
    /// Commit time.
    pub stamp: Stamp,
    /// The stanza as accepted.
    pub stanza: Text,
}

/// Which entries a page may hold; all conditions must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Messages from or to this address; a bare one matches every resource (MAM-10).
    pub with: Option<Jid>,
    /// Not earlier than this.
    pub start: Option<Stamp>,
    /// Not later than this.
    pub end: Option<Stamp>,
    /// Behind each of these entries.
    pub after: Vec<ArchiveId>,
    /// Before each of these entries.
    pub before: Vec<ArchiveId>,
    /// Only these entries, if any are named.
    pub ids: Vec<ArchiveId>,
}

impl Filter {
    /// Whether it leaves a span of the log without holes.
    #[must_use]
    pub fn is_span(&self) -> bool {
        self.with.is_none() && self.ids.is_empty()
    }
}

/// From which end of the matching entries a page is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// The oldest `max`.
    #[default]
    Forward,
    /// The newest `max`.
    Backward,
}

/// A question for one page of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Whose log.
    pub account: BareJid,
    /// Which entries.
    pub filter: Filter,
    /// From which end.
    pub paging: Paging,
    /// At most so many entries; 0 asks for the count alone.
    pub max: u32,
}

/// A page: one consistent snapshot (MAM-17), always oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Arc<Entry>>,
    /// Whether no further entry matched in the direction of paging (MAM-16).
    pub complete: bool,
    /// How many match in all; for `max = 0`, and where the filter is but a span of the log, which costs
    /// nothing to count.
    pub count: Option<u64>,
}

/// The oldest and newest entry of a log; `None` if it is empty.
pub type Ends = Option<((ArchiveId, Stamp), (ArchiveId, Stamp))>;

/// Why a page could not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// An id of the filter is not in the log (MAM-11).
    #[error("no entry has this id")]
    UnknownId,
    /// The store failed; it has logged why.
    #[error("store unavailable")]
    Storage,
}

/// [`protocol::Message::digest`] of a stored stanza, for telling a repetition from a conflict.
pub fn digest_of(stanza: &Text) -> Option<[u8; 32]> {
    message_of(stanza).map(|message| message.digest())
}

/// A stored stanza as a message.
pub fn message_of(stanza: &Text) -> Option<Message> {
    match Frame::parse(stanza, XmlLimits::RELAYED) {
        Ok(Frame::Stanza(stanza)) => Message::of_stanza(stanza),
        _ => None,
    }
}

/// What stays of a stored stanza that was retracted at this time; `None` if another one is meant.
pub fn tombstone_of(stanza: &Text, retraction: &Retraction, stamp: Stamp) -> Option<Text> {
    let left = retraction.tombstone(&message_of(stanza)?, stamp)?;
    Some(left.0.write().into())
}
