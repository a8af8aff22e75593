//! Records of sessions inside an open transaction (S11-60).

use protocol::IdPrefix;
use protocol::jid::ResourcePart;
use protocol::time::Stamp;
use rusqlite::{Connection, Row, params};
use server_core::records::{
    ENDED_SESSION_KEPT_MS, SessionKey, SessionLife, SessionRecord, trim_sessions,
};
use server_core::tokens::DeviceId;

use super::sql;
use crate::StoreError;

/// Writes a whole record; its count never falls.
pub(super) fn write(
    tx: &Connection,
    now: Stamp,
    user: i64,
    record: &SessionRecord,
) -> Result<(), StoreError> {
    put(tx, sql::SET_SESSION, user, record)?;
    if matches!(record.life, SessionLife::Ended(_)) {
        trim(tx, now, user)?;
    }
    Ok(())
}

/// Raises a record's count, or writes the record if there is none.
pub(super) fn count(tx: &Connection, user: i64, record: &SessionRecord) -> rusqlite::Result<()> {
    put(tx, sql::COUNT_SESSION, user, record)
}

fn put(
    tx: &Connection,
    query: &'static str,
    user: i64,
    record: &SessionRecord,
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(query)?;
    insert.execute(params![
        user,
        record.key.0,
        record.resource.as_str(),
        record.prefix.as_ref().map(IdPrefix::as_str),
        record.handled.min(i64::MAX as u64) as i64,
        record.max_s,
        matches!(record.life, SessionLife::Ended(_)),
        record.life.end().map(|end| end.0),
        record.device.map(|device| device.0),
    ])?;
    Ok(())
}

fn trim(tx: &Connection, now: Stamp, user: i64) -> Result<(), StoreError> {
    let all = load(tx, user)?;
    let mut kept = all.clone();
    trim_sessions(&mut kept, now);
    let mut delete = tx.prepare_cached(sql::CLEAR_SESSION)?;
    for record in all.iter().filter(|record| !kept.contains(record)) {
        delete.execute(params![user, record.key.0])?;
    }
    Ok(())
}

/// Reads the records of an account.
pub(super) fn load(tx: &Connection, user: i64) -> Result<Vec<SessionRecord>, StoreError> {
    let mut query = tx.prepare_cached(sql::SESSIONS)?;
    let mut rows = query.query([user])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(record(row)?);
    }
    Ok(sessions)
}

fn record(row: &Row<'_>) -> Result<SessionRecord, StoreError> {
    let resource: String = row.get(1)?;
    let resource = ResourcePart::new(&resource);
    let prefix = row.get::<_, Option<String>>(2)?;
    let prefix = prefix.map(|text| IdPrefix::parse(&text).ok_or(StoreError::malformed("prefix")));
    let end = row.get::<_, Option<i64>>(6)?.map(Stamp);
    Ok(SessionRecord {
        key: SessionKey(row.get(0)?),
        resource: resource
            .map_err(|_| StoreError::malformed("resource"))?
            .into_owned(),
        prefix: prefix.transpose()?,
        device: row.get::<_, Option<[u8; 32]>>(7)?.map(DeviceId),
        handled: row.get::<_, i64>(3)?.max(0) as u64,
        max_s: row.get(4)?,
        life: match (row.get(5)?, end) {
            (false, None) => SessionLife::Attached,
            (false, Some(end)) => SessionLife::Detached(end),
            (true, end) => SessionLife::Ended(end.unwrap_or_default()),
        },
    })
}

/// A server begins: whatever a connection carried waits for its client from now on.
pub(super) fn detach_all(tx: &Connection, now: Stamp) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE session SET until = ?1 + max_s * 1000 WHERE until IS NULL AND NOT ended",
        [now.0],
    )?;
    tx.execute(
        "DELETE FROM session WHERE until < ?1",
        [now.0.saturating_sub(ENDED_SESSION_KEPT_MS)],
    )?;
    Ok(())
}
