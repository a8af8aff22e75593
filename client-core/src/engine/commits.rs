//! What is written, in order, and what follows once it is durable (P7).

use protocol::{BareJid, Handled};

use super::Engine;
use crate::history::{Batch, Place, Row, RowQuery};
use crate::io::Output;
use crate::reduce::Event;

/// So many batches are written at once; what comes meanwhile is written together.
const COMMITS_MAX: usize = 2;
/// So many rows are read at once.
const ROWS_MAX: usize = 100;
/// So many reads are waited for.
const QUERIES_MAX: usize = 16;

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
        self.must_write || !self.batch.is_empty() || !self.pending.is_empty()
    }

    /// Writes what is noted, if there is room.
    pub(super) fn flush(&mut self) {
        let has_some = self.must_write || !self.batch.is_empty();
        if !has_some || self.pending.len() >= COMMITS_MAX {
            return;
        }
        self.must_write = false;
        let stream = self.stream.as_ref();
        let received = stream.map_or(Handled(0), |stream| stream.received);
        let mut batch = std::mem::take(&mut self.batch);
        batch.device = Some(self.state.device_at(received));
        self.out.push_back(Output::Commit(batch.clone()));
        self.pending.push_back(Pending {
            batch,
            received,
            is_live: self.link.is_up() && !self.state.catching,
        });
    }

    pub(super) fn on_committed(&mut self) {
        let Some(pending) = self.pending.pop_front() else {
            return;
        };
        self.has_device = true;
        self.shown.apply(&pending.batch);
        if let Some(stream) = &mut self.stream {
            stream.committed = pending.received;
        }
        self.is_live = pending.is_live && self.link.is_up() && !self.state.catching;
    }

    /// The device's storage failed: nothing more is counted, shown or sent.
    pub(super) fn on_commit_failed(&mut self, reason: &str) {
        tracing::error!(reason, "history not written");
        self.is_broken = true;
        self.batch = Batch::default();
        self.pending.clear();
        if self.link.listens() {
            self.out.push_back(Output::Disconnect);
        }
        self.link.dropping();
    }

    /// Asks the device for rows of a conversation.
    pub(super) fn query_rows(&mut self, peer: BareJid, before: Option<Place>) {
        if self.queries.len() >= QUERIES_MAX {
            return;
        }
        self.next_query += 1;
        let query = self.next_query;
        self.queries.push_back((query, peer.clone()));
        self.out.push_back(Output::Query(RowQuery {
            query,
            peer,
            before,
            max: ROWS_MAX,
        }));
    }

    pub(super) fn on_rows(&mut self, query: u64, rows: &[Row]) {
        let Some(at) = self.queries.iter().position(|(asked, _)| *asked == query) else {
            return;
        };
        let Some((_, peer)) = self.queries.remove(at) else {
            return;
        };
        let is_whole = rows.len() < ROWS_MAX;
        self.shown.load(&peer, rows, is_whole);
    }
}
