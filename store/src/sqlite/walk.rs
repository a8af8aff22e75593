//! Finding and walking the entries of a log by index only.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use protocol::time::Stamp;
use protocol::{ArchiveId, Jid, Text};
use rusqlite::{OptionalExtension as _, Row, Rows, params};
use server_core::archive::{Entry, Paging};

use super::append::CONV_BITS;
use super::page::{LogView, PageFault};
use super::sql::{self, SideSql};
use crate::{StoreError, exact};

/// Positions or row numbers from `lo` to `hi`, both included; empty if `lo > hi`.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) lo: i64,
    pub(super) hi: i64,
}

/// Where matching entries are looked for.
pub(super) enum Source {
    /// Everywhere in the log.
    Log(Span),
    /// In these rows of conversations, oldest first, each on the account's side of it.
    Rows(Vec<(Span, &'static SideSql)>),
    /// At these positions.
    Positions(BTreeSet<i64>),
}

pub(super) type Visit<'v> = dyn FnMut(Entry) -> ControlFlow<()> + 'v;

impl LogView<'_> {
    /// Shows the entries of a source one by one, in the direction of paging.
    pub(super) fn walk(
        &self,
        source: &Source,
        paging: Paging,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let backward = paging == Paging::Backward;
        match source {
            Source::Log(span) => self.walk_log(*span, paging, visit).map(|_| ()),
            Source::Rows(rows) => directed(rows, backward, |(span, side)| {
                let query = if backward {
                    side.backward
                } else {
                    side.forward
                };
                let mut statement = self.tx.prepare_cached(query)?;
                self.show(
                    statement.query(params![span.lo, span.hi, self.user])?,
                    visit,
                )
            }),
            Source::Positions(positions) => directed(positions, backward, |seq| {
                let span = Span { lo: *seq, hi: *seq };
                self.walk_log(span, paging, visit)
            }),
        }
    }

    /// Counts the entries of a source, or those from or to one address.
    pub(super) fn count(&self, source: &Source, exact: Option<&Jid>) -> Result<u64, StoreError> {
        if let Some(jid) = exact {
            let mut count = 0;
            self.walk(source, Paging::Forward, &mut |entry| {
                count += u64::from(exact::is_from_or_to(&entry.stanza, jid));
                ControlFlow::Continue(())
            })?;
            return Ok(count);
        }
        match source {
            Source::Log(span) => Ok((span.hi - span.lo + 1).max(0) as u64),
            Source::Positions(positions) => Ok(positions.len() as u64),
            Source::Rows(rows) => rows.iter().try_fold(0, |sum, (span, side)| {
                let mut statement = self.tx.prepare_cached(side.count)?;
                let count: i64 = statement.query_row([span.lo, span.hi], |row| row.get(0))?;
                Ok(sum + count as u64)
            }),
        }
    }

    /// The rows of a conversation that lie in a span of positions.
    pub(super) fn rows(&self, conv: i64, side: &SideSql, span: Span) -> Result<Span, StoreError> {
        let lo = conv << CONV_BITS;
        let all = Span {
            lo,
            hi: lo | ((1 << CONV_BITS) - 1),
        };
        // Within a conversation, rows and positions rise together.
        let first_beyond = |seq: i64| {
            partition(all, |k| {
                let mut statement = self.tx.prepare_cached(side.first)?;
                let first = statement.query_row([k, all.hi], |row| row.get::<_, i64>(0));
                Ok(first.optional()?.is_none_or(|first| first >= seq))
            })
        };
        Ok(Span {
            lo: first_beyond(span.lo)?,
            hi: first_beyond(span.hi.saturating_add(1))? - 1,
        })
    }

    /// The oldest or newest position.
    pub(super) fn edge(&self, query: &'static str) -> Result<Option<i64>, StoreError> {
        let mut statement = self.tx.prepare_cached(query)?;
        Ok(statement
            .query_row([self.user], |row| row.get(0))
            .optional()?)
    }

    /// The position of an id.
    pub(super) fn pos_of(&self, id: &ArchiveId) -> Result<i64, PageFault> {
        let made = self.ids.pos_of(self.user as u64, id).map(|pos| pos as i64);
        if let Some(seq) = made {
            let held = self.k_at(seq)?.is_some();
            return held.then_some(seq).ok_or(PageFault::UnknownId);
        }
        let mut statement = self.tx.prepare_cached(sql::SEQ_OF_ID)?;
        let stored = params![self.user, id.as_str().as_bytes()];
        let seq = statement.query_row(stored, |row| row.get(0)).optional()?;
        seq.ok_or(PageFault::UnknownId)
    }

    /// The row of a position.
    pub(super) fn k_at(&self, seq: i64) -> Result<Option<i64>, StoreError> {
        let mut statement = self.tx.prepare_cached(sql::K_OF_SEQ)?;
        let k = statement.query_row([self.user, seq], |row| row.get(0));
        Ok(k.optional()?)
    }

    /// The time of a position that is there.
    pub(super) fn stamp_at(&self, seq: i64) -> Result<Stamp, StoreError> {
        let mut statement = self.tx.prepare_cached(sql::TS_OF_SEQ)?;
        Ok(Stamp(
            statement.query_row([self.user, seq], |row| row.get(0))?,
        ))
    }

    fn walk_log(
        &self,
        span: Span,
        paging: Paging,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let query = match paging {
            Paging::Forward => sql::LOG_FORWARD,
            Paging::Backward => sql::LOG_BACKWARD,
        };
        let mut statement = self.tx.prepare_cached(query)?;
        self.show(
            statement.query(params![self.user, span.lo, span.hi])?,
            visit,
        )
    }

    pub(super) fn show(
        &self,
        mut rows: Rows<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        while let Some(row) = rows.next()? {
            if visit(self.entry(row)?).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads a row of (position, stored id, time, stanza).
    fn entry(&self, row: &Row<'_>) -> Result<Entry, StoreError> {
        let pos = row.get::<_, i64>(0)? as u64;
        let id = match row.get::<_, Option<Vec<u8>>>(1)? {
            None => self.ids.id_of(self.user as u64, pos),
            Some(id) => String::from_utf8(id)
                .ok()
                .and_then(|id| ArchiveId::parse(&id))
                .ok_or(StoreError::malformed("archive id"))?,
        };
        let stamp = Stamp(row.get(2)?);
        let stanza = Text::try_from(row.get::<_, Vec<u8>>(3)?)
            .map_err(|_| StoreError::malformed("stanza"))?;
        Ok(Entry {
            pos,
            id,
            stamp,
            stanza,
        })
    }
}

/// Calls `each` for the items, from the last one if `backward`, until it breaks.
fn directed<T, I: DoubleEndedIterator<Item = T>>(
    items: impl IntoIterator<IntoIter = I>,
    backward: bool,
    mut each: impl FnMut(T) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut items = items.into_iter();
    while let Some(item) = if backward {
        items.next_back()
    } else {
        items.next()
    } {
        if each(item)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The first number of a span for which `is_beyond` holds, if it holds for all after it as well;
/// one after the span if it holds for none.
pub(super) fn partition(
    span: Span,
    is_beyond: impl Fn(i64) -> Result<bool, StoreError>,
) -> Result<i64, StoreError> {
    let (mut lo, mut hi) = (span.lo, span.hi.saturating_add(1));
    while lo < hi {
        let middle = lo + (hi - lo) / 2;
        if is_beyond(middle)? {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    Ok(lo)
}
