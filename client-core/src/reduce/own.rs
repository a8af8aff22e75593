//! Own messages written on this device, from Enter to archived.

use protocol::mutant;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, IdPrefix};

use super::chats::Named;
use super::{State, Summary, Written};
use crate::failure::Failure;
use crate::history::{Batch, OutboxItem, Row, Signal};
use crate::view::Mark;

impl State {
    pub(super) fn wrote(&mut self, batch: &mut Batch, line: Written) {
        let item = OutboxItem {
            seq: self.device.next_seq,
            message_id: line.message_id,
            to: line.to,
            body: line.body,
            signal: line.signal,
            beside: line.beside,
            asks: line.asks,
            assist: line.assist,
            written: line.written,
            prefix: line.prefix,
            failed: line.failed,
            is_spent: false,
        };
        self.device.next_seq += 1;
        let touched = self.touch(&item.to);
        if let Some(Signal::Received(of)) = &item.signal {
            touched.settled.push(of.clone());
        }
        if item.failed.is_some() {
            touched.last = Some(Summary::of_item(&item));
        }
        self.put_item(batch, item);
    }

    pub(super) fn prefixed(&mut self, batch: &mut Batch, prefix: &IdPrefix) {
        let without = self.outbox.values_mut();
        for item in without.filter(|item| {
            (item.prefix.is_none() || mutant("resend-under-a-new-prefix")) && item.failed.is_none()
        }) {
            item.prefix = Some(prefix.clone());
            batch.outbox.retain(|other| other.seq != item.seq);
            batch.outbox.push(item.clone());
        }
    }

    /// An ack covers the message: it is an entry, and stands here (S11-51). It is as old as the ack, not
    /// as the writing: so all devices date it alike. Of a read state beside it the ack says nothing: only
    /// the node tells that it is kept (MD-05).
    ///
    /// An error that came before may tell of a refusal or of a bounce after archiving; only the
    /// archive knows, so it is asked.
    pub(super) fn archived(&mut self, batch: &mut Batch, seq: u64, stamp: Stamp) {
        let Some(item) = self.outbox.get(&seq).filter(|_| self.exact) else {
            return;
        };
        if item.failed.is_some() {
            self.catching = true;
            return;
        }
        let Some(id) = archive_id(item) else { return };
        let row = Row {
            stamp,
            ..item.to_row(Some(id.clone()), Mark::Archived)
        };
        self.ahead.pass(&id);
        if !mutant("archived-line-stays-in-the-outbox") {
            self.drop_item(batch, seq);
        }
        self.put_live(batch, row);
    }

    pub(super) fn unarchived(&mut self, batch: &mut Batch, message_id: &str, mark: Mark) {
        if mutant("notice-ignored") {
            return;
        }
        let Some(item) = self.item_of(message_id) else {
            return;
        };
        let (seq, row) = (item.seq, item.to_row(None, mark));
        self.drop_item(batch, seq);
        self.put_live(batch, row);
    }

    pub(super) fn refused(
        &mut self,
        batch: &mut Batch,
        from: &BareJid,
        message_id: &str,
        why: Failure,
    ) {
        match self.item_of(message_id) {
            Some(item) if item.to == *from => {
                let seq = item.seq;
                self.set_failed(batch, seq, Some(why), true);
            }
            Some(_) => {}
            None => self.mark_failed(batch, from, message_id, why),
        }
    }

    /// A line that is not sent stays for the person to see; what it says of another is as if it had not
    /// been said (IM-13).
    pub(super) fn set_failed(
        &mut self,
        batch: &mut Batch,
        seq: u64,
        failed: Option<Failure>,
        is_spent: bool,
    ) {
        let Some(item) = self.outbox.get(&seq).cloned() else {
            return;
        };
        if item.signal.is_some() {
            // It may lie in the archive all the same, and its ack finds nothing here any more.
            self.catching |= is_spent;
            return self.drop_item(batch, seq);
        }
        let item = OutboxItem {
            failed,
            is_spent,
            ..item
        };
        if let Some(why) = item.failed {
            self.note_failed(&item.to, &item.message_id, why);
        }
        self.touch(&item.to);
        self.put_item(batch, item);
    }

    pub(super) fn discard(&mut self, batch: &mut Batch, seq: u64, last: Option<Summary>) {
        let Some(item) = self.outbox.get(&seq).filter(|item| item.failed.is_some()) else {
            return;
        };
        let peer = item.to.clone();
        let message_id = Some(item.message_id.clone());
        let chat = self.chats.get(&peer);
        let is_last = chat.is_some_and(|chat| chat.last_message_id == message_id);
        self.drop_item(batch, seq);
        self.touch(&peer).last = last.filter(|_| is_last);
    }

    /// Marks an own row that came back, wherever it stands.
    fn mark_failed(&mut self, batch: &mut Batch, peer: &BareJid, message_id: &str, why: Failure) {
        let is_it = |row: &Row| {
            row.own && row.peer == *peer && row.message_id.as_deref() == Some(message_id)
        };
        let held = self.provisional.values_mut();
        let mut known = held.chain(self.recent.iter_mut());
        if let Some(row) = known.find(|row| is_it(row)) {
            row.mark = Mark::Failed(why);
            let row = row.clone();
            batch.rows.retain(|other| other.place != row.place);
            batch.rows.push(row);
        } else if let Some(row) = batch.rows.iter_mut().find(|row| is_it(row)) {
            row.mark = Mark::Failed(why);
        } else {
            return;
        }
        self.note_failed(peer, message_id, why);
    }

    fn note_failed(&mut self, peer: &BareJid, message_id: &str, why: Failure) {
        let of = Named::ByMessageId(message_id.to_owned());
        let mark = Mark::Failed(why);
        self.touch(peer).marks.push((of, mark));
    }

    pub(super) fn drop_item(&mut self, batch: &mut Batch, seq: u64) {
        self.outbox.remove(&seq);
        batch.outbox.retain(|item| item.seq != seq);
        batch.drop_outbox.push(seq);
    }

    /// The outbox item that lies in the archive under this id; without exact ids, by its message id.
    pub(super) fn item_in_archive(
        &self,
        id: &ArchiveId,
        message_id: Option<&str>,
    ) -> Option<&OutboxItem> {
        let by_id = |item: &OutboxItem| {
            let prefix = item.prefix.as_ref();
            prefix.is_some_and(|prefix| is_of_own(id, prefix, &item.message_id))
        };
        let by_message_id = |item: &OutboxItem| {
            let is_inexact = item.prefix.is_none() || !self.exact;
            is_inexact && message_id == Some(&item.message_id)
        };
        let mut items = self.outbox.values();
        items.find(|item| by_id(item) || by_message_id(item))
    }

    fn item_of(&self, message_id: &str) -> Option<&OutboxItem> {
        let mut items = self.outbox.values();
        items.find(|item| item.message_id == message_id)
    }

    fn put_item(&mut self, batch: &mut Batch, item: OutboxItem) {
        batch.outbox.retain(|other| other.seq != item.seq);
        batch.outbox.push(item.clone());
        self.outbox.insert(item.seq, item);
    }
}

fn archive_id(item: &OutboxItem) -> Option<ArchiveId> {
    ArchiveId::of_own(item.prefix.as_ref()?, &item.message_id)
}

/// As comparing with [`ArchiveId::of_own`], without making it.
fn is_of_own(id: &ArchiveId, prefix: &IdPrefix, message_id: &str) -> bool {
    let rest = id.as_str().strip_prefix(prefix.as_str());
    rest.and_then(|rest| rest.strip_prefix('.')) == Some(message_id)
}
