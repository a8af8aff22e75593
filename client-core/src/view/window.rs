use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::{ArchiveId, BareJid};

use super::fold::{Folded, line_of_row};
use crate::failure::Failure;
use crate::history::{Content, OutboxItem, Place, Reply, Row, Signal};
use crate::inbound::reread;
use crate::reduce::{Spot, Summary};
use crate::view::{Line, Mark};

/// The loaded end of the open conversation.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) peer: BareJid,
    /// Loaded rows in order.
    rows: BTreeMap<i64, Held>,
    /// What is on its way to the archive, as rows, by its number in the outbox.
    waiting: BTreeMap<u64, Held>,
    /// From this place on everything is loaded, or will be once the device answers.
    floor: i64,
    /// Whether everything that this device holds is loaded.
    pub(super) is_whole: bool,
    /// Whether the device is being asked for rows.
    pub(super) is_loading: bool,
}

/// A loaded row.
#[derive(Debug)]
struct Held {
    row: Row,
    /// What it looks like, if it is something to look at.
    line: Option<Arc<Line>>,
    /// Whether that is more than what the row says by itself.
    is_folded: bool,
}

impl Held {
    fn new(row: &Row) -> Self {
        let row = reread(row);
        Self {
            line: line_of_row(&row).map(Arc::new),
            row,
            is_folded: false,
        }
    }
}

/// A line that the person wants to say something of.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) message_id: String,
    pub(crate) line: Arc<Line>,
    /// What it answers.
    pub(crate) reply: Option<Reply>,
}

/// What signals tell of the lines in a window.
///
/// Made of all that is loaded, whatever came first (MAM-32): a signal stands behind the line that it
/// tells of, so it is loaded where the line is, and every device comes to the same (IM-22).
#[derive(Default)]
struct Told<'a> {
    received: BTreeSet<&'a str>,
    displayed: BTreeSet<&'a str>,
    /// Why lines came back, by archive id (S11-36).
    bounced: BTreeMap<&'a ArchiveId, Failure>,
}

impl Window {
    /// A window on nothing yet; `newest` is the newest confirmed place that is being read.
    pub(super) fn new(peer: BareJid, newest: i64) -> Self {
        Self {
            peer,
            rows: BTreeMap::new(),
            waiting: BTreeMap::new(),
            floor: newest.saturating_add(1),
            is_whole: false,
            is_loading: true,
        }
    }

    /// Takes rows that were asked for. What was written since they were read stands.
    pub(super) fn load(&mut self, rows: &[Row], is_whole: bool) {
        for row in rows {
            let held = || Held::new(row);
            self.rows.entry(row.place.order()).or_insert_with(held);
        }
        let oldest = rows.first().map_or(self.floor, |row| row.place.order());
        self.floor = if is_whole {
            i64::MIN
        } else {
            self.floor.min(oldest)
        };
        self.is_whole = is_whole;
        self.is_loading = false;
    }

    /// Takes a row that was written. Older ones than what is loaded wait until they are asked for.
    pub(super) fn write(&mut self, row: &Row) -> bool {
        let is_wanted = row.peer == self.peer && row.place.order() >= self.floor;
        if is_wanted {
            self.rows.insert(row.place.order(), Held::new(row));
        }
        is_wanted
    }

    pub(super) fn drop(&mut self, place: Place) -> bool {
        self.rows.remove(&place.order()).is_some()
    }

    /// Rows before this place are not loaded yet.
    pub(super) fn oldest(&self) -> Place {
        Place::Confirmed(self.floor)
    }

    /// What the conversation ends with, a line of the outbox aside.
    pub(super) fn last(&self) -> Option<Summary> {
        let mut newest_first = self.rows.values().rev();
        newest_first.find_map(|held| {
            let summary = Summary::of_row(&held.row)?;
            let line = held.line.as_ref()?;
            Some(Summary {
                mark: summary.own.then(|| line.mark.clone()),
                text: line.text.clone(),
                is_tombstone: line.is_retracted,
                ..summary
            })
        })
    }

    /// The loaded lines, then those of the outbox.
    pub(super) fn lines(&self) -> Vec<Arc<Line>> {
        self.held().filter_map(|held| held.line.clone()).collect()
    }

    /// The line with this key, if it can be named.
    pub(super) fn target(&self, key: &str) -> Option<Target> {
        let held = self.rows.values().rev().chain(self.waiting.values());
        let mut held = held.filter(|held| held.row.key == key);
        held.find_map(|held| {
            Some(Target {
                message_id: held.row.message_id.clone()?,
                line: held.line.clone()?,
                reply: held.row.beside.reply.clone(),
            })
        })
    }

    /// Whether the other side tells when it writes: one of its latest lines says so (IM-08).
    pub(super) fn has_states(&self) -> bool {
        let newest_first = self.rows.values().rev();
        let mut theirs = newest_first.filter(|held| held.row.is_news());
        theirs.next().is_some_and(|held| held.row.asks.states)
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.rows.values().chain(self.waiting.values())
    }

    /// Makes each line what follows from all that is loaded and from the outbox; up to the place
    /// `filling` gaps are filled, one after the other.
    pub(super) fn fold(&mut self, outbox: &BTreeMap<u64, OutboxItem>, filling: Option<i64>) {
        self.wait_for(outbox);
        let changed = self.changed(filling);
        let all = self.rows.values_mut().chain(self.waiting.values_mut());
        for (held, (line, is_folded)) in all.zip(changed) {
            held.is_folded = is_folded;
            held.line = line.or(held.line.take());
        }
    }

    /// Takes in what of the outbox belongs to the conversation.
    fn wait_for(&mut self, outbox: &BTreeMap<u64, OutboxItem>) {
        let mut before = std::mem::take(&mut self.waiting);
        let items = outbox.values().filter(|item| item.to == self.peer);
        for item in items.filter(|item| item.is_said()) {
            let mark = item.failed.map_or(Mark::Waiting, Mark::Failed);
            let row = item.to_row(None, mark);
            let same = before.remove(&item.seq).filter(|held| held.row == row);
            let held = same.unwrap_or_else(|| Held::new(&row));
            self.waiting.insert(item.seq, held);
        }
    }

    /// What each row's line is to be, where it is not that already, and whether it is folded.
    fn changed(&self, filling: Option<i64>) -> Vec<(Option<Arc<Line>>, bool)> {
        let rows: Vec<_> = self.held().map(|held| &held.row).collect();
        let folded = Folded::of(&rows);
        let told = self.told(false);
        // A marker is for all lines before the one that it names, too.
        let mut named = self.rows.iter().rev().filter(|(_, held)| held.row.own);
        let read = named.find(|(_, held)| names(&told.displayed, &held.row));
        let read = read.map_or(i64::MIN, |(place, _)| *place);
        let held = self.held().enumerate();
        let changed = held.map(|(at, held)| {
            let Some(line) = &held.line else {
                return (None, false);
            };
            let place = held.row.place.order();
            let mark = match held.row.mark {
                Mark::Archived if held.row.own => {
                    let mark = told.mark_of(&held.row, folded.edit_ids(at), place <= read);
                    folded.mark(at, mark)
                }
                Mark::Gap if filling.is_some_and(|newest| place <= newest) => Mark::Filling,
                Mark::Archived
                | Mark::Failed(_)
                | Mark::Filling
                | Mark::Gap
                | Mark::NotKept
                | Mark::NotSaved
                | Mark::Read
                | Mark::Received
                | Mark::Waiting => held.row.mark.clone(),
            };
            let is_folded = folded.concerns(at);
            let new = match is_folded || held.is_folded {
                true => folded.line(at, mark).filter(|new| *new != **line),
                false => (line.mark != mark).then(|| Line {
                    mark,
                    ..Line::clone(line)
                }),
            };
            (new.map(Arc::new), is_folded)
        });
        changed.collect()
    }

    /// What the signals of one side tell of the other's lines.
    fn told(&self, by_own: bool) -> Told<'_> {
        let mut told = Told::default();
        let of_side = self.rows.values().filter(|held| held.row.own == by_own);
        for held in of_side {
            match &held.row.content {
                Content::Signal(Signal::Received(of)) => told.received.insert(of),
                Content::Signal(Signal::Displayed(of)) => told.displayed.insert(of),
                Content::Bounced { of, why } => told.bounced.insert(of, *why).is_none(),
                Content::Gap | Content::Other(_) | Content::Retracted => false,
                Content::Signal(_) | Content::Text(_) => false,
            };
        }
        told
    }

    /// What is in view, up to the line with this key, or all of it; nothing of what has no place yet,
    /// nor of what will come to stand before it.
    pub(super) fn seen(&self, key: Option<&str>) -> Option<Spot> {
        let mut newest_first = self.rows.iter().rev();
        let end = match key {
            Some(key) => {
                let (end, held) = newest_first.find(|(_, held)| held.row.key == key)?;
                matches!(held.row.place, Place::Confirmed(_)).then_some(*end)?
            }
            None => i64::MAX,
        };
        let in_view = self.rows.range(..=end).rev().map(|(_, held)| &held.row);
        let mut news = in_view.filter(|row| row.is_news());
        let newest = news.find(|row| matches!(row.place, Place::Confirmed(_)))?;
        let id = newest.id.clone();
        Some(Spot {
            place: newest.place.order(),
            id: id.or_else(|| news.find_map(|row| row.id.clone())),
        })
    }

    /// The newest received line up to `place` whose sender wants a marker, unless it or a later one was
    /// marked already, or is about to be by `waiting` (IM-07).
    pub(super) fn to_mark(
        &self,
        place: i64,
        waiting: BTreeSet<&str>,
    ) -> Option<(String, Option<ArchiveId>)> {
        let told = self.told(true);
        for (at, held) in self
            .rows
            .iter()
            .rev()
            .filter(|(_, held)| held.row.is_news())
        {
            let row = &held.row;
            if names(&told.displayed, row) || names(&waiting, row) {
                return None;
            }
            if *at <= place && row.asks.marker {
                return Some((row.message_id.clone()?, row.id.clone()));
            }
        }
        None
    }
}

impl Told<'_> {
    /// What became of an archived own line.
    fn mark_of<'b>(
        &self,
        row: &Row,
        mut edits: impl Iterator<Item = &'b str>,
        is_read: bool,
    ) -> Mark {
        let why = row.id.as_ref().and_then(|id| self.bounced.get(id));
        match why {
            Some(why) => Mark::Failed(*why),
            None if is_read => Mark::Read,
            None if names(&self.received, row) => Mark::Received,
            None if edits.any(|id| self.received.contains(id)) => Mark::Received,
            None => Mark::Archived,
        }
    }
}

/// Whether a signal that names `ids` means this line, or a correction of one (IM-12).
fn names(ids: &BTreeSet<&str>, row: &Row) -> bool {
    let id = row.message_id.as_deref();
    let is_text = match &row.content {
        Content::Text(_) | Content::Retracted => true,
        Content::Signal(signal) => matches!(signal, Signal::Corrected { .. }),
        Content::Bounced { .. } | Content::Gap | Content::Other(_) => false,
    };
    is_text && id.is_some_and(|id| ids.contains(id))
}

/// Whether a row is something to look at.
pub(super) fn is_line(row: &Row) -> bool {
    match &row.content {
        Content::Text(_) | Content::Gap | Content::Retracted => true,
        Content::Bounced { .. } | Content::Signal(_) | Content::Other(_) => false,
    }
}
