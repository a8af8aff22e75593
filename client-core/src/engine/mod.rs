//! The whole device as one state machine.

mod blocking;
mod commits;
mod contacts;
mod intents;
mod opening;
mod people;
mod profiles;
mod pulse;
mod reading;
mod receiving;
mod said;
mod sending;
mod typing;

use std::collections::{BTreeMap, VecDeque};

use protocol::{BareJid, Now};

use self::commits::{Asked, Pending};
use self::contacts::Request;
use self::profiles::Profiles;
use self::pulse::Pulse;
use self::reading::Telling;
use self::sending::Wire;
use self::typing::Typing;
use crate::catch_up::CatchUp;
use crate::history::{Batch, Restored};
use crate::ids::Ids;
use crate::io::{Input, Intent, Output};
use crate::link::{Link, Phase};
use crate::reduce::{Page, State};
use crate::stream::Stream;
use crate::view::{Connection, Shown, View};

/// What a device needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose device.
    pub account: BareJid,
    /// From which ids and delays are drawn; 32 bytes of a good random source.
    pub seed: [u8; 32],
}

/// One device.
pub struct Engine {
    account: BareJid,
    now: Now,
    ids: Ids,
    out: VecDeque<Output>,
    /// What will hold once all batches are durable.
    state: State,
    /// What is durable, and the view of it.
    shown: Shown,
    /// What is to be written next, and whether anything is.
    batch: Batch,
    must_write: bool,
    /// What is being written.
    pending: Option<Pending>,
    link: Link,
    stream: Option<Stream>,
    pulse: Pulse,
    wire: Wire,
    catch_up: CatchUp,
    requests: BTreeMap<String, Request>,
    /// For what rows were asked, by query.
    queries: VecDeque<(u64, Asked)>,
    next_query: u64,
    /// A page beside a gap, while the device looks which of its entries it holds.
    checking: Option<(u64, Page)>,
    telling: Telling,
    profiles: Profiles,
    typing: Typing,
    is_visible: bool,
    is_live: bool,
    /// Whether this life of the device said on this stream who it is.
    has_introduced: bool,
    is_broken: bool,
    has_device: bool,
    /// What the device is called, for the account's owner.
    name: Option<String>,
    /// Whose invitation is being followed, and its token (RG-09).
    invitation: Option<(BareJid, String)>,
}

impl Engine {
    /// Starts from what the device kept; connects only once it is asked to sign in.
    pub fn new(config: Config, restored: Restored, now: Now) -> Self {
        let has_device = restored.device.is_some();
        let shown = Shown::new(&restored);
        let state = State::new(config.account.clone(), restored);
        let stream = state.device.stream.as_ref().map(Stream::restored);
        Self {
            link: Link::new(config.account.clone()),
            account: config.account,
            now,
            ids: Ids::new(config.seed),
            out: VecDeque::new(),
            state,
            shown,
            batch: Batch::default(),
            must_write: false,
            pending: None,
            stream,
            pulse: Pulse::default(),
            wire: Wire::default(),
            catch_up: CatchUp::default(),
            requests: BTreeMap::new(),
            queries: VecDeque::new(),
            next_query: 0,
            checking: None,
            telling: Telling::default(),
            profiles: Profiles::default(),
            typing: Typing::default(),
            is_visible: true,
            is_live: false,
            has_introduced: false,
            is_broken: false,
            has_device,
            name: None,
            invitation: None,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Now) {
        self.now = now;
        if self.is_broken {
            if let Input::Intent(Intent::Send { to, body, .. }) = input {
                self.out.push_back(Output::Unsaved { to, body });
            } else if let Input::Intent(Intent::Edit { body, .. }) = input {
                self.give_back(body);
            }
            return;
        }
        match input {
            Input::Intent(intent) => self.on_intent(intent),
            Input::Connected => self.on_connected(),
            Input::Frame(text) => self.on_text(&text),
            Input::Disconnected(reason) => self.on_disconnected(&reason),
            Input::Committed => self.on_committed(),
            Input::StorageFailed(reason) => self.on_storage_failed(&reason),
            Input::Rows { query, rows } => self.on_rows(query, &rows),
            Input::Online => self.check_link(),
            Input::Visible(is_visible) => self.on_visible(is_visible),
            Input::Tick => self.on_tick(),
        }
        self.settle();
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> Option<u64> {
        if self.is_broken {
            return None;
        }
        let up = self.link.is_up();
        let while_up = [
            self.pulse.deadline(),
            self.catch_up.deadline(self.can_ask_archive()),
            self.wire.recheck_at_ms,
            self.telling.deadline().filter(|_| self.is_live),
            self.typing.deadline(),
        ];
        let while_up = while_up.into_iter().flatten().filter(|_| up);
        while_up.chain(self.link.deadline()).min()
    }

    /// What the screen may show.
    pub fn view(&self) -> &View {
        self.shown.view()
    }

    /// Does what follows from an input, whatever it was.
    fn settle(&mut self) {
        if !self.is_live || self.state.catching {
            self.look_away();
        }
        if !self.is_broken {
            self.go_on_opening();
            self.plan_recheck();
            self.ask_archive();
            self.see_introduced();
            self.tell_readings();
            self.fetch_pictures();
            self.pump();
            self.acknowledge();
            self.flush();
        }
        self.show();
    }

    fn show(&mut self) {
        self.see_typing();
        let connection = self.connection();
        self.shown.set_connection(connection);
        let is_fetching = self
            .shown
            .peer()
            .is_some_and(|peer| self.catch_up.wants_older(peer));
        let filled = self.catch_up.filled;
        self.shown.set_fetching(is_fetching, filled);
        let changes = self.shown.refresh();
        self.out.extend(changes.into_iter().map(Output::Changed));
    }

    fn connection(&self) -> Connection {
        if self.is_broken {
            return Connection::Broken;
        }
        match &self.link.phase {
            Phase::Idle | Phase::Closing => Connection::Idle,
            Phase::Dropping if self.link.credentials.is_none() => Connection::Idle,
            Phase::Dropping => Connection::Offline {
                retry_at_ms: self.now.mono_ms,
            },
            Phase::Waiting { at_ms } => Connection::Offline {
                retry_at_ms: *at_ms,
            },
            Phase::Up if self.is_live => Connection::Live,
            Phase::Up => Connection::CatchingUp {
                fetched: self.catch_up.fetched,
                total: self.catch_up.total,
            },
            Phase::Connecting
            | Phase::Opening
            | Phase::Ready(_)
            | Phase::LoggingIn(_)
            | Phase::Settling(_)
            | Phase::Reopening
            | Phase::Choosing
            | Phase::Resuming
            | Phase::EnablingS11
            | Phase::Binding { .. } => Connection::Connecting,
        }
    }
}
