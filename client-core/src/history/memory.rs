use std::collections::BTreeMap;

use protocol::BareJid;

use crate::history::{Batch, Chat, Contact, Device, OutboxItem, Place, Restored, Row, RowQuery};

/// A history in memory, for bots, the simulation and tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryHistory {
    rows: BTreeMap<i64, Row>,
    outbox: BTreeMap<u64, OutboxItem>,
    chats: BTreeMap<BareJid, Chat>,
    contacts: BTreeMap<BareJid, Contact>,
    device: Option<Device>,
}

impl MemoryHistory {
    /// Writes a batch.
    pub fn apply(&mut self, batch: Batch) {
        for place in batch.drop_rows {
            self.rows.remove(&place.order());
        }
        for row in batch.rows {
            self.rows.insert(row.place.order(), row);
        }
        for seq in batch.drop_outbox {
            self.outbox.remove(&seq);
        }
        for item in batch.outbox {
            self.outbox.insert(item.seq, item);
        }
        for chat in batch.chats {
            self.chats.insert(chat.peer.clone(), chat);
        }
        if batch.reset_contacts {
            self.contacts.clear();
        }
        for jid in batch.drop_contacts {
            self.contacts.remove(&jid);
        }
        for contact in batch.contacts {
            self.contacts.insert(contact.item.jid.clone(), contact);
        }
        if batch.device.is_some() {
            self.device = batch.device;
        }
    }

    /// The confirmed rows that a query asks for, oldest first.
    pub fn query(&self, query: &RowQuery) -> Vec<Row> {
        let before = query.before.map_or(i64::MAX, Place::order);
        let newest_first = self.rows.range(..before).rev().map(|(_, row)| row);
        let mut found: Vec<_> = newest_first
            .filter(|row| is_confirmed(row) && row.peer == query.peer)
            .take(query.max)
            .cloned()
            .collect();
        found.reverse();
        found
    }

    /// What a device finds when it starts again.
    pub fn restore(&self) -> Restored {
        let provisional = self.rows.values().filter(|row| !is_confirmed(row));
        Restored {
            device: self.device.clone(),
            contacts: self.contacts.values().cloned().collect(),
            chats: self.chats.values().cloned().collect(),
            outbox: self.outbox.values().cloned().collect(),
            provisional: provisional.cloned().collect(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows, provisional ones last.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }
}

fn is_confirmed(row: &Row) -> bool {
    matches!(row.place, Place::Confirmed(_))
}
