//! Clearing away, in chunks between appends: old outcomes, old invitations, deleted logs, entries that
//! are no longer kept.
//!
//! A reader finds what is due, so that the writer is only asked when there is something to do. Each
//! chunk is one transaction, and what is due next is found in the database, so that a chunk may be the
//! last one at any time.

use std::time::{Duration, Instant};

use protocol::Text;
use protocol::time::Stamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use server_core::archive::{FirstOutcome, digest_of};
use tracing::error;

use super::append::CONV_BITS;
use super::sql::{self, SideSql};
use super::{retention, retract, sent, strangers};
use crate::retention::{CHUNK_ROWS, INVITE_KEPT_MS, Oldest, SENT_KEPT_MS};
use crate::{Retention, StoreError};

/// How long a chunk may hold appends up, beside its commit.
const CHUNK: Duration = Duration::from_millis(10);
/// Logs that one chunk looks at.
const LOGS_MAX: usize = 256;

/// Something to clear away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Outcomes and invitations that are old.
    Leftovers,
    /// The log of a deleted account.
    Doomed(i64),
    /// Retracted messages that are still looked for.
    Retractions,
    /// The oldest entries of a log, and what it keeps.
    Entries(i64, Retention),
}

/// Finds what is due, or some of it.
pub(super) fn due(tx: &Connection, now: Stamp, usual: Retention) -> Result<Vec<Due>, StoreError> {
    let mut due = Vec::new();
    let old = [
        now.0.saturating_sub(SENT_KEPT_MS),
        now.0.saturating_sub(INVITE_KEPT_MS),
    ];
    if tx
        .prepare_cached(sql::LEFTOVERS)?
        .query_row(old, |row| row.get(0))?
    {
        due.push(Due::Leftovers);
    }
    let retraction = tx
        .prepare_cached(sql::NEXT_RETRACTION)?
        .query_row([], |_| Ok(Due::Retractions));
    due.extend(retraction.optional()?);
    let doomed = tx
        .prepare_cached(sql::DOOMED)?
        .query_row([], |row| row.get(0));
    due.extend(doomed.optional()?.map(Due::Doomed));
    let mut accounts = tx.prepare_cached(sql::ACCOUNTS)?;
    let mut rows = accounts.query([])?;
    while let Some(row) = rows.next()?
        && due.len() < LOGS_MAX
    {
        let user = row.get(0)?;
        let keep = retention::of(tx, user)?.unwrap_or(usual);
        if !keep.is_for_ever()
            && let Some(oldest) = oldest(tx, user)?
            && size(tx, user)?.drops(now, keep, &oldest)
        {
            due.push(Due::Entries(user, keep));
        }
    }
    Ok(due)
}

/// Clears one chunk away.
pub(super) fn clear(tx: &Connection, now: Stamp, due: &[Due]) -> Result<(), StoreError> {
    let mut budget = Budget::new();
    for due in due {
        match *due {
            Due::Leftovers => {
                let old = params![now.0.saturating_sub(SENT_KEPT_MS), budget.rows as i64];
                budget.spend(tx.prepare_cached(sql::PRUNE_SENT)?.execute(old)?);
                let expired = now.0.saturating_sub(INVITE_KEPT_MS);
                tx.prepare_cached(sql::PRUNE_INVITES)?.execute([expired])?;
            }
            Due::Retractions => retract::go_on(tx)?,
            Due::Doomed(user) => clear_doomed(tx, user, &mut budget)?,
            Due::Entries(user, keep) => trim(tx, now, user, keep, &mut budget)?,
        }
    }
    Ok(())
}

/// What one chunk may take.
struct Budget {
    rows: usize,
    until: Instant,
}

impl Budget {
    fn new() -> Self {
        Self {
            rows: CHUNK_ROWS,
            until: Instant::now() + CHUNK,
        }
    }

    /// Whether the chunk may take one more.
    fn is_left(&self) -> bool {
        self.rows > 0 && (self.rows == CHUNK_ROWS || Instant::now() < self.until)
    }

    fn spend(&mut self, rows: usize) {
        self.rows = self.rows.saturating_sub(rows);
    }
}

/// An entry that goes.
struct Going {
    seq: i64,
    k: i64,
    named: bool,
    stamp: Stamp,
    len: u64,
    /// Whether the conversation's second party sent it.
    dir: bool,
}

fn clear_doomed(tx: &Connection, user: i64, budget: &mut Budget) -> Result<(), StoreError> {
    while budget.is_left() {
        if let Some(going) = oldest(tx, user)? {
            remove(tx, user, &going)?;
            budget.spend(1);
            continue;
        }
        let sent = params![user, budget.rows as i64];
        let cleared = tx.prepare_cached(sql::CLEAR_SENT)?.execute(sent)?;
        if cleared == 0 {
            for statement in sql::CLEAR_REST {
                tx.prepare_cached(statement)?.execute([user])?;
            }
            return Ok(());
        }
        budget.spend(cleared);
    }
    Ok(())
}

/// Removes the oldest entries until the rest is to be kept.
fn trim(
    tx: &Connection,
    now: Stamp,
    user: i64,
    keep: Retention,
    budget: &mut Budget,
) -> Result<(), StoreError> {
    let mut size = size(tx, user)?;
    let (bytes, mut strangers) = (size.bytes, 0);
    let mut last = 0;
    while budget.is_left()
        && let Some(going) = oldest(tx, user)?.filter(|going| size.drops(now, keep, going))
    {
        if going.named && going.stamp.0 >= now.0.saturating_sub(SENT_KEPT_MS) {
            match remember(tx, user, &going) {
                // One row that cannot be read must not keep all others.
                Err(cause @ StoreError::Malformed { .. }) => {
                    error!(error = %cause, user, pos = going.seq, "entry goes without its outcome");
                }
                other => other?,
            }
        }
        let sender = remove(tx, user, &going)?;
        size.bytes = size.bytes.saturating_sub(going.len);
        if sender != user {
            strangers += strangers::subtract(tx, user, (sender, going.seq), going.len as i64)?;
        }
        last = going.seq;
        budget.spend(1);
    }
    let gone = bytes.saturating_sub(size.bytes) as i64;
    tx.prepare_cached(sql::SHRINK_LOG)?
        .execute([user, gone, strangers])?;
    tx.prepare_cached(sql::CLEAR_SPOOL)?
        .execute([user, 0, last])?;
    Ok(())
}

/// How large a log is.
struct Size {
    head: u64,
    bytes: u64,
}

impl Size {
    fn drops(&self, now: Stamp, keep: Retention, oldest: &Going) -> bool {
        let oldest = Oldest {
            pos: oldest.seq as u64,
            stamp: oldest.stamp,
            head: self.head,
            bytes: self.bytes,
        };
        keep.drops(now, oldest)
    }
}

fn size(tx: &Connection, user: i64) -> rusqlite::Result<Size> {
    let mut query = tx.prepare_cached(sql::LOG_SIZE)?;
    query.query_row([user], |row| {
        Ok(Size {
            head: row.get::<_, i64>(0)? as u64,
            bytes: row.get::<_, i64>(1)?.max(0) as u64,
        })
    })
}

fn oldest(tx: &Connection, user: i64) -> rusqlite::Result<Option<Going>> {
    let mut query = tx.prepare_cached(sql::OLDEST_ENTRY)?;
    let oldest = query.query_row([user], |row| {
        Ok(Going {
            seq: row.get(0)?,
            k: row.get(1)?,
            named: row.get(2)?,
            stamp: Stamp(row.get(3)?),
            len: row.get::<_, i64>(4)? as u64,
            dir: row.get(5)?,
        })
    });
    oldest.optional()
}

/// Keeps the outcome of an own message that goes while it may still be sent again (S11-17).
fn remember(tx: &Connection, user: i64, going: &Going) -> Result<(), StoreError> {
    let (id, stanza): (Vec<u8>, Vec<u8>) = tx
        .prepare_cached(sql::NAMED_ENTRY)?
        .query_row([user, going.seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let stanza = Text::try_from(stanza).map_err(|_| StoreError::malformed("stanza"))?;
    let digest = digest_of(&stanza).ok_or(StoreError::malformed("stanza"))?;
    let outcome = sent::encode(FirstOutcome::Archived {
        pos: going.seq as u64,
    });
    let mut insert = tx.prepare_cached(sql::KEEP_SENT)?;
    insert.execute(params![user, id, digest, outcome, going.stamp.0])?;
    Ok(())
}

/// Takes an entry out of its log, and its stanza away where no other log has it; gives its sender.
fn remove(tx: &Connection, user: i64, going: &Going) -> rusqlite::Result<i64> {
    let (a, b): (i64, i64) = tx
        .prepare_cached(sql::CONV_PAIR)?
        .query_row([going.k >> CONV_BITS], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let other = if a == user { b } else { a };
    tx.prepare_cached(sql::CLEAR_ARCH)?
        .execute([user, going.seq])?;
    tx.prepare_cached(SideSql::of(user, other).clear)?
        .execute([going.k, other])?;
    Ok(if going.dir { b } else { a })
}
