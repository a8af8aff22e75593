//! One connection from its first frame to a known account: stream header, registration, login.
//!
//! Strangers never reach a [`Core`](crate::Core).

mod inline;
mod login;
mod registration;

use std::collections::VecDeque;

use protocol::frame::{self, Open};
use protocol::jid::BareJid;
use protocol::{Element, Frame, Now, Stanza, StreamCondition, StreamError, Text, ns};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use self::login::Exchange;
use crate::features;
use crate::ids;
use crate::inline::Inline;
use crate::io::{Identity, Password};
use crate::limits::ServerConfig;
use crate::records::{Change, ChangeError, Credentials, Invite};
use crate::tokens::{DeviceId, DeviceTokens};

/// What happened outside.
#[derive(Debug)]
pub enum OpeningInput {
    /// One text frame arrived.
    Frame(Text),
    /// A frame arrived that is no text, or too long: the stream ends with this error.
    Refused(StreamError),
    /// The answer to [`OpeningOutput::Lookup`]; `Err` if the store failed.
    Credentials(Result<Option<Credentials>, ()>),
    /// The answer to [`OpeningOutput::LookupTokens`]; `Err` if the store failed.
    Tokens(Result<Option<DeviceTokens>, ()>),
    /// The answer to [`OpeningOutput::CheckInvite`]: the invite if it is still valid.
    Invite(Option<Invite>),
    /// The answer to [`OpeningOutput::Hash`].
    Hashed(Vec<protocol::scram::StoredKeys>),
    /// The answer to [`OpeningOutput::Change`].
    Changed(Result<(), ChangeError>),
    /// The deadline passed.
    Tick,
}

/// What is to be done outside, in this order. While an answer is due, feed no further frame.
#[derive(Debug)]
pub enum OpeningOutput {
    /// Put a text frame on the wire.
    Send(Text),
    /// Look up the keys of an account.
    Lookup(BareJid),
    /// Look up the tokens of a device.
    LookupTokens {
        /// Whose device.
        account: BareJid,
        /// Which one.
        device: DeviceId,
    },
    /// Look up an invite by the SHA-256 of its token.
    CheckInvite([u8; 32]),
    /// Hash a prepared password with a fresh salt, away from this thread.
    Hash(Password),
    /// Make a change durable (registration, tokens).
    Change(Box<Change>),
    /// An account was made with an invitation: tell the core, before anybody logs in to it.
    Joined {
        /// Who is there.
        account: BareJid,
        /// Who invited.
        inviter: BareJid,
    },
    /// A login failed: the driver may delay or limit this peer's next tries (LIM-15).
    LoginFailed(BareJid),
    /// The connection is logged in: hand it to the core. Its stream is open, or what it asked for inline
    /// is still to be answered.
    Authenticated {
        /// Who logged in.
        identity: Identity,
        /// What the login asked for, if it was one in one exchange.
        inline: Option<Box<Inline>>,
    },
    /// Close the connection once what was sent is on the wire.
    Close,
}

/// One connection before anybody is known to be behind it.
pub struct Opening {
    config: ServerConfig,
    rng: ChaCha20Rng,
    outputs: VecDeque<OpeningOutput>,
    deadline_ms: u64,
    now: Now,
    /// The address that the stream header claimed (AU-18).
    claimed: Option<BareJid>,
    header_sent: bool,
    step: Step,
    login: login::Login,
    registration: registration::Registration,
}

/// How far the connection is.
enum Step {
    /// The first `<open/>` is awaited.
    Header,
    /// Features are out; login or registration may begin.
    Ready,
    /// Login succeeded; the second `<open/>` is awaited.
    Restart(Identity),
    /// Handed over or closed.
    Done,
}

impl Opening {
    /// A fresh connection. `seed` comes from a good random source: ids and nonces are drawn from it.
    pub fn new(config: ServerConfig, seed: [u8; 32], now: Now) -> Self {
        let deadline_ms = now.mono_ms + config.limits.login_ms;
        Self {
            config,
            rng: ChaCha20Rng::from_seed(seed),
            outputs: VecDeque::new(),
            deadline_ms,
            now,
            claimed: None,
            header_sent: false,
            step: Step::Header,
            login: login::Login::default(),
            registration: registration::Registration::default(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: OpeningInput, now: Now) {
        if matches!(self.step, Step::Done) {
            return;
        }
        self.now = now;
        match input {
            OpeningInput::Frame(text) => self.on_text(&text),
            OpeningInput::Refused(error) => self.fail(&error),
            OpeningInput::Credentials(found) => self.on_credentials(found),
            OpeningInput::Tokens(found) => self.on_tokens(found),
            OpeningInput::Invite(invite) => self.on_invite(invite),
            OpeningInput::Hashed(keys) => self.on_hashed(keys),
            OpeningInput::Changed(result) => self.on_changed(result),
            OpeningInput::Tick if now.mono_ms >= self.deadline_ms => {
                self.fail_with(StreamCondition::ConnectionTimeout, "login took too long");
            }
            OpeningInput::Tick => {}
        }
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<OpeningOutput> {
        self.outputs.pop_front()
    }

    /// When [`OpeningInput::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> u64 {
        self.deadline_ms
    }

    fn on_text(&mut self, text: &Text) {
        let limits = &self.config.limits;
        if text.len() > limits.stanza_bytes_before_login {
            return self.fail_with(
                StreamCondition::PolicyViolation,
                "frame too long before login",
            );
        }
        match Frame::parse(text, limits.xml_before_login) {
            Ok(frame) => self.on_frame(frame),
            Err(error) => {
                let condition = error.condition();
                self.fail(&StreamError::new(condition).because(error.to_string()));
            }
        }
    }

    fn on_frame(&mut self, frame: Frame) {
        match (&self.step, frame) {
            (Step::Header, Frame::Open(open)) => self.on_first_open(&open),
            (Step::Restart(_), Frame::Open(open)) => self.on_restart(&open),
            (Step::Header, frame) => self.fail(&StreamError::new(first_frame_error(&frame))),
            (Step::Ready, Frame::Open(_)) => {
                self.fail_with(StreamCondition::BadFormat, "the stream is open already");
            }
            (_, Frame::Close { .. }) => self.close(),
            (Step::Ready, Frame::Nonza(element))
                if matches!(element.ns(), ns::SASL | ns::SASL2) =>
            {
                self.on_sasl(&element);
            }
            (Step::Ready, _) if self.login.is_exclusive() => {
                self.fail_with(StreamCondition::NotAuthorized, "log in first");
            }
            (Step::Ready, Frame::Stanza(stanza)) => self.on_stanza(&stanza),
            (_, Frame::Nonza(element)) => self.on_early_nonza(&element),
            (_, Frame::Stanza(_)) => {
                self.fail_with(StreamCondition::NotAuthorized, "log in first");
            }
            (Step::Done, Frame::Open(_)) => {}
        }
    }

    fn on_first_open(&mut self, open: &Open) {
        if let Err(condition) = self.check_open(open) {
            return self.fail(&StreamError::new(condition));
        }
        self.claimed = open
            .from
            .as_deref()
            .and_then(|from| BareJid::new(from).ok());
        self.send_header();
        let features = features::before_login(&self.config);
        self.send(frame::write_features(&features));
        self.step = Step::Ready;
    }

    fn on_restart(&mut self, open: &Open) {
        if let Err(condition) = self.check_open(open) {
            return self.fail(&StreamError::new(condition));
        }
        let Step::Restart(identity) = std::mem::replace(&mut self.step, Step::Done) else {
            return;
        };
        self.send_header();
        self.send(frame::write_features(&features::after_login(&self.config)));
        let inline = None;
        self.outputs
            .push_back(OpeningOutput::Authenticated { identity, inline });
    }

    fn on_changed(&mut self, result: Result<(), ChangeError>) {
        if let Exchange::Recording(_) = &self.login.exchange
            && let Exchange::Recording(recording) = std::mem::take(&mut self.login.exchange)
        {
            return self.on_recorded(*recording, result);
        }
        self.on_registered(result);
    }

    /// WS-09.
    fn check_open(&self, open: &Open) -> Result<(), StreamCondition> {
        let is_ours = |domain: &str| {
            BareJid::new(domain)
                .is_ok_and(|jid| jid.node().is_none() && jid.as_str() == &*self.config.domain)
        };
        match open.to.as_deref() {
            None => return Err(StreamCondition::ImproperAddressing),
            Some(to) if !is_ours(to) => return Err(StreamCondition::HostUnknown),
            Some(_) => {}
        }
        if let Some(from) = open.from.as_deref() {
            let from = BareJid::new(from).ok();
            if from.is_none_or(|from| from.domain().as_str() != &*self.config.domain) {
                return Err(StreamCondition::InvalidFrom);
            }
        }
        let major = open
            .version
            .as_deref()
            .and_then(|v| v.split('.').next())
            .map(str::parse::<u32>);
        match major {
            Some(Ok(1..)) => Ok(()),
            _ => Err(StreamCondition::UnsupportedVersion),
        }
    }

    fn send_header(&mut self) {
        self.header_sent = true;
        let header = Open {
            from: Some(self.config.domain.to_string()),
            id: Some(ids::opaque(&mut self.rng)),
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
            to: None,
        };
        self.send(header.write());
    }

    fn on_stanza(&mut self, stanza: &Stanza) {
        match protocol::Iq::of_stanza(stanza) {
            Some(iq) if registration::concerns(&iq) => self.on_registration(&iq),
            _ => self.fail_with(StreamCondition::NotAuthorized, "log in first"),
        }
    }

    /// Stream management is refused softly before login (SM-01); anything else ends the stream.
    fn on_early_nonza(&mut self, element: &Element) {
        if element.ns() == ns::SM && matches!(element.name(), "enable" | "resume") {
            let condition = protocol::Condition::UnexpectedRequest;
            return self.send(protocol::sm::SmNonza::Failed { h: None, condition }.write());
        }
        self.fail_with(StreamCondition::NotAuthorized, "log in first");
    }

    fn send(&mut self, frame: String) {
        self.outputs.push_back(OpeningOutput::Send(frame.into()));
    }

    fn fail_with(&mut self, condition: StreamCondition, why: &str) {
        self.fail(&StreamError::new(condition).because(why));
    }

    /// Ends the stream with an error, behind an own `<open/>` if there was none yet (WS-08).
    fn fail(&mut self, error: &StreamError) {
        if !self.header_sent {
            self.send_header();
        }
        self.send(error.write());
        self.close();
    }

    fn close(&mut self) {
        self.send(frame::write_close());
        self.outputs.push_back(OpeningOutput::Close);
        self.step = Step::Done;
    }
}

/// WS-07.
fn first_frame_error(frame: &Frame) -> StreamCondition {
    match frame {
        Frame::Nonza(element) if matches!(element.name(), "open" | "stream") => {
            StreamCondition::InvalidNamespace
        }
        Frame::Open(_) | Frame::Close { .. } | Frame::Stanza(_) | Frame::Nonza(_) => {
            StreamCondition::BadFormat
        }
    }
}
