//! What others are told of what was read here: receipts and markers to contacts, read state to the
//! account's other devices (IM-04..07, MD rows).

use protocol::mds::{self, Displayed};
use protocol::stanza::Address;
use protocol::time::Stamp;
use protocol::{BareJid, Condition, Element, Stanza, StanzaError, ns, pubsub};

use super::Engine;
use super::contacts::Request;
use crate::history::Signal;
use crate::reduce::{Event, Spot, Written};

/// A receipt waits for at most so long, so that another own device may be quicker (IM-05).
const RECEIPT_WAIT_MAX_MS: u64 = 2_000;
/// Nobody waits longer for a receipt.
const RECEIPT_AGE_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How far chats were read is told at most this often (MD-03).
const PUBLISH_EVERY_MS: u64 = 1_000;
/// So many chats are told of at once.
const PUBLISH_MAX: usize = 20;
/// So many pages of read states are fetched.
const PAGES_MAX: u32 = 100;
/// So long after a passing failure the node is asked again, and after each further one twice as long.
const AGAIN_AFTER_MS: u64 = 10_000;
/// But never longer than this.
const AGAIN_AFTER_MAX_MS: u64 = 600_000;

/// What is known of the account's node for read state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Node {
    /// It was not asked for in this session.
    #[default]
    Unasked,
    /// It was; so many pages came.
    Asked(u32),
    /// Something failed in passing: it is asked again at this time.
    Failed(u64),
    /// It is known and may be published to.
    Known,
    /// The server has none, or no room in it.
    Missing,
}

/// What is seen here, and whom that has to be told.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// The newest line of the open conversation that was in view.
    seen: Option<Spot>,
    /// Whether its end is, so that what arrives live is seen at once.
    follows: bool,
    /// Whether contacts are told nothing.
    is_silent: bool,
    receipts_at_ms: Option<u64>,
    node: Node,
    publish_at_ms: Option<u64>,
    /// How often the node failed in passing since it last did not.
    failures: u32,
    /// What is being published.
    publishing: Vec<Displayed>,
    /// Whether marks came while the device was asked where others stand.
    has_more_marks: bool,
}

impl Telling {
    pub(super) fn share(&mut self, shares: bool) {
        self.is_silent = !shares;
    }

    /// A session begins, or one that forgot what it was asked: read states are fetched anew.
    pub(super) fn begin(&mut self) {
        self.node = Node::Unasked;
        self.publishing.clear();
        self.publish_at_ms = None;
        self.failures = 0;
    }

    /// Something failed in passing at `now_ms`: when to try again.
    fn failed(&mut self, now_ms: u64) -> u64 {
        let wait_ms = 2_u64
            .saturating_pow(self.failures)
            .saturating_mul(AGAIN_AFTER_MS);
        self.failures = self.failures.saturating_add(1);
        now_ms.saturating_add(wait_ms.min(AGAIN_AFTER_MAX_MS))
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        let again_at_ms = match self.node {
            Node::Failed(at_ms) => Some(at_ms),
            Node::Unasked | Node::Asked(_) | Node::Known | Node::Missing => None,
        };
        let timers = [self.receipts_at_ms, self.publish_at_ms, again_at_ms];
        timers.into_iter().flatten().min()
    }
}

impl Engine {
    /// The person sees the open conversation up to a line, or its end. What a catch-up brings runs past
    /// the end unseen, so the end is followed only once everything is known.
    pub(super) fn see(&mut self, key: Option<&str>) {
        if !self.is_visible {
            return;
        }
        if let Some(spot) = self.shown.seen(key) {
            self.telling.seen = Some(spot);
        }
        self.telling.follows = key.is_none() && self.is_live && !self.state.catching;
        self.see_again();
    }

    /// Another conversation is open, or none: nothing of it was seen yet.
    pub(super) fn see_nothing(&mut self) {
        self.telling.seen = None;
        self.look_away();
    }

    /// What arrives from now on is not seen by anybody.
    pub(super) fn look_away(&mut self) {
        self.telling.follows = false;
        self.state.reading = None;
    }

    /// What is in view may have become more.
    pub(super) fn see_again(&mut self) {
        let follows = self.telling.follows;
        self.state.reading = self.shown.peer().filter(|_| follows).cloned();
        if let Some((peer, spot)) = self.in_view() {
            self.note(Event::Read { peer, spot });
        }
    }

    fn in_view(&self) -> Option<(BareJid, Spot)> {
        let end = || self.shown.seen(None);
        let followed = self.telling.follows.then(end).flatten();
        let spot = followed.or_else(|| self.telling.seen.clone())?;
        Some((self.shown.peer()?.clone(), spot))
    }

    /// Tells whom it concerns what was read, once everything is known.
    pub(super) fn tell_readings(&mut self) {
        if !self.is_live || !self.link.is_up() {
            return;
        }
        match self.telling.node {
            Node::Unasked => self.fetch_marks(None, 0),
            Node::Failed(at_ms) if self.is_due(Some(at_ms)) => self.fetch_marks(None, 0),
            Node::Failed(_) | Node::Asked(_) | Node::Known | Node::Missing => {}
        }
        self.send_receipts();
        self.send_marker();
        self.publish_reading();
    }

    fn is_due(&self, at: Option<u64>) -> bool {
        at.is_some_and(|at| at <= self.now.mono_ms)
    }

    /// Whether a contact may know what was read here.
    fn may_know(&self, peer: &BareJid) -> bool {
        !self.telling.is_silent && self.may_see(peer)
    }

    /// Whether a contact may know what this device does: whoever sees its presence (IM-06).
    pub(super) fn may_see(&self, peer: &BareJid) -> bool {
        let contact = self.state.contacts.get(peer);
        contact.is_some_and(|contact| contact.item.subscription.has_from())
    }

    fn send_receipts(&mut self) {
        if self.state.chats.values().all(|chat| chat.owed.is_empty()) {
            self.telling.receipts_at_ms = None;
        } else if self.telling.receipts_at_ms.is_none() {
            self.wait_with_receipts();
        } else if self.is_due(self.telling.receipts_at_ms) {
            if self.is_inactive() {
                // What another device of the account said is held back from who does not look (CS-02):
                // it comes first, and the wait begins again.
                self.set_active(true);
                return self.wait_with_receipts();
            }
            self.telling.receipts_at_ms = None;
            self.send_due_receipts();
        }
    }

    fn wait_with_receipts(&mut self) {
        let wait_ms = self.ids.jitter_ms(RECEIPT_WAIT_MAX_MS);
        self.telling.receipts_at_ms = Some(self.now.mono_ms + wait_ms);
    }

    fn send_due_receipts(&mut self) {
        let oldest = Stamp(self.now.wall_ms.saturating_sub(RECEIPT_AGE_MAX_MS));
        let chats = self.state.chats.values();
        let owing = chats.filter(|chat| !chat.owed.is_empty());
        let owing: Vec<_> = owing.map(|c| (c.peer.clone(), c.owed.clone())).collect();
        for (peer, owed) in owing {
            let may_know = self.may_know(&peer);
            let message_ids = owed.iter().map(|owed| owed.message_id.clone()).collect();
            for owed in owed.into_iter().filter(|o| may_know && o.stamp >= oldest) {
                self.write_signal(&peer, Signal::Received(owed.message_id), None);
            }
            self.note(Event::NotOwed { peer, message_ids });
        }
    }

    /// Tells the contact of the newest of their lines that is in view (IM-07).
    fn send_marker(&mut self) {
        let Some((peer, spot)) = self.in_view() else {
            return;
        };
        if !self.may_know(&peer) {
            return;
        }
        let Some((of, id)) = self.shown.to_mark(spot.place, &self.state.outbox) else {
            return;
        };
        let assist = id.filter(|_| self.state.device.is_assisted);
        self.write_signal(&peer, Signal::Displayed(of), assist);
    }

    fn write_signal(&mut self, to: &BareJid, signal: Signal, assist: Option<protocol::ArchiveId>) {
        let message_id = self.ids.uuid();
        let prefix = self.stream.as_ref().and_then(|s| s.prefix.clone());
        self.note(Event::Wrote(Written {
            assist,
            message_id,
            written: Stamp(self.now.wall_ms),
            prefix,
            ..Written::new(to.clone(), String::new(), Some(signal))
        }));
    }

    fn fetch_marks(&mut self, after: Option<String>, pages: u32) {
        self.telling.node = Node::Asked(pages);
        self.ask(Request::Marks, |id| mds::fetch(after).to_iq(id));
    }

    /// A page of what other devices read.
    pub(super) fn on_marks_page(&mut self, answer: Option<&Element>) {
        let Node::Asked(pages) = self.telling.node else {
            return;
        };
        let Some(answer) = answer else {
            self.telling.node = Node::Known;
            return;
        };
        let items = pubsub::items_of_result(answer).unwrap_or_default();
        self.note_marks(mds::states(&items, &self.account));
        let next = pubsub::last_of_page(answer).filter(|_| pages < PAGES_MAX && !items.is_empty());
        if next.is_some() {
            return self.fetch_marks(next, pages + 1);
        }
        self.telling.node = Node::Known;
        self.telling.failures = 0;
        self.find_marks();
    }

    /// There is no page. A node that nobody made yet says so with an error, too: it is made by publishing.
    pub(super) fn on_marks_refused(&mut self, error: &StanzaError) {
        self.telling.node = match is_passing(error) {
            true => Node::Failed(self.telling.failed(self.now.mono_ms)),
            false => Node::Known,
        };
    }

    /// Another device read something; gives whether the stanza says that.
    pub(super) fn is_mark(&mut self, stanza: &Stanza) -> bool {
        let is_headline = stanza.header.kind.as_deref() == Some("headline");
        if !is_headline || matches!(stanza.header.from, Address::Absent) {
            return false;
        }
        let Some(marks) = mds::of_event(stanza, &self.account) else {
            return false;
        };
        self.note_marks(marks);
        self.find_marks();
        true
    }

    fn note_marks(&mut self, marks: Vec<Displayed>) {
        for Displayed { chat, id } in marks {
            let peer = chat.to_bare();
            self.note(Event::Marked { peer, id });
        }
    }

    /// Asks the device where the marks stand that are not decided yet (MD-02).
    fn find_marks(&mut self) {
        self.telling.has_more_marks = self.is_querying_marks();
        if self.telling.has_more_marks {
            return;
        }
        let marks = self.state.marks.iter();
        let marks = marks.map(|(peer, id)| (peer.clone(), id.clone())).collect();
        self.query_marks(marks);
    }

    /// The device answered; what came meanwhile is asked for.
    pub(super) fn find_more_marks(&mut self) {
        if self.telling.has_more_marks {
            self.find_marks();
        }
    }

    /// Tells the account's other devices how far chats were read, not more often than worth it (MD-03).
    fn publish_reading(&mut self) {
        if self.telling.node != Node::Known || !self.telling.publishing.is_empty() {
            self.telling.publish_at_ms = None;
            return;
        }
        let untold = self.untold();
        if untold.is_empty() {
            self.telling.publish_at_ms = None;
        } else if self.telling.publish_at_ms.is_none() {
            self.telling.publish_at_ms = Some(self.now.mono_ms + PUBLISH_EVERY_MS);
        } else if self.is_due(self.telling.publish_at_ms) {
            self.telling.publish_at_ms = None;
            let publish = Displayed::publish(&untold, &self.account);
            self.telling.publishing = untold;
            self.ask(Request::Publish, |id| publish.to_iq(id));
        }
    }

    /// Chats that were read further than other devices know, unless a marker on its way tells it.
    fn untold(&self) -> Vec<Displayed> {
        let chats = self.state.chats.values();
        let chats = chats.filter(|chat| !chat.read.is_assumed && !chat.read.is_told);
        let untold = chats.filter_map(|chat| {
            let id = chat.read.id.clone()?;
            let mut waiting = self.state.outbox.values();
            let is_assisted = waiting.any(|item| item.assist.as_ref() == Some(&id));
            (!is_assisted).then(|| Displayed {
                chat: chat.peer.clone().into(),
                id,
            })
        });
        untold.take(PUBLISH_MAX).collect()
    }

    pub(super) fn on_published(&mut self) {
        self.telling.failures = 0;
        let published = std::mem::take(&mut self.telling.publishing);
        for Displayed { chat, id } in published {
            let peer = chat.to_bare();
            self.note(Event::Told { peer, id });
        }
    }

    pub(super) fn on_publishing_refused(&mut self, error: &StanzaError) {
        self.telling.publishing.clear();
        // A full account does not get room by asking.
        let is_full = error.condition == Condition::ResourceConstraint;
        if is_passing(error) && !is_full {
            self.telling.publish_at_ms = Some(self.telling.failed(self.now.mono_ms));
        } else {
            self.telling.node = Node::Missing;
        }
    }

    /// What the account can do for this device.
    pub(super) fn ask_for_features(&mut self) {
        let info = Element::new("query", ns::DISCO_INFO);
        let account = self.account.clone();
        self.ask(Request::Features, |id| {
            protocol::Iq::get(id, info).to(account)
        });
    }
}

/// Whether the same may succeed later.
fn is_passing(error: &StanzaError) -> bool {
    error.kind == "wait" || error.condition == Condition::InternalServerError
}
