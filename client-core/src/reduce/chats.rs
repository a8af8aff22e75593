//! What the list of conversations says.

use protocol::{ArchiveId, BareJid};

use super::{Spot, State, Summary};
use crate::history::{Batch, Chat, Content, OutboxItem, Owed, Reading, Row, Signal};
use crate::view::Mark;

/// So many messages of a conversation wait for a receipt.
const OWED_MAX: usize = 256;

impl Summary {
    /// What the row says in the list; nothing without text.
    pub(crate) fn of_row(row: &Row) -> Option<Self> {
        let Content::Text(text) = &row.content else {
            return None;
        };
        Some(Self {
            text: text.clone(),
            own: row.own,
            stamp: row.stamp,
            mark: row.own.then(|| row.mark.clone()),
            message_id: row.message_id.clone().filter(|_| row.own),
            id: row.id.clone().filter(|_| row.own),
        })
    }

    pub(super) fn of_item(item: &OutboxItem) -> Self {
        Self {
            text: item.body.clone(),
            own: true,
            stamp: item.written,
            mark: Some(item.failed.map_or(Mark::Waiting, Mark::Failed)),
            message_id: Some(item.message_id.clone()),
            id: None,
        }
    }

    fn of_chat(chat: &Chat) -> Self {
        Self {
            text: chat.last_text.clone(),
            own: chat.last_own,
            stamp: chat.last_stamp,
            mark: chat.last_mark.clone(),
            message_id: chat.last_message_id.clone(),
            id: chat.last_id.clone(),
        }
    }

    /// Takes in what became of a message: of one that is displayed, nothing less is said any more.
    fn mark(&mut self, of: &Named, mark: &Mark) {
        let is_it = match of {
            Named::ByMessageId(id) => self.message_id.as_ref() == Some(id),
            Named::ById(id) => self.id.as_ref() == Some(id),
        };
        let is_more = match (&self.mark, mark) {
            (Some(Mark::Archived), Mark::Received | Mark::Read) => true,
            (Some(Mark::Received), Mark::Read) => true,
            (_, mark) => matches!(mark, Mark::Failed(_)),
        };
        if is_it && is_more {
            self.mark = Some(mark.clone());
        }
    }
}

/// An own message of which something tells.
#[derive(Clone, Debug)]
pub(super) enum Named {
    ByMessageId(String),
    ById(ArchiveId),
}

/// What an event changes about one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// Its newest line of the known part, if that changed.
    pub(super) last: Option<Summary>,
    /// The oldest and the newest line of somebody else that took its place.
    oldest: Option<i64>,
    newest: Option<Spot>,
    /// Up to here it is history, which is no news to a device that has just begun.
    pub(super) history: Option<i64>,
    /// How far another device read, if that entry took its place.
    pub(super) marked: Option<Spot>,
    /// What became of own messages.
    pub(super) marks: Vec<(Named, Mark)>,
    /// Messages whose senders wait for a receipt, and those for which one was sent.
    pub(super) owed: Vec<Owed>,
    pub(super) settled: Vec<String>,
}

impl Touched {
    /// A row took its place behind all others.
    pub(super) fn append(&mut self, row: &Row) {
        self.last = Summary::of_row(row).or(self.last.take());
        self.note_signal(row);
        if row.is_news() {
            let place = row.place.order();
            let id = row.id.clone();
            self.oldest.get_or_insert(place);
            self.newest = Some(Spot { place, id });
        }
    }

    /// A row of a conversation that is not known yet took its place before all others.
    pub(super) fn prepend(&mut self, row: &Row) {
        self.last = self.last.take().or_else(|| Summary::of_row(row));
        self.note_signal(row);
        if row.is_news() && self.newest.is_none() {
            let place = row.place.order();
            let id = row.id.clone();
            self.newest = Some(Spot { place, id });
            self.history = Some(place);
        }
    }

    /// Somebody else tells what became of an own message.
    pub(super) fn note_signal(&mut self, row: &Row) {
        let (of, mark) = match &row.content {
            Content::Signal(Signal::Received(of)) if !row.own => (of, Mark::Received),
            Content::Signal(Signal::Displayed(of)) if !row.own => (of, Mark::Read),
            Content::Bounced { of, why } => {
                let failed = Mark::Failed(*why);
                return self.marks.push((Named::ById(of.clone()), failed));
            }
            Content::Gap | Content::Other(_) | Content::Signal(_) | Content::Text(_) => return,
        };
        self.marks.push((Named::ByMessageId(of.clone()), mark));
    }

    /// All that took its place so far is history.
    pub(super) fn is_history(&mut self) {
        self.history = self.newest.as_ref().map(|spot| spot.place);
    }
}

impl State {
    /// What the event under way changes about a conversation.
    pub(super) fn touch(&mut self, peer: &BareJid) -> &mut Touched {
        self.touched.entry(peer.clone()).or_default()
    }

    /// Brings the conversations up to date that an event touched.
    pub(super) fn settle_chats(&mut self, batch: &mut Batch) {
        for (peer, touched) in std::mem::take(&mut self.touched) {
            if let Some(chat) = self.chat_with(&peer, touched) {
                self.put_chat(batch, chat);
            }
        }
    }

    fn chat_with(&self, peer: &BareJid, touched: Touched) -> Option<Chat> {
        let before = self.chats.get(peer);
        let last = self.waiting_line(peer).or_else(|| self.held_line(peer));
        let (mut read, mut owed) = match before {
            Some(chat) => (chat.read.clone(), chat.owed.clone()),
            None => (self.begin_reading(&touched), Vec::new()),
        };
        let mut last = last
            .or(touched.last)
            .or_else(|| before.map(Summary::of_chat))?;
        for (of, mark) in &touched.marks {
            last.mark(of, mark);
        }
        if let Some(place) = touched.history.filter(|_| read.is_assumed) {
            read.place = read.place.max(Some(place));
        }
        if let Some(spot) = &touched.newest {
            read.newest = read.newest.max(Some(spot.place));
        }
        if let Some(spot) = &touched.marked {
            read.follow(spot);
        }
        if let Some(spot) = &touched.newest
            && self.reading.as_ref() == Some(peer)
        {
            read.advance(spot);
        }
        owed.extend(touched.owed);
        owed.retain(|owed| !touched.settled.contains(&owed.message_id));
        let surplus = owed.len().saturating_sub(OWED_MAX);
        owed.drain(..surplus);
        Some(Chat {
            peer: peer.clone(),
            last_text: last.text,
            last_own: last.own,
            last_stamp: last.stamp,
            last_mark: last.mark,
            last_message_id: last.message_id,
            last_id: last.id,
            read,
            owed,
        })
    }

    /// What came before a conversation is first seen here may have been read anywhere.
    fn begin_reading(&self, touched: &Touched) -> Reading {
        let before = touched.oldest.map(|place| place.saturating_sub(1));
        Reading {
            place: Some(before.unwrap_or(self.device.places.1)),
            is_assumed: true,
            ..Reading::default()
        }
    }

    pub(super) fn put_chat(&mut self, batch: &mut Batch, chat: Chat) {
        if self.chats.get(&chat.peer) != Some(&chat) {
            batch.chats.retain(|other| other.peer != chat.peer);
            batch.chats.push(chat.clone());
            self.chats.insert(chat.peer.clone(), chat);
        }
    }

    /// One that is not sent any more is the last line only until there is another.
    fn waiting_line(&self, peer: &BareJid) -> Option<Summary> {
        let newest_first = self.outbox.values().rev();
        let mut waiting = newest_first.filter(|item| item.failed.is_none());
        let item = waiting.find(|item| item.to == *peer && item.signal.is_none())?;
        Some(Summary::of_item(item))
    }

    fn held_line(&self, peer: &BareJid) -> Option<Summary> {
        let newest_first = self.provisional.values().rev();
        let mut of_peer = newest_first.filter(|row| row.peer == *peer);
        of_peer.find_map(Summary::of_row)
    }
}
