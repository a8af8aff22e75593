//! What the components read: signals that mirror the engine's view.

use std::collections::HashMap;
use std::sync::Arc;

use client_core::view::{ChatSummary, Connection, Line, Mark, OwnProfile, SignIn, View};
use client_core::{Change, Input, Intent, People, Picture};
use leptos::prelude::*;
use protocol::{BareJid, FullJid};

use crate::components::{is_gap, mark_name};
use crate::driver::Inbox;
use crate::format;
use crate::inspector::{What, Wire};
use crate::saying::Saying;
use crate::{browser, drafts, lab, texts};

/// How many announcements stay for assistive technology to read.
const ANNOUNCED_MAX: usize = 5;

/// Which page is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The device is being opened.
    Loading,
    /// A name and password are asked for; the name is known on a device that was signed in before.
    SignIn,
    /// A link with this token lets an account be made.
    SetUp {
        /// The secret of the link.
        token: String,
        /// Whether somebody invited, or the server's first account is made.
        invited: bool,
        /// Who invited, if the link says so.
        inviter: Option<BareJid>,
    },
    /// Somebody who is signed in opened an invitation.
    Follow {
        /// The secret of the link.
        token: String,
        /// Who invites.
        inviter: BareJid,
        /// Who is signed in.
        account: BareJid,
    },
    /// A link of another device lets this one sign in.
    DeviceLink {
        /// The secret of the link.
        token: String,
        /// To which account.
        account: BareJid,
    },
    /// The conversations.
    Chat,
    /// Nothing works; the reason in plain words.
    Trouble(String),
}

/// What can be shown in place of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// What a person can choose.
    Settings,
    /// The account's devices.
    Devices,
}

/// All that a screen shows.
#[derive(Clone, Copy)]
pub struct AppState {
    /// Which page.
    pub page: RwSignal<Page>,
    /// Whose device; absent before the first sign-in.
    pub account: RwSignal<Option<BareJid>>,
    /// Which device of this browser.
    pub slot: RwSignal<String>,
    /// How the link stands.
    pub connection: RwSignal<Connection>,
    /// Whether the server is reached.
    pub is_connected: Memo<bool>,
    /// The bound address.
    pub jid: RwSignal<Option<FullJid>>,
    /// Own lines on their way.
    pub waiting: RwSignal<usize>,
    /// Whether somebody is signed in.
    pub sign_in: RwSignal<SignIn>,
    /// What is wrong with the last sign-in or its input, in plain words.
    pub trouble: RwSignal<Option<String>>,
    /// The conversations.
    pub chats: RwSignal<Vec<ChatSummary>>,
    /// The same by peer.
    pub chat_of: Memo<HashMap<BareJid, ChatSummary>>,
    /// Whether the list is known: an empty one is no news before the first connection.
    pub is_list_known: Memo<bool>,
    /// Who asks to become a contact.
    pub requests: RwSignal<Vec<BareJid>>,
    /// What the account tells of itself.
    pub own: RwSignal<OwnProfile>,
    /// Who is blocked.
    pub blocked: RwSignal<Vec<BareJid>>,
    /// Whose conversation the address bar names.
    pub route: RwSignal<Option<BareJid>>,
    /// What is shown in place of a conversation.
    pub pane: RwSignal<Option<Pane>>,
    /// Where the way back from there leads: the fragment with its `#`.
    pub back: RwSignal<String>,
    /// Whose lines are in `lines`.
    pub peer: RwSignal<Option<BareJid>>,
    /// The open conversation's lines, oldest first.
    pub lines: RwSignal<Vec<Arc<Line>>>,
    /// Whether older lines can be had.
    pub has_older: RwSignal<bool>,
    /// Whether older lines are coming.
    pub loading_older: RwSignal<bool>,
    /// Whether they are to come from the archive.
    pub searching_archive: RwSignal<bool>,
    /// How much was found for the gap that is being filled.
    pub filled: RwSignal<u32>,
    /// What was typed and not sent, per conversation.
    pub drafts: RwSignal<HashMap<BareJid, String>>,
    /// What the person is about to say of a line.
    pub saying: Saying,
    /// What assistive technology reads out.
    pub announced: RwSignal<Vec<(u64, String)>>,
    /// Counts own lines, so that the timeline goes to its end for them.
    pub sent: RwSignal<u32>,
    /// Whether somebody looks at the page.
    pub looked_at: RwSignal<bool>,
    /// Whether there is room for one pane only.
    pub is_narrow: RwSignal<bool>,
    /// Whether addresses and archive ids are shown.
    pub developer: RwSignal<bool>,
    /// What went over the wire, for developers.
    pub wire: Wire,
    /// Which language is spoken; when it changes, all is drawn anew.
    pub language: RwSignal<usize>,
    /// Invitations and the account's devices.
    pub people: RwSignal<People>,
    /// Whether lines came into the open conversation that a catch-up brought, and nobody was told.
    missed: RwSignal<bool>,
    inbox: RwSignal<Option<Inbox>>,
}

impl AppState {
    /// An empty screen.
    pub fn new() -> Self {
        let chats = RwSignal::new(Vec::<ChatSummary>::new());
        let chat_of = Memo::new(move |_| {
            let by_peer = |chat: &ChatSummary| (chat.peer.clone(), chat.clone());
            chats.with(|chats| chats.iter().map(by_peer).collect())
        });
        let connection = RwSignal::new(Connection::default());
        let is_list_known = Memo::new(move |known: Option<&bool>| {
            known.is_some_and(|known| *known)
                || chats.with(|chats| !chats.is_empty())
                || connection.get() == Connection::Live
        });
        let is_connected = Memo::new(move |_| {
            let connection = connection.get();
            matches!(connection, Connection::Live | Connection::CatchingUp { .. })
        });
        Self {
            page: RwSignal::new(Page::Loading),
            account: RwSignal::new(None),
            slot: RwSignal::new(String::new()),
            connection,
            is_connected,
            jid: RwSignal::new(None),
            waiting: RwSignal::new(0),
            sign_in: RwSignal::new(SignIn::default()),
            trouble: RwSignal::new(None),
            chats,
            chat_of,
            is_list_known,
            requests: RwSignal::new(Vec::new()),
            own: RwSignal::new(OwnProfile::default()),
            blocked: RwSignal::new(Vec::new()),
            route: RwSignal::new(None),
            pane: RwSignal::new(None),
            back: RwSignal::new(crate::route::LIST.to_owned()),
            peer: RwSignal::new(None),
            lines: RwSignal::new(Vec::new()),
            has_older: RwSignal::new(false),
            loading_older: RwSignal::new(false),
            searching_archive: RwSignal::new(false),
            filled: RwSignal::new(0),
            drafts: RwSignal::new(HashMap::new()),
            saying: Saying::new(),
            announced: RwSignal::new(Vec::new()),
            sent: RwSignal::new(0),
            looked_at: RwSignal::new(false),
            is_narrow: RwSignal::new(false),
            developer: RwSignal::new(false),
            wire: Wire::new(),
            language: RwSignal::new(0),
            people: RwSignal::new(People::default()),
            missed: RwSignal::new(false),
            inbox: RwSignal::new(None),
        }
    }

    /// Connects the screen with a device, or with none.
    pub fn attach(&self, inbox: Option<Inbox>) {
        self.inbox.set(inbox);
    }

    /// Where the device's events go, if there is one.
    pub fn inbox(&self) -> Option<Inbox> {
        self.inbox.get_untracked()
    }

    /// Tells the engine what the person wants.
    pub fn send(&self, intent: Intent) {
        self.push(Input::Intent(intent));
    }

    /// Tells the engine what happened.
    pub fn push(&self, input: Input) {
        if let Some(inbox) = self.inbox() {
            inbox.push(input);
        }
    }

    /// Whether the list is all that is shown; follows that.
    pub fn is_list_only(&self) -> bool {
        let is_open = self.route.with(Option::is_some) || self.pane.with(Option::is_some);
        self.is_narrow.get() && !is_open
    }

    /// Notes whether somebody looks at the page. In the lab, each device has a person of its own.
    pub fn look(&self) {
        let has_person = lab::seat().is_some() && browser::is_visible();
        set(self.looked_at, has_person || browser::is_looked_at());
    }

    /// Takes over the parts of the view that changed.
    pub fn apply(&self, view: &View, changes: &[Change]) {
        let was_live = self.connection.get_untracked() == Connection::Live;
        let is_live = view.connection == Connection::Live;
        for change in changes {
            match change {
                Change::Connection => {
                    set(self.connection, view.connection);
                    set(self.jid, view.jid.clone());
                    set(self.waiting, view.waiting);
                }
                Change::SignIn => set(self.sign_in, view.sign_in.clone()),
                Change::Chats => {
                    set(self.chats, view.chats.clone());
                    set(self.requests, view.requests.clone());
                    set(self.own, view.own.clone());
                    set(self.blocked, view.blocked.clone());
                }
                // What comes with the last page of a catch-up is no more live than the rest of it.
                Change::Timeline => self.apply_timeline(view, was_live && is_live),
                Change::People => set(self.people, view.people.clone()),
            }
        }
        if is_live && !was_live && self.missed.get_untracked() {
            self.missed.set(false);
            self.announce_missed(view);
        }
    }

    fn apply_timeline(&self, view: &View, is_live: bool) {
        let Some(timeline) = &view.timeline else {
            set(self.peer, None);
            set(self.missed, false);
            self.lines.set(Vec::new());
            set(self.has_older, false);
            set(self.loading_older, false);
            set(self.searching_archive, false);
            return;
        };
        let same_chat = self
            .peer
            .with_untracked(|p| p.as_ref() == Some(&timeline.peer));
        if same_chat {
            self.announce_new(view, &timeline.lines, is_live);
        } else {
            set(self.missed, false);
            self.lines.set(Vec::new());
            self.peer.set(Some(timeline.peer.clone()));
        }
        let is_known = self
            .lines
            .with_untracked(|former| is_same(former, &timeline.lines));
        if !is_known {
            self.lines
                .with_untracked(|former| self.note_marks(former, &timeline.lines));
            self.lines.set(timeline.lines.clone());
        }
        set(self.has_older, timeline.has_older);
        set(self.loading_older, timeline.loading_older);
        set(self.searching_archive, timeline.searching_archive);
        set(self.filled, timeline.filled);
    }

    /// Notes for developers what happened on the wire.
    pub fn note_wire(&self, what: impl FnOnce() -> What) {
        if self.developer.get_untracked() {
            self.wire.note(what());
        }
    }

    /// Notes for developers what is newly known of lines that were there.
    fn note_marks(&self, former: &[Arc<Line>], lines: &[Arc<Line>]) {
        if !self.developer.get_untracked() {
            return;
        }
        let known = former.iter().map(|line| (line.key.as_str(), line));
        let known: HashMap<&str, &Arc<Line>> = known.collect();
        for line in lines {
            let before = known.get(line.key.as_str());
            let is_news = match before {
                Some(before) => before.mark != line.mark,
                None => line.mark == Mark::Waiting,
            };
            if is_news {
                self.wire.note(What::Became {
                    key: line.key.as_str().into(),
                    mark: mark_name(&line.mark),
                    archive_id: line.id.as_ref().map(|id| id.as_str().into()),
                });
            }
        }
    }

    /// Lets assistive technology read received lines that stand behind the known ones. A catch-up is silent, and
    /// summed up at its end.
    fn announce_new(&self, view: &View, lines: &[Arc<Line>], is_live: bool) {
        let fresh = self.lines.with_untracked(|former| fresh(former, lines));
        if fresh.is_empty() {
            return;
        }
        if !is_live {
            return set(self.missed, true);
        }
        let peer = view.timeline.as_ref().map(|timeline| &timeline.peer);
        let name = untrack(|| self.name_of(peer));
        let texts = fresh.iter().map(|line| format!("{name}: {}", line.text));
        self.announce(texts);
    }

    /// How many lines a catch-up left unread in the open conversation.
    fn announce_missed(&self, view: &View) {
        let peer = view.timeline.as_ref().map(|timeline| &timeline.peer);
        let mut chats = view.chats.iter();
        let unread = chats.find(|chat| Some(&chat.peer) == peer);
        let unread = unread.map_or(0, |chat| chat.unread);
        if unread > 0 {
            let name = untrack(|| self.name_of(peer));
            self.announce([format!("{name}: {}", texts::unread(unread))].into_iter());
        }
    }

    fn announce(&self, texts: impl Iterator<Item = String>) {
        let mut texts = texts.peekable();
        if texts.peek().is_none() {
            return;
        }
        self.announced.update(|announced| {
            for text in texts {
                let number = announced.last().map_or(0, |(n, _)| n + 1);
                announced.push((number, text));
            }
            let surplus = announced.len().saturating_sub(ANNOUNCED_MAX);
            announced.drain(..surplus);
        });
    }

    /// What the person calls somebody.
    pub fn name_of(&self, peer: Option<&BareJid>) -> String {
        let Some(peer) = peer else {
            return String::new();
        };
        self.chat_of
            .with(|chats| chats.get(peer).map(|chat| chat.name.clone()))
            .unwrap_or_else(|| format::short_name(peer))
    }

    /// The picture of a contact, or the own one.
    pub fn picture_of(&self, peer: &BareJid) -> Option<Arc<Picture>> {
        if self.account.with(|own| own.as_ref() == Some(peer)) {
            return self.own.with(|own| own.picture.clone());
        }
        self.chat_of
            .with(|chats| chats.get(peer).and_then(|chat| chat.picture.clone()))
    }

    /// The draft of a conversation.
    pub fn draft(&self, peer: &BareJid) -> String {
        let known = self
            .drafts
            .with_untracked(|drafts| drafts.get(peer).cloned());
        known.unwrap_or_else(|| {
            self.account.with_untracked(|account| {
                account.as_ref().map_or_else(String::new, |account| {
                    drafts::read(account, &self.slot.get_untracked(), peer)
                })
            })
        })
    }

    /// Keeps the draft of a conversation.
    pub fn set_draft(&self, peer: &BareJid, text: &str) {
        if let Some(account) = self.account.get_untracked() {
            drafts::write(&account, &self.slot.get_untracked(), peer, text);
        }
        self.drafts
            .update(|drafts| drop(drafts.insert(peer.clone(), text.to_owned())));
    }

    /// A line could not be kept: it stands in its conversation's draft again, before what is there.
    pub fn give_back(&self, peer: &BareJid, body: &str) {
        let draft = self.draft(peer);
        let both = format!("{body}\n{draft}");
        self.set_draft(peer, both.trim_end());
    }

    /// Opens a conversation by the address bar, so that Back works.
    pub fn open(&self, peer: &BareJid) {
        crate::route::go(&crate::route::chat(peer));
    }
}

impl Default for AppState {
    fn default() -> Self {
        Self::new()
    }
}

/// Sets a signal only to something else, so that nothing is drawn again for nothing.
fn set<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|known| *known != value) {
        signal.set(value);
    }
}

/// The newest received lines that were not there before and stand behind all that were, oldest first. What waits
/// or was refused stands behind everything, and lines that come stand before it.
fn fresh(former: &[Arc<Line>], lines: &[Arc<Line>]) -> Vec<Arc<Line>> {
    let has_place =
        |line: &Line| line.id.is_some() || !matches!(line.mark, Mark::Waiting | Mark::Failed(_));
    let Some(last_known) = former.iter().rev().find(|line| has_place(line)) else {
        return Vec::new();
    };
    let newest_first = lines.iter().rev();
    let behind = newest_first.take_while(|line| line.key != last_known.key);
    let is_new = |line: &&Arc<Line>| !line.own && !is_gap(&line.mark);
    let is_new = behind.filter(is_new);
    let is_known = |line: &Arc<Line>| former.iter().rev().any(|known| known.key == line.key);
    let is_new = is_new.filter(|line| !is_known(line));
    let mut fresh: Vec<_> = is_new.take(ANNOUNCED_MAX).cloned().collect();
    fresh.reverse();
    fresh
}

/// Whether these are the same lines, and nothing about them is different.
fn is_same(former: &[Arc<Line>], lines: &[Arc<Line>]) -> bool {
    let mut pairs = former.iter().zip(lines);
    former.len() == lines.len() && pairs.all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
}
