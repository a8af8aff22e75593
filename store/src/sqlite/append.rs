//! One append inside an open transaction.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::archive_id::ArchiveId;
use protocol::blocking::Blocklist;
use protocol::retract::Retraction;
use protocol::time::Stamp;
use protocol::{BareJid, Text};
use rusqlite::{Connection, OptionalExtension as _, params};
use server_core::archive::{
    Append, AppendError, FirstOutcome, Keep, Outcome, Place, Receipt, RecipientSide, digest_of,
};
use server_core::records::{SessionKey, SessionRecord};
use tracing::warn;

use super::retract::{self, Found};
use super::{Gate, blocked, sent, sessions, sql, strangers};
use crate::ids::Ids;
use crate::{Limits, StoreError};

/// How many rows a conversation's numbers can count.
pub(super) const CONV_BITS: u32 = 24;
/// How many addresses and conversations are remembered before all are forgotten.
const CACHED_MAX: usize = 20_000;

/// Where a log stands.
#[derive(Clone, Copy)]
struct Log {
    user: i64,
    head: i64,
    bytes: u64,
    ts: i64,
    strangers_bytes: u64,
}

/// What the writer remembers between transactions; everything in it can be read again.
pub(super) struct Known {
    ids: Ids,
    limits: Limits,
    gate: Option<Gate>,
    /// The last number of a conversation, at most.
    conv_last: i64,
    users: HashMap<BareJid, i64>,
    logs: HashMap<i64, Log>,
    dirty: BTreeMap<i64, Log>,
    newest: HashMap<(i64, i64), i64>,
    /// Whether an account lists another one as a contact.
    listed: HashMap<(i64, i64), bool>,
    /// Whom accounts block.
    blocked: HashMap<i64, Blocklist>,
    /// Whom an account has written to.
    answered: HashSet<(i64, i64)>,
    /// Records of sessions as far as this transaction counts.
    sessions: BTreeMap<(i64, SessionKey), SessionRecord>,
    version: i64,
}

impl Known {
    /// Knows nothing yet.
    pub(super) fn new(ids: Ids, (limits, gate): (Limits, Option<Gate>), conv_last: i64) -> Self {
        Self {
            ids,
            limits,
            gate,
            conv_last,
            users: HashMap::new(),
            logs: HashMap::new(),
            dirty: BTreeMap::new(),
            newest: HashMap::new(),
            listed: HashMap::new(),
            blocked: HashMap::new(),
            answered: HashSet::new(),
            sessions: BTreeMap::new(),
            version: 0,
        }
    }

    /// Forgets everything: after a rollback, or when accounts changed.
    pub(super) fn forget(&mut self) {
        self.users.clear();
        self.logs.clear();
        self.dirty.clear();
        self.newest.clear();
        self.listed.clear();
        self.blocked.clear();
        self.answered.clear();
        self.sessions.clear();
    }

    /// Forgets what another process may have changed; called first in each transaction.
    pub(super) fn refresh(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        let version = tx.pragma_query_value(None, "data_version", |row| row.get(0))?;
        let of_pairs = self.newest.len() + self.listed.len() + self.answered.len();
        let full = self.users.len() + self.blocked.len() + of_pairs > CACHED_MAX;
        if full || version != self.version {
            self.forget();
            self.version = version;
        }
        Ok(())
    }

    /// Writes where the logs stand; called last in each transaction.
    pub(super) fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        let mut update = tx.prepare_cached(sql::SET_LOG)?;
        for (user, log) in std::mem::take(&mut self.dirty) {
            let (bytes, strangers_bytes) = (log.bytes as i64, log.strangers_bytes as i64);
            update.execute([user, log.head, bytes, log.ts, strangers_bytes])?;
        }
        for ((user, _), record) in std::mem::take(&mut self.sessions) {
            sessions::count(tx, user, &record)?;
        }
        Ok(())
    }

    /// Writes one append.
    pub(super) fn append(
        &mut self,
        tx: &Connection,
        now: Stamp,
        append: &Append,
    ) -> Result<Result<Outcome, AppendError>, StoreError> {
        let Some(sender) = self.log(tx, &append.sender)? else {
            warn!("append for an account that does not exist");
            return Ok(Err(AppendError::Storage));
        };
        if let Some(record) = &append.session {
            self.count(sender.user, record);
        }
        if let Some(id) = &append.own_id
            && let Some(outcome) = repetition(tx, sender.user, id, &append.digest)?
        {
            return Ok(Ok(outcome));
        }
        let is_asked = matches!(append.keep, Keep::EntriesIfKnown(_));
        let keep = match is_asked && self.knows(tx, &sender, &append.peer)? {
            true => Keep::Entries,
            false => append.keep,
        };
        let first = match keep {
            Keep::Entries => {
                return self
                    .entries(tx, now, append, sender)
                    .map(|receipt| Ok(Outcome::Stored(receipt)));
            }
            Keep::OutcomeOnly => FirstOutcome::NotArchived,
            Keep::EntriesIfKnown(condition) | Keep::Refusal(condition) => {
                FirstOutcome::Refused(condition)
            }
        };
        remember(tx, now, append, sender.user, first)?;
        if let Keep::EntriesIfKnown(condition) = keep {
            return Ok(Ok(Outcome::Refused(condition)));
        }
        Ok(Ok(Outcome::Stored(Receipt {
            stamp: now,
            sender: None,
            recipient: RecipientSide::None,
        })))
    }

    /// Whether an account and somebody have ever exchanged messages.
    fn knows(&self, tx: &Connection, log: &Log, peer: &BareJid) -> rusqlite::Result<bool> {
        let other = match super::user_of(tx, peer)? {
            Some(user) => Some(user),
            None => party_of(tx, peer)?,
        };
        let Some(other) = other else {
            return Ok(false);
        };
        let pair = (log.user.min(other), log.user.max(other));
        Ok(self.newest.contains_key(&pair) || newest_k(tx, pair)?.is_some())
    }

    fn count(&mut self, user: i64, record: &SessionRecord) {
        let counted = self.sessions.entry((user, record.key));
        let counted = counted.or_insert_with(|| record.clone());
        counted.handled = counted.handled.max(record.handled);
    }

    fn entries(
        &mut self,
        tx: &Connection,
        now: Stamp,
        append: &Append,
        mut sender: Log,
    ) -> Result<Receipt, StoreError> {
        let recipient = append.recipient.as_ref().filter(|r| **r != append.sender);
        let mut other = match recipient {
            Some(jid) => self.log(tx, jid)?,
            None => None,
        };
        let len = append.stanza.len();
        let stamp = Stamp(
            now.0
                .max(sender.ts)
                .max(other.map_or(i64::MIN, |log| log.ts)),
        );
        let peer = match &other {
            Some(log) => log.user,
            None => self.party(tx, &append.peer)?,
        };
        // Whoever is blocked finds nobody there (BL-02).
        let is_blocked = match &other {
            Some(log) => self.blocks(tx, log.user, append)?,
            None => false,
        };
        if is_blocked {
            other = None;
        }
        let room = self.room(append, &append.sender, sender.bytes);
        let own_seq = room.is_ok().then(|| sender.grow(len, stamp));
        let mut failed = None;
        let mut other_seq = None;
        if let (Some(jid), Some(log)) = (recipient, other.as_mut()) {
            let room = self.room(append, jid, log.bytes);
            let is_stranger = !self.lists(tx, log.user, (sender.user, &append.sender))?;
            let share = if is_stranger {
                let waiting = strangers::waiting_of(tx, log.user, (sender.user, &append.sender))?;
                let used = (waiting, log.strangers_bytes);
                self.limits.strangers_room(jid, used, len)
            } else {
                Ok(())
            };
            match room.and(share) {
                Ok(()) => other_seq = Some(log.grow(len, stamp)),
                Err(error) => failed = Some(error),
            }
            if let Some(seq) = other_seq.filter(|_| is_stranger) {
                log.strangers_bytes += len as u64;
                strangers::add(tx, log.user, (sender.user, seq), len)?;
            }
        }
        if let Some(other) = &other {
            self.answer(tx, &sender, (other.user, &append.peer))?;
        }
        if own_seq.is_some() || other_seq.is_some() {
            let pair = (sender.user, peer);
            let k = self.row(tx, pair, (own_seq, other_seq), stamp, &append.stanza)?;
            if let Some(retraction) = &append.retracts
                && !is_blocked
            {
                let mut logs = [Some(&mut sender), other.as_mut()];
                retract_now(tx, retraction, k, &mut logs)?;
            }
            let mut insert = tx.prepare_cached(sql::NEW_ARCH)?;
            if let Some(seq) = own_seq {
                let id = append.own_id.as_ref().map(|id| id.as_str().as_bytes());
                insert.execute(params![sender.user, seq, k, id])?;
            }
            if let (Some(seq), Some(log)) = (other_seq, other) {
                insert.execute(params![log.user, seq, k, None::<&[u8]>])?;
                if append.spool {
                    let mut flag = tx.prepare_cached(sql::NEW_SPOOL)?;
                    flag.execute([log.user, seq])?;
                }
            }
            self.keep(sender);
            if let Some(log) = other {
                self.keep(log);
            }
        }
        if let Err(error) = &room {
            let first = FirstOutcome::Unarchived(error.reason());
            remember(tx, now, append, sender.user, first)?;
        }
        let place = |user: i64, seq: i64| Place {
            pos: seq as u64,
            id: self.ids.id_of(user as u64, seq as u64),
        };
        let own_place = room.map(|()| {
            let place = place(sender.user, sender.head);
            Place {
                id: append.own_id.clone().unwrap_or(place.id),
                ..place
            }
        });
        let recipient = match (recipient, other, failed) {
            (None, ..) => RecipientSide::None,
            (Some(_), None, _) => RecipientSide::NoAccount,
            (Some(_), Some(_), Some(error)) => RecipientSide::Failed(error),
            (Some(_), Some(log), None) => RecipientSide::Stored(place(log.user, log.head)),
        };
        Ok(Receipt {
            stamp,
            sender: Some(own_place),
            recipient,
        })
    }

    /// Whether a log of `used` bytes takes an append.
    fn room(&self, append: &Append, account: &BareJid, used: u64) -> Result<(), AppendError> {
        match self.gate.as_ref().and_then(|gate| gate(append, account)) {
            Some(error) => Err(error),
            None => self.limits.room(account, used, append.stanza.len()),
        }
    }

    /// Writes the stanza's row; `pair` and `seqs` are the sender's first.
    fn row(
        &mut self,
        tx: &Connection,
        (sender, peer): (i64, i64),
        (own_seq, other_seq): (Option<i64>, Option<i64>),
        stamp: Stamp,
        stanza: &Text,
    ) -> rusqlite::Result<i64> {
        let k = self.next_k(tx, (sender.min(peer), sender.max(peer)))?;
        let swapped = sender > peer;
        let (seq_a, seq_b) = if swapped {
            (other_seq, own_seq)
        } else {
            (own_seq, other_seq)
        };
        let mut insert = tx.prepare_cached(sql::NEW_MSG)?;
        let stanza: &[u8] = stanza.as_bytes();
        insert.execute(params![k, stamp.0, swapped, seq_a, seq_b, stanza])?;
        Ok(k)
    }

    fn next_k(&mut self, tx: &Connection, pair: (i64, i64)) -> rusqlite::Result<i64> {
        let newest = match self.newest.get(&pair) {
            Some(newest) => Some(*newest),
            None => newest_k(tx, pair)?,
        };
        let k = match newest {
            Some(k) if k & ((1 << CONV_BITS) - 1) < self.conv_last => k + 1,
            Some(_) | None => {
                tx.prepare_cached(sql::NEW_CONV)?
                    .execute(params![pair.0, pair.1])?;
                (tx.last_insert_rowid() << CONV_BITS) | 1
            }
        };
        self.newest.insert(pair, k);
        Ok(k)
    }

    fn log(&mut self, tx: &Connection, jid: &BareJid) -> rusqlite::Result<Option<Log>> {
        let user = match self.users.get(jid) {
            Some(user) => *user,
            None => {
                let Some(user) = super::user_of(tx, jid)? else {
                    return Ok(None);
                };
                self.users.insert(jid.clone(), user);
                user
            }
        };
        if let Some(log) = self.logs.get(&user) {
            return Ok(Some(*log));
        }
        let log = tx.prepare_cached(sql::LOG)?.query_row([user], |row| {
            Ok(Log {
                user,
                head: row.get(0)?,
                bytes: row.get::<_, i64>(1)?.max(0) as u64,
                ts: row.get(2)?,
                strangers_bytes: row.get::<_, i64>(3)?.max(0) as u64,
            })
        })?;
        self.logs.insert(user, log);
        Ok(Some(log))
    }

    /// Whether an account lists a sender as a contact.
    fn lists(
        &mut self,
        tx: &Connection,
        user: i64,
        (party, sender): (i64, &BareJid),
    ) -> rusqlite::Result<bool> {
        if let Some(listed) = self.listed.get(&(user, party)) {
            return Ok(*listed);
        }
        let listed = strangers::lists(tx, user, sender)?;
        self.listed.insert((user, party), listed);
        Ok(listed)
    }

    /// Whether an account wants to hear nothing of the sender.
    fn blocks(&mut self, tx: &Connection, user: i64, append: &Append) -> Result<bool, StoreError> {
        let list = match self.blocked.entry(user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(blocked::load(tx, user)?),
        };
        Ok(append.is_blocked_by(list))
    }

    /// An account writes to another one: what that has sent, if it is a stranger, waits for nobody.
    fn answer(
        &mut self,
        tx: &Connection,
        log: &Log,
        (party, jid): (i64, &BareJid),
    ) -> rusqlite::Result<()> {
        if self.answered.contains(&(log.user, party)) {
            return Ok(());
        }
        if !self.lists(tx, log.user, (party, jid))? {
            strangers::answer(tx, log.user, (party, log.head))?;
        }
        self.answered.insert((log.user, party));
        Ok(())
    }

    fn keep(&mut self, log: Log) {
        self.logs.insert(log.user, log);
        self.dirty.insert(log.user, log);
    }

    /// The number of an address that may have no account.
    fn party(&mut self, tx: &Connection, jid: &BareJid) -> rusqlite::Result<i64> {
        match party_of(tx, jid)? {
            Some(party) => Ok(party),
            None => new_party(tx, jid),
        }
    }
}

impl Log {
    /// Takes the next position.
    fn grow(&mut self, len: usize, stamp: Stamp) -> i64 {
        self.head += 1;
        self.bytes += len as u64;
        self.ts = stamp.0;
        self.head
    }
}

fn party_of(tx: &Connection, jid: &BareJid) -> rusqlite::Result<Option<i64>> {
    let mut known = tx.prepare_cached(sql::PARTY_OF)?;
    known.query_row([jid.as_str()], |row| row.get(0)).optional()
}

/// Gives an address a number of its own.
pub(super) fn new_party(tx: &Connection, jid: &BareJid) -> rusqlite::Result<i64> {
    tx.prepare_cached(sql::NEW_PARTY)?.execute([jid.as_str()])?;
    Ok(tx.last_insert_rowid())
}

/// Looks for what is retracted among the newest rows; `logs` are those of the conversation.
fn retract_now(
    tx: &Connection,
    retraction: &Retraction,
    k: i64,
    logs: &mut [Option<&mut Log>],
) -> Result<(), StoreError> {
    match retract::seek(tx, retraction, (k, k))? {
        Found::Nowhere => {}
        Found::NotYet(before) => retract::postpone(tx, k, before)?,
        Found::Replaced(replaced) => {
            for log in logs.iter_mut().flatten() {
                let place = replaced.places.iter().find(|(user, _)| *user == log.user);
                let Some((user, seq)) = place else { continue };
                log.bytes = log.bytes.saturating_add_signed(-replaced.freed);
                let strangers = replaced.free_strangers(tx, *user, *seq)?;
                log.strangers_bytes = log.strangers_bytes.saturating_add_signed(-strangers);
            }
        }
    }
    Ok(())
}

fn newest_k(tx: &Connection, (a, b): (i64, i64)) -> rusqlite::Result<Option<i64>> {
    let conv = tx
        .prepare_cached(sql::CONV)?
        .query_row([a, b], |row| row.get::<_, i64>(0));
    let Some(conv) = conv.optional()? else {
        return Ok(None);
    };
    let first = conv << CONV_BITS;
    let last = first | ((1 << CONV_BITS) - 1);
    let newest: Option<i64> = tx
        .prepare_cached(sql::NEWEST_K)?
        .query_row([first, last], |row| row.get(0))?;
    Ok(Some(newest.unwrap_or(first)))
}

fn remember(
    tx: &Connection,
    now: Stamp,
    append: &Append,
    user: i64,
    first: FirstOutcome,
) -> rusqlite::Result<()> {
    let Some(id) = &append.own_id else {
        return Ok(());
    };
    let (id, outcome) = (id.as_str().as_bytes(), sent::encode(first));
    let mut insert = tx.prepare_cached(sql::NEW_SENT)?;
    insert.execute(params![user, id, append.digest, outcome, now.0])?;
    Ok(())
}

/// What is known of this id, if anything (S11-14, S11-15, S11-22).
fn repetition(
    tx: &Connection,
    user: i64,
    id: &ArchiveId,
    digest: &[u8; 32],
) -> rusqlite::Result<Option<Outcome>> {
    let id = id.as_str().as_bytes();
    let entry = tx
        .prepare_cached(sql::STANZA_OF_ID)?
        .query_row(params![user, id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
    let entry = entry.optional()?;
    // A row of the sent log goes before what lies in the archive, which may have been retracted.
    let sent = tx
        .prepare_cached(sql::SENT)?
        .query_row(params![user, id], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))
        });
    let known = match (sent.optional()?, entry) {
        (Some((first, outcome)), _) => Some((Some(first), sent::decode(&outcome))),
        (None, Some((seq, stanza))) => {
            let stanza = Text::try_from(stanza).unwrap_or_default();
            let first = digest_of(&stanza).map(Vec::from);
            Some((first, FirstOutcome::Archived { pos: seq as u64 }))
        }
        (None, None) => None,
    };
    Ok(known.map(|(first, outcome)| {
        if first.as_deref() == Some(digest) {
            Outcome::Repeated(outcome)
        } else {
            Outcome::Conflict
        }
    }))
}
