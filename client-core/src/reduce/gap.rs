//! Gaps in the known part of the archive: how they open, and how they close (S11-54).

use protocol::ArchiveId;

use super::{Page, PageKind, Spot, State};
use crate::history::{Batch, Content, Part, Place, Row};
use crate::view::Mark;

/// How far apart the places of the rows before and after a gap are: room for what may be found.
const GAP_ROOM: i64 = 1 << 32;

impl State {
    /// Cuts off what the page holds of the part below; gives the entry at which that part is joined.
    pub(super) fn cut_known(&self, batch: &Batch, page: &mut Page) -> Option<Spot> {
        let below = match page.kind {
            PageKind::Gap => i64::MAX,
            PageKind::Older if !self.device.below.is_empty() => self.device.places.0,
            PageKind::Older | PageKind::After | PageKind::Last => return None,
        };
        let place_of = |id: &ArchiveId| {
            let noted = batch.rows.iter().find(|row| row.id.as_ref() == Some(id));
            let noted = noted.map(|row| row.place);
            let known = page.known.get(id).map(|place| Place::Confirmed(*place));
            match noted.or(known) {
                Some(Place::Confirmed(place)) if place < below => Some(place),
                Some(Place::Confirmed(_) | Place::Provisional(_)) | None => None,
            }
        };
        let newest_first = page.entries.iter().enumerate().rev();
        let mut known = newest_first.filter_map(|(at, draft)| {
            let id = draft.id.clone();
            let place = id.as_ref().and_then(place_of)?;
            Some((at, Spot { place, id }))
        });
        let (at, spot) = known.next()?;
        page.entries.drain(..=at);
        Some(spot)
    }

    /// Puts a gap into every conversation and starts a new known part far above.
    pub(super) fn open_gap(&mut self, batch: &mut Batch) {
        let first = self.device.places.1 + 1;
        let mut place = self.device.places.1;
        for chat in self.chats.values() {
            place += 1;
            batch.rows.push(Row {
                place: Place::Confirmed(place),
                key: format!("gap-{place}"),
                id: None,
                peer: chat.peer.clone(),
                own: false,
                message_id: None,
                stamp: chat.last_stamp,
                content: Content::Gap,
                beside: Default::default(),
                mark: Mark::Gap,
                asks: Default::default(),
            });
        }
        self.device.below.push(Part {
            oldest: self.device.oldest.take(),
            reaches_start: self.device.reaches_start,
            first: self.device.places.0,
            gap: (first, place),
        });
        let newest = place + GAP_ROOM;
        self.device.places = (newest + 1, newest);
        self.device.pos = None;
        self.recent.clear();
    }

    /// The known part reaches down to `place`: the gaps above it are no more.
    pub(super) fn join(&mut self, batch: &mut Batch, place: i64) {
        while let Some(part) = self.device.below.pop() {
            for gap in part.gap.0..=part.gap.1 {
                let gap = Place::Confirmed(gap);
                batch.rows.retain(|row| row.place != gap);
                batch.drop_rows.push(gap);
            }
            self.device.oldest = part.oldest;
            self.device.reaches_start = part.reaches_start;
            self.device.places.0 = part.first;
            if place >= part.first {
                break;
            }
        }
    }
}
