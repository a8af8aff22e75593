//! What logs hold from senders whom their account does not list as contacts (LIM-18, SEC-56).
//!
//! The bytes are counted per sender, so that a sender who becomes a contact is taken out of the
//! strangers' share with all that they sent.

use protocol::BareJid;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::sql;
use crate::StoreError;

/// Whether the account lists the sender as a contact: only it can do that.
pub(super) fn lists(tx: &Connection, user: i64, sender: &BareJid) -> rusqlite::Result<bool> {
    let mut query = tx.prepare_cached(sql::LISTED)?;
    let listed = query.query_row(params![user, sender.as_str()], |row| row.get(0));
    Ok(listed.optional()?.unwrap_or(false))
}

/// Counts an entry that a stranger sent; the log's sum is the caller's.
pub(super) fn add(tx: &Connection, user: i64, party: i64, len: usize) -> rusqlite::Result<()> {
    let mut add = tx.prepare_cached(sql::ADD_STRANGER)?;
    add.execute([user, party, len as i64])?;
    Ok(())
}

/// An entry that this party sent is gone; tells by how much the log's sum falls.
pub(super) fn subtract(tx: &Connection, user: i64, party: i64, len: u64) -> rusqlite::Result<u64> {
    let counted = bytes_of(tx, user, party)?;
    let less = counted.min(len);
    if less > 0 {
        let row = [user, party, -(less as i64)];
        tx.prepare_cached(sql::ADD_STRANGER)?.execute(row)?;
    }
    Ok(less)
}

/// A sender is a contact from now on.
pub(super) fn accept(tx: &Connection, user: i64, contact: &BareJid) -> Result<(), StoreError> {
    let mut parties = tx.prepare_cached(sql::PARTIES_OF)?;
    let parties = parties.query_map([contact.as_str()], |row| row.get::<_, i64>(0))?;
    for party in parties {
        let party = party?;
        let bytes = bytes_of(tx, user, party)?;
        if bytes > 0 {
            tx.prepare_cached(sql::CLEAR_STRANGER)?
                .execute([user, party])?;
            tx.prepare_cached(sql::SHRINK_STRANGERS)?
                .execute([user, bytes as i64])?;
        }
    }
    Ok(())
}

fn bytes_of(tx: &Connection, user: i64, party: i64) -> rusqlite::Result<u64> {
    let mut query = tx.prepare_cached(sql::STRANGER)?;
    let bytes: Option<i64> = query
        .query_row([user, party], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0).max(0) as u64)
}
