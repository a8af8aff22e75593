//! The one reducer: a `State` and an `Event` give the [`Batch`] to write.
//!
//! The state runs ahead of the disk: it is what will hold once all batches so far are durable. What
//! the screen shows is made of batches that are (see `view::shown`), so that the two never differ.

mod ahead;
mod blocking;
mod chats;
mod contacts;
mod gap;
mod online;
mod own;
mod reading;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::fast::Token;
use protocol::mutant;
use protocol::roster::Item;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Handled, IdPrefix};

use self::ahead::Ahead;
use self::chats::Touched;
use self::online::Online;
use crate::failure::Failure;
use crate::gather::gathered;
use crate::history::{
    Asks, Batch, Beside, Chat, Contact, Device, OutboxItem, Person, Restored, ResumableStream,
    Revision, Row, Signal, Wanting,
};
use crate::inbound::Draft;
use crate::view::Mark;

pub(crate) use self::chats::Revised;
pub(crate) use self::contacts::is_request_only;

/// So many own rows are remembered, for errors that come after the ack.
const RECENT_MAX: usize = 64;

/// What happened to the history.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The person wrote a line; with a prefix it can be sent as soon as this is durable.
    Wrote(Written),
    /// Lines written offline get the prefix under which they are going to be sent.
    Prefixed(IdPrefix),
    /// A message arrived live.
    Arrived(Draft),
    /// An ack covers an own message (S11-51).
    Archived { seq: u64, stamp: Stamp },
    /// An own message was delivered but is in no archive (S11-33).
    Unarchived { message_id: String, mark: Mark },
    /// An own message came back from whom it went to.
    Refused {
        from: BareJid,
        message_id: String,
        why: Failure,
    },
    /// An own message is not sent any more without asking (S11-24).
    GaveUp { seq: u64, why: Failure },
    /// The person wants a line to be sent again that nobody refused.
    Retry { seq: u64 },
    /// The person drops a failed line; what the conversation ends with then, if that is known.
    Discard { seq: u64, last: Option<Summary> },
    /// A page of the archive arrived.
    Page(Page),
    /// The roster as it is; no items if nothing changed.
    Roster {
        items: Option<Vec<Item>>,
        ver: Option<String>,
    },
    /// One contact changed.
    Pushed { item: Item, ver: Option<String> },
    /// One contact went away.
    Removed { jid: BareJid, ver: Option<String> },
    /// Somebody asks to become a contact.
    Asked(BareJid),
    /// A request was answered or withdrawn.
    Settled(BareJid),
    /// The person wants something of the roster.
    Wished { jid: BareJid, wanting: Wanting },
    /// Who is blocked.
    Blocklist(Vec<BareJid>),
    /// These are blocked from now on.
    Blocked(Vec<BareJid>),
    /// These are not any longer; without any, nobody is.
    Unblocked(Option<Vec<BareJid>>),
    /// Somebody tells of themselves; all that is kept of it.
    Described(Person),
    /// The server has that wish.
    Fulfilled { seq: u64 },
    /// A contact's device came or went.
    Presence {
        jid: BareJid,
        device: String,
        is_online: bool,
    },
    /// Whether the server publishes read state that comes beside a marker (MD-04).
    Assisted(bool),
    /// A stream was bound; its copies and acks are exact with s11 only.
    Bound { exact: bool },
    /// The bound stream can be resumed.
    Kept(ResumableStream),
    /// The server starts copying anew behind the cursor, on the same stream (S11-62).
    Rewound,
    /// The server heard on this stream who this is, and answered.
    Introduced,
    /// The stream cannot be resumed any more.
    StreamGone,
    /// The device logs in with this from the next time on; with nothing if there is none.
    Token(Option<Token>),
    /// The person read a conversation up to this row of the known part.
    Read { peer: BareJid, spot: Spot },
    /// Another device of the account read a conversation up to this entry (MD-02).
    Marked { peer: BareJid, id: ArchiveId },
    /// Where that entry stands, if it is held.
    Found { peer: BareJid, spot: Option<Spot> },
    /// The account's other devices know how far a conversation was read.
    Told { peer: BareJid, id: ArchiveId },
    /// Receipts that nobody gets any more.
    NotOwed {
        peer: BareJid,
        message_ids: Vec<String>,
    },
}

/// A row of the known part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) place: i64,
    /// Its archive id, or that of the nearest one before it.
    pub(crate) id: Option<ArchiveId>,
}

/// A line that the person wrote.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) to: BareJid,
    pub(crate) body: String,
    pub(crate) signal: Option<Signal>,
    pub(crate) beside: Beside,
    pub(crate) asks: Asks,
    pub(crate) assist: Option<ArchiveId>,
    pub(crate) message_id: String,
    pub(crate) written: Stamp,
    pub(crate) prefix: Option<IdPrefix>,
    pub(crate) failed: Option<Failure>,
}

impl Written {
    /// A message without anything beside it, not numbered and dated yet.
    pub(crate) fn new(to: BareJid, body: String, signal: Option<Signal>) -> Self {
        Self {
            to,
            body,
            signal,
            beside: Beside::default(),
            asks: Asks::default(),
            assist: None,
            message_id: String::new(),
            written: Stamp(0),
            prefix: None,
            failed: None,
        }
    }
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// The last one of the archive: a device's first.
    Last,
    /// After the cursor.
    After,
    /// The last one, because the cursor is unknown to the archive (S11-54).
    Gap,
    /// Before the oldest known entry.
    Older,
}

/// A page of the archive, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) kind: PageKind,
    pub(crate) entries: Vec<Draft>,
    pub(crate) complete: bool,
    /// The newest provisional row when the page began to come: what was held then is in the page or
    /// stands before it (MAM-17).
    pub(crate) newest_held: u64,
    /// Which of the entries the device holds already, where that matters: around a gap.
    pub(crate) known: BTreeMap<ArchiveId, i64>,
}

/// What a conversation ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) text: String,
    pub(crate) own: bool,
    pub(crate) stamp: Stamp,
    /// By what others name it.
    pub(crate) message_id: Option<String>,
    /// What is known of its fate, and its archive id, if it is an own line.
    pub(crate) mark: Option<Mark>,
    pub(crate) id: Option<ArchiveId>,
    /// Whether nothing is left of it but that it was retracted.
    pub(crate) is_tombstone: bool,
    /// What its sender said of it since, oldest first; `text` is how it was first.
    pub(crate) revisions: Vec<Revision>,
}

/// What a device knows.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) device: Device,
    pub(crate) contacts: BTreeMap<BareJid, Contact>,
    pub(crate) people: BTreeMap<BareJid, Person>,
    pub(crate) chats: BTreeMap<BareJid, Chat>,
    pub(crate) outbox: BTreeMap<u64, OutboxItem>,
    pub(crate) provisional: BTreeMap<u64, Row>,
    /// The conversation whose end somebody looks at.
    pub(crate) reading: Option<BareJid>,
    /// How far other devices read, where that entry is not held (MD-02).
    pub(crate) marks: BTreeMap<BareJid, ArchiveId>,
    /// Whether live entries are provisional (S11-53).
    pub(crate) catching: bool,
    /// Whether copies and acks come in log order (S11-40): on s11 streams.
    pub(crate) exact: bool,
    /// Who is online; told once in a session (SM-20).
    pub(crate) online: Online,
    held: BTreeMap<ArchiveId, u64>,
    /// Those held before copies of which some may stand before them: they come once more, since the
    /// server began again at the cursor (S11-62).
    unsure: BTreeSet<ArchiveId>,
    ahead: Ahead,
    recent: VecDeque<Row>,
    /// What the event under way changes about conversations.
    touched: BTreeMap<BareJid, Touched>,
}

impl State {
    pub(crate) fn new(account: BareJid, restored: Restored) -> Self {
        let restored = match &restored.device {
            Some(device) if device.account != account => Restored::default(),
            Some(_) | None => restored,
        };
        let mut device = restored.device.unwrap_or_else(|| Device::new(account));
        // From here on `Online` has them.
        let online = std::mem::take(&mut device.online);
        let newest = device.places.1;
        let chats = restored.chats.into_iter().map(|mut chat| {
            // Kept by a version that counted: what is there then is no news.
            if chat.read.place.is_none() {
                chat.read.place = Some(newest);
                chat.read.is_assumed = true;
            }
            chat
        });
        let mut state = Self {
            ahead: Ahead::new(&device.ahead),
            exact: device.stream.as_ref().is_some_and(|s| s.prefix.is_some()),
            online: Online::new(&online),
            device,
            contacts: by_key(restored.contacts, |contact| contact.item.jid.clone()),
            people: by_key(restored.people, |person| person.jid.clone()),
            chats: by_key(chats.collect(), |chat| chat.peer.clone()),
            outbox: if mutant("outbox-dropped-at-reload") {
                BTreeMap::new()
            } else {
                by_key(restored.outbox, |item| item.seq)
            },
            provisional: BTreeMap::new(),
            reading: None,
            marks: BTreeMap::new(),
            catching: true,
            held: BTreeMap::new(),
            unsure: BTreeSet::new(),
            recent: VecDeque::new(),
            touched: BTreeMap::new(),
        };
        for row in restored.provisional {
            state.hold(row);
        }
        state
    }

    /// Takes in an event and adds to `batch` what is to be written.
    pub(crate) fn reduce(&mut self, batch: &mut Batch, event: Event) {
        match event {
            Event::Wrote(line) => self.wrote(batch, line),
            Event::Prefixed(prefix) => self.prefixed(batch, &prefix),
            Event::Arrived(draft) => self.arrived(batch, draft),
            Event::Archived { seq, stamp } => self.archived(batch, seq, stamp),
            Event::Unarchived { message_id, mark } => self.unarchived(batch, &message_id, mark),
            Event::Refused {
                from,
                message_id,
                why,
            } => self.refused(batch, &from, &message_id, why),
            Event::GaveUp { seq, why } => self.set_failed(batch, seq, Some(why), false),
            Event::Retry { seq } => self.set_failed(batch, seq, None, false),
            Event::Discard { seq, last } => self.discard(batch, seq, last),
            Event::Page(page) => self.page(batch, page),
            Event::Roster { items, ver } => self.roster(batch, items, ver),
            Event::Pushed { item, ver } => self.pushed(batch, item, ver),
            Event::Removed { jid, ver } => self.removed(batch, &jid, ver),
            Event::Asked(jid) => self.asked(batch, jid),
            Event::Settled(jid) => self.settled(batch, &jid),
            Event::Wished { jid, wanting } => self.wished(batch, jid, wanting),
            Event::Described(person) => self.described(batch, person),
            Event::Fulfilled { seq } => self.fulfilled(seq),
            Event::Blocklist(jids) => self.blocklist(jids),
            Event::Blocked(jids) => self.device.blocked.extend(jids),
            Event::Unblocked(jids) => self.unblocked(jids),
            Event::Presence {
                jid,
                device,
                is_online,
            } => self.online.set(&jid, device, is_online),
            Event::Assisted(is_assisted) => self.device.is_assisted = is_assisted,
            Event::Bound { exact } => self.bound(batch, exact),
            Event::Introduced => self.device.is_introduced = true,
            Event::Kept(stream) => self.device.stream = Some(stream),
            Event::Rewound => self.rewound(batch),
            Event::StreamGone => self.device.stream = None,
            Event::Token(token) => {
                batch.is_lasting |= token.is_some();
                self.device.token = token;
            }
            Event::Read { peer, spot } => self.read(batch, &peer, &spot),
            Event::Marked { peer, id } => self.marked(batch, peer, id),
            Event::Found { peer, spot } => self.found(batch, &peer, spot),
            Event::Told { peer, id } => self.told(batch, &peer, &id),
            Event::NotOwed { peer, message_ids } => self.settle_owed(batch, &peer, &message_ids),
        }
        self.settle_chats(batch);
    }

    /// The newest provisional row.
    pub(crate) fn newest_held(&self) -> u64 {
        self.provisional.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// The device's state as of a batch after which `handled` stanzas count as handled.
    ///
    /// A stream that could not be resumed without doubt is left out: its successor is then bound anew.
    pub(crate) fn device_at(&self, handled: Handled) -> Device {
        let is_sure = self.exact && self.unsure.is_empty();
        let ahead = self.ahead.kept().filter(|_| is_sure);
        let stream = self.device.stream.as_ref().filter(|_| ahead.is_some());
        let stream = stream.map(|stream| ResumableStream {
            handled,
            ..stream.clone()
        });
        Device {
            ahead: ahead.filter(|_| stream.is_some()).unwrap_or_default(),
            online: match &stream {
                Some(_) => self.online.kept(),
                None => Vec::new(),
            },
            stream,
            ..self.device.clone()
        }
    }

    /// Whether the stream of this engine's life can be resumed without doubt.
    pub(crate) fn may_resume(&self) -> bool {
        self.ahead.is_whole()
    }

    /// The copies of all that is held behind the cursor come again, in order, and presence anew.
    fn rewound(&mut self, batch: &mut Batch) {
        self.begin_anew(batch);
        self.unsure = gathered(self.held.keys().cloned());
    }

    fn bound(&mut self, batch: &mut Batch, exact: bool) {
        self.begin_anew(batch);
        self.device.stream = None;
        self.device.is_assisted = false;
        self.exact = exact;
        self.unsure.clear();
    }

    /// The server knows nothing of this device but where its cursor is, and tells everything anew.
    fn begin_anew(&mut self, batch: &mut Batch) {
        self.forget_requests(batch);
        self.catching = true;
        self.online = Online::default();
        self.device.is_introduced = false;
        self.ahead.clear();
    }
}

fn by_key<K: Ord, V>(values: Vec<V>, key: impl Fn(&V) -> K) -> BTreeMap<K, V> {
    gathered(values.into_iter().map(|value| (key(&value), value)))
}
