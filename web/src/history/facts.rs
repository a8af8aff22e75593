//! What a developer may want to know of a device's database, and how it is filled anew.

use client_core::Device;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{Transaction, TransactionDurability};
use js_sys::{Array, JSON};
use wasm_bindgen::JsValue;

use super::{IndexedDb, device, put_device, schema};
use crate::error::WebError;

/// What a device keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Archive id of the last entry of the known part (S11-50).
    pub cursor: Option<String>,
    /// Archive id of its oldest entry.
    pub oldest: Option<String>,
    /// Whether it reaches back to the start of the archive.
    pub reaches_start: bool,
    /// Places of its oldest and newest row.
    pub places: (i64, i64),
    /// How many gaps there are below it (S11-54).
    pub holes: usize,
    /// How many rows there are in all.
    pub rows: u32,
    /// How many own messages are on their way.
    pub outbox: u32,
}

impl IndexedDb {
    /// What is kept here.
    ///
    /// # Errors
    /// [`WebError::Storage`] if it cannot be read, or there is no device.
    pub async fn facts(&self) -> Result<Facts, WebError> {
        let tx = self.db.transaction(schema::ALL).build()?;
        let device = known(&tx).await?;
        let rows = tx.object_store(schema::ROWS)?.count().await?;
        let outbox = tx.object_store(schema::OUTBOX)?.count().await?;
        tx.commit().await?;
        Ok(Facts {
            cursor: device.pos.as_ref().map(ToString::to_string),
            oldest: device.oldest.as_ref().map(ToString::to_string),
            reaches_start: device.reaches_start,
            places: device.places,
            holes: device.below.len(),
            rows,
            outbox,
        })
    }

    /// All rows as JSON, as they are kept.
    ///
    /// # Errors
    /// [`WebError::Storage`] if they cannot be read.
    pub async fn export(&self) -> Result<String, WebError> {
        let tx = self.db.transaction(schema::ROWS).build()?;
        let store = tx.object_store(schema::ROWS)?;
        let rows = store.get_all::<JsValue>().primitive()?.await?;
        let rows: Array = rows.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
        JSON::stringify(&rows)
            .map(String::from)
            .map_err(|error| WebError::thrown(&error))
    }

    /// Drops everything that can be fetched again: what is left is a new device that can log in. While messages are
    /// on their way nothing changes: where they stand is known by what is here only.
    ///
    /// # Errors
    /// [`WebError::Storage`] if it cannot be written; nothing changed then.
    pub async fn forget_history(&self) -> Result<(), WebError> {
        let tx = self.begin(TransactionDurability::Strict)?;
        let device = known(&tx).await?;
        if tx.object_store(schema::OUTBOX)?.count().await? > 0 {
            return Ok(());
        }
        for name in [
            schema::ROWS,
            schema::ENTRIES,
            schema::CHATS,
            schema::CONTACTS,
        ] {
            tx.object_store(name)?.clear()?;
        }
        let fresh = Device {
            agent: device.agent,
            token: device.token,
            next_seq: device.next_seq,
            wishes: device.wishes,
            ..Device::new(device.account)
        };
        put_device(&tx, &fresh)?;
        Ok(tx.commit().await?)
    }
}

async fn known(tx: &Transaction<'_>) -> Result<Device, WebError> {
    let nobody = || WebError::Storage("there is no device".to_owned());
    device(tx).await?.ok_or_else(nobody)
}
