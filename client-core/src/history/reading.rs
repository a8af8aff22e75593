//! How far a conversation was read, what is owed to its sender, and what lies below a gap.

use protocol::ArchiveId;
use protocol::time::Stamp;
use serde::{Deserialize, Serialize};

use super::{Chat, Place, Wanted};

/// How far a conversation was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Everything up to this place of the known part is read; absent if nobody knows.
    pub place: Option<i64>,
    /// Whether that is only assumed: history that a fresh device finds is no news until the account's
    /// other devices say otherwise.
    pub is_assumed: bool,
    /// The entry that the account's other devices are told (MD-01).
    pub id: Option<ArchiveId>,
    /// Its place: rows beyond it may be read that are in no archive, so nobody can be told of them.
    #[serde(default)]
    pub id_place: Option<i64>,
    /// Whether they know.
    pub is_told: bool,
    /// The place of the newest line that somebody else wrote.
    pub newest: Option<i64>,
}

impl Reading {
    /// Below every place of a history; exact as a JavaScript number.
    pub const NOTHING: i64 = -(1 << 52);
}

impl Chat {
    /// Which rows are unread; `None` if there can be none.
    pub fn unread(&self) -> Option<Wanted> {
        let place = self.read.place?;
        (self.read.newest > Some(place)).then(|| Wanted::Unread {
            peer: self.peer.clone(),
            after: Place::Confirmed(place),
        })
    }
}

/// A received message whose sender waits for a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The sender's message id.
    pub message_id: String,
    /// When it was archived.
    pub stamp: Stamp,
}

/// A part of the archive that is known and lies below a gap (S11-54).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Id of its oldest entry.
    pub oldest: Option<ArchiveId>,
    /// Whether it reaches back to the start of the archive.
    pub reaches_start: bool,
    /// The place of its oldest row.
    pub first: i64,
    /// The places of the rows that mark the gap above it, first and last.
    pub gap: (i64, i64),
}
