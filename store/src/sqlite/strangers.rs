//! What logs hold from senders whom their account does not list as contacts (LIM-17, LIM-18, SEC-56).
//!
//! The bytes are counted per sender, so that a sender who becomes a contact is taken out of the
//! strangers' share with all that they sent. What they send as a contact is never counted: should they
//! be a stranger again later, it lies before the first position that is.

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
pub(super) fn add(
    tx: &Connection,
    user: i64,
    (party, seq): (i64, i64),
    len: usize,
) -> rusqlite::Result<()> {
    let mut add = tx.prepare_cached(sql::ADD_STRANGER)?;
    add.execute([user, party, seq, len as i64])?;
    Ok(())
}

/// An entry that this party sent takes so much less room, or more if `freed` is less than 0; tells by
/// how much the log's sum falls: not at all if they were a contact when they sent it.
pub(super) fn subtract(
    tx: &Connection,
    user: i64,
    (party, seq): (i64, i64),
    freed: i64,
) -> rusqlite::Result<i64> {
    let counted = tx
        .prepare_cached(sql::STRANGER)?
        .query_row([user, party, seq], |row| row.get(0));
    let Some(counted) = counted.optional()? else {
        return Ok(0);
    };
    let less = freed.min(counted);
    tx.prepare_cached(sql::SHRINK_STRANGER)?
        .execute([user, party, less])?;
    Ok(less)
}

/// A sender is a contact from now on.
pub(super) fn accept(tx: &Connection, user: i64, contact: &BareJid) -> Result<(), StoreError> {
    let mut parties = tx.prepare_cached(sql::PARTIES_OF)?;
    let parties = parties.query_map([contact.as_str()], |row| row.get::<_, i64>(0))?;
    for party in parties {
        let bytes = tx
            .prepare_cached(sql::CLEAR_STRANGER)?
            .query_row([user, party?], |row| row.get::<_, i64>(0));
        if let Some(bytes) = bytes.optional()? {
            tx.prepare_cached(sql::SHRINK_STRANGERS)?
                .execute([user, bytes])?;
        }
    }
    Ok(())
}

/// The account writes to somebody whom it does not list.
pub(super) fn answer(tx: &Connection, user: i64, (party, seq): (i64, i64)) -> rusqlite::Result<()> {
    let mut answer = tx.prepare_cached(sql::ANSWER_STRANGER)?;
    answer.execute([user, party, seq])?;
    Ok(())
}

/// What a log holds from one stranger, whichever account had this address; `None` if the account has
/// written to them, for then it waits for nobody.
pub(super) fn waiting_of(
    tx: &Connection,
    user: i64,
    (party, sender): (i64, &BareJid),
) -> rusqlite::Result<Option<u64>> {
    let mut query = tx.prepare_cached(sql::STRANGER_OF_JID)?;
    let found = query.query_row(params![user, sender.as_str(), party], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
    });
    let (bytes, is_answered) = found?;
    Ok((!is_answered).then_some(bytes.max(0) as u64))
}
