//! How rows and the like look in the database: each with its key beside it.

use client_core::history::{Chat, Contact, OutboxItem, Row};
use client_core::{Place, RowQuery};
use indexed_db_futures::KeyRange;
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

/// The rows that a query asks for, in the index by peer.
pub(super) fn rows_of(query: &RowQuery) -> KeyRange<(String, i64)> {
    let peer = query.peer.to_string();
    let end = query
        .before
        .map_or(first_provisional(), Place::order)
        .min(first_provisional());
    KeyRange::Bound((peer.clone(), ORDER_MIN), false, (peer, end), true)
}

fn first_provisional() -> i64 {
    Place::Provisional(0).order()
}
