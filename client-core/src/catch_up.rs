//! Pages of the archive: after the cursor until all is known, and older ones when they are wanted.

use std::collections::BTreeMap;

use protocol::mam::{Fin, Query};
use protocol::mutant;
use protocol::rsm::PageRequest;
use protocol::{BareJid, Condition, Iq, StanzaError};

use crate::ids::Ids;
use crate::inbound::Draft;
use crate::reduce::{Page, PageKind, State};

/// So many entries are asked for at once.
const PAGE_LEN: u32 = 50;
/// A page with more than the server's own cap is no page (MAM-13).
const PAGE_LEN_MAX: usize = 250;
/// So long the next result may take.
const RESULT_MAX_MS: u64 = 60_000;
const AGAIN_FIRST_MS: u64 = 1_000;
const AGAIN_MAX_MS: u64 = 60_000;
/// So many pages are fetched to find older lines of one conversation.
const OLDER_PAGES_MAX: u32 = 20;

/// The one open query and what is asked next.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    open: Option<Open>,
    /// Entries fetched in this catch-up, and how many there are if the archive says so.
    pub(crate) fetched: u32,
    pub(crate) total: Option<u32>,
    /// Entries fetched for the gap that is being filled.
    pub(crate) filled: u32,
    /// The cursor is unknown to the archive.
    has_lost_cursor: bool,
    /// Whose older lines are wanted, and how many more pages may be fetched for them.
    older: Option<(BareJid, u32)>,
    tries: u32,
    again_at_ms: Option<u64>,
}

/// A query on its way.
#[derive(Debug)]
struct Open {
    kind: PageKind,
    /// Id of the request and of its results.
    id: String,
    entries: Vec<Draft>,
    len: usize,
    /// The newest provisional row when the first result came.
    newest_held: Option<u64>,
    due_ms: u64,
}

impl CatchUp {
    /// A stream begins, or is resumed: whatever was under way is void.
    pub(crate) fn restart(&mut self) {
        *self = Self {
            older: self.older.take(),
            ..Self::default()
        };
    }

    /// The queryid whose results are believed (MAM-27).
    pub(crate) fn queryid(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.id.as_str())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// `can_ask` tells whether the next query could be sent when it is due.
    pub(crate) fn deadline(&self, can_ask: bool) -> Option<u64> {
        let due = self.open.as_ref().map(|open| open.due_ms);
        due.or(self.again_at_ms.filter(|_| can_ask))
    }

    /// Whether the open query is overdue.
    pub(crate) fn is_overdue(&self, now_ms: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.due_ms <= now_ms)
    }

    /// Older lines of this conversation are wanted.
    pub(crate) fn want_older(&mut self, peer: BareJid) {
        self.older = Some((peer, OLDER_PAGES_MAX));
    }

    /// Nobody wants older lines any more.
    pub(crate) fn forget_older(&mut self) {
        self.older = None;
    }

    /// Whether older lines of this conversation are still being fetched.
    pub(crate) fn wants_older(&self, peer: &BareJid) -> bool {
        self.older
            .as_ref()
            .is_some_and(|(wanted, _)| wanted == peer)
    }

    /// The next query, if one is due and none is open.
    pub(crate) fn ask(&mut self, state: &State, ids: &mut Ids, now_ms: u64) -> Option<String> {
        if self.open.is_some() || self.again_at_ms.is_some_and(|at| at > now_ms) {
            return None;
        }
        self.again_at_ms = None;
        let kind = self.next_kind(state)?;
        let id = ids.request();
        let iq = Iq::set(id.clone(), query(kind, state, &id).to_element());
        self.open = Some(Open {
            kind,
            id,
            entries: Vec::new(),
            len: 0,
            newest_held: None,
            due_ms: now_ms + RESULT_MAX_MS,
        });
        Some(iq.write())
    }

    fn next_kind(&self, state: &State) -> Option<PageKind> {
        let device = &state.device;
        if state.catching {
            Some(match &device.pos {
                // A log that was empty is fetched from its start.
                None if device.is_begun() => PageKind::After,
                None => PageKind::Last,
                Some(_) if self.has_lost_cursor => PageKind::Gap,
                Some(_) => PageKind::After,
            })
        } else {
            // Behind a gap everything that can be had is fetched without being asked for (S11-54).
            let is_wanted = self.older.is_some() || device.fills_gap();
            let can = device.oldest.is_some() && !device.reaches_start;
            (is_wanted && can).then_some(PageKind::Older)
        }
    }

    /// A result of the open query.
    ///
    /// # Errors
    /// If the server sends more than a page.
    pub(crate) fn on_result(
        &mut self,
        draft: Option<Draft>,
        newest_held: u64,
        now_ms: u64,
    ) -> Result<(), &'static str> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.due_ms = now_ms + RESULT_MAX_MS;
        open.len += 1;
        open.newest_held.get_or_insert(newest_held);
        open.entries.extend(draft);
        if open.len > PAGE_LEN_MAX {
            return Err("a page without end");
        }
        Ok(())
    }

    /// Whether this request is the open query.
    pub(crate) fn is_query(&self, id: &str) -> bool {
        self.open.as_ref().is_some_and(|open| open.id == id)
    }

    /// The open query's page is there.
    ///
    /// # Errors
    /// If the page is empty and not the last: asking again would never end.
    pub(crate) fn on_fin(
        &mut self,
        fin: &Fin,
        newest_held: u64,
    ) -> Result<Option<Page>, &'static str> {
        let Some(open) = self.open.take() else {
            return Ok(None);
        };
        if open.entries.is_empty() && !fin.complete && open.kind == PageKind::After {
            return Err("an empty page that is not the last");
        }
        self.tries = 0;
        self.has_lost_cursor = false;
        let len = u32::try_from(open.entries.len()).unwrap_or(u32::MAX);
        match open.kind {
            PageKind::Older => self.filled = self.filled.saturating_add(len),
            PageKind::After => {
                // The count is of all that the query matches: of what is after the cursor (RSM §2.4).
                let left = fin.page.count.and_then(|count| u32::try_from(count).ok());
                let total = left.map(|left| left.max(len).saturating_add(self.fetched));
                self.total = total.or(self.total);
                self.fetched = self.fetched.saturating_add(len);
            }
            PageKind::Last | PageKind::Gap => self.fetched = self.fetched.saturating_add(len),
        }
        self.count_older(&open, fin);
        Ok(Some(Page {
            kind: open.kind,
            entries: open.entries,
            complete: fin.complete || mutant("catch-up-ends-after-one-page"),
            newest_held: open.newest_held.unwrap_or(newest_held),
            known: BTreeMap::new(),
        }))
    }

    /// The open query was refused; gives a page if that settles it.
    pub(crate) fn on_error(&mut self, error: &StanzaError, now_ms: u64) -> Option<Page> {
        let open = self.open.take()?;
        let is_unknown = error.condition == Condition::ItemNotFound;
        match open.kind {
            PageKind::After if is_unknown => self.has_lost_cursor = true,
            PageKind::Older if is_unknown => {
                // Retention removed the oldest known entry, so there is nothing before it.
                self.older = None;
                return Some(Page {
                    kind: PageKind::Older,
                    entries: Vec::new(),
                    complete: true,
                    newest_held: 0,
                    known: BTreeMap::new(),
                });
            }
            PageKind::After | PageKind::Older | PageKind::Last | PageKind::Gap => {
                self.again(now_ms);
            }
        }
        None
    }

    /// Asks again later.
    pub(crate) fn again(&mut self, now_ms: u64) {
        let wait_ms = (AGAIN_FIRST_MS << self.tries.min(6)).min(AGAIN_MAX_MS);
        self.tries += 1;
        self.again_at_ms = Some(now_ms + wait_ms);
    }

    /// Older lines were found, or there are none, or enough was searched.
    fn count_older(&mut self, open: &Open, fin: &Fin) {
        let Some((peer, pages_left)) = &mut self.older else {
            return;
        };
        if open.kind != PageKind::Older {
            return;
        }
        *pages_left = pages_left.saturating_sub(1);
        let has_found = open.entries.iter().any(|draft| draft.peer == *peer);
        if has_found || fin.complete || *pages_left == 0 {
            self.older = None;
        }
    }
}

fn query(kind: PageKind, state: &State, queryid: &str) -> Query {
    let text = |id: &Option<protocol::ArchiveId>| id.as_ref().map(ToString::to_string);
    let mut query = Query {
        queryid: Some(queryid.to_owned()),
        page: PageRequest {
            max: Some(PAGE_LEN),
            ..PageRequest::default()
        },
        ..Query::default()
    };
    match kind {
        PageKind::Last | PageKind::Gap => query.page.before = Some(String::new()),
        PageKind::After if mutant("catch-up-from-the-oldest") => {
            query.after_id = text(&state.device.oldest);
        }
        PageKind::After => query.after_id = text(&state.device.pos),
        PageKind::Older => query.page.before = text(&state.device.oldest),
    }
    query
}
