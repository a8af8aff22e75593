//! One server core, a store in memory, and the connections of a script.

use std::collections::{BTreeMap, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use protocol::scram::{ScramHash, StoredKeys};
use protocol::time::Stamp;
use protocol::{BareJid, Now, Text};
use server_core::archive::{Append, ReadError};
use server_core::records::Change;
use server_core::{
    ConnId, Core, Identity, Inline, Input, Limits, Opening, OpeningInput, OpeningOutput, Output,
    ServerConfig, Ticket,
};
use store::Retention;
use store::memory::{FailingSide, FaultPlan, Memory};

const SEED: [u8; 32] = [11; 32];
/// Wall time at which every script begins: 2026-11-22T10:00:00Z.
const START_MS: i64 = 1_795_341_600_000;

/// What the other end of one connection sees.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) inbox: VecDeque<Text>,
    pub(crate) is_closed: bool,
    pub(crate) credits: usize,
    conn: Option<ConnId>,
    opening: Option<Opening>,
}

pub(crate) struct World {
    config: ServerConfig,
    core: Core,
    pub(crate) store: Memory,
    clock: Arc<AtomicI64>,
    now: Now,
    pub(crate) peers: BTreeMap<String, Peer>,
    next_conn: u64,
    /// How many openings there were: each draws other tokens.
    knocks: u8,
    /// How often the server was started anew.
    lives: u8,
    /// Appends that wait while the store stands still.
    stopped: Option<VecDeque<(Ticket, Append)>>,
    /// Keys that wait to be read a second time.
    held_keys: Option<VecDeque<Output>>,
    /// Pages, ends and places that wait while the store reads nothing.
    unread: Option<VecDeque<Output>>,
    /// Log entries that wait to be read, and appends that were made and not answered, while they wait.
    unwalked: Option<VecDeque<Output>>,
    unanswered: Option<VecDeque<Input>>,
    /// Where archives began and ended when they were read, while nobody hears of it.
    untold_ends: Option<VecDeque<Input>>,
    /// The same of pages.
    untold_pages: Option<VecDeque<Input>>,
    /// Changes that wait while the store makes none.
    unchanged: Option<VecDeque<Output>>,
    /// Whether the next password cannot be hashed.
    fails_hash: bool,
    /// What the store was asked and told to do, kind by kind.
    pub(crate) store_work: Vec<Discriminant<Output>>,
}

const ACCOUNTS: [&str; 3] = ["romeo", "juliet", "mercutio"];

/// The accounts of every play and the keys of their passwords, which are their names; derived once.
fn accounts() -> &'static [(&'static str, StoredKeys)] {
    static KEYS: OnceLock<Vec<(&str, StoredKeys)>> = OnceLock::new();
    let derive = |name| {
        let keys = StoredKeys::of_password(ScramHash::Sha256, name, vec![1; 16], 4_096);
        (name, keys)
    };
    KEYS.get_or_init(|| ACCOUNTS.map(derive).to_vec())
}

impl World {
    /// A server for `localhost` with the accounts of the play.
    pub(crate) fn new(limits: Limits) -> Result<Self> {
        let config = ServerConfig {
            domain: "localhost".into(),
            open_registration: false,
            allow_plain: false,
            secret: [7; 32],
            web: Some("https://chat.example".into()),
            limits,
        };
        let clock = Arc::new(AtomicI64::new(START_MS));
        let ticking = clock.clone();
        let store = Memory::new([5; 32], store::Limits::default(), move || {
            Stamp(ticking.load(Ordering::Relaxed))
        });
        for (name, keys) in accounts() {
            let account = BareJid::new(&format!("{name}@localhost"))?;
            store.change_now(Change::Register {
                account,
                keys: vec![keys.clone()],
                token: None,
            })?;
        }
        let now = Now {
            mono_ms: 1_000,
            wall_ms: START_MS,
        };
        let core = Core::new(config.clone(), SEED);
        let (peers, next_conn, stopped, unread) = (BTreeMap::new(), 0, None, None);
        Ok(Self {
            config,
            core,
            store,
            clock,
            now,
            peers,
            next_conn,
            knocks: 0,
            lives: 0,
            stopped,
            held_keys: None,
            unread,
            unwalked: None,
            unanswered: None,
            untold_ends: None,
            untold_pages: None,
            unchanged: None,
            fails_hash: false,
            store_work: Vec::new(),
        })
    }

    /// A connection that is logged in and has seen its features.
    pub(crate) fn attach(&mut self, name: &str) -> Result<()> {
        let account = name.split('/').next().unwrap_or_default();
        let account = BareJid::new(&format!("{account}@localhost"))?;
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.peers.insert(
            name.to_owned(),
            Peer {
                conn: Some(conn),
                ..Peer::default()
            },
        );
        let credentials = self.store.credentials_now(&account)?;
        let epoch = credentials.map(|found| found.epoch).unwrap_or_default();
        self.input(Input::Attached {
            conn,
            identity: Identity { account, epoch },
            inline: None,
        });
        Ok(())
    }

    /// A connection that was known by its opening only belongs to an account now.
    fn hand_over(
        &mut self,
        name: &str,
        identity: Identity,
        inline: Option<Box<Inline>>,
    ) -> Result<()> {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        let peer = self.peer(name)?;
        peer.conn = Some(conn);
        peer.opening = None;
        self.input(Input::Attached {
            conn,
            identity,
            inline,
        });
        Ok(())
    }

    /// A connection of which nothing is known yet.
    pub(crate) fn knock(&mut self, name: &str) {
        self.knocks = self.knocks.wrapping_add(1);
        // No opening has the chance that the core has.
        let mut seed = [0; 32];
        seed[0] = self.knocks;
        let opening = Opening::new(self.config.clone(), seed, self.now);
        self.peers.insert(
            name.to_owned(),
            Peer {
                opening: Some(opening),
                ..Peer::default()
            },
        );
    }

    pub(crate) fn peer(&mut self, name: &str) -> Result<&mut Peer> {
        self.peers
            .get_mut(name)
            .with_context(|| format!("{name} is not connected"))
    }

    pub(crate) fn send(&mut self, name: &str, text: &str) -> Result<()> {
        let text = Text::from(text);
        let now = self.now;
        let peer = self.peer(name)?;
        if let Some(mut opening) = peer.opening.take() {
            opening.handle(OpeningInput::Frame(text), now);
            return self.drive_opening(name, opening);
        }
        let conn = peer
            .conn
            .ok_or_else(|| anyhow!("{name} has no connection"))?;
        self.input(Input::Frame { conn, text });
        Ok(())
    }

    pub(crate) fn lose(&mut self, name: &str) -> Result<()> {
        let conn = self
            .peer(name)?
            .conn
            .take()
            .context("no connection to lose")?;
        self.input(Input::Lost { conn });
        Ok(())
    }

    pub(crate) fn pass(&mut self, ms: u64) -> Result<()> {
        let end = self.now.mono_ms + ms;
        while let Some(due) = self.core.deadline().filter(|due| *due <= end) {
            self.set_time(due.max(self.now.mono_ms));
            self.input(Input::Tick);
        }
        self.set_time(end);
        let names: Vec<_> = self.peers.keys().cloned().collect();
        for name in names {
            let now = self.now;
            let Some(mut opening) = self.peer(&name)?.opening.take() else {
                continue;
            };
            opening.handle(OpeningInput::Tick, now);
            self.drive_opening(&name, opening)?;
        }
        Ok(())
    }

    fn set_time(&mut self, mono_ms: u64) {
        let passed = i64::try_from(mono_ms - self.now.mono_ms).unwrap_or(i64::MAX);
        self.now = Now {
            mono_ms,
            wall_ms: self.now.wall_ms + passed,
        };
        self.clock.store(self.now.wall_ms, Ordering::Relaxed);
    }

    /// The store stands still: appends wait.
    pub(crate) fn stop_store(&mut self) {
        self.stopped.get_or_insert_default();
    }

    /// The store does what waited, and goes on.
    pub(crate) fn restart_store(&mut self) {
        for (ticket, append) in self.stopped.take().unwrap_or_default() {
            self.append(ticket, append);
        }
    }

    /// The store reads no pages for a while.
    pub(crate) fn stop_reading(&mut self) {
        self.unread.get_or_insert_default();
    }

    /// The store reads what waited, and goes on.
    pub(crate) fn read_again(&mut self) {
        for question in self.unread.take().unwrap_or_default() {
            self.perform(question);
        }
    }

    /// The store tells nobody keys a second time for a while.
    pub(crate) fn hold_keys(&mut self) {
        self.held_keys.get_or_insert_default();
    }

    /// The store tells the keys that were asked for, as they are now.
    pub(crate) fn tell_keys(&mut self) {
        for question in self.held_keys.take().unwrap_or_default() {
            self.perform(question);
        }
    }

    /// Another program gives an account another password; the server does not hear of it.
    pub(crate) fn change_password(&self, account: &str) -> Result<()> {
        let account = BareJid::new(&format!("{account}@localhost"))?;
        let keys = StoredKeys::of_password(ScramHash::Sha256, "another", vec![2; 16], 4_096);
        let keys = vec![keys];
        Ok(self.store.change_now(Change::SetKeys { account, keys })?)
    }

    /// Another program makes an account, with the password of those that were there from the start.
    pub(crate) fn register(&self, account: &str) -> Result<()> {
        let (_, keys) = accounts()
            .iter()
            .find(|(name, _)| *name == account)
            .context("no such name")?;
        let account = BareJid::new(&format!("{account}@localhost"))?;
        Ok(self.store.change_now(Change::Register {
            account,
            keys: vec![keys.clone()],
            token: None,
        })?)
    }

    /// The store makes no changes for a while.
    pub(crate) fn stop_changing(&mut self) {
        self.unchanged.get_or_insert_default();
    }

    /// The store makes the changes that waited, and goes on.
    pub(crate) fn change_again(&mut self) {
        for change in self.unchanged.take().unwrap_or_default() {
            self.perform(change);
        }
    }

    /// How many changes wait.
    pub(crate) fn changes(&self) -> usize {
        self.unchanged.as_ref().map_or(0, VecDeque::len)
    }

    pub(crate) fn fail_hash(&mut self) {
        self.fails_hash = true;
    }

    /// The store reads no entries for delivery for a while.
    pub(crate) fn stop_walking(&mut self) {
        self.unwalked.get_or_insert_default();
    }

    /// The store reads the entries that were waited for, as they are by now.
    pub(crate) fn walk_again(&mut self) {
        for question in self.unwalked.take().unwrap_or_default() {
            self.perform(question);
        }
    }

    /// The store appends, and nobody hears of it for a while.
    pub(crate) fn stop_answering(&mut self) {
        self.unanswered.get_or_insert_default();
    }

    /// The store tells what it appended.
    pub(crate) fn answer_again(&mut self) {
        for answer in self.unanswered.take().unwrap_or_default() {
            self.input(answer);
        }
    }

    /// The store reads where archives begin and end, and nobody hears of it for a while.
    pub(crate) fn keep_ends(&mut self) {
        self.untold_ends.get_or_insert_default();
    }

    /// The store tells what it read meanwhile.
    pub(crate) fn tell_ends(&mut self) {
        for answer in self.untold_ends.take().unwrap_or_default() {
            self.input(answer);
        }
    }

    /// The store reads pages as they are now, and nobody hears of it for a while.
    pub(crate) fn keep_pages(&mut self) {
        self.untold_pages.get_or_insert_default();
    }

    /// The store tells the pages that it read meanwhile.
    pub(crate) fn tell_pages(&mut self) {
        for answer in self.untold_pages.take().unwrap_or_default() {
            self.input(answer);
        }
    }

    pub(crate) fn fail_appends(&self, appends: u32, side: FailingSide) {
        self.store.fail_appends(FaultPlan { appends, side });
    }

    /// How many entries an account's archive holds.
    pub(crate) fn entries(&self, account: &str) -> Result<u64> {
        let account = BareJid::new(&format!("{account}@localhost"))?;
        let usage = self.store.usage_now(&account)?.context("no such account")?;
        Ok(usage.entries)
    }

    /// The archive keeps only its newest entries from here on, and what is too much goes at once.
    pub(crate) fn keep(&self, account: &str, entries: u64) -> Result<()> {
        let account = BareJid::new(&format!("{account}@localhost"))?;
        let own = Retention {
            entries: Some(entries),
            ..Retention::default()
        };
        self.store.set_retention_now(&account, Some(own))?;
        while self.store.tend_now()? {}
        Ok(())
    }

    pub(crate) fn shut_down(&mut self) {
        self.input(Input::Shutdown);
    }

    /// The process is killed and another begins on the same store: connections are gone, and what the
    /// store had not done by then is never done.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.lives += 1;
        let mut seed = SEED;
        seed[0] = seed[0].wrapping_add(self.lives);
        self.core = Core::new(self.config.clone(), seed);
        self.stopped = None;
        self.held_keys = None;
        (self.unread, self.unwalked, self.unanswered) = (None, None, None);
        self.unchanged = None;
        (self.untold_ends, self.untold_pages) = (None, None);
        for peer in self.peers.values_mut() {
            peer.conn = None;
            peer.opening = None;
        }
        Ok(self.store.detach_sessions_now()?)
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.core.handle(input, self.now);
        while let Some(output) = self.core.poll() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        let is_of_connection = matches!(
            output,
            Output::Send { .. } | Output::Close { .. } | Output::Credit { .. }
        );
        if !is_of_connection {
            self.store_work.push(discriminant(&output));
        }
        let is_read = matches!(
            output,
            Output::ReadPage { .. }
                | Output::ReadEnds { .. }
                | Output::ReadSpool { .. }
                | Output::Locate { .. }
        );
        if let (true, Some(waiting)) = (is_read, &mut self.unread) {
            return waiting.push_back(output);
        }
        let is_walked = matches!(output, Output::ReadEntries { .. });
        if let (true, Some(waiting)) = (is_walked, &mut self.unwalked) {
            return waiting.push_back(output);
        }
        let is_change = matches!(output, Output::Change { .. });
        if let (true, Some(waiting)) = (is_change, &mut self.unchanged) {
            return waiting.push_back(output);
        }
        match output {
            Output::Send { conn, frame } => self.on_sent(conn, frame),
            Output::Close { conn } => {
                self.with_conn(conn, |peer| peer.is_closed = true);
                self.input(Input::Lost { conn });
            }
            Output::Credit { conn } => self.with_conn(conn, |peer| peer.credits += 1),
            Output::ReadCredentials { .. } if self.held_keys.is_some() => {
                self.held_keys.get_or_insert_default().push_back(output);
            }
            Output::ReadCredentials { ticket, account } => {
                let found = self.store.credentials_now(&account);
                let result = found.map_err(|_| ReadError::Storage);
                self.input(Input::Credentials { ticket, result });
            }
            Output::Load { account } => {
                let result = self
                    .store
                    .load_now(&account)
                    .map_err(|_| ReadError::Storage);
                self.input(Input::Loaded { account, result });
            }
            Output::Append { ticket, append } => match &mut self.stopped {
                Some(waiting) => waiting.push_back((ticket, *append)),
                None => self.append(ticket, *append),
            },
            Output::ReadPage { ticket, query } => {
                let result = self.store.page_now(&query);
                let answer = Input::Page { ticket, result };
                self.tell(|world| &mut world.untold_pages, answer);
            }
            Output::ReadEnds { ticket, account } => {
                let result = self.store.ends_now(&account);
                let answer = Input::Ends { ticket, result };
                self.tell(|world| &mut world.untold_ends, answer);
            }
            Output::Locate {
                ticket,
                account,
                id,
            } => {
                let result = self.store.locate_now(&account, &id);
                self.input(Input::Located { ticket, result });
            }
            Output::ReadEntries {
                account,
                after,
                max,
            } => {
                let result = self.store.entries_after_now(&account, after, max);
                self.input(Input::Entries { account, result });
            }
            Output::ReadSpool {
                account,
                after,
                max,
            } => {
                let result = self.store.spooled_now(&account, after, max);
                self.input(Input::Spool { account, result });
            }
            Output::ReadItems { ticket, query } => {
                let result = self.store.items_now(&query);
                let answer = Input::Items { ticket, result };
                self.tell(|world| &mut world.untold_pages, answer);
            }
            Output::ReadDevices { ticket, account } => {
                let found = self.store.devices_now(&account);
                let result = found.map_err(|_| ReadError::Storage);
                self.input(Input::Devices { ticket, result });
            }
            Output::Change { ticket, change } => {
                let result = self.store.change_now(*change);
                self.input(Input::Changed { ticket, result });
            }
            Output::Hash { ticket, password } => {
                let salt = vec![1; 16];
                let hash = || StoredKeys::of_password(ScramHash::Sha256, &password.0, salt, 4_096);
                let is_hashed = !std::mem::take(&mut self.fails_hash);
                let keys = is_hashed.then(|| vec![hash()]);
                self.input(Input::Hashed { ticket, keys });
            }
        }
    }

    /// Tells an answer of the store, unless those of its kind are kept.
    fn tell(
        &mut self,
        kept: impl FnOnce(&mut Self) -> &mut Option<VecDeque<Input>>,
        answer: Input,
    ) {
        match kept(self) {
            Some(waiting) => waiting.push_back(answer),
            None => self.input(answer),
        }
    }

    fn append(&mut self, ticket: Ticket, append: Append) {
        for result in self.store.append_now(&[append]) {
            let answer = Input::Appended { ticket, result };
            match &mut self.unanswered {
                Some(waiting) => waiting.push_back(answer),
                None => self.input(answer),
            }
        }
    }

    fn on_sent(&mut self, conn: ConnId, frame: Text) {
        let bytes = frame.len();
        self.with_conn(conn, |peer| peer.inbox.push_back(frame));
        self.core.handle(
            Input::Written {
                conn,
                frames: 1,
                bytes,
            },
            self.now,
        );
    }

    fn with_conn(&mut self, conn: ConnId, act: impl FnOnce(&mut Peer)) {
        let peer = self.peers.values_mut().find(|peer| peer.conn == Some(conn));
        if let Some(peer) = peer {
            act(peer);
        }
    }

    fn drive_opening(&mut self, name: &str, mut opening: Opening) -> Result<()> {
        while let Some(output) = opening.poll() {
            let answer = match output {
                OpeningOutput::Send(frame) => {
                    self.peer(name)?.inbox.push_back(frame);
                    continue;
                }
                OpeningOutput::Close => {
                    self.peer(name)?.is_closed = true;
                    continue;
                }
                OpeningOutput::LoginFailed(_) => continue,
                OpeningOutput::Joined { account, inviter } => {
                    self.input(Input::Joined { account, inviter });
                    continue;
                }
                OpeningOutput::Authenticated { identity, inline } => {
                    return self.hand_over(name, identity, inline);
                }
                OpeningOutput::Lookup(account) => {
                    OpeningInput::Credentials(self.store.credentials_now(&account).map_err(|_| ()))
                }
                OpeningOutput::LookupTokens { account, device } => {
                    let found = self.store.tokens_now(&account, device);
                    OpeningInput::Tokens(found.map_err(|_| ()))
                }
                OpeningOutput::CheckInvite(hash) => {
                    let invite = self.store.check_invite_now(hash, Stamp(self.now.wall_ms));
                    OpeningInput::Invite(invite.unwrap_or_default())
                }
                OpeningOutput::Hash(password) => {
                    OpeningInput::Hashed(vec![StoredKeys::of_password(
                        ScramHash::Sha256,
                        &password.0,
                        vec![1; 16],
                        4_096,
                    )])
                }
                OpeningOutput::Change(change) => {
                    OpeningInput::Changed(self.store.change_now(*change))
                }
            };
            opening.handle(answer, self.now);
        }
        self.peer(name)?.opening = Some(opening);
        Ok(())
    }
}
