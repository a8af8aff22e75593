//! One connection from its first frame to a known account: stream header, registration, login.
//!
//! Strangers never reach a [`Core`](crate::Core).

use std::collections::VecDeque;

use protocol::{BareJid, Now, Text};

use crate::io::Password;
use crate::limits::ServerConfig;
use crate::records::{Change, ChangeError, Credentials, Invite};

/// What happened outside.
#[derive(Debug)]
pub enum OpeningInput {
    /// One text frame arrived.
    Frame(Text),
    /// A frame arrived that is no text, or too long: the stream ends with this error.
    Refused(protocol::StreamError),
    /// The answer to [`OpeningOutput::Lookup`]; `Err` if the store failed.
    Credentials(Result<Option<Credentials>, ()>),
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
    /// Look up an invite by the SHA-256 of its token.
    CheckInvite([u8; 32]),
    /// Hash a prepared password with a fresh salt, away from this thread.
    Hash(Password),
    /// Make a change durable (registration).
    Change(Box<Change>),
    /// A login failed: the driver may delay or limit this peer's next tries (LIM-15).
    LoginFailed(BareJid),
    /// The connection is logged in and its stream open: hand it to the core.
    Authenticated(BareJid),
    /// Close the connection once what was sent is on the wire.
    Close,
}

/// One connection before anybody is known to be behind it.
pub struct Opening {
    config: ServerConfig,
    outputs: VecDeque<OpeningOutput>,
    deadline_ms: u64,
}

impl Opening {
    /// A fresh connection. `seed` comes from a good random source: ids and nonces are drawn from it.
    pub fn new(config: ServerConfig, seed: [u8; 32], now: Now) -> Self {
        let _ = seed;
        let deadline_ms = now.mono_ms + config.limits.login_ms;
        Self {
            config,
            outputs: VecDeque::new(),
            deadline_ms,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: OpeningInput, now: Now) {
        let _ = (input, now, &self.config);
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<OpeningOutput> {
        self.outputs.pop_front()
    }

    /// When [`OpeningInput::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> u64 {
        self.deadline_ms
    }
}
