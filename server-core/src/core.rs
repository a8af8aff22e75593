//! The accounts of one server and all that moves between them.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::jid::BareJid;
use protocol::{Now, StreamCondition, StreamError, Text};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use crate::account::Account;
use crate::advances::Advances;
use crate::archive::{Ends, ReadError};
use crate::conn::{Conn, Stage};
use crate::inline::Inline;
use crate::io::{ConnId, Identity, Input, Output, Ticket};
use crate::limits::ServerConfig;
use crate::parcel::Parcel;
use crate::pending::Pending;
use crate::pep::KnownCaps;
use crate::records::Credentials;
use crate::session::SessionId;
use crate::timers::{Timer, Timers};

/// One server's accounts: routes each input, collects outputs, knows the next deadline.
///
/// All accounts of a process live in one `Core`, owned by one task. What goes from one account to
/// another travels as a [`Parcel`], never by a direct call, so that accounts can be spread over
/// several cores without touching any rule.
pub struct Core {
    pub(crate) cx: Context,
    pub(crate) accounts: HashMap<BareJid, Account>,
}

/// What every part of the core shares: the way out, connections, time and chance.
pub(crate) struct Context {
    pub(crate) config: ServerConfig,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: Now,
    pub(crate) conns: HashMap<ConnId, Conn>,
    pub(crate) timers: Timers,
    pub(crate) sessions: usize,
    /// Accounts with a session that takes messages to the bare JID; a hint for senders, which the
    /// recipient checks.
    pub(crate) takers: HashSet<BareJid>,
    pub(crate) caps: KnownCaps,
    /// To whom messages and subscription requests went lately that do not know the sender (LIM-17).
    pub(crate) written_to: Advances,
    pub(crate) asked: Advances,
    /// Invitations that were made lately (LIM-16).
    pub(crate) invited: Advances,
    outputs: VecDeque<Output>,
    parcels: VecDeque<(BareJid, Parcel)>,
    pending: HashMap<Ticket, Pending>,
    next: u64,
}

impl Context {
    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// A number that was never given before: for sessions and tickets.
    pub(crate) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Remembers what is to be done once the driver answers.
    pub(crate) fn await_answer(&mut self, pending: Pending) -> Ticket {
        let ticket = Ticket(self.next());
        self.pending.insert(ticket, pending);
        ticket
    }

    /// Sends something to an account, perhaps the one at hand; it arrives after the present step.
    pub(crate) fn dispatch(&mut self, to: BareJid, parcel: Parcel) {
        self.parcels.push_back((to, parcel));
    }

    pub(crate) fn is_local(&self, domain: &str) -> bool {
        domain == &*self.config.domain
    }
}

impl Core {
    /// A server without sessions. `seed` comes from a good random source: ids are drawn from it.
    pub fn new(config: ServerConfig, seed: [u8; 32]) -> Self {
        let cx = Context {
            config,
            rng: ChaCha20Rng::from_seed(seed),
            now: Now::default(),
            conns: HashMap::new(),
            timers: Timers::default(),
            sessions: 0,
            takers: HashSet::new(),
            caps: KnownCaps::default(),
            written_to: Advances::default(),
            asked: Advances::default(),
            invited: Advances::default(),
            outputs: VecDeque::new(),
            parcels: VecDeque::new(),
            pending: HashMap::new(),
            next: 0,
        };
        Self {
            cx,
            accounts: HashMap::new(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Now) {
        self.cx.now = now;
        match input {
            Input::Attached {
                conn,
                identity,
                inline,
            } => self.on_attached(conn, identity, inline),
            Input::Frame { conn, text } => self.on_text(conn, text),
            Input::Refused { conn, error } => self.fail(conn, &error),
            Input::Lost { conn } => self.on_lost(conn),
            Input::Written {
                conn,
                frames,
                bytes,
            } => self.on_written(conn, frames, bytes),
            Input::Credentials { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Login(conn) = pending {
                    core.on_credentials(conn, result);
                }
            }),
            Input::Loaded { account, result } => self.on_loaded(&account, result),
            Input::Appended { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Append(sent) = pending {
                    core.on_appended(*sent, result);
                }
            }),
            Input::Page { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Page(query) = pending {
                    core.with(&query.account.clone(), |account, cx| {
                        account.on_page(cx, *query, result)
                    });
                }
            }),
            Input::Ends { ticket, result } => self.answer(ticket, |pending, core| {
                core.on_ends(pending, result);
            }),
            Input::Located { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Locate(restoring) = pending {
                    core.with(&restoring.account.clone(), |account, cx| {
                        account.on_located(cx, *restoring, result);
                    });
                }
            }),
            Input::Entries { account, result } => {
                self.with(&account, |account, cx| account.on_entries(cx, result));
            }
            Input::Spool { account, result } => {
                self.with(&account, |account, cx| account.on_spool(cx, result));
            }
            Input::Items { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Items(read) = pending {
                    core.with(&read.account.clone(), |account, cx| {
                        account.on_items(cx, *read, result);
                    });
                }
            }),
            Input::Devices { ticket, result } => self.answer(ticket, |pending, core| {
                if let Pending::Devices(request) = pending {
                    core.with(&request.account.clone(), |account, cx| {
                        account.on_devices_read(cx, &request, result);
                    });
                }
            }),
            Input::Changed { ticket, result } => self.answer(ticket, |pending, core| {
                core.on_changed(pending, result);
            }),
            Input::Hashed { ticket, keys } => self.answer(ticket, |pending, core| {
                if let Pending::Hash(request) = pending {
                    crate::iq::account::on_hashed(core, request, keys);
                }
            }),
            Input::Joined { account, inviter } => {
                self.cx.dispatch(inviter, Parcel::Joined(account));
            }
            Input::Revoked { account } => self.revoke(&account),
            Input::Tick => self.on_tick(),
            Input::Shutdown => self.shut_down(),
        }
        self.deliver_parcels();
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.cx.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> Option<u64> {
        self.cx.timers.next()
    }

    /// How many sessions there are, detached ones too.
    pub fn sessions(&self) -> usize {
        self.cx.sessions
    }

    /// Lets an account that is in memory do something; forgets it afterwards if nothing is left of it.
    pub(crate) fn with<R>(
        &mut self,
        jid: &BareJid,
        act: impl FnOnce(&mut Account, &mut Context) -> R,
    ) -> Option<R> {
        let account = self.accounts.get_mut(jid)?;
        let result = act(account, &mut self.cx);
        account.note_takers(&mut self.cx);
        if account.is_idle() {
            self.accounts.remove(jid);
        }
        Some(result)
    }

    /// The account, asked for from the store if it is not in memory.
    pub(crate) fn account(&mut self, jid: &BareJid) -> &mut Account {
        let is_known = self.accounts.get(jid).is_some_and(|a| !a.is_gone());
        let account = self.accounts.entry(jid.clone());
        let account = account.or_insert_with(|| Account::new(jid.clone()));
        if !is_known {
            account.begin_loading();
            self.cx.output(Output::Load {
                account: jid.clone(),
            });
        }
        account
    }

    fn answer(&mut self, ticket: Ticket, act: impl FnOnce(Pending, &mut Self)) {
        if let Some(pending) = self.cx.pending.remove(&ticket) {
            act(pending, self);
        }
    }

    fn on_ends(&mut self, pending: Pending, result: Result<Ends, ReadError>) {
        if let Pending::Ends(request) = pending {
            self.with(&request.account.clone(), |account, cx| {
                account.on_ends(cx, &request, result);
            });
        } else if let Pending::Binding(binding) = pending {
            self.with(&binding.account.clone(), |account, cx| {
                account.on_ends_to_bind(cx, &binding, result.ok());
            });
        }
    }

    fn deliver_parcels(&mut self) {
        while let Some((to, parcel)) = self.cx.parcels.pop_front() {
            if parcel.needs_account() {
                self.account(&to);
            }
            if self.accounts.get(&to).is_none_or(Account::is_gone) {
                // The last session left while it was being written.
                self.flag_unheard(&to, &parcel);
            }
            self.with(&to, |account, cx| account.on_parcel(cx, parcel));
        }
    }

    fn on_tick(&mut self) {
        while let Some(timer) = self.cx.timers.due(self.cx.now.mono_ms) {
            match timer {
                Timer::Conn(conn) => self.on_conn_timer(conn),
                Timer::Session(account, session) => {
                    self.with(&account, |account, cx| {
                        account.on_session_timer(cx, session)
                    });
                }
            }
            self.deliver_parcels();
        }
    }

    fn on_attached(&mut self, conn: ConnId, identity: Identity, inline: Option<Box<Inline>>) {
        let deadline = self.cx.now.mono_ms + self.cx.config.limits.login_ms;
        let jid = identity.account.clone();
        self.cx
            .conns
            .insert(conn, Conn::new(identity, deadline, inline));
        self.cx.timers.arm(deadline, Timer::Conn(conn));
        // Whoever changes the keys from here on finds the connection; an earlier change is read now.
        let ticket = self.cx.await_answer(Pending::Login(conn));
        self.cx.output(Output::ReadCredentials {
            ticket,
            account: jid.clone(),
        });
        self.account(&jid).attach(conn);
    }

    /// The keys of the account were read once more: does the login still hold (AU-29)?
    fn on_credentials(&mut self, conn: ConnId, result: Result<Option<Credentials>, ReadError>) {
        let Some(state) = self.cx.conns.get_mut(&conn) else {
            return;
        };
        let condition = match result {
            Ok(Some(found)) if found.epoch == state.epoch && !found.disabled => {
                state.is_confirmed = true;
                return self.begin(conn);
            }
            // The keys may be others now, or only a token of another device gone: the next try tells.
            Ok(Some(found)) if !found.disabled => StreamCondition::Reset,
            Ok(_) => StreamCondition::NotAuthorized,
            Err(_) => StreamCondition::InternalServerError,
        };
        self.fail(conn, &StreamError::new(condition).because("sign in again"));
    }

    /// Answers a login that holds and handles what came meanwhile, once the account is loaded too.
    pub(crate) fn begin(&mut self, conn: ConnId) {
        let Some(account) = self.served(conn) else {
            return;
        };
        self.with(&account, |account, cx| account.answer_login(cx, conn));
        let state = self.cx.conns.get_mut(&conn);
        let early = state.map(|state| std::mem::take(&mut state.early));
        for text in early.unwrap_or_default() {
            self.with(&account, |account, cx| account.on_text(cx, conn, &text));
        }
    }

    /// Whose connection it is, if its login holds and its account is there to serve it.
    fn served(&self, conn: ConnId) -> Option<BareJid> {
        let state = self.cx.conns.get(&conn)?;
        let account = self.accounts.get(&state.account)?;
        (state.is_confirmed && account.is_ready()).then(|| state.account.clone())
    }

    fn on_text(&mut self, conn: ConnId, text: Text) {
        let served = self.served(conn);
        let Some(state) = self.cx.conns.get_mut(&conn) else {
            return;
        };
        if state.stage == Stage::Closed {
            return;
        }
        if state.inline.is_some() {
            let error = StreamError::new(StreamCondition::NotAuthorized)
                .because("the login is not answered yet");
            return self.fail(conn, &error);
        }
        match served {
            Some(account) => {
                self.with(&account, |account, cx| account.on_text(cx, conn, &text));
            }
            None => state.early.push(text),
        }
    }

    fn fail(&mut self, conn: ConnId, error: &StreamError) {
        let Some(account) = self.cx.conns.get(&conn).map(|state| state.account.clone()) else {
            return;
        };
        self.with(&account, |account, cx| account.fail(cx, conn, error));
    }

    fn on_lost(&mut self, conn: ConnId) {
        let Some(state) = self.cx.conns.remove(&conn) else {
            return;
        };
        self.with(&state.account, |account, cx| {
            account.on_lost(cx, conn, &state)
        });
    }

    fn on_written(&mut self, conn: ConnId, frames: usize, bytes: usize) {
        let now_ms = self.cx.now.mono_ms;
        let Some(state) = self.cx.conns.get_mut(&conn) else {
            return;
        };
        let Some(session) = state.on_written(frames, bytes, now_ms) else {
            return;
        };
        let account = state.account.clone();
        self.with(&account, |account, cx| account.walk(cx, session));
    }

    fn on_conn_timer(&mut self, conn: ConnId) {
        let now_ms = self.cx.now.mono_ms;
        let limits = &self.cx.config.limits;
        let Some(state) = self.cx.conns.get_mut(&conn) else {
            return;
        };
        if state.is_unbound() && now_ms >= state.bind_by_ms {
            let error = StreamError::new(StreamCondition::ConnectionTimeout)
                .because("no resource was bound");
            return self.fail(conn, &error);
        }
        let Some(gives_up_at) = state.gives_up_at(limits.blocked_ms) else {
            return;
        };
        if now_ms < gives_up_at {
            return self.cx.timers.arm(gives_up_at, Timer::Conn(conn));
        }
        let account = state.account.clone();
        self.with(&account, |account, cx| account.drop_slow(cx, conn));
    }

    fn revoke(&mut self, jid: &BareJid) {
        let error = StreamError::new(StreamCondition::NotAuthorized).because("sign in again");
        self.end_all(jid, &error, None);
        self.with(jid, |account, _| account.revoke());
    }

    /// Ends every session and connection of an account with an error, all but one if it is spared; those
    /// too that are bound by nobody yet, or that wait for an answer to their login (AU-29).
    pub(crate) fn end_all(
        &mut self,
        jid: &BareJid,
        error: &StreamError,
        spared: Option<SessionId>,
    ) {
        let is_spared = |conn: &Conn| spared.is_some_and(|id| conn.stage == Stage::Bound(id));
        let conns = self
            .cx
            .conns
            .iter()
            .filter(|(_, conn)| conn.account == *jid && !is_spared(conn));
        let mut conns: Vec<_> = conns.map(|(id, _)| *id).collect();
        conns.sort_unstable();
        // Else the end of a session would let those bind that wait to resume it.
        self.with(jid, |account, _| {
            account.resuming.clear();
            account.drop_tasks(|session| spared == Some(session));
        });
        for conn in conns {
            self.fail(conn, error);
        }
        self.with(jid, |account, cx| {
            account.end_sessions(cx, spared);
            account.end_dormant(cx, None);
        });
    }

    fn shut_down(&mut self) {
        let error = StreamError::new(StreamCondition::SystemShutdown);
        let mut conns: Vec<_> = self.cx.conns.keys().copied().collect();
        conns.sort_unstable();
        for conn in conns {
            let account = self.cx.conns.get(&conn).map(|state| state.account.clone());
            if let Some(account) = account {
                self.with(&account, |account, cx| account.shut_down(cx, conn, &error));
            }
        }
    }
}
