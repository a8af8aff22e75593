//! From wanting a connection to a stream, and what follows when it is lost.

use std::collections::BTreeSet;

use protocol::fast::Token;
use protocol::frame::write_close;
use protocol::mutant;
use protocol::scram::{ClientKeys, Secret};
use protocol::sm::SmNonza;
use protocol::{Frame, FullJid, Handled, Iq, StreamError, Text, XmlLimits, presence};

use super::Engine;
use super::contacts::{Request, caps};
use crate::gather::gathered;
use crate::io::Output;
use crate::link::{Bound, Phase, Step, Verdict, resumption, verdict};
use crate::login::{Carried, RESUMABLE_S};
use crate::reduce::Event;
use crate::stream::{Counting, Stream};
use crate::view::{People, Refusal, SignIn};

impl Engine {
    /// Asks for a socket.
    pub(super) fn connect(&mut self) {
        self.link.connecting(self.now.mono_ms);
        self.out.push_back(Output::Connect);
    }

    pub(super) fn on_connected(&mut self) {
        if matches!(self.link.phase, Phase::Connecting) {
            self.link.connected();
            self.send_link_frames();
        }
    }

    pub(super) fn on_text(&mut self, text: &Text) {
        if !self.link.listens() {
            return;
        }
        self.pulse.heard(self.now.mono_ms);
        let limits = if self.link.is_known() {
            XmlLimits::RELAYED
        } else {
            XmlLimits::BEFORE_LOGIN
        };
        match Frame::parse(text, limits) {
            Ok(Frame::Close { .. }) if matches!(self.link.phase, Phase::Closing) => {
                self.drop_link()
            }
            Ok(_) if matches!(self.link.phase, Phase::Closing) => {}
            Ok(frame) if self.link.is_up() => self.on_frame(frame),
            Ok(frame) => self.on_opening_frame(frame),
            Err(error) => {
                tracing::warn!(%error, "unreadable frame");
                if self.link.is_known() {
                    self.give_up_stream();
                }
                self.drop_link();
            }
        }
    }

    fn on_opening_frame(&mut self, frame: Frame) {
        let now_ms = self.now.mono_ms;
        let step = self.link.on_frame(frame, now_ms, &mut self.ids);
        self.take_step(step);
    }

    fn take_step(&mut self, step: Step) {
        self.send_link_frames();
        match step {
            Step::Wait | Step::Ready | Step::Choose => {}
            Step::LoggedIn {
                keys,
                salted_password,
                token,
                then,
            } => {
                self.on_logged_in(keys, salted_password, token);
                self.take_step(*then);
            }
            Step::TokenRefused { is_expired } => self.on_token_refused(is_expired),
            Step::Refused {
                refusal,
                forget_keys,
            } => {
                if forget_keys {
                    self.out.push_back(Output::ForgetKeys);
                }
                self.stop(SignIn::Refused(refusal));
            }
            Step::Untrusted(why) => {
                tracing::warn!(why, "server not trusted");
                self.give_up_stream();
                self.stop(SignIn::Refused(Refusal::Untrusted));
            }
            Step::Resumed {
                h,
                is_restored: true,
            } if !mutant("restored-taken-for-resumed") => self.on_restored(h),
            Step::Resumed { h, .. } => self.on_resumed(h),
            Step::NotResumed => {
                self.give_up_stream();
                self.link.bind(&mut self.ids);
                self.send_link_frames();
            }
            Step::Replaced => self.give_up_stream(),
            Step::Bound(bound) => self.on_bound(*bound),
            Step::Ended(error) => self.on_stream_error(&error),
            Step::Fault(why) => {
                tracing::info!(why, "connection given up");
                self.drop_link();
            }
        }
    }

    fn on_logged_in(
        &mut self,
        keys: Option<ClientKeys>,
        salted_password: Option<Vec<u8>>,
        token: Option<Token>,
    ) {
        if let Some(credentials) = &mut self.link.credentials {
            credentials.register = None;
            credentials.link = None;
            // The next login needs no password, and its keys none of the derivation's time.
            let keys = keys.clone().map(Secret::Keys);
            credentials.secret = keys.or(credentials.secret.take());
        }
        if let (Some(keys), Some(_)) = (keys, &salted_password) {
            self.out.push_back(Output::KeepKeys {
                keys,
                salted_password,
            });
        }
        if token.is_some() {
            self.note_device(Event::Token(token));
        }
        self.shown.set_sign_in(SignIn::In);
    }

    /// The token is worth nothing; whoever was signed out from elsewhere has to sign in with a password,
    /// also in other tabs (AU-27, AU-29).
    fn on_token_refused(&mut self, is_expired: bool) {
        self.note_device(Event::Token(None));
        if !is_expired {
            self.out.push_back(Output::ForgetKeys);
            // Keys of an earlier login would bring back what was signed out. (Who typed a password logged
            // in by that and not by the token.)
            if let Some(credentials) = &mut self.link.credentials {
                credentials.secret = None;
            }
        }
        let now_ms = self.now.mono_ms;
        let step = self.link.log_in_without_token(now_ms, &mut self.ids);
        self.take_step(step);
    }

    /// Logs in, once everything that was noted is durable: the stream's count, the cursor and a token
    /// that was never used must be true (AU-26).
    fn log_in(&mut self) {
        if !matches!(self.link.phase, Phase::Ready(_)) || !self.is_settled() {
            return;
        }
        let stream = self.stream.as_ref().filter(|s| s.id.is_some());
        let stream = stream.filter(|_| self.state.may_resume());
        let pos = self.state.device.pos.as_ref();
        let agent = &mut self.state.device.agent;
        let carried = Carried {
            agent: agent.get_or_insert_with(|| self.ids.uuid()).clone(),
            name: self.name.clone(),
            token: self.state.device.token.clone(),
            resume: stream.map(|stream| resumption(stream, pos)),
        };
        let now_ms = self.now.mono_ms;
        let step = self.link.log_in(carried, now_ms, &mut self.ids);
        self.take_step(step);
    }

    /// Whether everything that was noted is durable; sees to it that it will be.
    fn is_settled(&mut self) -> bool {
        let stream = self.stream.as_ref();
        self.must_write |= stream.is_some_and(|s| s.received != s.committed) && !self.is_writing();
        self.flush();
        !self.is_writing()
    }

    /// Resumes or binds, once everything that was noted is durable: `h` and the cursor must be true.
    pub(super) fn go_on_opening(&mut self) {
        self.log_in();
        if !matches!(self.link.phase, Phase::Choosing) || !self.is_settled() {
            return;
        }
        let can_resume = self.link.offers.sm && self.state.may_resume();
        match self
            .stream
            .as_ref()
            .filter(|s| s.id.is_some() && can_resume)
        {
            Some(stream) => self.link.resume(stream, self.state.device.pos.as_ref()),
            None => self.link.bind(&mut self.ids),
        }
        self.send_link_frames();
    }

    fn on_resumed(&mut self, h: Handled) {
        let Some(stream) = &mut self.stream else {
            return self.drop_link();
        };
        let settled = stream.resumed(h);
        let waiting = stream.waiting().map(|sent| sent.text.clone());
        let waiting: Vec<_> = waiting
            .filter(|_| !mutant("client-retransmits-nothing"))
            .collect();
        stream.told = stream.committed;
        let jid = stream.jid.clone();
        let Ok(settled) = settled else {
            tracing::warn!("the server's count is impossible");
            self.give_up_stream();
            return self.drop_link();
        };
        self.begin_stream(jid);
        // After a restart it is not known what was sent, nor on a stream that was lost before it was told:
        // the archive and the notices that come with the resumption tell (S11-20).
        let mut outbox = self.state.outbox.values();
        let is_sure = self.wire.may_send || outbox.all(|item| item.prefix.is_none());
        self.wire.may_send = is_sure && self.state.device.is_begun();
        self.on_covered(settled);
        for text in waiting {
            self.out.push_back(Output::Transmit(text));
        }
        if self.stream.as_ref().is_some_and(|s| s.waiting_len() > 0) {
            self.pulse.sent(self.now.mono_ms);
        }
        self.wire.has_archive.get_or_insert(true);
        self.fulfil_wishes();
    }

    /// The server has the stream from its disk: places, ids and the cursor hold, and nothing else that
    /// it knew of this session (S11-63).
    fn on_restored(&mut self, h: Handled) {
        let Some(stream) = &mut self.stream else {
            return self.drop_link();
        };
        stream.start_over(h);
        stream.told = stream.committed;
        let jid = stream.jid.clone();
        self.note_device(Event::Rewound);
        self.begin_stream(jid);
        self.forget_session();
        // Of what was under way, the archive tells first what it has.
        let items = self.state.outbox.values();
        let sent = items.filter(|item| item.prefix.is_some());
        self.wire.again = gathered(sent.map(|item| item.seq));
        self.wire.may_send = self.wire.again.is_empty();
        self.wire.has_archive = Some(true);
        self.introduce();
        self.fulfil_wishes();
    }

    /// What the server knew of a session is gone: who asked what.
    fn forget_session(&mut self) {
        self.requests.clear();
        self.forget_profile();
        self.has_introduced = false;
        self.wire.wished.clear();
        self.wire.on_wire.clear();
        self.wire.covered.clear();
        self.wire.acked.clear();
    }

    fn on_bound(&mut self, bound: Bound) {
        let Bound { jid, prefix, sm } = bound;
        let is_exact = prefix.is_some();
        let mut stream = Stream::bound(jid.clone(), prefix);
        let counts = sm.is_some();
        if let Some(SmNonza::Enabled { id, .. }) = sm {
            stream.count(id);
        }
        self.stream = Some(stream);
        self.count_anew();
        self.note_device(Event::Bound { exact: is_exact });
        self.keep_stream();
        self.begin_stream(jid);
        self.forget_session();
        self.wire.again.clear();
        // What was under way on another stream is looked up in the archive first (S11-20).
        let mut outbox = self.state.outbox.values();
        self.wire.may_send = if is_exact {
            self.state.device.is_begun() && outbox.all(|item| item.prefix.is_none())
        } else {
            outbox.next().is_none()
        };
        if self.link.offers.sm && !counts {
            self.send_nonza(&SmNonza::Enable {
                resume: true,
                max_s: Some(RESUMABLE_S),
            });
            if let Some(stream) = &mut self.stream {
                stream.counting = Counting::Asked;
            }
        }
        self.wire.has_archive = is_exact.then_some(true);
        if is_exact {
            self.introduce();
        } else {
            // Nothing may come before it is known whether its id can be trusted (SI-05).
            self.ask_for_carbons();
        }
        self.fulfil_wishes();
    }

    fn begin_stream(&mut self, jid: FullJid) {
        self.shown.set_jid(Some(jid));
        self.shown.set_all_online(self.state.online.contacts());
        self.shown.set_sign_in(SignIn::In);
        self.state.catching = !mutant("no-query-at-the-start");
        self.is_live = false;
        self.restart_catch_up();
        self.pulse.begin(self.now.mono_ms, self.is_visible);
        self.wire.begin();
    }

    /// Sees to it that the server has heard who this is, and has answered. What an earlier life of the
    /// device had under way on a stream that goes on died with it. What the archive has comes first.
    pub(super) fn see_introduced(&mut self) {
        if !self.is_live || !self.link.is_up() || self.state.device.is_introduced {
            return;
        }
        let mut requests = self.requests.values();
        let is_asking = requests.any(|asked| {
            matches!(
                asked,
                Request::Roster | Request::Features | Request::Blocklist
            )
        });
        let is_waiting = self.stream.as_ref().is_some_and(|s| s.waiting_len() > 0);
        if !self.has_introduced && !mutant("not-introduced-after-a-reload") {
            self.introduce();
        } else if !is_asking && !is_waiting {
            self.note_device(Event::Introduced);
        }
    }

    /// Asks for the roster and becomes available.
    pub(super) fn introduce(&mut self) {
        self.has_introduced = true;
        let known = self.state.device.roster_ver.clone();
        // A server that once gave a version understands it, also where it was not asked again.
        let ver = self.link.offers.roster_ver || known.is_some();
        let ver = ver.then(|| known.unwrap_or_default());
        self.ask(Request::Roster, |id| {
            Iq::get(id, protocol::roster::query(ver.as_deref(), []))
        });
        let available = presence::Presence::bare(protocol::PresenceType::Available);
        let available = available.child(&caps().to_element());
        self.send(available.write(), None);
        self.ask_for_features();
        self.ask_for_blocklist();
        self.telling.begin();
    }

    /// The stream cannot be resumed; unacked messages stay in the outbox and are sent again (S11-20).
    pub(super) fn give_up_stream(&mut self) {
        if self.stream.take().is_some() || self.state.device.stream.is_some() {
            self.note_device(Event::StreamGone);
        }
    }

    pub(super) fn on_stream_error(&mut self, error: &StreamError) {
        tracing::info!(condition = %error.condition, "stream error");
        match verdict(error) {
            Verdict::Stop(refusal) => {
                self.give_up_stream();
                self.stop(SignIn::Refused(refusal));
            }
            Verdict::Retry => self.drop_link(),
            Verdict::RetryAnew => {
                self.give_up_stream();
                self.drop_link();
            }
        }
    }

    /// The server closed the stream.
    pub(super) fn on_server_close(&mut self) {
        self.out.push_back(Output::Transmit(write_close().into()));
        self.drop_link();
    }

    /// Stops trying until the person signs in again.
    pub(super) fn stop(&mut self, sign_in: SignIn) {
        self.link.credentials = None;
        self.shown.set_sign_in(sign_in);
        if matches!(self.link.phase, Phase::Waiting { .. }) {
            self.link.phase = Phase::Idle;
        }
        self.drop_link();
    }

    /// Closes the socket; what follows depends on whether somebody is signed in.
    pub(super) fn drop_link(&mut self) {
        if self.link.listens() || matches!(self.link.phase, Phase::Connecting) {
            self.out.push_back(Output::Disconnect);
            self.link.dropping();
            self.leave_stream();
        }
    }

    pub(super) fn on_disconnected(&mut self, reason: &str) {
        tracing::debug!(reason, "disconnected");
        if matches!(self.link.phase, Phase::Idle | Phase::Waiting { .. }) {
            return;
        }
        self.leave_stream();
        self.link.lost(self.now.mono_ms, &mut self.ids);
    }

    fn leave_stream(&mut self) {
        self.shown.change_people(People::lose);
        self.shown.set_all_online(BTreeSet::new());
        self.state.catching = true;
        self.is_live = false;
        self.restart_catch_up();
    }

    fn restart_catch_up(&mut self) {
        self.catch_up.restart();
        self.checking = None;
    }

    fn send_link_frames(&mut self) {
        for frame in self.link.take_out() {
            self.out.push_back(Output::Transmit(frame.into()));
        }
    }
}
