//! One account's log in memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Jid, Text};
use server_core::archive::{
    Ends, Entry, Filter, FirstOutcome, Outcome, Page, PageQuery, Paging, Place, ReadError,
    digest_of,
};

use crate::ids::Ids;
use crate::{Limits, exact};

/// Entries, oldest first; the first has position 1.
#[derive(Default)]
pub(super) struct Log {
    entries: Vec<Arc<Entry>>,
    /// The other party of each entry.
    peers: Vec<BareJid>,
    own: HashMap<ArchiveId, u64>,
    sent: HashMap<ArchiveId, ([u8; 32], FirstOutcome)>,
    /// Positions of entries that wait for an ordinary client.
    pub(super) spool: BTreeSet<u64>,
    pub(super) bytes: u64,
}

impl Log {
    /// Position of the newest entry.
    pub(super) fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Time of the newest entry.
    pub(super) fn newest(&self) -> Option<Stamp> {
        self.entries.last().map(|entry| entry.stamp)
    }

    /// What is known of an own id, if anything.
    pub(super) fn repetition(&self, id: &ArchiveId, digest: &[u8; 32]) -> Option<Outcome> {
        let (first, outcome) = match self.own.get(id) {
            Some(pos) => {
                let stanza = self.at(*pos).map(|entry| &entry.stanza);
                let first = stanza.and_then(digest_of);
                (first, FirstOutcome::Archived { pos: *pos })
            }
            None => {
                let (first, outcome) = self.sent.get(id)?;
                (Some(*first), *outcome)
            }
        };
        Some(if first == Some(*digest) {
            Outcome::Repeated(outcome)
        } else {
            Outcome::Conflict
        })
    }

    /// Keeps the outcome of a message that is in no log.
    pub(super) fn remember(&mut self, id: &ArchiveId, digest: [u8; 32], outcome: FirstOutcome) {
        self.sent.insert(id.clone(), (digest, outcome));
    }

    /// Writes an entry.
    pub(super) fn push(
        &mut self,
        (ids, user): (&Ids, u64),
        own_id: Option<&ArchiveId>,
        peer: &BareJid,
        stamp: Stamp,
        stanza: &Text,
    ) -> Place {
        let pos = self.head() + 1;
        let id = own_id.cloned().unwrap_or_else(|| ids.id_of(user, pos));
        if own_id.is_some() {
            self.own.insert(id.clone(), pos);
        }
        self.bytes += stanza.len() as u64;
        self.peers.push(peer.clone());
        self.entries.push(Arc::new(Entry {
            pos,
            id: id.clone(),
            stamp,
            stanza: stanza.clone(),
        }));
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
            complete: entries.len() == all,
            entries,
            count: None,
        })
    }

    /// Reads entries behind a position.
    pub(super) fn after(&self, pos: u64, max: usize, limits: &Limits) -> Vec<Arc<Entry>> {
        let behind = usize::try_from(pos).unwrap_or(usize::MAX);
        gather(self.entries.iter().skip(behind), max, limits)
    }

    /// Reads entries behind a position that wait for an ordinary client.
    pub(super) fn spooled(&self, pos: u64, max: usize, limits: &Limits) -> Vec<Arc<Entry>> {
        let behind = self.spool.range(pos.saturating_add(1)..);
        gather(behind.filter_map(|pos| self.at(*pos)), max, limits)
    }

    /// The oldest and newest entry.
    pub(super) fn ends(&self) -> Ends {
        let end = |entry: &Arc<Entry>| (entry.id.clone(), entry.stamp);
        Some((end(self.entries.first()?), end(self.entries.last()?)))
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
        let entries = self.entries.iter().zip(&self.peers);
        let matching = entries.filter(|(entry, peer)| {
            entry.pos > lo
                && entry.pos < hi
                && start.is_none_or(|start| entry.stamp >= start)
                && end.is_none_or(|end| entry.stamp <= end)
                && only.as_ref().is_none_or(|only| only.contains(&entry.pos))
                && with.as_ref().is_none_or(|with| is_with(entry, peer, with))
        });
        Ok(matching.map(|(entry, _)| entry.clone()).collect())
    }

    fn pos_of(&self, (ids, user): (&Ids, u64), id: &ArchiveId) -> Result<u64, ReadError> {
        let own = self.own.get(id).copied();
        let made = || ids.pos_of(user, id).filter(|pos| self.at(*pos).is_some());
        own.or_else(made).ok_or(ReadError::UnknownId)
    }

    fn at(&self, pos: u64) -> Option<&Arc<Entry>> {
        self.entries.get(usize::try_from(pos.checked_sub(1)?).ok()?)
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
