//! Of whom accounts want to hear nothing (BL rows).

use protocol::blocking::Blocklist;
use protocol::jid::Jid;
use rusqlite::{Connection, params};
use server_core::records::ChangeError;

use super::change::ChangeFault;
use super::sql;
use crate::StoreError;

/// Reads a blocklist.
pub(super) fn load(tx: &Connection, user: i64) -> Result<Blocklist, StoreError> {
    let mut query = tx.prepare_cached(sql::BLOCKED)?;
    let mut rows = query.query([user])?;
    let mut jids = Vec::new();
    while let Some(row) = rows.next()? {
        let jid = Jid::new(&row.get::<_, String>(0)?);
        jids.push(jid.map_err(|_| StoreError::malformed("address"))?);
    }
    Ok(jids.into_iter().collect())
}

/// Adds addresses, up to `max` in all.
pub(super) fn block(
    tx: &Connection,
    user: i64,
    jids: &[Jid],
    max: usize,
) -> Result<(), ChangeFault> {
    let mut insert = tx.prepare_cached(sql::BLOCK)?;
    for jid in jids {
        insert.execute(params![user, jid.as_str()])?;
    }
    match load(tx, user)?.len() > max {
        true => Err(ChangeFault::Refused(ChangeError::Full)),
        false => Ok(()),
    }
}

/// Takes addresses out.
pub(super) fn unblock(tx: &Connection, user: i64, jids: &[Jid]) -> Result<(), StoreError> {
    let mut delete = tx.prepare_cached(sql::UNBLOCK)?;
    for jid in jids {
        delete.execute(params![user, jid.as_str()])?;
    }
    Ok(())
}

/// Takes all addresses out.
pub(super) fn unblock_all(tx: &Connection, user: i64) -> Result<(), StoreError> {
    tx.execute(sql::UNBLOCK_ALL, [user])?;
    Ok(())
}
