//! What is durable, as the screen shows it: made of committed batches only (P7).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::roster::Subscription;
use protocol::{ArchiveId, BareJid};

use super::window::{Target, Window, is_line};
use crate::gather::gathered;
use crate::history::{
    Batch, Chat, Contact, Content, Device, OutboxItem, Picture, Place, Restored, Row, Signal,
    UNREAD_MAX,
};
use crate::reduce::{Revised, Spot, Summary, is_request_only};
use crate::view::{Change, ChatSummary, Connection, Line, People, Saving, SignIn, Timeline, View};

/// What somebody tells of themselves.
#[derive(Clone, Debug, Default)]
struct Described {
    nick: Option<String>,
    picture: Option<Arc<Picture>>,
}

/// The read model and what it is made of.
#[derive(Debug)]
pub(crate) struct Shown {
    view: View,
    contacts: BTreeMap<BareJid, Contact>,
    people: BTreeMap<BareJid, Described>,
    chats: BTreeMap<BareJid, Chat>,
    outbox: BTreeMap<u64, OutboxItem>,
    provisional: BTreeMap<i64, Row>,
    /// Places of the unread lines of each conversation.
    unread: BTreeMap<BareJid, BTreeSet<i64>>,
    /// Conversations that are less read than was thought: their unread lines must be asked for.
    unsettled: BTreeSet<BareJid>,
    /// Who is online: not shown while the stream that told it is away.
    online: BTreeSet<BareJid>,
    blocked: BTreeSet<BareJid>,
    /// Whose device this is.
    account: Option<BareJid>,
    /// Who is writing.
    composing: BTreeSet<BareJid>,
    window: Option<Window>,
    reaches_start: bool,
    /// The newest confirmed place.
    newest: i64,
    /// Gaps up to this place are filled, the newest first.
    filling: Option<i64>,
    /// Whether older lines are being fetched from the archive, and how much of a gap was.
    fetching: (bool, u32),
    is_stale: [bool; 5],
}

impl Shown {
    pub(crate) fn new(restored: &Restored) -> Self {
        let mut shown = Self {
            view: View::default(),
            contacts: BTreeMap::new(),
            people: BTreeMap::new(),
            chats: BTreeMap::new(),
            outbox: BTreeMap::new(),
            provisional: BTreeMap::new(),
            unread: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            online: BTreeSet::new(),
            blocked: BTreeSet::new(),
            account: None,
            composing: BTreeSet::new(),
            window: None,
            reaches_start: false,
            newest: 0,
            filling: None,
            fetching: (false, 0),
            is_stale: [true; 5],
        };
        let rows = [&restored.provisional[..], &restored.unread[..]].concat();
        shown.apply(&Batch {
            rows,
            outbox: restored.outbox.clone(),
            chats: restored.chats.clone(),
            contacts: restored.contacts.clone(),
            people: restored.people.clone(),
            device: restored.device.clone(),
            ..Batch::default()
        });
        let _ = shown.refresh();
        shown
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The outbox as it is on disk.
    pub(crate) fn outbox(&self) -> &BTreeMap<u64, OutboxItem> {
        &self.outbox
    }

    /// Takes a batch that is durable.
    pub(crate) fn apply(&mut self, batch: &Batch) {
        self.apply_rows(batch);
        for seq in &batch.drop_outbox {
            self.outbox.remove(seq);
        }
        for item in &batch.outbox {
            self.outbox.insert(item.seq, item.clone());
        }
        if !batch.outbox.is_empty() || !batch.drop_outbox.is_empty() {
            self.spoil(&[Change::Connection, Change::Chats, Change::Timeline]);
        }
        self.apply_lists(batch);
        if let Some(device) = &batch.device {
            self.newest = device.places.1;
            self.set_filling(device);
            self.account.get_or_insert_with(|| device.account.clone());
            if self.blocked != device.blocked {
                self.blocked.clone_from(&device.blocked);
                self.spoil(&[Change::Chats]);
            }
            if self.reaches_start != device.reaches_start {
                self.reaches_start = device.reaches_start;
                self.spoil(&[Change::Timeline]);
            }
        }
    }

    fn apply_rows(&mut self, batch: &Batch) {
        let mut is_seen = false;
        for place in &batch.drop_rows {
            if let Some(row) = self.provisional.remove(&place.order()) {
                self.forget_unread(&row);
            }
            is_seen |= self.window.as_mut().is_some_and(|w| w.drop(*place));
        }
        for row in &batch.rows {
            if matches!(row.place, Place::Provisional(_)) {
                self.provisional.insert(row.place.order(), row.clone());
            }
            if row.is_news() {
                self.note_unread(&row.peer, row.place.order());
            }
            if matches!(row.content, Content::Signal(_)) {
                self.spoil(&[Change::Chats]);
            }
            is_seen |= self.window.as_mut().is_some_and(|w| w.write(row));
        }
        if is_seen {
            self.spoil(&[Change::Timeline]);
        }
    }

    fn apply_lists(&mut self, batch: &Batch) {
        if batch.reset_contacts {
            self.contacts.clear();
        }
        for jid in &batch.drop_contacts {
            self.contacts.remove(jid);
        }
        for contact in &batch.contacts {
            self.contacts
                .insert(contact.item.jid.clone(), contact.clone());
        }
        self.apply_people(batch);
        for chat in &batch.chats {
            let before = self.chats.insert(chat.peer.clone(), chat.clone());
            let before = before.map(|chat| chat.read.place);
            if before.is_some_and(|place| place > chat.read.place) {
                self.unsettled.insert(chat.peer.clone());
            }
            if let (Some(unread), Some(place)) = (self.unread.get_mut(&chat.peer), chat.read.place)
            {
                unread.retain(|unread| *unread > place);
            }
        }
        let is_same = batch.contacts.is_empty() && batch.drop_contacts.is_empty();
        if !is_same || batch.reset_contacts || !batch.chats.is_empty() {
            self.spoil(&[Change::Chats]);
        }
    }

    fn apply_people(&mut self, batch: &Batch) {
        for jid in &batch.drop_people {
            self.people.remove(jid);
        }
        for person in &batch.people {
            let known = self.people.remove(&person.jid);
            let picture = match (known.and_then(|known| known.picture), &person.picture) {
                (Some(known), Some(picture)) if *known == *picture => Some(known),
                (_, picture) => picture.clone().map(Arc::new),
            };
            let nick = person.nick.clone();
            self.people
                .insert(person.jid.clone(), Described { nick, picture });
        }
        if !batch.people.is_empty() || !batch.drop_people.is_empty() {
            self.spoil(&[Change::Chats]);
        }
    }

    /// A line that somebody else wrote is unread unless it stands before what was read. Where a
    /// conversation is not known yet, its own record follows in the same batch.
    fn note_unread(&mut self, peer: &BareJid, place: i64) {
        let read = self.chats.get(peer).and_then(|chat| chat.read.place);
        if read.is_none_or(|read| place > read) {
            let unread = self.unread.entry(peer.clone()).or_default();
            unread.insert(place);
            if unread.len() > UNREAD_MAX {
                unread.pop_first();
            }
        }
    }

    fn forget_unread(&mut self, row: &Row) {
        if let Some(unread) = self.unread.get_mut(&row.peer) {
            unread.remove(&row.place.order());
        }
    }

    /// A conversation whose unread lines must be asked for, and from where on.
    pub(crate) fn take_unsettled(&mut self) -> Option<(BareJid, Place)> {
        let peer = self.unsettled.pop_first()?;
        let read = self.chats.get(&peer).and_then(|chat| chat.read.place)?;
        Some((peer, Place::Confirmed(read)))
    }

    /// The unread lines that were asked for.
    pub(crate) fn load_unread(&mut self, rows: &[Row]) {
        for row in rows {
            self.note_unread(&row.peer, row.place.order());
        }
        self.spoil(&[Change::Chats]);
    }

    fn set_filling(&mut self, device: &Device) {
        let part = device.below.last().filter(|_| device.fills_gap());
        let filling = part.map(|part| part.gap.1);
        if self.filling != filling {
            self.filling = filling;
            self.spoil(&[Change::Timeline]);
        }
    }

    /// Opens a conversation; its rows are asked for then.
    pub(crate) fn open(&mut self, peer: BareJid) {
        let mut window = Window::new(peer, self.newest);
        for row in self.provisional.values() {
            window.write(row);
        }
        self.window = Some(window);
        self.spoil(&[Change::Timeline]);
    }

    pub(crate) fn close(&mut self) {
        self.window = None;
        self.spoil(&[Change::Timeline]);
    }

    /// The open conversation.
    pub(crate) fn peer(&self) -> Option<&BareJid> {
        self.window.as_ref().map(|window| &window.peer)
    }

    /// The line with this key in the open conversation.
    pub(crate) fn line(&self, key: &str) -> Option<&Arc<Line>> {
        let lines = &self.view.timeline.as_ref()?.lines;
        lines.iter().find(|line| line.key == key)
    }

    /// The line with this key in the open conversation, if it can be named.
    pub(crate) fn target(&self, key: &str) -> Option<Target> {
        self.window.as_ref()?.target(key)
    }

    /// Whether the person in the open conversation tells when they write.
    pub(crate) fn has_states(&self, peer: &BareJid) -> bool {
        let window = self.window.as_ref().filter(|window| window.peer == *peer);
        window.is_some_and(Window::has_states)
    }

    /// What of the open conversation is in view: up to the line with this key, or all of it.
    pub(crate) fn seen(&self, key: Option<&str>) -> Option<Spot> {
        self.window.as_ref()?.seen(key)
    }

    /// The newest received line up to a place that its sender wants to be told of and was not (IM-07).
    /// `outbox` is what will be in it, beside what is.
    pub(crate) fn to_mark(
        &self,
        place: i64,
        outbox: &BTreeMap<u64, OutboxItem>,
    ) -> Option<(String, Option<ArchiveId>)> {
        let window = self.window.as_ref()?;
        let waiting = self.outbox.values().chain(outbox.values());
        let waiting = waiting.filter(|item| item.to == window.peer);
        let waiting = waiting.filter_map(|item| match &item.signal {
            Some(Signal::Displayed(of)) => Some(of.as_str()),
            Some(_) | None => None,
        });
        window.to_mark(place, gathered(waiting))
    }

    /// What the open conversation ends with, lines of the outbox aside.
    pub(crate) fn last_line(&self) -> Option<Summary> {
        self.window.as_ref()?.last()
    }

    /// The device is asked for rows: gives those before which place, or `None` if all are loaded.
    pub(crate) fn load_older(&mut self) -> Option<Place> {
        let window = self.window.as_mut().filter(|window| !window.is_whole)?;
        window.is_loading = true;
        let oldest = window.oldest();
        self.spoil(&[Change::Timeline]);
        Some(oldest)
    }

    pub(crate) fn is_loading(&self) -> bool {
        self.window.as_ref().is_some_and(|window| window.is_loading)
    }

    /// Rows that were asked for; gives whether there is something among them to look at, or nobody
    /// looks.
    pub(crate) fn load(&mut self, peer: &BareJid, rows: &[Row], is_whole: bool) -> bool {
        let window = self.window.as_mut().filter(|window| window.peer == *peer);
        let Some(window) = window else {
            return true;
        };
        window.load(rows, is_whole);
        self.spoil(&[Change::Timeline]);
        rows.iter().any(is_line)
    }

    pub(crate) fn set_fetching(&mut self, is_older: bool, filled: u32) {
        if self.fetching != (is_older, filled) {
            self.fetching = (is_older, filled);
            self.spoil(&[Change::Timeline]);
        }
    }

    pub(crate) fn set_connection(&mut self, connection: Connection) {
        if self.view.connection != connection {
            self.view.connection = connection;
            self.spoil(&[Change::Connection]);
        }
    }

    pub(crate) fn set_jid(&mut self, jid: Option<protocol::FullJid>) {
        if self.view.jid != jid {
            self.view.jid = jid;
            self.spoil(&[Change::Connection]);
        }
    }

    pub(crate) fn set_sign_in(&mut self, sign_in: SignIn) {
        if self.view.sign_in != sign_in {
            self.view.sign_in = sign_in;
            self.spoil(&[Change::SignIn]);
        }
    }

    pub(crate) fn set_saving(&mut self, saving: Saving) {
        if self.view.own.saving != saving {
            self.view.own.saving = saving;
            self.spoil(&[Change::Chats]);
        }
    }

    /// A contact came or went.
    pub(crate) fn set_online(&mut self, jid: BareJid, is_online: bool) {
        let has_changed = if is_online {
            self.online.insert(jid)
        } else {
            self.online.remove(&jid)
        };
        if has_changed {
            self.spoil(&[Change::Chats]);
        }
    }

    /// These are online and nobody else.
    pub(crate) fn set_all_online(&mut self, online: BTreeSet<BareJid>) {
        if self.online != online {
            self.online = online;
            self.spoil(&[Change::Chats]);
        }
    }

    /// These are writing and nobody else.
    pub(crate) fn set_composing(&mut self, composing: BTreeSet<BareJid>) {
        if self.composing != composing {
            self.composing = composing;
            self.spoil(&[Change::Chats]);
        }
    }

    /// Something about invitations or devices was asked or told.
    pub(crate) fn change_people(&mut self, change: impl FnOnce(&mut People)) {
        let before = self.view.people.clone();
        change(&mut self.view.people);
        if self.view.people != before {
            self.spoil(&[Change::People]);
        }
    }

    fn spoil(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some(is_stale) = self.is_stale.get_mut(*change as usize) {
                *is_stale = true;
            }
        }
    }

    /// Makes the view anew where it is stale; gives what changed.
    pub(crate) fn refresh(&mut self) -> Vec<Change> {
        let all = [
            Change::Connection,
            Change::SignIn,
            Change::Chats,
            Change::Timeline,
            Change::People,
        ];
        let stale = std::mem::take(&mut self.is_stale);
        let changes = all.into_iter().zip(stale).filter(|(_, is_stale)| *is_stale);
        let changes: Vec<_> = changes.map(|(change, _)| change).collect();
        for change in &changes {
            match change {
                Change::Connection => {
                    let said = self.outbox.values().filter(|item| item.is_said());
                    self.view.waiting = said.filter(|item| item.failed.is_none()).count();
                }
                Change::SignIn | Change::People => {}
                Change::Chats => self.list_chats(),
                Change::Timeline => self.view.timeline = self.timeline(),
            }
        }
        changes
    }

    fn timeline(&mut self) -> Option<Timeline> {
        let window = self.window.as_mut()?;
        window.fold(&self.outbox, self.filling);
        Some(Timeline {
            peer: window.peer.clone(),
            lines: window.lines(),
            has_older: !window.is_whole || !self.reaches_start,
            loading_older: window.is_loading || self.fetching.0,
            searching_archive: self.fetching.0,
            filled: self.fetching.1,
        })
    }

    fn list_chats(&mut self) {
        let known = self.contacts.values().filter(|c| !is_request_only(c));
        let mut peers: BTreeSet<_> = gathered(known.map(|contact| &contact.item.jid));
        peers.extend(self.chats.keys());
        let waiting = self.waiting_revisions();
        let summary = |peer| self.summary(peer, waiting.get(peer).map_or(&[][..], Vec::as_slice));
        let mut chats: Vec<_> = peers.into_iter().map(summary).collect();
        chats.sort_unstable_by(|a, b| {
            let key = |chat: &ChatSummary| {
                let (name, peer) = (chat.name.clone(), chat.peer.clone());
                (Reverse(chat.last_stamp), name, peer)
            };
            key(a).cmp(&key(b))
        });
        let requests = self.contacts.values().filter(|contact| contact.wants);
        self.view.requests = requests.map(|contact| contact.item.jid.clone()).collect();
        self.view.chats = chats;
        let own = self.account.as_ref().and_then(|own| self.people.get(own));
        let own = own.cloned().unwrap_or_default();
        (self.view.own.nick, self.view.own.picture) = (own.nick, own.picture);
        self.view.blocked = self.blocked.iter().cloned().collect();
    }

    fn is_blocked(&self, peer: &BareJid) -> bool {
        let domain = BareJid::from_parts(None, peer.domain());
        self.blocked.contains(peer) || self.blocked.contains(&domain)
    }

    /// What was said of lines and has no place in the known part yet, in order, and whether it is on its
    /// way to the archive.
    fn waiting_revisions(&self) -> BTreeMap<&BareJid, Vec<(Revised, bool)>> {
        let held = self.provisional.values();
        let held = held.filter_map(|row| Some((&row.peer, (Revised::of_row(row)?, false))));
        let items = self.outbox.values();
        let items = items.filter_map(|item| Some((&item.to, (Revised::of_item(item)?, true))));
        let mut revisions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (peer, revision) in held.chain(items) {
            revisions.entry(peer).or_default().push(revision);
        }
        revisions
    }

    fn summary(&self, peer: &BareJid, waiting: &[(Revised, bool)]) -> ChatSummary {
        let contact = self.contacts.get(peer);
        let item = contact.map(|contact| &contact.item);
        let person = self.people.get(peer);
        let mut last = self.chats.get(peer).map(Summary::of_chat);
        for (revision, is_waiting) in waiting {
            if let Some(last) = &mut last {
                last.revise(revision, *is_waiting);
            }
        }
        ChatSummary {
            name: item
                .and_then(|item| item.name.clone())
                .or_else(|| person.and_then(|person| person.nick.clone()))
                .unwrap_or_else(|| local_part(peer)),
            picture: person.and_then(|person| person.picture.clone()),
            peer: peer.clone(),
            last_own: last.as_ref().is_some_and(|last| last.own),
            last_mark: last.as_ref().and_then(|last| last.mark.clone()),
            last_retracted: last.as_ref().is_some_and(|last| last.reads().is_none()),
            last_stamp: last.as_ref().map(|last| last.stamp),
            last_text: last
                .and_then(|last| last.reads().map(str::to_owned))
                .unwrap_or_default(),
            unread: self
                .unread
                .get(peer)
                .map_or(0, |unread| u32::try_from(unread.len()).unwrap_or(u32::MAX)),
            subscription: item.map_or(Subscription::None, |item| item.subscription),
            asked: item.is_some_and(|item| item.ask),
            online: self.online.contains(peer),
            blocked: self.is_blocked(peer),
            is_contact: contact.is_some_and(|contact| !is_request_only(contact)),
            composing: self.composing.contains(peer),
        }
    }
}

fn local_part(peer: &BareJid) -> String {
    let node = peer.node().map(|node| node.to_string());
    node.unwrap_or_else(|| peer.to_string())
}
