//! The log of this page's device, and what of it is looked at.

use leptos::prelude::*;
use protocol::time::Stamp;

use super::{Record, What, WireLog, journey};
use crate::browser;

/// So many records are shown, the newest first.
const SHOWN_MAX: usize = 300;

/// What the inspector reads.
#[derive(Clone, Copy)]
pub struct Wire {
    log: StoredValue<WireLog, LocalStorage>,
    grown: RwSignal<()>,
    /// Whether the inspector is shown.
    pub is_open: RwSignal<bool>,
    /// The message that is followed: its id, or the id of the entry that it became.
    pub followed: RwSignal<Option<String>>,
}

impl Wire {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            log: StoredValue::new_local(WireLog::default()),
            grown: RwSignal::new(()),
            is_open: RwSignal::new(false),
            followed: RwSignal::new(None),
        }
    }

    /// Adds a record of this moment.
    pub fn note(&self, what: What) {
        let at = Stamp(browser::now().wall_ms);
        self.log.update_value(|log| log.push(at, what));
        self.grown.notify();
    }

    /// Forgets all records.
    pub fn clear(&self) {
        self.log.update_value(WireLog::clear);
        self.grown.notify();
    }

    /// Shows the way of one message.
    pub fn follow(&self, message_id: &str) {
        self.followed.set(Some(message_id.to_owned()));
        self.is_open.set(true);
    }

    /// The newest records that hold a text and belong to the followed message, if one is; follows all of that.
    pub fn shown(&self, filter: &str) -> Vec<Record> {
        self.found(filter, SHOWN_MAX)
    }

    /// All of them, as lines of JSON: number, time, kind, text.
    pub fn export(&self, filter: &str, hides: bool) -> String {
        let mut found = self.found(filter, usize::MAX);
        found.reverse();
        let lines = found.iter().map(|record| {
            let time = js_sys::Date::new(&(record.at.0 as f64).into()).to_iso_string();
            let parts = js_sys::Array::of4(
                &(record.number as f64).into(),
                &time.into(),
                &record.kind().into(),
                &record.written(hides).into(),
            );
            js_sys::JSON::stringify(&parts).map_or_else(|_| String::new(), String::from)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn found(&self, filter: &str, max: usize) -> Vec<Record> {
        self.grown.track();
        let followed = self.followed.get();
        self.log.with_value(|log| {
            let records = match &followed {
                Some(id) => journey(log.records(), id),
                None => log.records().collect(),
            };
            let newest_first = records.into_iter().rev();
            let found = newest_first.filter(|r| filter.is_empty() || r.text().contains(filter));
            found.take(max).cloned().collect()
        })
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}
