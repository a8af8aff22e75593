//! INV-14, INV-16, INV-17: what devices keep and show.

use super::facts::{Device, Facts, Log, Row};
use super::{Violation, hold};
use crate::engine::Tab;
use crate::record::{Event, StoredRow};

impl Facts {
    /// A transaction of a device is durable.
    pub(super) fn on_store(&mut self, event: &Event) -> Result<(), Violation> {
        let Event::Store {
            dev,
            rows,
            dropped,
            sent,
            done,
            cursor,
            reads,
        } = event
        else {
            return Ok(());
        };
        let Some(device) = self.devices.get_mut(*dev) else {
            return Ok(());
        };
        let Some(log) = self.logs.get(&device.account) else {
            return Ok(());
        };
        for place in dropped {
            device.rows.remove(place);
            device.provisional.remove(place);
        }
        for row in rows {
            device.put(log, row, *dev)?;
        }
        for row in rows.iter().filter(|row| row.is_confirmed) {
            device.has_neighbours(row.place, *dev)?;
        }
        if let Some(cursor) = cursor {
            device.cursor = log.pos_of(cursor);
            hold!("INV-14", device.cursor.is_some(), "{dev}: cursor {cursor}");
        }
        device.cursor_fits(*dev)?;
        for (peer, id) in reads {
            device.reads_on(log, peer, id, *dev)?;
        }
        for (seq, mid, failed) in sent {
            device.outbox.insert(*seq, mid.clone());
            if let Some(message) = self.messages.get_mut(mid) {
                message.shown_failed = *failed;
            }
        }
        for seq in done {
            let Some(mid) = device.outbox.remove(seq) else {
                continue;
            };
            let lies = log.pos_of_message(&mid).is_some();
            let message = self.messages.get(&mid);
            let is_due = message.is_some_and(|m| !m.text.is_empty());
            let has_failed = message.is_some_and(|m| m.failed.contains(&device.account));
            hold!(
                "INV-17",
                lies || has_failed || !is_due,
                "{dev}: {mid} is gone"
            );
        }
        Ok(())
    }

    /// A device's disk as a new tab finds it: an earlier state, and nothing that was typed is missing.
    pub(super) fn on_restored(&mut self, dev: usize, tab: &Tab) -> Result<(), Violation> {
        let Some(device) = self.devices.get_mut(dev) else {
            return Ok(());
        };
        let Some(log) = self.logs.get(&device.account) else {
            return Ok(());
        };
        device.rows.clear();
        device.provisional.clear();
        for row in tab.rows() {
            device.put(log, &row, dev)?;
        }
        device.is_gapless(dev)?;
        device.cursor = tab.cursor().and_then(|id| log.pos_of(&id));
        device.cursor_fits(dev)?;
        device.reads.clear();
        for (peer, id) in tab.reads() {
            device.reads_on(log, &peer, &id, dev)?;
        }
        let outbox = tab.outbox().into_iter().map(|(seq, mid, _)| (seq, mid));
        device.outbox = outbox.collect();
        let waiting: std::collections::BTreeSet<_> = device.outbox.values().collect();
        let own = self.messages.iter();
        let own = own.filter(|(_, m)| m.dev == dev && !m.withdrawn && !m.text.is_empty());
        for (mid, message) in own {
            let lies = log.pos_of_message(mid).is_some() || waiting.contains(mid);
            let has_failed = message.failed.contains(&message.account);
            hold!("INV-17", lies || has_failed, "{dev}: {mid} did not survive");
        }
        Ok(())
    }

    /// A screen changed from line `from` on.
    pub(super) fn on_show(
        &mut self,
        dev: usize,
        with: &str,
        from: usize,
        lines: &[(String, Option<String>)],
    ) -> Result<(), Violation> {
        let Some(device) = self.devices.get_mut(dev) else {
            return Ok(());
        };
        let Some(log) = self.logs.get(&device.account) else {
            return Ok(());
        };
        let is_same = device.shown.0 == with;
        let shown = &mut device.shown.1;
        let gone = shown.split_off(from.min(shown.len()));
        with.clone_into(&mut device.shown.0);
        // What came while a catch-up runs has no place yet: the next page tells it (S11-53).
        let cursor = device.cursor;
        let placed = |pos: &Option<u64>| pos.filter(|pos| Some(*pos) <= cursor);
        let mut last = shown.iter().rev().find_map(|(_, pos)| placed(pos));
        for (key, id) in lines {
            let pos = id.as_ref().and_then(|id| log.pos_of(id));
            if let Some(pos) = placed(&pos) {
                let is_next = last.is_none_or(|last| pos > last);
                hold!("INV-16", is_next, "{dev} shows {pos} below {last:?}");
                last = Some(pos);
            }
            shown.push((key.clone(), pos));
        }
        let mut keys = std::collections::BTreeSet::new();
        for (key, _) in shown.iter().skip(from) {
            hold!("INV-16", keys.insert(key), "{dev} shows {key} twice");
        }
        let first = shown.iter().find_map(|(_, pos)| *pos);
        let was_there = gone.iter().filter_map(|(_, pos)| *pos);
        let present: std::collections::BTreeSet<_> = shown
            .iter()
            .skip(from)
            .filter_map(|(_, pos)| *pos)
            .collect();
        // What lies in a gap comes again when it is filled (S11-54), up to the line above it, if there is one.
        let has_gap = shown.iter().any(|(key, _)| key.starts_with("gap-"));
        let mut above_gap = shown.iter().skip_while(|(key, _)| !key.starts_with("gap-"));
        let above_all = if has_gap { u64::MAX } else { 0 };
        let filled_to = above_gap.find_map(|(_, pos)| *pos).unwrap_or(above_all);
        let gone = log.gone.max(filled_to.saturating_sub(1));
        let stays = |pos: &u64| *pos > gone && first.is_some_and(|first| first <= *pos);
        for pos in was_there.filter(|pos| is_same && stays(pos)) {
            hold!(
                "INV-16",
                present.contains(&pos),
                "{dev} does not show {pos} any more"
            );
        }
        Ok(())
    }
}

impl Device {
    fn put(&mut self, log: &Log, row: &StoredRow, dev: usize) -> Result<(), Violation> {
        let pos = row.aid.as_ref().map(|aid| log.pos_of(aid));
        let what = &row.aid;
        hold!(
            "INV-14",
            pos != Some(None),
            "{dev} keeps {what:?}, which is in no log"
        );
        let pos = pos.flatten();
        let entry = pos.and_then(|pos| log.at(pos));
        let is_it = entry.is_none_or(|entry| entry.line.mid == row.mid);
        hold!("INV-06", is_it, "{dev} keeps {} as {what:?}", row.mid);
        if !row.is_confirmed {
            if let Some(pos) = pos {
                self.provisional.insert(row.place, pos);
            }
            return Ok(());
        }
        let kind = match pos {
            Some(pos) => Row::Entry(pos),
            None if row.is_gap => Row::Gap,
            None => Row::Loose,
        };
        self.rows.insert(row.place, kind);
        Ok(())
    }

    /// The entries next to this row are its neighbours in the log.
    fn has_neighbours(&self, place: i64, dev: usize) -> Result<(), Violation> {
        let Some(Row::Entry(pos)) = self.rows.get(&place).copied() else {
            return Ok(());
        };
        let below = self.rows.range(..place).rev().map(|(_, row)| *row);
        let above = self.rows.range(place + 1..).map(|(_, row)| *row);
        let next = |mut rows: Box<dyn Iterator<Item = Row> + '_>| {
            let found = rows.find(|row| *row != Row::Loose)?;
            if let Row::Entry(pos) = found {
                Some(pos)
            } else {
                None
            }
        };
        let before = next(Box::new(below));
        let after = next(Box::new(above));
        let fits = before.is_none_or(|before| before + 1 == pos);
        hold!("INV-14", fits, "{dev} keeps {pos} after {before:?}");
        let fits = after.is_none_or(|after| pos + 1 == after);
        hold!("INV-14", fits, "{dev} keeps {after:?} after {pos}");
        Ok(())
    }

    fn is_gapless(&self, dev: usize) -> Result<(), Violation> {
        let mut last = None;
        for row in self.rows.values() {
            match row {
                Row::Entry(pos) => {
                    let fits = last.is_none_or(|last: u64| last + 1 == *pos);
                    hold!("INV-14", fits, "{dev} keeps {pos} after {last:?}");
                    last = Some(*pos);
                }
                Row::Gap => last = None,
                Row::Loose => {}
            }
        }
        Ok(())
    }

    /// The cursor is the newest entry of the known part.
    fn cursor_fits(&self, dev: usize) -> Result<(), Violation> {
        let newest = self.newest();
        let cursor = self.cursor;
        hold!(
            "INV-14",
            newest == cursor,
            "{dev}: cursor {cursor:?}, rows end at {newest:?}"
        );
        Ok(())
    }

    /// Whether it keeps the entry at a position, in its place or waiting for it.
    pub(super) fn keeps(&self, pos: u64) -> bool {
        let is_placed = Some(pos) <= self.newest() && self.oldest().is_some_and(|o| pos >= o);
        is_placed || self.provisional.values().any(|held| *held == pos)
    }

    /// Position of the oldest entry of the known part.
    pub(super) fn oldest(&self) -> Option<u64> {
        let rows = self.rows.values();
        rows.filter_map(|row| {
            if let Row::Entry(pos) = row {
                Some(*pos)
            } else {
                None
            }
        })
        .next()
    }

    /// Position of the newest confirmed entry.
    pub(super) fn newest(&self) -> Option<u64> {
        let rows = self.rows.values().rev();
        let mut known = rows.take_while(|row| **row != Row::Gap);
        known.find_map(|row| {
            if let Row::Entry(pos) = row {
                Some(*pos)
            } else {
                None
            }
        })
    }
}
