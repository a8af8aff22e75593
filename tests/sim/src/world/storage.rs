//! What is asked of disks: the server's, and those of the tabs.

use server_core::archive::{Append, AppendError, Outcome, RecipientSide};
use server_core::{Input, Output};

use super::{Due, World};
use crate::check::Violation;
use crate::disk::Writer;
use crate::record::Event;
use crate::seen::{self, Line};

impl World {
    pub(super) fn ask(&mut self, question: Output) {
        let writer = if matches!(question, Output::Append { .. }) {
            Writer::Appends
        } else if matches!(question, Output::Change { .. }) {
            Writer::Changes
        } else {
            let at = self.now_ms + self.read_ms();
            let due = Due::Read(self.server_life, Box::new(question));
            return self.schedule_at(at, due);
        };
        if self.disk.lane(writer).push(question) {
            self.begin_flush(writer);
        }
    }

    fn begin_flush(&mut self, writer: Writer) {
        let is_slow = self.plan.faults.slow_disk && !self.is_calm;
        let dice = &mut self.chance.disk;
        let flush_ms = match is_slow {
            true if dice.chance(0.004) => dice.range(2_000..30_000),
            true if dice.chance(0.02) => dice.range(8..2_000),
            true | false => dice.range(1..9),
        };
        let due = Due::Flushed(self.server_life, writer);
        self.schedule_at(self.now_ms + flush_ms, due);
    }

    fn read_ms(&mut self) -> u64 {
        let is_slow = self.plan.faults.slow_disk && !self.is_calm;
        let dice = &mut self.chance.disk;
        match is_slow && dice.chance(0.05) {
            true => dice.range(10..500),
            false => dice.range(0..10),
        }
    }

    /// The store looks; what it saw arrives later.
    pub(super) fn on_read(&mut self, life: u64, question: Output) {
        if let Some(answer) = self.server.read(question) {
            let at = self.now_ms + self.read_ms();
            self.schedule_at(at, Due::Answer(life, Box::new(answer), None));
        }
    }

    pub(super) fn on_flushed(&mut self, writer: Writer) -> Result<(), Violation> {
        let batch = self.disk.lane(writer).flushed();
        let answers = self.write(batch)?;
        if self.disk.crash_in == Some(0) {
            return self.crash();
        }
        let slot = usize::from(writer == Writer::Changes);
        for (answer, txn) in answers {
            let at = self.now_ms + self.chance.disk.range(0..3);
            let last = self.answered_ms.get(slot).copied().unwrap_or(0);
            let at = at.max(last + 1);
            if let Some(last) = self.answered_ms.get_mut(slot) {
                *last = at;
            }
            let due = Due::Answer(self.server_life, Box::new(answer), Some(txn));
            self.schedule_at(at, due);
        }
        if self.disk.lane(writer).begin() {
            self.begin_flush(writer);
        }
        Ok(())
    }

    /// Makes a batch durable; gives the answers that somebody may never hear.
    pub(super) fn write(&mut self, batch: Vec<Output>) -> Result<Vec<(Input, u64)>, Violation> {
        let now = self.now();
        self.server.set_clock(now);
        let mut answers = Vec::new();
        for order in batch {
            self.disk.txn += 1;
            let txn = self.disk.txn;
            if let Output::Append { ticket, append } = order {
                let result = self.server.store.append_now(std::slice::from_ref(&append));
                let result = result.into_iter().next();
                let result = result.unwrap_or(Err(AppendError::Storage));
                self.tell(&append, &result, txn)?;
                answers.push((Input::Appended { ticket, result }, txn));
            } else if let Output::Change { ticket, change } = order {
                let result = self.server.store.change_now(*change);
                answers.push((Input::Changed { ticket, result }, txn));
            }
            if let Some(left) = &mut self.disk.crash_in {
                *left = left.saturating_sub(1);
            }
        }
        Ok(answers)
    }

    /// Records what became of an append.
    fn tell(
        &mut self,
        append: &Append,
        result: &Result<Outcome, AppendError>,
        txn: u64,
    ) -> Result<(), Violation> {
        let line = Box::new(seen::stored(&append.stanza).unwrap_or_default());
        let sender = append.sender.to_string();
        let recipient = append.recipient.as_ref();
        let recipient = recipient.filter(|r| **r != append.sender);
        let recipient = recipient.map(ToString::to_string).unwrap_or_default();
        let side = |own: bool| {
            if own {
                sender.clone()
            } else {
                recipient.clone()
            }
        };
        match result {
            Ok(Outcome::Stored(receipt)) => {
                match &receipt.sender {
                    Some(Ok(place)) => self.record(commit(side(true), place, &line, true, txn))?,
                    Some(Err(error)) => self.record(fail(side(true), &line, true, error))?,
                    None => {}
                }
                match &receipt.recipient {
                    RecipientSide::Stored(place) => {
                        self.record(commit(side(false), place, &line, false, txn))
                    }
                    RecipientSide::Failed(error) => {
                        self.record(fail(side(false), &line, false, error))
                    }
                    RecipientSide::None | RecipientSide::NoAccount => Ok(()),
                }
            }
            Ok(again @ (Outcome::Repeated(_) | Outcome::Conflict)) => {
                let aid = append.own_id.as_ref().map(ToString::to_string);
                self.record(Event::Again {
                    log: side(true),
                    aid: aid.unwrap_or_default(),
                    is_same: *again != Outcome::Conflict,
                })
            }
            Ok(Outcome::Refused(_)) => Ok(()), // its error is heard by the device that sent it
            Err(error) => {
                self.record(fail(side(true), &line, true, error))?;
                self.record(fail(side(false), &line, false, error))
            }
        }
    }

    pub(super) fn on_committed(&mut self, dev: usize, life: u64) -> Result<(), Violation> {
        let now = self.now_of(dev);
        let Some(tab) = self.tab_of_life(dev, life) else {
            return Ok(());
        };
        let (sends, store) = (tab.next_sends(), tab.next_commit(dev));
        for (mid, to, text) in sends {
            let to = to.to_string();
            if !self.checker.knows(&mid) {
                self.record(Event::Send { dev, mid, to, text })?;
            }
        }
        if let Some(store) = store {
            self.record(store)?;
        }
        let Some(tab) = self.tab_of_life(dev, life) else {
            return Ok(());
        };
        tab.finish_commit(now);
        if tab.is_broken() {
            let at = self.now_ms + self.chance.tabs.range(500..5_000);
            self.schedule_at(at, Due::Reopen(dev, life));
        }
        Ok(())
    }

    fn tab_of_life(&mut self, dev: usize, life: u64) -> Option<&mut crate::engine::Tab> {
        let device = self.devices.get_mut(dev)?;
        (device.life == life).then(|| device.tab_mut()).flatten()
    }
}

fn commit(
    log: String,
    place: &server_core::archive::Place,
    line: &Line,
    own: bool,
    txn: u64,
) -> Event {
    Event::Commit {
        log,
        pos: place.pos,
        aid: place.id.to_string(),
        line: Box::new(line.clone()),
        own,
        txn,
    }
}

fn fail(log: String, line: &Line, own: bool, error: &AppendError) -> Event {
    Event::Fail {
        log,
        mid: line.mid.clone(),
        own,
        reason: error.reason().name(),
    }
}
