//! What accounts keep of their logs, and what these hold.

use protocol::BareJid;
use rusqlite::{Connection, OptionalExtension as _, params};
use server_core::records::ChangeError;

use super::change::ChangeFault;
use super::{sql, user_of};
use crate::{Retention, StoreError, Usage};

/// The account's own retention.
pub(super) fn of(tx: &Connection, user: i64) -> Result<Option<Retention>, StoreError> {
    let mut query = tx.prepare_cached(sql::RETENTION)?;
    let found = query.query_row([user], |row| {
        let number = |column| -> rusqlite::Result<Option<u64>> {
            let number: Option<i64> = row.get(column)?;
            Ok(number.map(|number| number.max(0) as u64))
        };
        Ok(Retention {
            age_ms: number(0)?,
            entries: number(1)?,
            bytes: number(2)?,
        })
    });
    Ok(found.optional()?)
}

/// Gives the account a retention of its own, or takes it away.
pub(super) fn set(
    tx: &Connection,
    account: &BareJid,
    own: Option<Retention>,
) -> Result<(), ChangeFault> {
    let user = user_of(tx, account)?.ok_or(ChangeFault::Refused(ChangeError::NoAccount))?;
    match own {
        None => tx.prepare_cached(sql::CLEAR_RETENTION)?.execute([user])?,
        Some(Retention {
            age_ms,
            entries,
            bytes,
        }) => {
            let number = |number: Option<u64>| number.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            let row = params![user, number(age_ms), number(entries), number(bytes)];
            tx.prepare_cached(sql::SET_RETENTION)?.execute(row)?
        }
    };
    Ok(())
}

/// What the account's log holds; `None` if there is no such account.
pub(super) fn usage(tx: &Connection, account: &BareJid) -> Result<Option<Usage>, StoreError> {
    let Some(user) = user_of(tx, account)? else {
        return Ok(None);
    };
    let (head, bytes, strangers_bytes): (i64, i64, i64) = tx
        .prepare_cached(sql::LOG_SIZE)?
        .query_row([user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let oldest: Option<i64> = tx
        .prepare_cached(sql::OLDEST)?
        .query_row([user], |row| row.get(0))
        .optional()?;
    Ok(Some(Usage {
        entries: oldest.map_or(0, |oldest| (head - oldest + 1) as u64),
        bytes: bytes.max(0) as u64,
        strangers_bytes: strangers_bytes.max(0) as u64,
        retention: of(tx, user)?,
    }))
}
