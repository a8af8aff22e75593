use std::collections::BTreeMap;

use protocol::BareJid;

use crate::history::{
    Batch, Chat, Contact, Device, OutboxItem, Person, Place, Restored, Row, UNREAD_MAX, Wanted,
};

/// A history in memory, for bots, the simulation and tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryHistory {
    rows: BTreeMap<i64, Row>,
    outbox: BTreeMap<u64, OutboxItem>,
    chats: BTreeMap<BareJid, Chat>,
    contacts: BTreeMap<BareJid, Contact>,
    people: BTreeMap<BareJid, Person>,
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
        for jid in batch.drop_people {
            self.people.remove(&jid);
        }
        for person in batch.people {
            self.people.insert(person.jid.clone(), person);
        }
        if batch.device.is_some() {
            self.device = batch.device;
        }
    }

    /// The confirmed rows that are wanted, oldest first.
    pub fn query(&self, wanted: &Wanted) -> Vec<Row> {
        match wanted {
            Wanted::Latest { peer, before, max } => {
                let end = before.map_or(i64::MAX, Place::order);
                self.newest(i64::MIN, end, *max, |row| row.peer == *peer)
            }
            Wanted::Unread { peer, after } => {
                let start = after.order().saturating_add(1);
                self.newest(start, i64::MAX, UNREAD_MAX, |row| {
                    row.peer == *peer && row.is_news()
                })
            }
            Wanted::Entries(ids) => self.newest(i64::MIN, i64::MAX, ids.len(), |row| {
                row.id.as_ref().is_some_and(|id| ids.contains(id))
            }),
        }
    }

    fn newest(
        &self,
        start: i64,
        end: i64,
        max: usize,
        is_wanted: impl Fn(&Row) -> bool,
    ) -> Vec<Row> {
        let newest_first = self.rows.range(start..end).rev().map(|(_, row)| row);
        let found = newest_first.filter(|row| is_confirmed(row) && is_wanted(row));
        let mut found: Vec<_> = found.take(max).cloned().collect();
        found.reverse();
        found
    }

    /// What a device finds when it starts again.
    pub fn restore(&self) -> Restored {
        let provisional = self.rows.values().filter(|row| !is_confirmed(row));
        let unread = self.chats.values().filter_map(Chat::unread);
        Restored {
            device: self.device.clone(),
            contacts: self.contacts.values().cloned().collect(),
            people: self.people.values().cloned().collect(),
            chats: self.chats.values().cloned().collect(),
            outbox: self.outbox.values().cloned().collect(),
            provisional: provisional.cloned().collect(),
            unread: unread.flat_map(|wanted| self.query(&wanted)).collect(),
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
