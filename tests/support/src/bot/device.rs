//! The loop of a bot: socket, history, timers and orders on one side, the engine on the other.

use std::{
    collections::VecDeque,
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};

use client_core::{Batch, Config, Engine, Input, Intent, MemoryHistory, Output};
use protocol::{BareJid, Now, Text, scram::Secret};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tokio::{
    select,
    sync::{mpsc, oneshot, watch},
    time::{Duration, Instant, sleep_until},
};

use super::{
    Habits, Onlooker, Settings, Sight, Standing,
    socket::{Event, Socket},
};

/// How long nothing may be due: longer sleeps are cut up.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// What a bot is told to do, and where it says that it is done.
pub(super) enum Order {
    Send {
        to: BareJid,
        body: String,
        done: oneshot::Sender<()>,
    },
    Reload(oneshot::Sender<()>),
    Online(oneshot::Sender<()>),
    Show {
        is_visible: bool,
        done: oneshot::Sender<()>,
    },
    History(oneshot::Sender<MemoryHistory>),
}

/// What the loop waits for.
enum Wake {
    Order(Option<Order>),
    Socket(Option<Event>),
    Time,
}

/// A transaction that is under way.
struct Commit {
    due: Instant,
    batch: Batch,
}

pub(super) struct Device {
    account: BareJid,
    secret: Secret,
    addr: std::net::SocketAddr,
    habits: Habits,
    rng: ChaCha12Rng,
    started: Instant,
    engine: Engine,
    history: MemoryHistory,
    commits: VecDeque<Commit>,
    socket: Option<Socket>,
    retry_at: Option<Instant>,
    onlooker: Box<dyn Onlooker>,
    tell: watch::Sender<Standing>,
}

impl Device {
    pub(super) fn new(
        settings: Settings,
        onlooker: Box<dyn Onlooker>,
        tell: watch::Sender<Standing>,
    ) -> Self {
        let mut rng = ChaCha12Rng::from_seed(settings.seed);
        let started = Instant::now();
        let history = MemoryHistory::default();
        let engine = engine(&settings.account, &mut rng, &history, now(started));
        Self {
            account: settings.account,
            secret: settings.secret,
            addr: settings.addr,
            habits: settings.habits,
            rng,
            started,
            engine,
            history,
            commits: VecDeque::new(),
            socket: None,
            retry_at: None,
            onlooker,
            tell,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        self.sign_in();
        loop {
            self.drain();
            self.publish();
            let due = self.due();
            let wake = select! {
                order = orders.recv() => Wake::Order(order),
                event = next(&mut self.socket) => Wake::Socket(event),
                () = sleep_until(due) => Wake::Time,
            };
            match wake {
                Wake::Order(None) => return,
                Wake::Order(Some(order)) => self.obey(order),
                Wake::Socket(event) => self.on_socket(event),
                Wake::Time => self.on_time(),
            }
        }
    }

    fn due(&self) -> Instant {
        let engine = self.engine.deadline();
        let engine = engine.map(|at_ms| self.started + Duration::from_millis(at_ms));
        let commit = self.commits.front().map(|commit| commit.due);
        let due = [engine, commit, self.retry_at];
        let due = due.into_iter().flatten().min();
        due.unwrap_or_else(|| Instant::now() + SLEEP_MAX)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Send { to, body, done } => {
                self.onlooker.see(Sight::Asked(&body));
                let reply_to = None;
                self.handle(Input::Intent(Intent::Send { to, body, reply_to }));
                self.drain();
                self.publish();
                answer(done, ());
            }
            Order::Reload(done) => {
                self.reload();
                answer(done, ());
            }
            Order::Online(done) => {
                self.handle(Input::Online);
                answer(done, ());
            }
            Order::Show { is_visible, done } => {
                self.handle(Input::Visible(is_visible));
                answer(done, ());
            }
            Order::History(done) => answer(done, self.history.clone()),
        }
    }

    /// What was not durable is gone, as with a killed tab.
    fn reload(&mut self) {
        self.socket = None;
        self.commits.clear();
        self.retry_at = None;
        let now = now(self.started);
        self.engine = engine(&self.account, &mut self.rng, &self.history, now);
        self.onlooker.see(Sight::Reloaded);
        self.sign_in();
    }

    fn sign_in(&mut self) {
        let secret = Some(self.secret.clone());
        let register = None;
        self.handle(Input::Intent(Intent::SignIn { secret, register }));
    }

    fn on_socket(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Open(own)) => {
                self.onlooker.see(Sight::Open(own));
                self.handle(Input::Connected);
            }
            Some(Event::Frame(text)) => {
                self.onlooker.see(Sight::Heard(&text));
                self.handle(Input::Frame(text));
            }
            Some(Event::Closed(reason)) => self.lost(&reason),
            None => self.lost("the socket ended"),
        }
    }

    fn lost(&mut self, reason: &str) {
        self.socket = None;
        self.onlooker.see(Sight::Lost(reason));
        self.handle(Input::Disconnected(reason.to_owned()));
        let retry_ms = self.habits.retry_ms.clone();
        self.retry_at = retry_ms.map(|range| self.soon(range));
    }

    fn on_time(&mut self) {
        let time = Instant::now();
        while let Some(commit) = self.commits.pop_front_if(|commit| commit.due <= time) {
            self.history.apply(commit.batch.clone());
            self.onlooker.see(Sight::Durable(&commit.batch));
            self.handle(Input::Committed);
        }
        if self.retry_at.is_some_and(|at| at <= time) {
            self.retry_at = None;
            self.handle(Input::Online);
        }
        let now_ms = now(self.started).mono_ms;
        if self.engine.deadline().is_some_and(|at| at <= now_ms) {
            self.handle(Input::Tick);
        }
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(input, now(self.started));
    }

    /// Carries out everything the engine wants.
    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Connect => {
                    self.onlooker.see(Sight::Connecting);
                    self.retry_at = None;
                    self.socket = Some(Socket::open(self.addr));
                }
                Output::Transmit(frame) => self.transmit(frame),
                Output::Disconnect => self.lost("closed by this device"),
                Output::Commit(batch) => self.begin(batch),
                Output::Query(query) => {
                    let (query, rows) = (query.query, self.history.query(&query.wanted));
                    self.handle(Input::Rows { query, rows });
                }
                Output::KeepKeys { keys, .. } => self.secret = Secret::Keys(keys),
                Output::Unsaved { .. } | Output::ForgetKeys | Output::Changed(_) => {}
            }
        }
    }

    fn transmit(&mut self, frame: Text) {
        self.onlooker.see(Sight::Said(&frame));
        let is_refused = self.socket.as_ref().is_some_and(|s| !s.send(frame));
        if is_refused {
            self.lost("the network takes nothing more");
        }
    }

    /// Transactions become durable in the order in which they were begun.
    fn begin(&mut self, batch: Batch) {
        let due = self.soon(self.habits.commit_ms.clone());
        let last = self.commits.back().map_or(due, |commit| commit.due);
        let due = due.max(last);
        self.commits.push_back(Commit { due, batch });
    }

    fn soon(&mut self, range_ms: Range<u64>) -> Instant {
        let ms = if range_ms.is_empty() {
            range_ms.start
        } else {
            self.rng.random_range(range_ms)
        };
        Instant::now() + Duration::from_millis(ms)
    }

    fn publish(&mut self) {
        let view = self.engine.view();
        // What is not durable yet is in no view.
        let undurable: usize = self.commits.iter().map(|c| c.batch.outbox.len()).sum();
        let standing = Standing {
            connection: view.connection,
            waiting: view.waiting + undurable,
            rows: self.history.len(),
        };
        self.tell.send_if_modified(|told| {
            let is_new = *told != standing;
            *told = standing;
            is_new
        });
    }
}

async fn next(socket: &mut Option<Socket>) -> Option<Event> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

fn answer<T>(done: oneshot::Sender<T>, value: T) {
    // Who asked may have given up.
    let _ = done.send(value);
}

fn engine(account: &BareJid, rng: &mut ChaCha12Rng, history: &MemoryHistory, now: Now) -> Engine {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let config = Config {
        account: account.clone(),
        seed,
    };
    Engine::new(config, history.restore(), now)
}

fn now(started: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = wall.unwrap_or_default().as_millis();
    let mono = started.elapsed().as_millis();
    Now {
        mono_ms: u64::try_from(mono).unwrap_or(u64::MAX),
        wall_ms: i64::try_from(wall).unwrap_or(i64::MAX),
    }
}
