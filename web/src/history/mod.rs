//! What a device keeps, in one IndexedDB database per slot.

mod codec;
mod facts;
mod schema;

use client_core::history::UNREAD_MAX;
use client_core::{Batch, Chat, Device, Person, Place, Restored, Row, Wanted};
use indexed_db_futures::KeyRange;
use indexed_db_futures::cursor::CursorDirection;
use indexed_db_futures::database::Database;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use protocol::ArchiveId;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::facts::Facts;
use crate::error::WebError;
use crate::history::codec::{ChatRecord, ContactRecord, EntryRecord, OutboxRecord, RowRecord};

/// The database of one slot.
#[derive(Clone)]
pub struct IndexedDb {
    db: Database,
}

impl IndexedDb {
    /// Opens the database, and makes it if there is none.
    ///
    /// # Errors
    /// [`WebError::Storage`] if the browser keeps nothing (private mode, full disk) or has a newer layout.
    pub async fn open(name: &str) -> Result<Self, WebError> {
        let db = Database::open(name)
            .with_version(schema::VERSION)
            .with_on_upgrade_needed(|event, db| schema::upgrade(&event, &db))
            .await?;
        let history = Self { db };
        history.fill_entries().await?;
        Ok(history)
    }

    /// Takes in the rows from before there was a store of entries.
    async fn fill_entries(&self) -> Result<(), WebError> {
        let tx = self.begin(TransactionDurability::Relaxed)?;
        let meta = tx.object_store(schema::META)?;
        let is_filled: Option<bool> = meta.get(schema::HAS_ENTRIES.to_owned()).serde()?.await?;
        if is_filled == Some(true) {
            return Ok(tx.commit().await?);
        }
        let rows: Vec<RowRecord> = all(&tx.object_store(schema::ROWS)?).await?;
        let records = rows
            .iter()
            .filter_map(|record| EntryRecord::of_row(&record.row));
        put_all(&tx.object_store(schema::ENTRIES)?, records)?;
        meta.put(true)
            .with_key(schema::HAS_ENTRIES.to_owned())
            .without_key_type()
            .serde()?;
        Ok(tx.commit().await?)
    }

    /// Deletes a database; one that does not exist is fine.
    ///
    /// # Errors
    /// [`WebError::Storage`] if the browser refuses.
    pub async fn delete(name: &str) -> Result<(), WebError> {
        Ok(Database::delete_by_name(name)?.await?)
    }

    /// Closes the connection, so that the database can be deleted.
    pub fn close(self) {
        self.db.close();
    }

    /// Everything that a device needs at its start.
    ///
    /// # Errors
    /// [`WebError::Storage`] if it cannot be read.
    pub async fn restore(&self) -> Result<Restored, WebError> {
        let tx = self.db.transaction(schema::ALL).build()?;
        let device = device(&tx).await?;
        let contacts: Vec<ContactRecord> = all(&tx.object_store(schema::CONTACTS)?).await?;
        let people: Vec<Person> = all(&tx.object_store(schema::PEOPLE)?).await?;
        let chats: Vec<ChatRecord> = all(&tx.object_store(schema::CHATS)?).await?;
        let outbox: Vec<OutboxRecord> = all(&tx.object_store(schema::OUTBOX)?).await?;
        let provisional = tx
            .object_store(schema::ROWS)?
            .get_all::<RowRecord>()
            .with_query::<i64, _>(codec::provisional())
            .serde()?
            .await?
            .collect::<Result<Vec<_>, _>>()?;
        tx.commit().await?;
        let chats: Vec<_> = chats.into_iter().map(|record| record.chat).collect();
        let mut unread = Vec::new();
        for wanted in chats.iter().filter_map(Chat::unread) {
            unread.append(&mut self.query(&wanted).await?);
        }
        Ok(Restored {
            device,
            contacts: contacts.into_iter().map(|record| record.contact).collect(),
            people,
            chats,
            unread,
            outbox: outbox.into_iter().map(|record| record.item).collect(),
            provisional: provisional.into_iter().map(|record| record.row).collect(),
        })
    }

    /// Writes a batch in one transaction: all of it or nothing (P7).
    ///
    /// # Errors
    /// [`WebError::Storage`] if the transaction was aborted; nothing is written then.
    pub async fn commit(&self, batch: &Batch) -> Result<(), WebError> {
        let tx = self.begin(durability(batch))?;
        write(&tx, batch)?;
        Ok(tx.commit().await?)
    }

    /// The confirmed rows that are wanted, oldest first.
    ///
    /// # Errors
    /// [`WebError::Storage`] if they cannot be read.
    pub async fn query(&self, wanted: &Wanted) -> Result<Vec<Row>, WebError> {
        match wanted {
            Wanted::Latest { peer, before, max } => {
                let range = codec::rows_before(peer, *before);
                self.newest(range, *max, |_| true).await
            }
            Wanted::Unread { peer, after } => {
                let range = codec::rows_after(peer, *after);
                self.newest(range, UNREAD_MAX, Row::is_news).await
            }
            Wanted::Entries(ids) => self.entries(ids).await,
        }
    }

    async fn newest(
        &self,
        range: KeyRange<(String, i64)>,
        max: usize,
        is_wanted: impl Fn(&Row) -> bool,
    ) -> Result<Vec<Row>, WebError> {
        let mut rows = Vec::new();
        if max == 0 {
            return Ok(rows);
        }
        let tx = self.db.transaction(schema::ROWS).build()?;
        let store = tx.object_store(schema::ROWS)?;
        let index = store.index(schema::ROWS_BY_PEER)?;
        let cursor = index
            .open_cursor()
            .with_query::<(String, i64), _>(range)
            .with_direction(CursorDirection::Prev)
            .serde()?
            .await?;
        if let Some(mut cursor) = cursor {
            while let Some(record) = cursor.next_record_ser::<RowRecord>().await? {
                if is_wanted(&record.row) {
                    rows.push(record.row);
                }
                if rows.len() >= max {
                    break;
                }
            }
        }
        rows.reverse();
        Ok(rows)
    }

    async fn entries(&self, ids: &[ArchiveId]) -> Result<Vec<Row>, WebError> {
        let tx = self
            .db
            .transaction([schema::ROWS, schema::ENTRIES])
            .build()?;
        let (entries, rows) = (
            tx.object_store(schema::ENTRIES)?,
            tx.object_store(schema::ROWS)?,
        );
        let mut found = Vec::new();
        for id in ids {
            let entry: Option<EntryRecord> = entries.get(id.to_string()).serde()?.await?;
            let Some(EntryRecord { order, .. }) = entry else {
                continue;
            };
            let record: Option<RowRecord> = rows.get(order).serde()?.await?;
            let row = record.map(|record| record.row);
            let is_it =
                |row: &Row| row.id.as_ref() == Some(id) && matches!(row.place, Place::Confirmed(_));
            found.extend(row.filter(is_it));
        }
        found.sort_unstable_by_key(|row| row.place.order());
        Ok(found)
    }

    fn begin(&self, durability: TransactionDurability) -> Result<Transaction<'_>, WebError> {
        Ok(self
            .db
            .transaction(schema::ALL)
            .with_mode(TransactionMode::Readwrite)
            .with_options(TransactionOptions::new().with_durability(durability))
            .build()?)
    }
}

/// What was typed must survive a power cut, and so must what says so itself; what came from the archive can be
/// fetched again.
fn durability(batch: &Batch) -> TransactionDurability {
    let is_typed = !batch.outbox.is_empty() || !batch.drop_outbox.is_empty();
    if is_typed || batch.is_lasting {
        TransactionDurability::Strict
    } else {
        TransactionDurability::Relaxed
    }
}

/// Puts all requests of a batch into a transaction, which fails as a whole if one of them does.
fn write(tx: &Transaction<'_>, batch: &Batch) -> Result<(), WebError> {
    let rows = tx.object_store(schema::ROWS)?;
    for place in &batch.drop_rows {
        rows.delete(place.order()).serde()?;
    }
    put_all(&rows, batch.rows.iter().map(RowRecord::from))?;
    let entries = batch.rows.iter().filter_map(EntryRecord::of_row);
    put_all(&tx.object_store(schema::ENTRIES)?, entries)?;

    let outbox = tx.object_store(schema::OUTBOX)?;
    for seq in &batch.drop_outbox {
        outbox.delete(*seq).serde()?;
    }
    put_all(&outbox, batch.outbox.iter().map(OutboxRecord::from))?;

    let chats = tx.object_store(schema::CHATS)?;
    put_all(&chats, batch.chats.iter().map(ChatRecord::from))?;

    let contacts = tx.object_store(schema::CONTACTS)?;
    if batch.reset_contacts {
        contacts.clear()?;
    }
    for jid in &batch.drop_contacts {
        contacts.delete(jid.to_string()).serde()?;
    }
    put_all(&contacts, batch.contacts.iter().map(ContactRecord::from))?;

    let people = tx.object_store(schema::PEOPLE)?;
    for jid in &batch.drop_people {
        people.delete(jid.to_string()).serde()?;
    }
    put_all(&people, batch.people.iter())?;

    match &batch.device {
        Some(device) => put_device(tx, device),
        None => Ok(()),
    }
}

fn put_device(tx: &Transaction<'_>, device: &Device) -> Result<(), WebError> {
    let meta = tx.object_store(schema::META)?;
    let put = meta.put(device).with_key(schema::DEVICE.to_owned());
    put.without_key_type().serde()?;
    Ok(())
}

async fn device(tx: &Transaction<'_>) -> Result<Option<Device>, WebError> {
    let meta = tx.object_store(schema::META)?;
    Ok(meta.get(schema::DEVICE.to_owned()).serde()?.await?)
}

fn put_all<T: Serialize>(
    store: &ObjectStore<'_>,
    records: impl Iterator<Item = T>,
) -> Result<(), WebError> {
    for record in records {
        store.put(record).serde()?;
    }
    Ok(())
}

async fn all<T: DeserializeOwned>(store: &ObjectStore<'_>) -> Result<Vec<T>, WebError> {
    let found = store.get_all::<T>().serde()?.await?;
    Ok(found.collect::<Result<Vec<_>, _>>()?)
}
