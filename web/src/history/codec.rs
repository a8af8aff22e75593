//! How rows and the like look in the database: each with its key beside it.

use client_core::Place;
use client_core::history::{Chat, Contact, OutboxItem, Row};
use indexed_db_futures::KeyRange;
use protocol::BareJid;
use serde::{Deserialize, Serialize};

/// The smallest number that IndexedDB and `i64` agree about.
const ORDER_MIN: i64 = -(1 << 53) + 1;

/// A row under its [`Place::order`].
#[derive(Serialize, Deserialize)]
pub(super) struct RowRecord {
    order: i64,
    peer: String,
    pub(super) row: Row,
}

impl From<&Row> for RowRecord {
    fn from(row: &Row) -> Self {
        Self {
            order: row.place.order(),
            peer: row.peer.to_string(),
            row: row.clone(),
        }
    }
}

/// Where the row of an entry is.
#[derive(Serialize, Deserialize)]
pub(super) struct EntryRecord {
    id: String,
    pub(super) order: i64,
}

impl EntryRecord {
    pub(super) fn of_row(row: &Row) -> Option<Self> {
        Some(Self {
            id: row.id.as_ref()?.to_string(),
            order: row.place.order(),
        })
    }
}

/// An outbox item under its number.
#[derive(Serialize, Deserialize)]
pub(super) struct OutboxRecord {
    seq: u64,
    pub(super) item: OutboxItem,
}

impl From<&OutboxItem> for OutboxRecord {
    fn from(item: &OutboxItem) -> Self {
        Self {
            seq: item.seq,
            item: item.clone(),
        }
    }
}

/// A conversation under its peer.
#[derive(Serialize, Deserialize)]
pub(super) struct ChatRecord {
    peer: String,
    pub(super) chat: Chat,
}

impl From<&Chat> for ChatRecord {
    fn from(chat: &Chat) -> Self {
        Self {
            peer: chat.peer.to_string(),
            chat: chat.clone(),
        }
    }
}

/// A contact under its address.
#[derive(Serialize, Deserialize)]
pub(super) struct ContactRecord {
    jid: String,
    pub(super) contact: Contact,
}

impl From<&Contact> for ContactRecord {
    fn from(contact: &Contact) -> Self {
        Self {
            jid: contact.item.jid.to_string(),
            contact: contact.clone(),
        }
    }
}

/// All provisional rows.
pub(super) fn provisional() -> KeyRange<i64> {
    KeyRange::LowerBound(first_provisional(), false)
}

/// The confirmed rows of a conversation before a place, in the index by peer.
pub(super) fn rows_before(peer: &BareJid, before: Option<Place>) -> KeyRange<(String, i64)> {
    let end = before.map_or(first_provisional(), Place::order);
    rows_between(peer, ORDER_MIN, end)
}

/// The confirmed rows of a conversation after a place, in the index by peer.
pub(super) fn rows_after(peer: &BareJid, after: Place) -> KeyRange<(String, i64)> {
    rows_between(peer, after.order().saturating_add(1), first_provisional())
}

fn rows_between(peer: &BareJid, start: i64, end: i64) -> KeyRange<(String, i64)> {
    let peer = peer.to_string();
    // A range that ends before it starts is an error of IndexedDB's, not an empty one.
    let end = end.clamp(ORDER_MIN, first_provisional());
    let start = start.clamp(ORDER_MIN, end);
    KeyRange::Bound((peer.clone(), start), false, (peer, end), true)
}

fn first_provisional() -> i64 {
    Place::Provisional(0).order()
}
