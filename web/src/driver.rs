//! The single loop of a tab: socket, storage, timers and intents on one side, the engine on the other.

use client_core::{Batch, Change, Config, Engine, Input, Intent, Output, RowQuery, SignIn};
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{FutureExt as _, StreamExt as _};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::Set as _;
use protocol::{BareJid, Text};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::error::WebError;
use crate::history::IndexedDb;
use crate::inspector::What;
use crate::lab::{self, Lab, Order};
use crate::slot::{self, Slot};
use crate::socket::Socket;
use crate::state::AppState;
use crate::{accounts, drafts, keys, places, session, settings, sign_out};

/// Longest sleep: the browser's timers count milliseconds in 31 bits.
const SLEEP_MAX_MS: u64 = 3_600_000;
/// A timer this late means that the machine slept, even where hidden pages are throttled.
const OVERSLEPT_MS: i64 = 90_000;

/// Where everything that happens is put, in order.
///
/// Unbounded, because neither a socket's nor a person's events can be refused: the browser has
/// taken the frame already. What one page of a catch-up holds bounds it in practice.
#[derive(Clone, Debug)]
pub struct Inbox(mpsc::UnboundedSender<Event>);

#[derive(Clone)]
enum Event {
    Input(Input),
    SignOut(Reach),
    Order(Order),
    Repair,
    Stop,
}

impl Inbox {
    /// Hands an input to the engine; nobody listens any more after a sign-out.
    pub fn push(&self, input: Input) {
        let _ = self.0.unbounded_send(Event::Input(input));
    }

    /// Closes the stream for good and wipes what the browser keeps.
    pub fn sign_out(&self, reach: Reach) {
        let _ = self.0.unbounded_send(Event::SignOut(reach));
    }

    /// Hands over what the lab wants.
    pub fn order(&self, order: Order) {
        let _ = self.0.unbounded_send(Event::Order(order));
    }

    /// Fetches the history anew; a page that is loaded anew does it.
    pub fn repair(&self) {
        let _ = self.0.unbounded_send(Event::Repair);
    }

    /// Ends the loop without a trace on the wire.
    pub fn stop(&self) {
        let _ = self.0.unbounded_send(Event::Stop);
    }
}

/// Which devices of this browser a sign-out means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The one in this tab.
    ThisTab,
    /// All of the account: those in other tabs, and those that no tab holds.
    WholeBrowser,
    /// All of the account, in whatever browser or program; needs a connection.
    AllDevices,
}

/// One device at work.
pub struct Driver {
    engine: Engine,
    account: BareJid,
    slot: Slot,
    state: AppState,
    inbox: Inbox,
    events: mpsc::UnboundedReceiver<Event>,
    storage: Storage,
    socket: Option<Socket>,
    /// Whether nobody ever signed in on this slot: then nothing of it is worth keeping.
    fresh: bool,
    has_token: bool,
    /// What other tabs were told of lines that wait here.
    noted_waiting: Option<bool>,
    /// What stands between socket and engine, if the page is a device in the lab.
    lab: Option<Lab>,
}

impl Driver {
    /// Takes a slot, opens its database and starts the engine from it; shows what it knows.
    ///
    /// # Errors
    /// [`WebError`] if there is no free slot or no working storage.
    pub async fn start(account: BareJid, state: AppState) -> Result<Self, WebError> {
        let slot = match lab::seat() {
            Some((_, place)) => Slot::take_place(&account, &place).await?,
            None => Slot::take(&account).await?,
        };
        let db = IndexedDb::open(&slot.database()).await?;
        let restored = db.restore().await?;
        let fresh = restored.device.is_none();
        let token = restored.device.as_ref().map(|device| &device.token);
        let has_token = token.is_some_and(Option::is_some);
        let config = Config {
            account: account.clone(),
            seed: browser::random(),
        };
        let mut engine = Engine::new(config, restored, browser::now());
        let shares = Intent::ShareReading(settings::shares_reading());
        engine.handle(Input::Intent(shares), browser::now());
        let shares = Intent::ShareTyping(settings::shares_typing());
        engine.handle(Input::Intent(shares), browser::now());
        // Of one browser, each device but the first has a number.
        let name = match slot.label() {
            "1" => browser::device_name(),
            label => format!("{} ({label})", browser::device_name()),
        };
        engine.handle(Input::Intent(Intent::CallDevice(name)), browser::now());
        let (sender, events) = mpsc::unbounded();
        let inbox = Inbox(sender);
        let storage = Storage::start(db, inbox.clone());
        state.apply(engine.view(), &ALL_CHANGES);
        let lab = Lab::open(inbox.clone());
        Ok(Self {
            engine,
            account,
            slot,
            state,
            inbox,
            events,
            storage,
            socket: None,
            fresh,
            has_token,
            noted_waiting: None,
            lab,
        })
    }

    /// Where this device's events go.
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// What the tab's device is called.
    pub fn slot_label(&self) -> &str {
        self.slot.label()
    }

    /// Whether the device could log in by itself when it started.
    pub fn has_token(&self) -> bool {
        self.has_token
    }

    /// Runs until the sign-out, or until another account takes the tab.
    pub async fn run(mut self) {
        loop {
            match self.next().await {
                Event::Input(input) => self.handle(input),
                Event::Repair => return self.repair().await,
                Event::Order(Order::Wipe) => return self.wipe().await,
                Event::Order(order) => self.obey(order),
                Event::SignOut(reach) => return self.sign_out(reach).await,
                Event::Stop => return self.stop().await,
            }
        }
    }

    /// Notes for developers what the socket brought.
    fn note_wire(&self, input: &Input) {
        match input {
            Input::Frame(frame) => self.state.note_wire(|| What::Came((&**frame).into())),
            Input::Connected => self.state.note_wire(|| What::Link("open".into())),
            Input::Disconnected(reason) => {
                self.state.note_wire(|| What::Link(reason.as_str().into()));
            }
            Input::Committed
            | Input::Intent(_)
            | Input::Online
            | Input::Rows { .. }
            | Input::StorageFailed(_)
            | Input::Tick
            | Input::Visible(_) => {}
        }
    }

    /// Gives the engine what happened, and what the lab lets go.
    fn handle(&mut self, input: Input) {
        let now = browser::now();
        let input = match &mut self.lab {
            Some(lab) => lab.admit(input, now.mono_ms),
            None => Some(input),
        };
        if let Some(input) = input {
            self.feed(input);
        }
        while let Some(frame) = self.lab.as_mut().and_then(|lab| lab.next_in(now.mono_ms)) {
            self.feed(Input::Frame(frame));
        }
        while let Some(frame) = self.lab.as_mut().and_then(|lab| lab.next_out(now.mono_ms)) {
            self.send(&frame);
        }
    }

    fn feed(&mut self, input: Input) {
        self.note_wire(&input);
        self.engine.handle(input, browser::now());
        self.drain();
    }

    /// Does what the lab wants.
    fn obey(&mut self, order: Order) {
        let Some(lab) = &mut self.lab else {
            return;
        };
        match order {
            Order::Cut(is_cut) => {
                lab.cut(is_cut);
                if !is_cut {
                    self.inbox.push(Input::Online);
                } else if self.socket.is_some() {
                    self.disconnect();
                }
            }
            Order::Freeze(is_frozen) => lab.freeze(is_frozen),
            Order::Delay(ms) => lab.delay(ms),
            Order::Hide(is_hidden) => {
                self.state.looked_at.set(!is_hidden);
                self.inbox.push(Input::Visible(!is_hidden));
            }
            Order::Write(body) => {
                if let Some(timeline) = &self.engine.view().timeline {
                    let to = timeline.peer.clone();
                    self.inbox.push(Input::Intent(Intent::Send {
                        to,
                        body,
                        reply_to: None,
                    }));
                }
            }
            Order::SignIn(password) => {
                session::sign_in(self.state, self.account.clone(), password, None);
            }
            Order::Wipe => {}
        }
        self.handle(Input::Tick);
    }

    /// The next event: from the inbox, or the engine's deadline.
    async fn next(&mut self) -> Event {
        let lab = self.lab.as_ref().and_then(Lab::deadline);
        let Some(deadline) = self.engine.deadline().into_iter().chain(lab).min() else {
            return self.events.next().await.unwrap_or(Event::Stop);
        };
        let now = browser::now();
        let sleep_ms = deadline.saturating_sub(now.mono_ms).min(SLEEP_MAX_MS);
        let sleep = TimeoutFuture::new(u32::try_from(sleep_ms).unwrap_or(u32::MAX));
        match select(self.events.next(), sleep).await {
            Either::Left((event, _)) => event.unwrap_or(Event::Stop),
            Either::Right(_) => {
                let slept = browser::now().wall_ms - now.wall_ms;
                if slept - i64::try_from(sleep_ms).unwrap_or(0) > OVERSLEPT_MS {
                    self.inbox.push(Input::Online);
                }
                Event::Input(Input::Tick)
            }
        }
    }

    /// Performs everything the engine wants, then shows what changed.
    fn drain(&mut self) {
        let mut changes = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Connect => self.connect(),
                Output::Transmit(frame) => self.transmit(frame),
                Output::Disconnect => self.disconnect(),
                Output::Commit(batch) => self.storage.ask(Job::Commit(Box::new(batch))),
                Output::Query(query) => self.storage.ask(Job::Query(query)),
                Output::KeepKeys {
                    keys,
                    salted_password,
                } => {
                    if let Some(salted) = salted_password.filter(|_| self.lab.is_none()) {
                        let account = self.account.clone();
                        spawn_local(async move {
                            report(keys::keep(&account, &keys, &salted).await);
                        });
                    }
                }
                Output::ForgetKeys => {
                    let account = self.account.clone();
                    spawn_local(async move { report(keys::forget(&account).await) });
                }
                Output::Unsaved { to, body } => self.state.give_back(&to, &body),
                Output::Changed(change) => {
                    if !changes.contains(&change) {
                        changes.push(change);
                    }
                }
            }
        }
        self.fresh &= self.engine.view().sign_in != SignIn::In;
        if changes.contains(&Change::Connection) {
            self.note_waiting();
        }
        self.state.apply(self.engine.view(), &changes);
        let is_told = changes.contains(&Change::Connection) || changes.contains(&Change::Timeline);
        if let Some(lab) = self.lab.as_ref().filter(|_| is_told) {
            lab.report(self.engine.view());
        }
    }

    fn transmit(&mut self, frame: Text) {
        let frame = match &mut self.lab {
            Some(lab) => lab.send(frame, browser::now().mono_ms),
            None => Some(frame),
        };
        if let Some(frame) = frame {
            self.send(&frame);
        }
    }

    fn send(&self, frame: &Text) {
        self.state.note_wire(|| What::Sent((&**frame).into()));
        if let Some(socket) = &self.socket {
            socket.send(frame);
        }
    }

    /// Notes whether lines wait, when that changed: every note wakes the other tabs.
    fn note_waiting(&mut self) {
        let has_waiting = self.engine.view().waiting > 0;
        if self.noted_waiting.replace(has_waiting) != Some(has_waiting) {
            slot::note_waiting(&self.account, self.slot.label(), has_waiting);
        }
    }

    fn connect(&mut self) {
        // The old socket goes first: nothing of it may be taken for the new one's.
        self.socket = None;
        if let Some(lab) = &mut self.lab {
            lab.lose();
            if lab.is_cut() {
                let why = "cut by the lab".to_owned();
                return self.inbox.push(Input::Disconnected(why));
            }
        }
        match Socket::open(&browser::socket_url(), self.inbox.clone()) {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => self.inbox.push(Input::Disconnected(error.to_string())),
        }
    }

    fn disconnect(&mut self) {
        self.socket = None;
        self.inbox
            .push(Input::Disconnected("closed by this device".to_owned()));
    }

    /// Forgets all that the slot keeps, as a browser does that clears its data, and begins anew.
    async fn wipe(mut self) {
        self.fresh = true;
        drafts::wipe(&self.account, self.slot.label());
        slot::note_waiting(&self.account, self.slot.label(), false);
        self.stop().await;
        let _ = browser::window().location().reload();
    }

    /// Forgets what can be fetched again, and begins anew.
    async fn repair(mut self) {
        self.socket = None;
        self.storage.close().await;
        report(forget_history(&self.slot.database()).await);
        let _ = browser::window().location().reload();
    }

    async fn stop(mut self) {
        self.socket = None;
        self.storage.close().await;
        if self.fresh {
            report(IndexedDb::delete(&self.slot.database()).await);
        }
    }

    /// Logs out and wipes what this slot keeps; ends with a fresh page.
    async fn sign_out(mut self, reach: Reach) {
        let everywhere = reach == Reach::AllDevices;
        self.engine.handle(
            Input::Intent(Intent::SignOut { everywhere }),
            browser::now(),
        );
        self.drain();
        self.socket = None;
        self.storage.close().await;
        accounts::leave();
        drafts::wipe(&self.account, self.slot.label());
        places::wipe(&self.account, self.slot.label());
        slot::note_waiting(&self.account, self.slot.label(), false);
        report(IndexedDb::delete(&self.slot.database()).await);
        let is_whole = reach != Reach::ThisTab;
        if is_whole {
            sign_out::tell_other_tabs(&self.account);
        }
        if is_whole || is_last_tab(&self.account, self.slot.label()).await {
            accounts::forget(&self.account);
            report(keys::forget(&self.account).await);
            sign_out::wipe_all_slots(&self.account).await;
        }
        self.slot.forget();
        browser::replace_fragment("");
        let _ = browser::window().location().reload();
    }
}

/// Whether no other tab is a device of the account; if the browser does not say, one may be.
async fn is_last_tab(account: &BareJid, own: &str) -> bool {
    match slot::is_another_held(account, own).await {
        Ok(is_held) => !is_held,
        Err(error) => {
            report(Err(error));
            false
        }
    }
}

const ALL_CHANGES: [Change; 5] = [
    Change::Connection,
    Change::SignIn,
    Change::Chats,
    Change::Timeline,
    Change::People,
];

/// The task that owns the database: one job after the other, in the order asked.
struct Storage {
    jobs: mpsc::UnboundedSender<Job>,
}

enum Job {
    Commit(Box<Batch>),
    Query(RowQuery),
    Close(oneshot::Sender<()>),
}

impl Storage {
    fn start(db: IndexedDb, inbox: Inbox) -> Self {
        let (jobs, mut queue) = mpsc::unbounded();
        spawn_local(async move {
            while let Some(job) = queue.next().await {
                match job {
                    Job::Commit(batch) => inbox.push(commit(&db, &batch).await),
                    Job::Query(query) => inbox.push(rows(&db, &query).await),
                    Job::Close(closed) => {
                        db.close();
                        let _ = closed.send(());
                        return;
                    }
                }
            }
        });
        Self { jobs }
    }

    fn ask(&self, job: Job) {
        let _ = self.jobs.unbounded_send(job);
    }

    async fn close(&self) {
        let (closed, done) = oneshot::channel();
        self.ask(Job::Close(closed));
        done.map(|_| ()).await;
    }
}

async fn forget_history(name: &str) -> Result<(), WebError> {
    let db = IndexedDb::open(name).await?;
    let forgotten = db.forget_history().await;
    db.close();
    forgotten
}

async fn commit(db: &IndexedDb, batch: &Batch) -> Input {
    match db.commit(batch).await {
        Ok(()) => Input::Committed,
        Err(error) => Input::StorageFailed(error.to_string()),
    }
}

async fn rows(db: &IndexedDb, query: &RowQuery) -> Input {
    match db.query(&query.wanted).await {
        Ok(rows) => Input::Rows {
            query: query.query,
            rows,
        },
        Err(error) => Input::StorageFailed(error.to_string()),
    }
}

/// Tells a developer; nothing of it keeps a person from chatting.
pub fn report(result: Result<(), WebError>) {
    if let Err(error) = result {
        leptos::logging::warn!("{error}");
    }
}
