//! What is written, in order, and what follows once it is durable (P7).

use std::collections::BTreeMap;

use protocol::mutant;
use protocol::{ArchiveId, BareJid, Handled};

use super::Engine;
use crate::gather::gathered;
use crate::history::{Batch, OutboxItem, Place, Row, RowQuery, Wanted};
use crate::io::Output;
use crate::reduce::{Event, Page, Spot};

/// So many rows are read at once.
const ROWS_MAX: usize = 100;
/// So many reads are waited for.
const QUERIES_MAX: usize = 16;

/// For what rows were asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// To show the latest of a conversation.
    Latest(BareJid),
    /// To count what is unread.
    Unread,
    /// To know which entries of the page being checked are held.
    Page,
    /// To know how far other devices read.
    Marks(Vec<(BareJid, ArchiveId)>),
}

/// A batch that is being written.
#[derive(Debug)]
pub(super) struct Pending {
    batch: Batch,
    /// How many stanzas count as handled then.
    received: Handled,
    /// Whether everything is known then.
    is_live: bool,
}

impl Engine {
    /// Takes an event into the history.
    pub(super) fn note(&mut self, event: Event) {
        self.state.reduce(&mut self.batch, event);
    }

    /// Takes an event that must be written even if no row changes.
    pub(super) fn note_device(&mut self, event: Event) {
        self.must_write = true;
        self.note(event);
    }

    /// Whether anything waits to become durable.
    pub(super) fn is_writing(&self) -> bool {
        self.has_noted() || self.pending.is_some()
    }

    /// Whether something is noted that is not being written yet.
    pub(super) fn has_noted(&self) -> bool {
        self.must_write || !self.batch.is_empty()
    }

    /// Writes what is noted, unless something is being written: each batch counts on all before it, so that
    /// none may be written once one has failed (P7).
    pub(super) fn flush(&mut self) {
        if !self.has_noted() || self.pending.is_some() {
            return;
        }
        self.must_write = false;
        let stream = self.stream.as_ref();
        let received = stream.map_or(Handled(0), |stream| stream.received);
        let mut batch = std::mem::take(&mut self.batch);
        batch.device = Some(self.state.device_at(received));
        if mutant("rows-without-cursor") && !batch.rows.is_empty() {
            batch.device = None;
        }
        self.out.push_back(Output::Commit(batch.clone()));
        self.pending = Some(Pending {
            batch,
            received,
            is_live: self.link.is_up() && !self.state.catching,
        });
    }

    /// What is being written counts nothing of a stream that begins now.
    pub(super) fn count_anew(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.received = Handled(0);
        }
    }

    pub(super) fn on_committed(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        self.has_device = true;
        self.shown.apply(&pending.batch);
        self.find_marks_in(&pending.batch.rows);
        if let Some(stream) = &mut self.stream {
            stream.committed = pending.received;
        }
        self.is_live = pending.is_live && self.link.is_up() && !self.state.catching;
        self.query_unread();
        self.see_again();
    }

    /// The device's storage failed: nothing more is counted, shown or sent. Lines that were written and
    /// are not durable go back to where they were written (INV-17).
    pub(super) fn on_storage_failed(&mut self, reason: &str) {
        tracing::error!(reason, "history not written or not read");
        self.is_broken = true;
        let pending = self.pending.take().map(|pending| pending.batch);
        let noted = std::mem::take(&mut self.batch);
        let items = pending.into_iter().chain([noted]);
        let items = items.flat_map(|batch| batch.outbox);
        let is_new = |item: &OutboxItem| !self.shown.outbox().contains_key(&item.seq);
        let items = items.filter(|item| item.failed.is_none() && is_new(item));
        let lines = items.filter_map(|item| {
            let body = item.text()?.to_owned();
            Some((item.seq, (item.to, body)))
        });
        let lines: BTreeMap<_, _> = gathered(lines);
        for (to, body) in lines.into_values() {
            self.out.push_back(Output::Unsaved { to, body });
        }
        if self.link.listens() {
            self.out.push_back(Output::Disconnect);
        }
        self.link.dropping();
    }

    /// Asks the device for the latest rows of a conversation.
    pub(super) fn query_latest(&mut self, peer: BareJid, before: Option<Place>) {
        let wanted = Wanted::Latest {
            peer: peer.clone(),
            before,
            max: ROWS_MAX,
        };
        self.query(Asked::Latest(peer), wanted);
    }

    /// Asks for the unread lines of conversations that are less read than was thought.
    pub(super) fn query_unread(&mut self) {
        while self.queries.len() < QUERIES_MAX
            && let Some((peer, after)) = self.shown.take_unsettled()
        {
            self.query(Asked::Unread, Wanted::Unread { peer, after });
        }
    }

    /// Asks which entries of a page beside a gap are held (S11-54).
    pub(super) fn check_page(&mut self, page: Page) {
        let ids = page.entries.iter().filter_map(|draft| draft.id.clone());
        let wanted = Wanted::Entries(ids.collect());
        self.query(Asked::Page, wanted);
        self.checking = Some((self.next_query, page));
    }

    /// Asks where the entries stand up to which other devices read (MD-02), one question at a time.
    pub(super) fn query_marks(&mut self, marks: Vec<(BareJid, ArchiveId)>) {
        let wanted = Wanted::Entries(marks.iter().map(|(_, id)| id.clone()).collect());
        if !marks.is_empty() {
            self.query(Asked::Marks(marks), wanted);
        }
    }

    /// Whether that is being asked.
    pub(super) fn is_querying_marks(&self) -> bool {
        let mut queries = self.queries.iter();
        queries.any(|(_, asked)| matches!(asked, Asked::Marks(_)))
    }

    /// Rows were written, which the device did not find if it was asked for them before.
    fn find_marks_in(&mut self, rows: &[Row]) {
        for row in rows.iter().filter(|_| !mutant("marks-found-on-disk-only")) {
            let Place::Confirmed(place) = row.place else {
                continue;
            };
            if row.id.is_some() && self.state.marks.get(&row.peer) == row.id.as_ref() {
                let (peer, id) = (row.peer.clone(), row.id.clone());
                let spot = Some(Spot { place, id });
                self.note(Event::Found { peer, spot });
            }
        }
    }

    fn query(&mut self, asked: Asked, wanted: Wanted) {
        let is_needed = matches!(asked, Asked::Page | Asked::Latest(_) | Asked::Marks(_));
        if self.queries.len() >= QUERIES_MAX && !is_needed {
            return;
        }
        self.next_query += 1;
        let query = self.next_query;
        self.queries.push_back((query, asked));
        self.out
            .push_back(Output::Query(RowQuery { query, wanted }));
    }

    pub(super) fn on_rows(&mut self, query: u64, rows: &[Row]) {
        let Some(at) = self.queries.iter().position(|(asked, _)| *asked == query) else {
            return;
        };
        let Some((_, asked)) = self.queries.remove(at) else {
            return;
        };
        match asked {
            Asked::Latest(peer) => {
                let is_whole = rows.len() < ROWS_MAX;
                let has_lines = self.shown.load(&peer, rows, is_whole);
                self.see_again();
                // Rows without a line are nothing to look at: what stands before them is.
                if !has_lines && let Some(before) = self.shown.load_older() {
                    self.query_latest(peer, Some(before));
                }
            }
            Asked::Unread => self.shown.load_unread(rows),
            Asked::Page => {
                let checking = self.checking.take_if(|(asked, _)| *asked == query);
                if let Some((_, mut page)) = checking {
                    page.known = gathered(places_of(rows));
                    self.note_device(Event::Page(page));
                }
            }
            Asked::Marks(marks) => self.on_marks(marks, gathered(places_of(rows))),
        }
    }

    fn on_marks(&mut self, marks: Vec<(BareJid, ArchiveId)>, places: BTreeMap<ArchiveId, i64>) {
        for (peer, id) in marks {
            let spot = places.get(&id).map(|place| Spot {
                place: *place,
                id: Some(id),
            });
            self.note(Event::Found { peer, spot });
        }
        self.find_more_marks();
    }
}

fn places_of(rows: &[Row]) -> impl Iterator<Item = (ArchiveId, i64)> {
    rows.iter().filter_map(|row| match row.place {
        Place::Confirmed(place) => Some((row.id.clone()?, place)),
        Place::Provisional(_) => None,
    })
}
