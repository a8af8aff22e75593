//! What the list of conversations says.

use protocol::{ArchiveId, BareJid};

use super::{Spot, State, Summary};
use crate::history::{Batch, Chat, Content, OutboxItem, Owed, Reading, Revision, Row, Signal};
use crate::view::Mark;

/// So many revisions of the last line are kept.
const REVISIONS_MAX: usize = 16;
/// So many messages of a conversation wait for a receipt.
const OWED_MAX: usize = 256;

impl Summary {
    /// What the row says in the list; nothing if it is no line of text.
    pub(crate) fn of_row(row: &Row) -> Option<Self> {
        let (text, is_tombstone) = match &row.content {
            Content::Text(text) => (text.clone(), false),
            Content::Retracted => (String::new(), true),
            Content::Bounced { .. } | Content::Gap | Content::Other(_) | Content::Signal(_) => {
                return None;
            }
        };
        Some(Self {
            text,
            own: row.own,
            stamp: row.stamp,
            message_id: row.message_id.clone(),
            mark: row.own.then(|| row.mark.clone()),
            id: row.id.clone().filter(|_| row.own),
            is_tombstone,
            revisions: Vec::new(),
        })
    }

    pub(super) fn of_item(item: &OutboxItem) -> Self {
        Self {
            text: item.body.clone(),
            own: true,
            stamp: item.written,
            message_id: Some(item.message_id.clone()),
            mark: Some(item.failed.map_or(Mark::Waiting, Mark::Failed)),
            id: None,
            is_tombstone: false,
            revisions: Vec::new(),
        }
    }

    pub(crate) fn of_chat(chat: &Chat) -> Self {
        Self {
            text: chat.last_text.clone(),
            own: chat.last_own,
            stamp: chat.last_stamp,
            message_id: chat.last_message_id.clone(),
            mark: chat.last_mark.clone(),
            id: chat.last_id.clone(),
            is_tombstone: chat.last_retracted,
            revisions: chat.last_revisions.clone(),
        }
    }

    /// How the line reads now; nothing if it was retracted.
    pub(crate) fn reads(&self) -> Option<&str> {
        let is_retracted = self.revisions.iter().any(|r| r.text.is_none());
        let last = self.revisions.last().and_then(|r| r.text.as_deref());
        let text = last.unwrap_or(&self.text);
        Some(text).filter(|_| !is_retracted && !self.is_tombstone)
    }

    /// Takes in what its sender says of a line now, which may be on its way to the archive.
    pub(crate) fn revise(&mut self, revised: &Revised, is_waiting: bool) {
        let of = Some(&revised.of);
        let mut edits = self.revisions.iter();
        let is_named =
            self.message_id.as_ref() == of || edits.any(|edit| edit.message_id.as_ref() == of);
        if !is_named || self.own != revised.own || self.reads().is_none() {
            return;
        }
        if let Some(mark @ (Mark::Archived | Mark::Received | Mark::Read)) = &mut self.mark
            && is_waiting
        {
            *mark = Mark::Waiting;
        }
        if self.revisions.len() == REVISIONS_MAX {
            self.revisions.remove(0);
        }
        self.revisions.push(revised.revision.clone());
    }

    /// Takes in what became of a message: of one that is displayed, nothing less is said any more.
    fn mark(&mut self, of: &Named, mark: &Mark) {
        let is_it = of.is(self.message_id.as_ref(), self.id.as_ref());
        if self.own && matches!(mark, Mark::Failed(_)) {
            let edits = &mut self.revisions;
            edits.retain(|edit| !of.is(edit.message_id.as_ref(), edit.id.as_ref()));
        }
        let is_more = match (&self.mark, mark) {
            (Some(Mark::Archived), Mark::Received | Mark::Read) => true,
            (Some(Mark::Received), Mark::Read) => true,
            (_, mark) => matches!(mark, Mark::Failed(_)),
        };
        if is_it && is_more && self.own {
            self.mark = Some(mark.clone());
        }
    }
}

/// What somebody says of an earlier line of their own: it reads otherwise, or does not count any more.
#[derive(Clone, Debug)]
pub(crate) struct Revised {
    of: String,
    own: bool,
    revision: Revision,
}

impl Revised {
    /// What a row says, if that counts.
    pub(crate) fn of_row(row: &Row) -> Option<Self> {
        let Content::Signal(signal) = &row.content else {
            return None;
        };
        let message_id = row.message_id.clone();
        let id = row.id.clone().filter(|_| row.own);
        Self::new(signal, row.own, message_id, id).filter(|_| row.counts())
    }

    /// What an item of the outbox says.
    pub(crate) fn of_item(item: &OutboxItem) -> Option<Self> {
        let message_id = Some(item.message_id.clone());
        Self::new(item.signal.as_ref()?, true, message_id, None)
    }

    fn new(
        signal: &Signal,
        own: bool,
        message_id: Option<String>,
        id: Option<ArchiveId>,
    ) -> Option<Self> {
        let (of, text) = match signal {
            Signal::Corrected { of, text } => (of.clone(), Some(text.clone())),
            Signal::Retracted(of) => (of.clone(), None),
            Signal::Displayed(_) | Signal::Reacted { .. } | Signal::Received(_) => return None,
        };
        let revision = Revision {
            message_id,
            id,
            text,
        };
        Some(Self { of, own, revision })
    }
}

/// An own message of which something tells.
#[derive(Clone, Debug)]
pub(super) enum Named {
    ByMessageId(String),
    ById(ArchiveId),
}

impl Named {
    fn is(&self, message_id: Option<&String>, id: Option<&ArchiveId>) -> bool {
        match self {
            Self::ByMessageId(of) => message_id == Some(of),
            Self::ById(of) => id == Some(of),
        }
    }
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
    /// What was said of earlier lines, in the order of the archive.
    revisions: Vec<Revised>,
    /// Messages whose senders wait for a receipt, and those for which one was sent.
    pub(super) owed: Vec<Owed>,
    pub(super) settled: Vec<String>,
}

impl Touched {
    /// A row took its place behind all others.
    pub(super) fn append(&mut self, row: &Row) {
        self.last = Summary::of_row(row).or(self.last.take());
        self.note_signal(row);
        self.revisions.extend(Revised::of_row(row));
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
        self.revisions.splice(..0, Revised::of_row(row));
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
            Content::Gap | Content::Other(_) | Content::Retracted => return,
            Content::Signal(_) | Content::Text(_) => return,
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
        for revised in &touched.revisions {
            last.revise(revised, false);
        }
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
            last_retracted: last.is_tombstone,
            last_revisions: last.revisions,
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
