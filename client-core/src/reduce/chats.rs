//! What the list of conversations says.

use protocol::BareJid;

use super::{State, Summary};
use crate::history::{Batch, Chat, Content, Row};

impl Summary {
    /// What the row says in the list; nothing without text.
    pub(super) fn of_row(row: &Row) -> Option<Self> {
        let Content::Text(text) = &row.content else {
            return None;
        };
        Some(Self {
            text: text.clone(),
            own: row.own,
            stamp: row.stamp,
        })
    }
}

impl State {
    /// Brings a conversation up to date: `confirmed` is its newest confirmed line if that changed,
    /// `unread` how many received lines came.
    pub(super) fn touch_chat(
        &mut self,
        batch: &mut Batch,
        peer: &BareJid,
        confirmed: Option<Summary>,
        unread: u32,
    ) {
        let last = self.waiting_line(peer).or_else(|| self.held_line(peer));
        self.put_chat(batch, peer, last.or(confirmed), unread);
    }

    /// As [`State::touch_chat`] for a line that arrived last of all.
    pub(super) fn touch_chat_with(&mut self, batch: &mut Batch, row: &Row, unread: u32) {
        let last = self.waiting_line(&row.peer);
        let last = last.or_else(|| Summary::of_row(row));
        self.put_chat(batch, &row.peer, last, unread);
    }

    fn put_chat(&mut self, batch: &mut Batch, peer: &BareJid, last: Option<Summary>, unread: u32) {
        let before = self.chats.get(peer);
        let last = last.or_else(|| before.map(summary_of));
        let Some(last) = last else { return };
        let is_read = self.reading.as_ref() == Some(peer);
        let unread = before.map_or(0, |chat| chat.unread).saturating_add(unread);
        let chat = Chat {
            peer: peer.clone(),
            last_text: last.text,
            last_own: last.own,
            last_stamp: last.stamp,
            unread: if is_read { 0 } else { unread },
        };
        if before == Some(&chat) {
            return;
        }
        self.chats.insert(peer.clone(), chat.clone());
        batch.chats.retain(|other| other.peer != chat.peer);
        batch.chats.push(chat);
    }

    pub(super) fn read(&mut self, batch: &mut Batch, peer: &BareJid) {
        if let Some(chat) = self.chats.get_mut(peer)
            && chat.unread > 0
        {
            chat.unread = 0;
            batch.chats.retain(|other| other.peer != *peer);
            batch.chats.push(chat.clone());
        }
    }

    fn waiting_line(&self, peer: &BareJid) -> Option<Summary> {
        let mut newest_first = self.outbox.values().rev();
        let item = newest_first.find(|item| item.to == *peer)?;
        Some(Summary {
            text: item.body.clone(),
            own: true,
            stamp: item.written,
        })
    }

    fn held_line(&self, peer: &BareJid) -> Option<Summary> {
        let newest_first = self.provisional.values().rev();
        let mut of_peer = newest_first.filter(|row| row.peer == *peer);
        of_peer.find_map(Summary::of_row)
    }
}

fn summary_of(chat: &Chat) -> Summary {
    Summary {
        text: chat.last_text.clone(),
        own: chat.last_own,
        stamp: chat.last_stamp,
    }
}
