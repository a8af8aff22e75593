//! A tab that runs the shipped engine on a history in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use client_core::history::{Chat, Content, MemoryHistory, Place, Row};
use client_core::view::Refusal;
use client_core::{
    Batch, Change, Config, Connection, Engine, Input, Intent, Line, Mark, Output, SignIn,
};
use protocol::scram::Secret;
use protocol::{BareJid, Now, Text};

use crate::device::Effect;
use crate::record::{Event, StoredRow};
use crate::server;

/// So many transactions that are not strict may be lost with the machine.
const SOFT_MAX: usize = 12;

/// One tab.
pub(crate) struct Tab {
    account: BareJid,
    engine: Engine,
    /// What the tab reads.
    pub(crate) history: MemoryHistory,
    /// What would survive the worst, and what might not.
    solid: MemoryHistory,
    soft: VecDeque<Batch>,
    commits: VecDeque<Batch>,
    /// Whether the next transaction is aborted.
    pub(crate) aborts_next: bool,
    shown: Vec<Arc<Line>>,
    /// How often somebody wrote here.
    said: usize,
}

impl Tab {
    pub(crate) fn new(account: &BareJid, seed: [u8; 32], now: Now) -> Self {
        let history = MemoryHistory::default();
        let mut tab = Self {
            account: account.clone(),
            engine: engine(account, seed, &history, now),
            solid: history.clone(),
            history,
            soft: VecDeque::new(),
            commits: VecDeque::new(),
            aborts_next: false,
            shown: Vec::new(),
            said: 0,
        };
        tab.sign_in(now);
        tab
    }

    /// The tab is killed and opened again; what was not written is gone, and so many of its last
    /// transactions if they were not strict. Gives how many were lost.
    pub(crate) fn reload(&mut self, lose: usize, seed: [u8; 32], now: Now) -> usize {
        let lost = lose.min(self.soft.len());
        if lost > 0 {
            let kept = self.soft.len() - lost;
            for batch in self.soft.drain(..kept) {
                self.solid.apply(batch);
            }
            self.history = self.solid.clone();
        }
        self.solid = self.history.clone();
        self.soft.clear();
        self.commits.clear();
        self.shown.clear();
        self.aborts_next = false;
        self.engine = engine(&self.account, seed, &self.history, now);
        self.sign_in(now);
        lost
    }

    /// Signs out; what the tab still wants to say may be sent, then it is wiped.
    pub(crate) fn sign_out(&mut self, now: Now) {
        self.engine
            .handle(Input::Intent(Intent::SignOut { everywhere: false }), now);
    }

    fn sign_in(&mut self, now: Now) {
        let secret = Secret::Keys(server::keys());
        let intent = Intent::SignIn {
            secret: Some(secret),
            register: None,
        };
        self.engine.handle(Input::Intent(intent), now);
    }

    fn must_sign_in(&self) -> bool {
        self.engine.view().sign_in == SignIn::Refused(Refusal::SignInAgain)
    }

    pub(crate) fn on_connected(&mut self, now: Now) {
        self.engine.handle(Input::Connected, now);
    }

    pub(crate) fn on_frame(&mut self, text: Text, now: Now) {
        self.engine.handle(Input::Frame(text), now);
    }

    pub(crate) fn on_lost(&mut self, now: Now) {
        self.engine
            .handle(Input::Disconnected("lost".to_owned()), now);
    }

    pub(crate) fn on_tick(&mut self, now: Now) {
        self.engine.handle(Input::Tick, now);
    }

    pub(crate) fn on_online(&mut self, now: Now) {
        self.engine.handle(Input::Online, now);
    }

    pub(crate) fn on_visible(&mut self, is_visible: bool, now: Now) {
        self.engine.handle(Input::Visible(is_visible), now);
        self.look(now);
    }

    pub(crate) fn say(&mut self, to: &BareJid, text: String, now: Now) {
        let to = to.clone();
        let intent = Intent::Send {
            to,
            body: text,
            reply_to: None,
        };
        self.engine.handle(Input::Intent(intent), now);
        self.say_of_another(now);
    }

    /// Now and then something is said of a line that is there already, if its conversation is open.
    fn say_of_another(&mut self, now: Now) {
        self.said += 1;
        let Some(timeline) = &self.engine.view().timeline else {
            return;
        };
        let said = self.said;
        let at = said.wrapping_mul(7) % timeline.lines.len().max(1);
        let Some(key) = timeline.lines.get(at).map(|line| line.key.clone()) else {
            return;
        };
        let intent = match said % 5 {
            1 => Intent::Edit {
                key,
                body: format!("edit {said}"),
            },
            3 => Intent::React {
                key,
                emojis: vec![
                    if said.is_multiple_of(2) {
                        "🌹"
                    } else {
                        "👍"
                    }
                    .to_owned(),
                ],
            },
            _ => return,
        };
        self.engine.handle(Input::Intent(intent), now);
    }

    /// What the screen says of each archived line behind the last gap, by conversation and archive id.
    pub(crate) fn looks(&self) -> BTreeMap<(String, String), String> {
        let Some(timeline) = &self.engine.view().timeline else {
            return BTreeMap::new();
        };
        let newest_first = timeline.lines.iter().rev();
        let known = newest_first.take_while(|line| !matches!(line.mark, Mark::Gap | Mark::Filling));
        let look = |line: &Arc<Line>| {
            let id = line.id.as_ref()?.to_string();
            let (edits, reactions) = (&line.edits, &line.reactions);
            let edits: Vec<_> = edits.iter().map(|edit| &edit.text).collect();
            let said = format!("{} {edits:?} {reactions:?}", line.text);
            Some(((timeline.peer.to_string(), id), said))
        };
        known.filter_map(look).collect()
    }

    pub(crate) fn open(&mut self, peer: BareJid, now: Now) {
        let open = Intent::OpenChat(peer);
        self.engine.handle(Input::Intent(open), now);
        self.look(now);
    }

    /// Somebody looks at the end of what is open.
    fn look(&mut self, now: Now) {
        let end = Intent::Seen { key: None };
        self.engine.handle(Input::Intent(end), now);
    }

    pub(crate) fn older(&mut self, now: Now) {
        self.engine.handle(Input::Intent(Intent::Older), now);
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.engine.deadline()
    }

    pub(crate) fn connection(&self) -> Connection {
        self.engine.view().connection
    }

    pub(crate) fn waiting(&self) -> usize {
        self.engine.view().waiting
    }

    /// Whether its storage failed, so that only a reload helps.
    pub(crate) fn is_broken(&self) -> bool {
        self.connection() == Connection::Broken
    }

    /// The transaction that is durable next; `None` if it is aborted instead.
    pub(crate) fn next_commit(&self, dev: usize) -> Option<Event> {
        let batch = self.commits.front().filter(|_| !self.aborts_next)?;
        Some(Event::Store {
            dev,
            rows: batch.rows.iter().map(stored).collect(),
            dropped: batch.drop_rows.iter().map(|place| place.order()).collect(),
            sent: batch
                .outbox
                .iter()
                .map(|item| (item.seq, item.message_id.clone(), item.failed.is_some()))
                .collect(),
            done: batch.drop_outbox.clone(),
            cursor: batch
                .device
                .as_ref()
                .and_then(|device| device.pos.as_ref())
                .map(ToString::to_string),
            reads: batch.chats.iter().filter_map(read_up_to).collect(),
        })
    }

    /// What is newly written by the person: (id, addressee, text).
    pub(crate) fn next_sends(&self) -> Vec<(String, BareJid, String)> {
        let batch = self.commits.front().filter(|_| !self.aborts_next);
        let items = batch.into_iter().flat_map(|batch| &batch.outbox);
        let item = |item: &client_core::OutboxItem| {
            (item.message_id.clone(), item.to.clone(), item.body.clone())
        };
        items.map(item).collect()
    }

    /// The oldest transaction is durable, or aborted.
    pub(crate) fn finish_commit(&mut self, now: Now) {
        let Some(batch) = self.commits.pop_front() else {
            return;
        };
        if std::mem::take(&mut self.aborts_next) {
            self.commits.clear();
            let reason = "aborted".to_owned();
            return self.engine.handle(Input::StorageFailed(reason), now);
        }
        let is_strict = !batch.outbox.is_empty() || !batch.drop_outbox.is_empty();
        self.history.apply(batch.clone());
        self.soft.push_back(batch);
        let keep = if is_strict { 0 } else { SOFT_MAX };
        while self.soft.len() > keep {
            if let Some(batch) = self.soft.pop_front() {
                self.solid.apply(batch);
            }
        }
        self.engine.handle(Input::Committed, now);
    }

    pub(crate) fn poll(&mut self, now: Now) -> Option<Effect> {
        while let Some(output) = self.engine.poll() {
            return Some(match output {
                Output::Connect => Effect::Connect,
                Output::Transmit(text) => Effect::Send(text),
                Output::Disconnect => Effect::Disconnect,
                Output::Commit(batch) => {
                    self.commits.push_back(batch);
                    Effect::Commit
                }
                Output::Query(query) => {
                    let (query, rows) = (query.query, self.history.query(&query.wanted));
                    self.engine.handle(Input::Rows { query, rows }, now);
                    continue;
                }
                Output::Changed(Change::Timeline) => Effect::Show,
                Output::Changed(Change::Connection) if self.connection() == Connection::Live => {
                    self.look(now);
                    continue;
                }
                // Its token was lost: an older login of this device that was still under way took its place.
                Output::Changed(_) if self.must_sign_in() => {
                    self.sign_in(now);
                    continue;
                }
                // The person finds it where it was written, and writes nothing more here.
                Output::Unsaved { .. }
                | Output::KeepKeys { .. }
                | Output::ForgetKeys
                | Output::Changed(_) => continue,
            });
        }
        None
    }

    /// What changed on the screen, if anything.
    pub(crate) fn show(&mut self, dev: usize) -> Option<Event> {
        let timeline = self.engine.view().timeline.as_ref()?;
        let with = timeline.peer.to_string();
        let lines = &timeline.lines;
        let pairs = lines.iter().zip(&self.shown);
        let from = pairs.take_while(|(a, b)| Arc::ptr_eq(a, b)).count();
        if from == lines.len() && from == self.shown.len() {
            return None;
        }
        self.shown.clone_from(lines);
        let line = |line: &Arc<Line>| (line.key.clone(), line.id.as_ref().map(ToString::to_string));
        let lines = lines.iter().skip(from).map(line).collect();
        Some(Event::Show {
            dev,
            with,
            from,
            lines,
        })
    }

    /// Every row of the history, as the checker knows rows.
    pub(crate) fn rows(&self) -> Vec<StoredRow> {
        self.history.rows().map(stored).collect()
    }

    /// The ids of the outbox that is on disk: (number, message, whether it failed).
    pub(crate) fn outbox(&self) -> Vec<(u64, String, bool)> {
        let outbox = self.history.restore().outbox;
        let item =
            |item: client_core::OutboxItem| (item.seq, item.message_id, item.failed.is_some());
        outbox.into_iter().map(item).collect()
    }

    /// The read marks that are on disk.
    pub(crate) fn reads(&self) -> Vec<(String, String)> {
        let chats = self.history.restore().chats;
        chats.iter().filter_map(read_up_to).collect()
    }

    /// The cursor that is on disk.
    pub(crate) fn cursor(&self) -> Option<String> {
        let device = self.history.restore().device;
        device.and_then(|device| device.pos.map(|id| id.to_string()))
    }
}

/// What a conversation's read mark says, unless it is only assumed.
fn read_up_to(chat: &Chat) -> Option<(String, String)> {
    let id = chat.read.id.as_ref().filter(|_| !chat.read.is_assumed)?;
    Some((chat.peer.to_string(), id.to_string()))
}

fn stored(row: &Row) -> StoredRow {
    StoredRow {
        place: row.place.order(),
        is_confirmed: matches!(row.place, Place::Confirmed(_)),
        is_gap: row.content == Content::Gap,
        aid: row.id.as_ref().map(ToString::to_string),
        mid: row.message_id.clone().unwrap_or_default(),
    }
}

fn engine(account: &BareJid, seed: [u8; 32], history: &MemoryHistory, now: Now) -> Engine {
    let config = Config {
        account: account.clone(),
        seed,
    };
    Engine::new(config, history.restore(), now)
}
