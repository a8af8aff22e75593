//! Entries that arrive, live or by page, and the places they get.

use protocol::ArchiveId;
use protocol::mutant;

use super::chats::Touched;
use super::{Page, PageKind, RECENT_MAX, Spot, State};
use crate::history::{Batch, Place, Row};
use crate::inbound::Draft;
use crate::view::Mark;

impl State {
    /// A live message: an entry, or one beside the log.
    pub(super) fn arrived(&mut self, batch: &mut Batch, draft: Draft) {
        if draft.id.as_ref().is_some_and(|id| self.is_known(id)) {
            return;
        }
        let (row, is_new) = self.row_of(batch, draft);
        if is_new {
            self.note_owed(&row);
        }
        self.put_live(batch, row);
    }

    /// Step 2 and 3 of the resync algorithm (protocol.md §16), and paging backwards.
    pub(super) fn page(&mut self, batch: &mut Batch, mut page: Page) {
        let joint = self.cut_known(batch, &mut page);
        match (page.kind, joint) {
            (PageKind::Older, joint) => self.put_older(batch, &page, joint),
            (PageKind::Gap, None) => {
                self.open_gap(batch);
                self.put_newer(batch, page);
            }
            (PageKind::Gap, Some(spot)) => {
                // What the archive still has of the known part is enough to go on from.
                self.device.pos = spot.id;
                let (kind, complete) = (PageKind::After, true);
                self.put_newer(
                    batch,
                    Page {
                        kind,
                        complete,
                        ..page
                    },
                );
            }
            (PageKind::Last | PageKind::After, _) => self.put_newer(batch, page),
        }
    }

    fn put_newer(&mut self, batch: &mut Batch, page: Page) {
        let is_last = page.kind != PageKind::After;
        let mut page = page;
        if mutant("pages-backwards") {
            page.entries.reverse();
        }
        for draft in page.entries {
            self.came_by_page(&draft);
            let (row, is_new) = self.row_of(batch, draft);
            if is_new {
                self.note_owed(&row);
            }
            let row = self.confirm(row);
            batch.rows.push(row);
        }
        if page.kind == PageKind::Last {
            self.touched.values_mut().for_each(Touched::is_history);
        }
        if is_last {
            self.device.reaches_start = page.complete;
            self.drop_held(batch, page.newest_held);
        }
        if is_last || page.complete {
            self.finish(batch);
        }
    }

    fn put_older(&mut self, batch: &mut Batch, page: &Page, joint: Option<Spot>) {
        for draft in page.entries.iter().rev() {
            let (mut row, _) = self.row_of(batch, draft.clone());
            self.device.places.0 -= 1;
            row.place = Place::Confirmed(self.device.places.0);
            self.device.oldest.clone_from(&row.id);
            self.note_marked(&row);
            if !self.chats.contains_key(&row.peer) {
                self.touch(&row.peer).prepend(&row);
            }
            batch.rows.push(row);
        }
        match joint {
            Some(spot) => self.join(batch, spot.place),
            None => self.device.reaches_start = page.complete || page.entries.is_empty(),
        }
    }

    /// Drops entries that stand before the page that begins the known part: they come again, in their
    /// place, when older lines are wanted.
    fn drop_held(&mut self, batch: &mut Batch, newest: u64) {
        let held = std::mem::take(&mut self.provisional);
        for (seq, row) in held {
            match &row.id {
                Some(id) if seq <= newest => {
                    self.held.remove(id);
                    self.unsure.remove(id);
                    batch.rows.retain(|other| other.place != row.place);
                    batch.drop_rows.push(row.place);
                }
                Some(_) | None => {
                    self.provisional.insert(seq, row);
                }
            }
        }
    }

    /// Step 3: what arrived live and is in no page follows, in order; the state is live.
    fn finish(&mut self, batch: &mut Batch) {
        self.catching = false;
        let held = std::mem::take(&mut self.provisional);
        for (seq, row) in held {
            // Without exact copies the archive alone tells the place of an entry.
            if !self.exact && row.id.is_some() {
                self.provisional.insert(seq, row);
                continue;
            }
            if let Some(id) = &row.id {
                self.held.remove(id);
                if self.unsure.remove(id) {
                    self.ahead.push(id.clone());
                }
            }
            batch.rows.retain(|other| other.place != row.place);
            batch.drop_rows.push(row.place);
            let row = self.confirm(row);
            batch.rows.push(row);
        }
    }

    /// Puts a row where live ones go: behind all, and provisional until the catch-up is done.
    pub(super) fn put_live(&mut self, batch: &mut Batch, row: Row) -> Row {
        let provisional = self.catching && !mutant("cursor-moves-while-catching-up");
        let row = if provisional || !self.exact {
            let place = Place::Provisional(self.newest_held() + 1);
            self.touch(&row.peer);
            self.hold(Row { place, ..row })
        } else {
            self.confirm(row)
        };
        batch.rows.push(row.clone());
        row
    }

    /// Appends to the known part; an entry moves the cursor.
    fn confirm(&mut self, row: Row) -> Row {
        self.device.places.1 += 1;
        let place = Place::Confirmed(self.device.places.1);
        let row = Row { place, ..row };
        if let Some(id) = &row.id {
            self.device.pos = Some(id.clone());
            self.device.oldest.get_or_insert_with(|| id.clone());
        }
        self.note_marked(&row);
        self.touch(&row.peer).append(&row);
        if row.own {
            self.recent.push_back(row.clone());
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        row
    }

    /// Keeps a provisional row; any other place is an error of the history and ignored.
    pub(super) fn hold(&mut self, row: Row) -> Row {
        if let Place::Provisional(seq) = row.place {
            if let Some(id) = &row.id {
                self.held.insert(id.clone(), seq);
            }
            self.provisional.insert(seq, row.clone());
        }
        row
    }

    /// Whether a live entry is held already: its copy comes a second time, or its page came first.
    fn is_known(&mut self, id: &ArchiveId) -> bool {
        self.unsure.remove(id);
        if mutant("entries-not-told-apart") {
            return false;
        }
        let is_held = self.held.contains_key(id) || self.device.pos.as_ref() == Some(id);
        let was_paged = if self.exact {
            self.ahead.pass(id)
        } else {
            self.ahead.has(id)
        };
        is_held || was_paged
    }

    /// Remembers that the copy of a paged entry may still come. If it came before, and does not come
    /// again, so did the copies of all entries that stand before it.
    fn came_by_page(&mut self, draft: &Draft) {
        let Some(id) = &draft.id else { return };
        let is_unsure = self.unsure.remove(id);
        if self.held.contains_key(id) && self.exact && !is_unsure {
            self.ahead.clear();
        } else {
            self.ahead.push(id.clone());
        }
    }

    /// The row of an entry, and whether it is new here. What stood for it before goes away, but its
    /// line keeps its key.
    fn row_of(&mut self, batch: &mut Batch, draft: Draft) -> (Row, bool) {
        let mut row = Row {
            place: Place::Provisional(0),
            key: draft.key,
            id: draft.id,
            peer: draft.peer,
            own: draft.own,
            message_id: draft.message_id,
            stamp: draft.stamp,
            content: draft.content,
            beside: draft.beside,
            mark: draft.mark,
            asks: draft.asks,
        };
        let Some(id) = row.id.clone() else {
            return (row, true);
        };
        let held = self.held.remove(&id);
        if let Some(held) = held.and_then(|seq| self.provisional.remove(&seq)) {
            batch.rows.retain(|other| other.place != held.place);
            batch.drop_rows.push(held.place);
            row.key = held.key;
            if matches!(held.mark, Mark::Failed(_)) {
                row.mark = held.mark;
            }
            return (row, false);
        }
        let item = self.item_in_archive(&id, row.message_id.as_deref());
        let Some(item) = item.filter(|_| row.own) else {
            return (row, true);
        };
        row.key = item.message_id.clone();
        if let Some(why) = item.failed {
            row.mark = Mark::Failed(why);
        }
        let seq = item.seq;
        self.drop_item(batch, seq);
        (row, false)
    }
}
