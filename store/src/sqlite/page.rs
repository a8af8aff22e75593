//! Reading logs: every function runs inside one read transaction (MAM-17).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use protocol::{BareJid, Jid};
use rusqlite::{Connection, params};
use server_core::archive::{Ends, Entry, Page, PageQuery, Paging};

use super::append::CONV_BITS;
use super::sql::{self, SideSql};
use super::walk::{Source, Span, Visit, partition};
use crate::ids::Ids;
use crate::{Limits, StoreError, exact};

/// Why a page could not be read.
pub(super) enum PageFault {
    /// The filter names an id that is not there.
    UnknownId,
    /// Anything else.
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for PageFault {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// A log as one transaction sees it.
pub(super) struct LogView<'a> {
    pub(super) tx: &'a Connection,
    pub(super) ids: &'a Ids,
    limits: &'a Limits,
    pub(super) user: i64,
}

impl<'a> LogView<'a> {
    /// The log of an account; `None` if there is no such account.
    pub(super) fn of(
        tx: &'a Connection,
        ids: &'a Ids,
        limits: &'a Limits,
        account: &BareJid,
    ) -> Result<Option<Self>, StoreError> {
        let user = super::user_of(tx, account)?;
        Ok(user.map(|user| Self {
            tx,
            ids,
            limits,
            user,
        }))
    }

    /// Reads one page.
    pub(super) fn page(&self, query: &PageQuery) -> Result<Page, PageFault> {
        let span = self.span(query)?;
        let source = self.source(query, span)?;
        let exact = query
            .filter
            .with
            .as_ref()
            .filter(|with| with.resource().is_some());
        if query.max == 0 {
            let count = self.count(&source, exact)?;
            return Ok(Page {
                entries: Vec::new(),
                complete: count == 0,
                count: Some(count),
            });
        }
        let mut page = Page {
            complete: true,
            count: query
                .filter
                .is_span()
                .then(|| self.count(&source, None))
                .transpose()?,
            ..Page::default()
        };
        let mut bytes = 0;
        self.walk(&source, query.paging, &mut |entry| {
            if exact.is_some_and(|jid| !exact::is_from_or_to(&entry.stanza, jid)) {
                return ControlFlow::Continue(());
            }
            let full = page.entries.len() >= query.max as usize;
            bytes += entry.stanza.len();
            if full || (bytes > self.limits.page_bytes_max && !page.entries.is_empty()) {
                page.complete = false;
                return ControlFlow::Break(());
            }
            page.entries.push(Arc::new(entry));
            ControlFlow::Continue(())
        })?;
        if query.paging == Paging::Backward {
            page.entries.reverse();
        }
        Ok(page)
    }

    /// Reads entries behind a position.
    pub(super) fn after(&self, pos: u64, max: usize) -> Result<Vec<Arc<Entry>>, StoreError> {
        let lo = i64::try_from(pos).map_or(i64::MAX, |pos| pos.saturating_add(1));
        let source = Source::Log(Span { lo, hi: i64::MAX });
        self.gather(max, |visit| self.walk(&source, Paging::Forward, visit))
    }

    /// Reads entries behind a position that wait for an ordinary client.
    pub(super) fn spooled(&self, pos: u64, max: usize) -> Result<Vec<Arc<Entry>>, StoreError> {
        let after = i64::try_from(pos).unwrap_or(i64::MAX);
        let mut statement = self.tx.prepare_cached(sql::SPOOLED)?;
        self.gather(max, |visit| {
            self.show(statement.query(params![self.user, after])?, visit)
                .map(|_| ())
        })
    }

    /// Keeps what a walk shows, up to `max` and to the weight of a page.
    fn gather(
        &self,
        max: usize,
        walk: impl FnOnce(&mut Visit<'_>) -> Result<(), StoreError>,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        walk(&mut |entry| {
            bytes += entry.stanza.len();
            let heavy = bytes > self.limits.page_bytes_max && !entries.is_empty();
            if entries.len() >= max || heavy {
                return ControlFlow::Break(());
            }
            entries.push(Arc::new(entry));
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    /// Reads the ids and times of the oldest and newest entry.
    pub(super) fn ends(&self) -> Result<Ends, StoreError> {
        let (Some(oldest), Some(newest)) = (self.edge(sql::OLDEST)?, self.edge(sql::NEWEST)?)
        else {
            return Ok(None);
        };
        let entry = |seq| -> Result<_, StoreError> {
            let mut found = None;
            let source = Source::Log(Span { lo: seq, hi: seq });
            self.walk(&source, Paging::Forward, &mut |entry| {
                found = Some((entry.id, entry.stamp));
                ControlFlow::Break(())
            })?;
            found.ok_or(StoreError::malformed("log"))
        };
        Ok(Some((entry(oldest)?, entry(newest)?)))
    }

    /// The positions that all conditions but `with` and `ids` leave.
    fn span(&self, query: &PageQuery) -> Result<Span, PageFault> {
        let filter = &query.filter;
        let oldest = self.edge(sql::OLDEST)?.unwrap_or(1);
        let newest = self.edge(sql::NEWEST)?.unwrap_or(0);
        let mut span = Span {
            lo: oldest,
            hi: newest,
        };
        for id in &filter.after {
            span.lo = span.lo.max(self.pos_of(id)? + 1);
        }
        for id in &filter.before {
            span.hi = span.hi.min(self.pos_of(id)? - 1);
        }
        if let Some(start) = filter.start {
            let first = partition(span, |seq| Ok(self.stamp_at(seq)? >= start))?;
            span.lo = span.lo.max(first);
        }
        if let Some(end) = filter.end {
            let first = partition(span, |seq| Ok(self.stamp_at(seq)? > end))?;
            span.hi = span.hi.min(first - 1);
        }
        Ok(span)
    }

    fn source(&self, query: &PageQuery, span: Span) -> Result<Source, PageFault> {
        let with = query.filter.with.as_ref().map(Jid::to_bare);
        // A full JID of the account itself is the sender of entries of every conversation.
        let own = query
            .filter
            .with
            .as_ref()
            .is_some_and(|with| with.resource().is_some() && with.to_bare() == query.account);
        let convs = match with.filter(|_| !own) {
            Some(peer) => Some(self.convs(&peer)?),
            None => None,
        };
        if !query.filter.ids.is_empty() {
            let mut positions = BTreeSet::new();
            for id in &query.filter.ids {
                let seq = self.pos_of(id)?;
                let k = self.k_at(seq)?.unwrap_or_default();
                let talks = convs
                    .as_ref()
                    .is_none_or(|convs| convs.iter().any(|(conv, _)| *conv == k >> CONV_BITS));
                if talks && (span.lo..=span.hi).contains(&seq) {
                    positions.insert(seq);
                }
            }
            return Ok(Source::Positions(positions));
        }
        match convs {
            None => Ok(Source::Log(span)),
            Some(convs) => {
                let rows = convs.iter().map(|(conv, party)| {
                    let side = SideSql::of(self.user, *party);
                    Ok((self.rows(*conv, side, span)?, side))
                });
                Ok(Source::Rows(rows.collect::<Result<_, StoreError>>()?))
            }
        }
    }

    /// The conversations with an address, oldest first, each with the other party's number.
    fn convs(&self, peer: &BareJid) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut parties = self.tx.prepare_cached(sql::PARTIES_OF)?;
        let parties = parties.query_map([peer.as_str()], |row| row.get::<_, i64>(0))?;
        let mut found = Vec::new();
        for party in parties {
            let party = party?;
            let pair = params![self.user.min(party), self.user.max(party)];
            let mut convs = self.tx.prepare_cached(sql::CONVS)?;
            for conv in convs.query_map(pair, |row| row.get::<_, i64>(0))? {
                found.push((conv?, party));
            }
        }
        Ok(found)
    }
}
