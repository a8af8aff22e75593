//! A device, its disk, its clock and its server, moved step by step.

use std::collections::VecDeque;

use client_core::{
    Change, Config, Connection, Engine, Input, Intent, Line, MemoryHistory, Output, Place, Row,
    SignIn,
};
use protocol::Now;
use protocol::scram::{ClientKeys, Secret};

use crate::server::{Server, account, bare, text_of};

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) history: MemoryHistory,
    pub(crate) server: Server,
    pub(crate) now: Now,
    /// What was done for the engine and waits to be told to it.
    answers: VecDeque<Input>,
    /// Whether commits are left unanswered, as if the disk were slow.
    pub(crate) disk_is_slow: bool,
    /// Whether what is being written is not found yet.
    pub(crate) finds_nothing: bool,
    /// Whether reads are left unanswered, too.
    pub(crate) reads_are_slow: bool,
    late: VecDeque<Input>,
    pub(crate) keys: Option<ClientKeys>,
    pub(crate) forgot_keys: bool,
    /// Texts that became durable in the outbox.
    pub(crate) written: Vec<String>,
    /// Texts that were given back.
    pub(crate) unsaved: Vec<String>,
    pub(crate) changes: Vec<Change>,
    pub(crate) is_online: bool,
    has_socket: bool,
    lives: u8,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Now {
            mono_ms: 1_000_000,
            wall_ms: 1_700_000_000_000,
        };
        let history = MemoryHistory::default();
        Self {
            engine: start(&history, 1, now),
            history,
            server: Server::new(),
            now,
            answers: VecDeque::new(),
            disk_is_slow: false,
            finds_nothing: false,
            reads_are_slow: false,
            late: VecDeque::new(),
            keys: None,
            forgot_keys: false,
            written: Vec::new(),
            unsaved: Vec::new(),
            changes: Vec::new(),
            is_online: true,
            has_socket: false,
            lives: 1,
        }
    }

    /// A world whose device is live.
    pub(crate) fn live() -> Self {
        let mut world = Self::new();
        world.sign_in();
        world.run();
        assert_eq!(world.engine.view().connection, Connection::Live);
        world
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(input, self.now);
    }

    pub(crate) fn intent(&mut self, intent: Intent) {
        self.input(Input::Intent(intent));
    }

    pub(crate) fn sign_in(&mut self) {
        let secret = match &self.keys {
            Some(keys) => Secret::Keys(keys.clone()),
            None => Secret::Password(crate::server::PASSWORD.to_owned()),
        };
        self.intent(Intent::SignIn {
            secret: Some(secret),
            register: None,
        });
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.intent(Intent::Send {
            to: bare("romeo"),
            body: text.to_owned(),
            reply_to: None,
        });
    }

    /// Does one thing; gives whether there was one to do.
    pub(crate) fn step(&mut self) -> bool {
        if let Some(output) = self.engine.poll() {
            self.perform(output);
        } else if let Some(input) = self.answers.pop_front() {
            self.input(input);
        } else if let Some(frame) = self.server.to_device.pop_front() {
            self.input(Input::Frame(frame));
        } else {
            return false;
        }
        true
    }

    /// Goes on until it is live and nothing is left to do; gives what is seen after each step.
    pub(crate) fn watch<T>(&mut self, look: impl Fn(&Self) -> T) -> Vec<T> {
        let mut seen = Vec::new();
        for _ in 0..10_000 {
            let due = self.engine.deadline();
            if !self.step() {
                let Some(due) = due.filter(|_| !self.is_live()) else {
                    break;
                };
                self.tick_at(due);
            }
            seen.push(look(self));
        }
        seen
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect if self.is_online => {
                self.server.connect();
                self.has_socket = true;
                self.answers.push_back(Input::Connected);
            }
            Output::Connect => self
                .answers
                .push_back(Input::Disconnected("offline".into())),
            Output::Transmit(text) => self.server.receive(&text),
            Output::Disconnect if self.has_socket => {
                self.server.cut();
                self.has_socket = false;
                self.answers.push_back(Input::Disconnected("asked".into()));
            }
            Output::Disconnect => {}
            Output::Commit(batch) => {
                for item in batch.outbox.iter().filter(|item| item.signal.is_none()) {
                    if !self.written.contains(&item.body) {
                        self.written.push(item.body.clone());
                    }
                }
                self.history.apply(batch);
                let queue = if self.disk_is_slow {
                    &mut self.late
                } else {
                    &mut self.answers
                };
                queue.push_back(Input::Committed);
            }
            Output::Query(query) => {
                let rows = match self.finds_nothing {
                    true => Vec::new(),
                    false => self.history.query(&query.wanted),
                };
                let query = query.query;
                let queue = match self.reads_are_slow {
                    true => &mut self.late,
                    false => &mut self.answers,
                };
                queue.push_back(Input::Rows { query, rows });
            }
            Output::KeepKeys { keys, .. } => self.keys = Some(keys),
            Output::ForgetKeys => self.forgot_keys = true,
            Output::Unsaved { body, .. } => self.unsaved.push(body),
            Output::Changed(change) => self.changes.push(change),
        }
    }

    /// Runs until nothing is left to do at this moment.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("never quiet");
    }

    /// The moment comes at which something is due.
    pub(crate) fn tick_at(&mut self, due: u64) {
        let due = due.max(self.now.mono_ms);
        self.now.wall_ms += i64::try_from(due - self.now.mono_ms).unwrap();
        self.now.mono_ms = due;
        self.input(Input::Tick);
    }

    /// Answers the commits that were left open.
    pub(crate) fn release_disk(&mut self) {
        self.disk_is_slow = false;
        self.reads_are_slow = false;
        self.answers.append(&mut self.late);
    }

    /// Lets time pass, with every deadline met.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now.mono_ms + ms;
        self.run();
        while let Some(due) = self.engine.deadline().filter(|due| *due <= end) {
            self.tick_at(due);
            self.run();
        }
        self.now.wall_ms += i64::try_from(end - self.now.mono_ms).unwrap();
        self.now.mono_ms = end;
    }

    /// The connection breaks.
    pub(crate) fn cut(&mut self) {
        self.server.cut();
        if self.has_socket {
            self.has_socket = false;
            self.answers
                .retain(|input| !matches!(input, Input::Connected));
            self.input(Input::Disconnected("cut".into()));
        }
    }

    /// The tab dies and comes back with what is on the disk.
    pub(crate) fn reload(&mut self) {
        self.server.cut();
        self.has_socket = false;
        self.answers.clear();
        self.late.clear();
        self.lives += 1;
        self.engine = start(&self.history, self.lives, self.now);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.engine.view().connection == Connection::Live
    }

    pub(crate) fn confirmed(&self) -> Vec<Row> {
        let rows = self.history.rows();
        let confirmed = rows.filter(|row| matches!(row.place, Place::Confirmed(_)));
        confirmed.cloned().collect()
    }

    /// The lines on the screen.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let timeline = self.engine.view().timeline.as_ref();
        let lines = timeline.map(|timeline| timeline.lines.clone());
        let lines = lines.unwrap_or_default();
        lines.iter().map(|line| Line::clone(line)).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.lines().into_iter().map(|line| line.text).collect()
    }

    /// What the device holds is the end of the archive, each entry once and in order, and nothing waits.
    pub(crate) fn assert_same_as_archive(&self) {
        let ids: Vec<_> = self
            .confirmed()
            .into_iter()
            .filter_map(|row| row.id)
            .collect();
        let archive = &self.server.archive;
        let archived: Vec<_> = archive.iter().map(|entry| entry.id.clone()).collect();
        let from = archived.len().saturating_sub(ids.len());
        assert_eq!(
            ids,
            archived[from..],
            "the device's rows are the end of the archive"
        );
        let restored = self.history.restore();
        assert_eq!(restored.outbox, [], "nothing waits");
        assert_eq!(restored.provisional, [], "everything has its place");
        assert!(self.is_live());
        assert_eq!(self.engine.view().sign_in, SignIn::In);
    }

    /// What the screen says is unread is what the rows say.
    pub(crate) fn assert_unread_as_rows_say(&self) {
        for chat in self.history.restore().chats {
            let after = chat.read.place.unwrap();
            let rows = self.history.rows();
            let news = rows.filter(|row| row.peer == chat.peer && row.is_news());
            let unread = news.filter(|row| row.place.order() > after).count();
            let mut shown = self.engine.view().chats.iter();
            let shown = shown.find(|shown| shown.peer == chat.peer).unwrap();
            assert_eq!(shown.unread as usize, unread, "{}", chat.peer);
        }
    }

    /// Every text stands in the archive exactly once, in this order.
    pub(crate) fn assert_sent_once(&self, texts: &[&str]) {
        let sent = self.server.archive.iter().map(text_of);
        let sent: Vec<_> = sent.filter(|text| texts.contains(&text.as_str())).collect();
        assert_eq!(sent, texts);
    }
}

fn start(history: &MemoryHistory, life: u8, now: Now) -> Engine {
    let config = Config {
        account: account(),
        seed: [life; 32],
    };
    Engine::new(config, history.restore(), now)
}
