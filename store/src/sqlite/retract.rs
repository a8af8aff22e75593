//! What stays of a message that its sender retracted (IM-15).
//!
//! There is no index of message ids: the message is looked for in its conversation, the newest rows in
//! the retraction's own transaction, and the older ones later, in chunks.

use protocol::retract::Retraction;
use protocol::time::Stamp;
use protocol::{Text, xml};
use rusqlite::{Connection, OptionalExtension as _, params};
use server_core::archive::{FirstOutcome, digest_of, message_of, tombstone_of};

use super::append::CONV_BITS;
use super::{sent, sql, strangers};
use crate::StoreError;

/// Rows that are searched at once.
const ROWS: i64 = 1_000;

/// A message was replaced.
pub(super) struct Replaced {
    /// By how many bytes it is smaller now; less than 0 if the tombstone is larger.
    pub(super) freed: i64,
    /// The logs that hold it, and where.
    pub(super) places: Vec<(i64, i64)>,
    /// Who sent it.
    sender: i64,
}

impl Replaced {
    /// Takes what it is smaller off the share of strangers in one of its logs; tells by how much that
    /// falls.
    pub(super) fn free_strangers(
        &self,
        tx: &Connection,
        user: i64,
        seq: i64,
    ) -> rusqlite::Result<i64> {
        if user == self.sender {
            return Ok(0);
        }
        strangers::subtract(tx, user, (self.sender, seq), self.freed)
    }
}

/// How a search ended.
pub(super) enum Found {
    /// With the message.
    Replaced(Replaced),
    /// It goes on below this row.
    NotYet(i64),
    /// There is no such message.
    Nowhere,
}

/// Looks for the message that the retraction in row `k` means, among the rows below `before`.
pub(super) fn seek(
    tx: &Connection,
    retraction: &Retraction,
    (k, before): (i64, i64),
) -> Result<Found, StoreError> {
    let (dir, stamp): (bool, i64) = tx
        .prepare_cached(sql::DIR_AND_TS)?
        .query_row([k], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let conv = (before - 1) >> CONV_BITS;
    let first = conv << CONV_BITS;
    let bottom = tx
        .prepare_cached(sql::ROW_BELOW)?
        .query_row([first, before - 1, ROWS], |row| row.get(0));
    let bottom: Option<i64> = bottom.optional()?;
    let mut needle = String::new();
    xml::escape_attribute(&mut needle, &retraction.target);
    let mut rows = tx.prepare_cached(sql::SENT_WITH)?;
    let range = params![bottom.unwrap_or(first), before - 1, dir, needle.as_bytes()];
    let mut rows = rows.query(range)?;
    while let Some(row) = rows.next()? {
        // What cannot be read is not what is meant.
        let Ok(stanza) = Text::try_from(row.get::<_, Vec<u8>>(1)?) else {
            continue;
        };
        if let Some(tombstone) = tombstone_of(&stanza, retraction, Stamp(stamp)) {
            let replaced = replace(tx, row.get(0)?, &stanza, &tombstone)?;
            return Ok(Found::Replaced(replaced));
        }
    }
    if let Some(bottom) = bottom {
        return Ok(Found::NotYet(bottom));
    }
    let older = tx
        .prepare_cached(sql::OLDER_CONV)?
        .query_row([conv], |row| row.get::<_, i64>(0));
    Ok(match older.optional()? {
        Some(older) => Found::NotYet((older + 1) << CONV_BITS),
        None => Found::Nowhere,
    })
}

/// Remembers to search on.
pub(super) fn postpone(tx: &Connection, k: i64, before: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(sql::NEW_RETRACTION)?
        .execute([k, before])?;
    Ok(())
}

/// Searches on for one message.
pub(super) fn go_on(tx: &Connection) -> Result<(), StoreError> {
    let next = tx
        .prepare_cached(sql::NEXT_RETRACTION)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((k, before)) = next.optional()? else {
        return Ok(());
    };
    let stanza: Option<Vec<u8>> = tx
        .prepare_cached(sql::STANZA)?
        .query_row([k], |row| row.get(0))
        .optional()?;
    // Nothing if the retraction itself is no longer kept.
    let stanza = stanza.and_then(|stanza| Text::try_from(stanza).ok());
    let message = stanza.as_ref().and_then(message_of);
    let retraction = message.as_ref().and_then(Retraction::of);
    let found = match &retraction {
        Some(retraction) => seek(tx, retraction, (k, before))?,
        None => Found::Nowhere,
    };
    match found {
        Found::NotYet(before) => return Ok(postpone(tx, k, before)?),
        Found::Replaced(replaced) => {
            for (user, seq) in &replaced.places {
                let strangers = replaced.free_strangers(tx, *user, *seq)?;
                tx.prepare_cached(sql::SHRINK_LOG)?
                    .execute([*user, replaced.freed, strangers])?;
            }
        }
        Found::Nowhere => {}
    }
    tx.prepare_cached(sql::CLEAR_RETRACTION)?.execute([k])?;
    Ok(())
}

fn replace(
    tx: &Connection,
    k: i64,
    stanza: &Text,
    tombstone: &Text,
) -> Result<Replaced, StoreError> {
    let (a, b): (i64, i64) = tx
        .prepare_cached(sql::CONV_PAIR)?
        .query_row([k >> CONV_BITS], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (dir, ts, seq_a, seq_b): (bool, i64, Option<i64>, Option<i64>) =
        tx.prepare_cached(sql::PLACES)?.query_row([k], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let sender = if dir { b } else { a };
    let mut places = Vec::new();
    for (user, seq) in [(a, seq_a), (b, seq_b)] {
        let Some(seq) = seq else { continue };
        let id: Option<Option<Vec<u8>>> = tx
            .prepare_cached(sql::ID_AT)?
            .query_row([user, seq], |row| row.get(0))
            .optional()?;
        let Some(id) = id else { continue };
        places.push((user, seq));
        // A message that comes again is told from another one by what it was (S11-14, S11-15).
        if let (Some(id), Some(digest)) = (id, digest_of(stanza)) {
            let outcome = sent::encode(FirstOutcome::Archived { pos: seq as u64 });
            let mut insert = tx.prepare_cached(sql::KEEP_SENT)?;
            insert.execute(params![user, id, digest, outcome, ts])?;
        }
    }
    let text: &[u8] = tombstone.as_bytes();
    tx.prepare_cached(sql::SET_STANZA)?
        .execute(params![k, text])?;
    Ok(Replaced {
        freed: stanza.len() as i64 - tombstone.len() as i64,
        places,
        sender,
    })
}
