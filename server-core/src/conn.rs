//! One connection that is logged in.

use protocol::jid::BareJid;
use protocol::{IdPrefix, Text, fork::Mode};

use crate::core::Context;
use crate::inline::Inline;
use crate::io::{ConnId, Identity, Output};
use crate::limits::Limits;
use crate::records::KeyEpoch;
use crate::session::SessionId;
use crate::timers::Timer;
use crate::tokens::DeviceId;

/// Frames that may wait for the wire before the server sends nothing more of its own accord.
const AHEAD_FRAMES: usize = 64;

/// One connection: what it carries and how much of it is not yet on the wire.
pub(crate) struct Conn {
    pub(crate) account: BareJid,
    /// Of which epoch the keys are by which it logged in.
    pub(crate) epoch: KeyEpoch,
    /// On which device it logged in, where that was said (BI-07).
    pub(crate) device: Option<DeviceId>,
    /// Whether its login is known to hold; until then nothing is answered.
    pub(crate) is_confirmed: bool,
    pub(crate) stage: Stage,
    /// What its login asked for and has no answer to yet; until then it may say nothing (AU-14).
    pub(crate) inline: Option<Box<Inline>>,
    /// Frames that came before the account was loaded and the login confirmed.
    pub(crate) early: Vec<Text>,
    /// Until when a session must be bound (LIM-02).
    pub(crate) bind_by_ms: u64,
    unsent_frames: usize,
    unsent_bytes: usize,
    /// When something last went onto the wire, or was first put there.
    pub(crate) written_at_ms: u64,
    /// Whether a timer watches that what is sent goes onto the wire.
    is_watched: bool,
    /// Whether more was sent than the peer may leave unread (LIM-07).
    pub(crate) is_too_slow: bool,
}

/// What a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No resource is bound; `mode` is what was enabled so far.
    Unbound {
        mode: Mode,
        prefix: Option<IdPrefix>,
    },
    /// A resumption waits for its answer; should it fail, `mode` and `prefix` still hold.
    Resuming {
        mode: Mode,
        prefix: Option<IdPrefix>,
    },
    /// It carries a session.
    Bound(SessionId),
    /// The stream has ended.
    Closed,
}

impl Conn {
    pub(crate) fn new(identity: Identity, bind_by_ms: u64, inline: Option<Box<Inline>>) -> Self {
        Self {
            account: identity.account,
            epoch: identity.epoch,
            device: inline.as_ref().and_then(|inline| inline.device),
            is_confirmed: false,
            stage: Stage::Unbound {
                mode: Mode::Plain,
                prefix: None,
            },
            inline,
            early: Vec::new(),
            bind_by_ms,
            unsent_frames: 0,
            unsent_bytes: 0,
            written_at_ms: 0,
            is_watched: false,
            is_too_slow: false,
        }
    }

    /// Whether enough waits for the wire: what can wait with the session does so (LIM-07).
    pub(crate) fn is_busy(&self, limits: &Limits) -> bool {
        self.unsent_frames >= AHEAD_FRAMES || self.unsent_bytes >= limits.unsent_bytes / 4
    }

    pub(crate) fn is_unbound(&self) -> bool {
        matches!(self.stage, Stage::Unbound { .. })
    }

    /// When the connection is given up because its peer takes nothing; `None` while nothing waits.
    pub(crate) fn gives_up_at(&mut self, blocked_ms: u64) -> Option<u64> {
        self.is_watched = self.unsent_frames > 0;
        self.is_watched.then_some(self.written_at_ms + blocked_ms)
    }

    /// Counts what went onto the wire; gives the session that may go on walking.
    pub(crate) fn on_written(
        &mut self,
        frames: usize,
        bytes: usize,
        now_ms: u64,
    ) -> Option<SessionId> {
        self.unsent_frames = self.unsent_frames.saturating_sub(frames);
        self.unsent_bytes = self.unsent_bytes.saturating_sub(bytes);
        self.written_at_ms = now_ms;
        match self.stage {
            Stage::Bound(session) => Some(session),
            Stage::Unbound { .. } | Stage::Resuming { .. } | Stage::Closed => None,
        }
    }
}

impl Context {
    /// Puts a frame on the wire of a connection that is still open.
    pub(crate) fn transmit(&mut self, id: ConnId, frame: impl Into<Text>) {
        let frame = frame.into();
        let limits = &self.config.limits;
        let now_ms = self.now.mono_ms;
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        if conn.is_too_slow || conn.stage == Stage::Closed {
            return;
        }
        if conn.unsent_frames == 0 {
            conn.written_at_ms = now_ms;
        }
        if !std::mem::replace(&mut conn.is_watched, true) {
            self.timers.arm(now_ms + limits.blocked_ms, Timer::Conn(id));
        }
        conn.unsent_frames += 1;
        conn.unsent_bytes += frame.len();
        if conn.unsent_frames > limits.unsent_frames || conn.unsent_bytes > limits.unsent_bytes {
            conn.is_too_slow = true;
            conn.written_at_ms = now_ms.saturating_sub(limits.blocked_ms);
            self.timers.arm(now_ms, Timer::Conn(id));
            return;
        }
        self.output(Output::Send { conn: id, frame });
    }

    /// Whether enough waits for the wire of a connection, or there is none.
    pub(crate) fn is_busy(&self, id: ConnId) -> bool {
        let conn = self.conns.get(&id);
        conn.is_none_or(|conn| conn.is_busy(&self.config.limits))
    }

    /// Ends the stream of a connection; frames that still come on it are not handled.
    pub(crate) fn close(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        if conn.stage == Stage::Closed {
            return;
        }
        self.transmit(id, protocol::frame::write_close());
        self.set_stage(id, Stage::Closed);
        self.output(Output::Close { conn: id });
    }

    /// The device at the other end, where its login said which.
    pub(crate) fn device_of(&self, id: ConnId) -> Option<DeviceId> {
        self.conns.get(&id)?.device
    }

    pub(crate) fn set_stage(&mut self, id: ConnId, stage: Stage) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.stage = stage;
        }
    }

    /// A `<resume/>` came on the connection.
    pub(crate) fn begin_resuming(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && let Stage::Unbound { mode, prefix } = conn.stage.clone()
        {
            conn.stage = Stage::Resuming { mode, prefix };
        }
    }

    /// Nothing came of a `<resume/>`: the connection may bind.
    pub(crate) fn stop_resuming(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && let Stage::Resuming { mode, prefix } = conn.stage.clone()
        {
            conn.stage = Stage::Unbound { mode, prefix };
        }
    }

    /// Gives the place of one handled frame back (LIM-14).
    pub(crate) fn credit(&mut self, conn: ConnId) {
        self.output(Output::Credit { conn });
    }
}
