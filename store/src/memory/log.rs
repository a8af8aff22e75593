//! One account's log in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use protocol::mutant;
use protocol::retract::Retraction;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Jid, Text};
use server_core::archive::{
    Ends, Entry, Filter, FirstOutcome, Outcome, Page, PageQuery, Paging, Place, ReadError,
    digest_of, tombstone_of,
};

use crate::ids::Ids;
use crate::retention::{Oldest, SENT_KEPT_MS};
use crate::{Limits, Retention, exact};

/// Entries, oldest first.
#[derive(Default)]
pub(super) struct Log {
    entries: VecDeque<Held>,
    head: u64,
    newest: Option<Stamp>,
    own: HashMap<ArchiveId, u64>,
    sent: HashMap<ArchiveId, Sent>,
    /// Positions of entries that wait for an ordinary client.
    pub(super) spool: BTreeSet<u64>,
    pub(super) bytes: u64,
    /// With whom the account has ever exchanged messages.
    pub(super) peers: BTreeSet<BareJid>,
    /// Senders whom the account does not list as contacts.
    strangers: BTreeMap<BareJid, Share>,
}

/// What a log holds from one stranger.
struct Share {
    /// The first position that is counted: what they sent as a contact lies before it.
    since: u64,
    bytes: u64,
    /// Whether the account has written to them.
    is_answered: bool,
}

/// An entry and what is known of it.
struct Held {
    entry: Arc<Entry>,
    /// The other party.
    peer: BareJid,
    /// Whether they sent it.
    is_received: bool,
}

/// The outcome of an own message whose entry does not say it.
struct Sent {
    digest: [u8; 32],
    outcome: FirstOutcome,
    stamp: Stamp,
}

impl Log {
    /// Position of the newest entry.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Time of the newest entry there ever was.
    pub(super) fn newest(&self) -> Option<Stamp> {
        self.newest
    }

    /// What is known of an own id, if anything.
    pub(super) fn repetition(&self, id: &ArchiveId, digest: &[u8; 32]) -> Option<Outcome> {
        if mutant("repetition-not-looked-up") {
            return None;
        }
        let (first, outcome) = match (self.sent.get(id), self.own.get(id)) {
            (Some(sent), _) => (Some(sent.digest), sent.outcome),
            (None, Some(pos)) => {
                let stanza = self.at(*pos).map(|held| &held.entry.stanza);
                let first = stanza.and_then(digest_of);
                (first, FirstOutcome::Archived { pos: *pos })
            }
            (None, None) => return None,
        };
        Some(if first == Some(*digest) {
            Outcome::Repeated(outcome)
        } else {
            Outcome::Conflict
        })
    }

    /// Keeps the outcome of a message that is in no log.
    pub(super) fn remember(
        &mut self,
        now: Stamp,
        id: &ArchiveId,
        digest: [u8; 32],
        outcome: FirstOutcome,
    ) {
        let sent = Sent {
            digest,
            outcome,
            stamp: now,
        };
        self.sent.insert(id.clone(), sent);
    }

    /// Leaves a tombstone of a message that its sender retracted (IM-15).
    pub(super) fn retract(
        &mut self,
        retraction: &Retraction,
        (peer, is_received): (&BareJid, bool),
        stamp: Stamp,
    ) {
        for held in self.entries.iter_mut().rev() {
            if held.peer != *peer || held.is_received != is_received {
                continue;
            }
            let Some(stanza) = tombstone_of(&held.entry.stanza, retraction, stamp) else {
                continue;
            };
            let old = Entry::clone(&held.entry);
            if self.own.contains_key(&old.id)
                && let Some(digest) = digest_of(&old.stanza)
            {
                let (outcome, stamp) = (FirstOutcome::Archived { pos: old.pos }, old.stamp);
                let sent = Sent {
                    digest,
                    outcome,
                    stamp,
                };
                self.sent.entry(old.id.clone()).or_insert(sent);
            }
            let freed = old.stanza.len() as i64 - stanza.len() as i64;
            self.bytes = self.bytes.saturating_add_signed(-freed);
            if is_received {
                free(&mut self.strangers, peer, old.pos, freed);
            }
            held.entry = Arc::new(Entry { stanza, ..old });
            return;
        }
    }

    /// Removes the oldest entries that are not to be kept, and old outcomes; tells how many.
    pub(super) fn trim(&mut self, now: Stamp, keep: Retention, max: usize) -> usize {
        let kept_from = now.0.saturating_sub(SENT_KEPT_MS);
        let outcomes = self.sent.len();
        self.sent.retain(|_, sent| sent.stamp.0 >= kept_from);
        let mut gone = outcomes - self.sent.len();
        while gone < max
            && let Some(held) = self.entries.front()
            && keep.drops(now, self.oldest(&held.entry))
            && let Some(Held {
                entry,
                peer,
                is_received,
            }) = self.entries.pop_front()
        {
            if is_received {
                let len = entry.stanza.len() as i64;
                free(&mut self.strangers, &peer, entry.pos, len);
            }
            self.bytes = self.bytes.saturating_sub(entry.stanza.len() as u64);
            gone += 1;
            self.spool.remove(&entry.pos);
            let named = self.own.remove(&entry.id).is_some();
            if named
                && entry.stamp.0 >= kept_from
                && let Some(digest) = digest_of(&entry.stanza)
            {
                let (outcome, stamp) = (FirstOutcome::Archived { pos: entry.pos }, entry.stamp);
                let sent = Sent {
                    digest,
                    outcome,
                    stamp,
                };
                self.sent.entry(entry.id.clone()).or_insert(sent);
            }
        }
        gone
    }

    fn oldest(&self, entry: &Entry) -> Oldest {
        Oldest {
            pos: entry.pos,
            stamp: entry.stamp,
            head: self.head,
            bytes: self.bytes,
        }
    }

    /// Bytes of one stranger, unless the account has answered them, and of all strangers.
    pub(super) fn strangers_bytes(&self, one: &BareJid) -> (Option<u64>, u64) {
        let share = self.strangers.get(one);
        let is_answered = share.is_some_and(|share| share.is_answered);
        let bytes = share.map_or(0, |share| share.bytes);
        ((!is_answered).then_some(bytes), self.of_strangers())
    }

    /// Bytes of all strangers.
    pub(super) fn of_strangers(&self) -> u64 {
        self.strangers.values().map(|share| share.bytes).sum()
    }

    /// Counts an entry that a stranger sent.
    pub(super) fn count_stranger(&mut self, sender: &BareJid, pos: u64, len: usize) {
        self.share(sender, pos).bytes += len as u64;
    }

    /// The account writes to somebody whom it does not list.
    pub(super) fn answer(&mut self, to: &BareJid) {
        let head = self.head;
        self.share(to, head).is_answered = true;
    }

    /// Another account may have this address from now on.
    pub(super) fn forget_answer(&mut self, to: &BareJid) {
        if let Some(share) = self.strangers.get_mut(to) {
            share.is_answered = false;
        }
    }

    fn share(&mut self, sender: &BareJid, pos: u64) -> &mut Share {
        let share = self.strangers.entry(sender.clone());
        share.or_insert(Share {
            since: pos,
            bytes: 0,
            is_answered: false,
        })
    }

    /// A sender is a contact from now on.
    pub(super) fn accept(&mut self, sender: &BareJid) {
        self.strangers.remove(sender);
    }

    /// How many entries are there.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Writes an entry.
    pub(super) fn push(
        &mut self,
        (ids, user): (&Ids, u64),
        own_id: Option<&ArchiveId>,
        (peer, is_received): (&BareJid, bool),
        stamp: Stamp,
        stanza: &Text,
    ) -> Place {
        self.head +=
            1 + u64::from(mutant("positions-with-holes") && (self.head + 1).is_multiple_of(16));
        let pos = self.head;
        self.newest = Some(stamp);
        let computed = own_id.filter(|_| !mutant("computed-id-ignored"));
        let id = computed.cloned().unwrap_or_else(|| ids.id_of(user, pos));
        if own_id.is_some() {
            self.own.insert(id.clone(), pos);
        }
        self.bytes += stanza.len() as u64;
        self.peers.insert(peer.clone());
        self.entries.push_back(Held {
            entry: Arc::new(Entry {
                pos,
                id: id.clone(),
                stamp,
                stanza: stanza.clone(),
            }),
            peer: peer.clone(),
            is_received,
        });
        Place { pos, id }
    }

    /// Reads one page.
    pub(super) fn page(
        &self,
        ids: (&Ids, u64),
        limits: &Limits,
        query: &PageQuery,
    ) -> Result<Page, ReadError> {
        let mut matching = self.matching(ids, query)?;
        if mutant("page-without-its-first") && matching.len() > 1 {
            matching.remove(0);
        }
        if query.max == 0 {
            return Ok(Page {
                entries: Vec::new(),
                complete: matching.is_empty(),
                count: Some(matching.len() as u64),
            });
        }
        let backward = query.paging == Paging::Backward;
        if backward {
            matching.reverse();
        }
        let mut bytes = 0;
        let fits = |(n, entry): &(usize, Arc<Entry>)| {
            bytes += entry.stanza.len();
            *n < query.max as usize && (*n == 0 || bytes <= limits.page_bytes_max)
        };
        let all = matching.len();
        let taken = matching.into_iter().enumerate().take_while(fits);
        let mut entries: Vec<_> = taken.map(|(_, entry)| entry).collect();
        if backward {
            entries.reverse();
        }
        Ok(Page {
            complete: entries.len() == all || mutant("page-always-complete"),
            entries,
            count: query.filter.is_span().then_some(all as u64),
        })
    }

    /// Reads entries behind a position.
    pub(super) fn after(&self, pos: u64, max: usize, limits: &Limits) -> Vec<Arc<Entry>> {
        let gone = self.head - self.entries.len() as u64;
        let behind = usize::try_from(pos.saturating_sub(gone)).unwrap_or(usize::MAX);
        let entries = self.entries.iter().map(|held| &held.entry);
        gather(entries.skip(behind), max, limits)
    }

    /// Reads entries behind a position that wait for an ordinary client.
    pub(super) fn spooled(&self, pos: u64, max: usize, limits: &Limits) -> Vec<Arc<Entry>> {
        let behind = self.spool.range(pos.saturating_add(1)..);
        let entries = behind.filter_map(|pos| self.at(*pos));
        gather(entries.map(|held| &held.entry), max, limits)
    }

    /// The oldest and newest entry.
    pub(super) fn ends(&self) -> Ends {
        let end = |held: &Held| (held.entry.id.clone(), held.entry.stamp);
        Some((end(self.entries.front()?), end(self.entries.back()?)))
    }

    fn matching(&self, ids: (&Ids, u64), query: &PageQuery) -> Result<Vec<Arc<Entry>>, ReadError> {
        let Filter {
            with,
            start,
            end,
            after,
            before,
            ids: only,
        } = &query.filter;
        let positions = |named: &[ArchiveId]| -> Result<BTreeSet<u64>, ReadError> {
            named.iter().map(|id| self.pos_of(ids, id)).collect()
        };
        let lo = positions(after)?.last().copied().unwrap_or(0);
        let hi = positions(before)?.first().copied().unwrap_or(u64::MAX);
        let only = if only.is_empty() {
            None
        } else {
            Some(positions(only)?)
        };
        let matching = self.entries.iter().filter(|Held { entry, peer, .. }| {
            entry.pos > lo
                && entry.pos < hi
                && start.is_none_or(|start| entry.stamp >= start)
                && end.is_none_or(|end| entry.stamp <= end)
                && only.as_ref().is_none_or(|only| only.contains(&entry.pos))
                && with.as_ref().is_none_or(|with| is_with(entry, peer, with))
        });
        Ok(matching.map(|held| held.entry.clone()).collect())
    }

    /// The position of an entry.
    pub(super) fn pos_of(
        &self,
        (ids, user): (&Ids, u64),
        id: &ArchiveId,
    ) -> Result<u64, ReadError> {
        let own = self.own.get(id).copied();
        let made = || ids.pos_of(user, id).filter(|pos| self.at(*pos).is_some());
        own.or_else(made).ok_or(ReadError::UnknownId)
    }

    fn at(&self, pos: u64) -> Option<&Held> {
        let first = self.entries.front()?.entry.pos;
        self.entries
            .get(usize::try_from(pos.checked_sub(first)?).ok()?)
    }
}

/// An entry takes so much less room, which does not concern what its sender wrote as a contact.
fn free(strangers: &mut BTreeMap<BareJid, Share>, sender: &BareJid, pos: u64, freed: i64) {
    let share = strangers.get_mut(sender);
    if let Some(share) = share.filter(|share| share.since <= pos) {
        share.bytes = share.bytes.saturating_add_signed(-freed);
    }
}

/// Takes up to `max` entries and up to the weight of a page.
fn gather<'a>(
    entries: impl Iterator<Item = &'a Arc<Entry>>,
    max: usize,
    limits: &Limits,
) -> Vec<Arc<Entry>> {
    let mut bytes = 0;
    let fits = |(n, entry): &(usize, &Arc<Entry>)| {
        bytes += entry.stanza.len();
        *n == 0 || bytes <= limits.page_bytes_max
    };
    let entries = entries.take(max).enumerate().take_while(fits);
    entries.map(|(_, entry)| entry.clone()).collect()
}

fn is_with(entry: &Entry, peer: &BareJid, with: &Jid) -> bool {
    match with.resource() {
        None => *peer == with.to_bare(),
        Some(_) => exact::is_from_or_to(&entry.stanza, with),
    }
}
