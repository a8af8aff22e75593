use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::BareJid;

use crate::history::{Content, OutboxItem, Place, Row};
use crate::view::{Line, Mark};

/// The loaded end of the open conversation.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) peer: BareJid,
    /// Loaded rows in order; those without a line stand as `None`.
    rows: BTreeMap<i64, Option<Arc<Line>>>,
    /// From this place on everything is loaded, or will be once the device answers.
    floor: i64,
    /// Whether everything that this device holds is loaded.
    pub(super) is_whole: bool,
    /// Whether the device is being asked for rows.
    pub(super) is_loading: bool,
}

impl Window {
    /// A window on nothing yet; `newest` is the newest confirmed place that is being read.
    pub(super) fn new(peer: BareJid, newest: i64) -> Self {
        Self {
            peer,
            rows: BTreeMap::new(),
            floor: newest.saturating_add(1),
            is_whole: false,
            is_loading: true,
        }
    }

    /// Takes rows that were asked for. What was written since they were read stands.
    pub(super) fn load(&mut self, rows: &[Row], is_whole: bool) {
        for row in rows {
            let line = || line_of_row(row).map(Arc::new);
            self.rows.entry(row.place.order()).or_insert_with(line);
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
            let line = line_of_row(row).map(Arc::new);
            self.rows.insert(row.place.order(), line);
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
    pub(super) fn last(&self) -> Option<&Arc<Line>> {
        self.rows.values().rev().flatten().next()
    }

    /// The loaded lines, then those of the outbox.
    pub(super) fn lines(&self, outbox: &BTreeMap<u64, OutboxItem>) -> Vec<Arc<Line>> {
        let rows = self.rows.values().flatten().cloned();
        let waiting = outbox.values().filter(|item| item.to == self.peer);
        rows.chain(waiting.map(|item| Arc::new(line_of_item(item))))
            .collect()
    }
}

fn line_of_row(row: &Row) -> Option<Line> {
    let text = match &row.content {
        Content::Text(text) => text.clone(),
        Content::Gap => String::new(),
        Content::Other(_) => return None,
    };
    Some(Line {
        key: row.key.clone(),
        own: row.own,
        text,
        stamp: row.stamp,
        mark: row.mark.clone(),
        id: row.id.clone(),
    })
}

fn line_of_item(item: &OutboxItem) -> Line {
    let mark = item.failed.clone().map_or(Mark::Waiting, Mark::Failed);
    Line {
        key: item.message_id.clone(),
        own: true,
        text: item.body.clone(),
        stamp: item.written,
        mark,
        id: None,
    }
}
