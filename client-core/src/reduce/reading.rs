//! How far conversations were read, here and on the account's other devices, and who waits for a receipt.

use protocol::{ArchiveId, BareJid};

use super::{Spot, State};
use crate::history::{Batch, Chat, Content, Owed, Place, Reading, Row, Signal};

/// So many marks of other devices wait for their entry.
const MARKS_MAX: usize = 10_000;

impl Reading {
    /// The person read up to here: only forward.
    pub(super) fn advance(&mut self, spot: &Spot) {
        let is_ahead = Some(spot.place) > self.place;
        if is_ahead || self.is_assumed && Some(spot.place) == self.place {
            self.set(spot, false);
        }
    }

    /// Another device read up to here: only forward, but what was merely assumed gives way.
    pub(super) fn follow(&mut self, spot: &Spot) {
        if self.is_assumed || Some(spot.place) > self.place {
            self.set(spot, true);
        } else if Some(spot.place) > self.id_place {
            self.tell(spot, true);
        } else if self.id != spot.id {
            self.is_told = false;
        }
    }

    fn set(&mut self, spot: &Spot, is_told: bool) {
        self.place = Some(spot.place);
        self.is_assumed = false;
        self.tell(spot, is_told);
    }

    /// The newest entry that is read is this one.
    fn tell(&mut self, spot: &Spot, is_told: bool) {
        if spot.id.is_some() && self.id != spot.id {
            self.id.clone_from(&spot.id);
            self.id_place = Some(spot.place);
            self.is_told = is_told;
        }
    }
}

impl State {
    pub(super) fn read(&mut self, batch: &mut Batch, peer: &BareJid, spot: &Spot) {
        self.change_reading(batch, peer, |read| read.advance(spot));
    }

    pub(super) fn marked(&mut self, batch: &mut Batch, peer: BareJid, id: ArchiveId) {
        let is_same = |chat: &Chat| chat.read.id.as_ref() == Some(&id);
        if self.chats.get(&peer).is_some_and(is_same) {
            self.marks.remove(&peer);
            return self.told(batch, &peer, &id);
        }
        // What is noted but not written cannot be found by asking the device.
        let mut noted = batch.rows.iter();
        let noted = noted.find(|row| row.peer == peer && row.id.as_ref() == Some(&id));
        let place = noted.and_then(confirmed);
        if self.marks.len() < MARKS_MAX || self.marks.contains_key(&peer) {
            self.marks.insert(peer.clone(), id.clone());
        }
        if let Some(place) = place {
            let id = Some(id);
            self.found(batch, &peer, Some(Spot { place, id }));
        }
    }

    /// An entry that is not held lies below all that is, or is still to come: what was only assumed to
    /// be read is not.
    pub(super) fn found(&mut self, batch: &mut Batch, peer: &BareJid, spot: Option<Spot>) {
        match spot {
            Some(spot) if self.marks.get(peer) == spot.id.as_ref() => {
                self.marks.remove(peer);
                self.change_reading(batch, peer, |read| read.follow(&spot));
            }
            None if self.marks.contains_key(peer) => self.change_reading(batch, peer, |read| {
                if read.is_assumed {
                    read.place = Some(Reading::NOTHING);
                }
            }),
            Some(_) | None => {}
        }
    }

    pub(super) fn told(&mut self, batch: &mut Batch, peer: &BareJid, id: &ArchiveId) {
        self.change_reading(batch, peer, |read| {
            read.is_told |= read.id.as_ref() == Some(id);
        });
    }

    fn change_reading(
        &mut self,
        batch: &mut Batch,
        peer: &BareJid,
        change: impl FnOnce(&mut Reading),
    ) {
        if let Some(mut chat) = self.chats.get(peer).cloned() {
            change(&mut chat.read);
            self.put_chat(batch, chat);
        }
    }

    pub(super) fn settle_owed(&mut self, batch: &mut Batch, peer: &BareJid, settled: &[String]) {
        if let Some(mut chat) = self.chats.get(peer).cloned() {
            chat.owed.retain(|owed| !settled.contains(&owed.message_id));
            self.put_chat(batch, chat);
        }
    }

    /// A message came for the first time: its sender may wait for a receipt, or it may be the receipt
    /// that another own device sent (IM-05).
    pub(super) fn note_owed(&mut self, row: &Row) {
        match (&row.content, &row.message_id) {
            (Content::Signal(Signal::Received(of)), _) if row.own => {
                self.touch(&row.peer).settled.push(of.clone());
            }
            (Content::Text(_), Some(message_id)) if !row.own && row.asks.receipt => {
                let owed = Owed {
                    message_id: message_id.clone(),
                    stamp: row.stamp,
                };
                self.touch(&row.peer).owed.push(owed);
            }
            _ => {}
        }
    }

    /// A row took its place: another device may have read up to it.
    pub(super) fn note_marked(&mut self, row: &Row) {
        let is_marked = row.id.is_some() && self.marks.get(&row.peer) == row.id.as_ref();
        if let Some(place) = confirmed(row).filter(|_| is_marked) {
            self.marks.remove(&row.peer);
            let id = row.id.clone();
            self.touch(&row.peer).marked = Some(Spot { place, id });
        }
    }
}

fn confirmed(row: &Row) -> Option<i64> {
    match row.place {
        Place::Confirmed(place) => Some(place),
        Place::Provisional(_) => None,
    }
}
