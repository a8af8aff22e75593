//! Clearing away, in small steps between appends: old outcomes, old invitations, deleted logs.

use protocol::time::Stamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::CONV_BITS;
use super::sql::{self, SideSql};

/// How long outcomes are kept (S11-17).
pub(super) const SENT_KEPT_MS: i64 = 30 * 86_400_000;
/// How long an invitation is kept after its expiry, for registrations under way.
const INVITE_KEPT_MS: i64 = 86_400_000;
/// Rows of one step; a step holds up appends for a few milliseconds.
const STEP_ROWS: i64 = 200;

/// Clears one step's worth away and tells whether there may be more.
pub(super) fn step(tx: &Connection, now: Stamp) -> rusqlite::Result<bool> {
    let old = params![now.0.saturating_sub(SENT_KEPT_MS), STEP_ROWS];
    let pruned = tx.prepare_cached(sql::PRUNE_SENT)?.execute(old)?;
    let expired = now.0.saturating_sub(INVITE_KEPT_MS);
    tx.prepare_cached(sql::PRUNE_INVITES)?.execute([expired])?;
    let doomed = tx
        .prepare_cached(sql::DOOMED)?
        .query_row([], |row| row.get(0));
    let doomed: Option<i64> = doomed.optional()?;
    if let Some(user) = doomed {
        clear(tx, user)?;
    }
    Ok(doomed.is_some() || pruned as i64 == STEP_ROWS)
}

fn clear(tx: &Connection, user: i64) -> rusqlite::Result<()> {
    let rows: Vec<(i64, i64)> = tx
        .prepare_cached(sql::CLEAR_ROWS)?
        .query_map([user, STEP_ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (_, k) in &rows {
        let pair = tx
            .prepare_cached(sql::CONV_PAIR)?
            .query_row([k >> CONV_BITS], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
        let other = if pair.0 == user { pair.1 } else { pair.0 };
        tx.prepare_cached(SideSql::of(user, other).clear)?
            .execute([k])?;
        tx.prepare_cached(sql::CLEAR_MSG)?.execute([k])?;
    }
    let sent = tx
        .prepare_cached(sql::CLEAR_SENT)?
        .execute([user, STEP_ROWS])?;
    match rows.last() {
        Some((seq, _)) => {
            tx.prepare_cached(sql::CLEAR_ARCH)?.execute([user, *seq])?;
        }
        None if sent == 0 => {
            tx.prepare_cached(sql::CLEAR_LOG)?.execute([user])?;
            tx.prepare_cached(sql::CLEAR_DOOMED)?.execute([user])?;
        }
        None => {}
    }
    Ok(())
}
