//! Taking a session up again on another connection (SM-14 to SM-23).

use protocol::mutant;
use protocol::sm::SmNonza;
use protocol::{ArchiveId, Condition, Element, Handled, StreamCondition, StreamError};

use crate::account::Account;
use crate::conn::Stage;
use crate::core::Context;
use crate::io::ConnId;
use crate::records::SessionLife;
use crate::session::{Session, SessionId};

/// A `<resume/>` that says all it must.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) previd: String,
    pub(crate) h: Handled,
    /// Where the client's history ends (S11-61).
    pub(crate) pos: Option<ArchiveId>,
}

/// What became of a `<resume/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// The connection carries this session now.
    Resumed {
        session: SessionId,
        previd: String,
        h: Handled,
        is_restored: bool,
    },
    /// The connection carries nothing; it may bind.
    Failed {
        h: Option<Handled>,
        condition: Condition,
    },
}

impl Resumption {
    pub(crate) fn failed(h: Option<Handled>, condition: Condition) -> Self {
        Self::Failed { h, condition }
    }

    /// The answer to the client.
    pub(crate) fn to_element(&self) -> Element {
        match self {
            Self::Resumed {
                previd,
                h,
                is_restored,
                ..
            } => SmNonza::Resumed {
                previd: previd.clone(),
                h: *h,
                is_restored: *is_restored,
            }
            .to_element(),
            Self::Failed { h, condition } => SmNonza::Failed {
                h: *h,
                condition: *condition,
            }
            .to_element(),
        }
    }
}

impl Account {
    /// Takes a session up again. `None` if that must wait, or ended the stream; what waits is answered
    /// by [`Account::answer_resume`] later.
    pub(crate) fn resume(
        &mut self,
        cx: &mut Context,
        conn: ConnId,
        previd: Option<String>,
        h: Option<Handled>,
        pos: Option<ArchiveId>,
    ) -> Option<Resumption> {
        let (Some(previd), Some(h)) = (previd, h) else {
            return Some(Resumption::failed(None, Condition::BadRequest));
        };
        let stage = cx.conns.get(&conn).map(|conn| &conn.stage);
        if !matches!(stage, Some(Stage::Unbound { .. })) {
            return Some(Resumption::failed(None, Condition::UnexpectedRequest));
        }
        match self.resumable(&previd) {
            Some(id) => {
                self.resume_live(cx, conn, id, h);
                None
            }
            None => self.resume_dormant(cx, conn, Wish { previd, h, pos }),
        }
    }

    /// The session in memory with this SM-ID.
    pub(crate) fn resumable(&self, previd: &str) -> Option<SessionId> {
        let matches = |session: &&Session| {
            let sm = session.sm.as_ref().filter(|_| session.is_resumable());
            sm.is_some_and(|sm| sm.id.as_deref() == Some(previd))
        };
        self.sessions.values().find(matches).map(|s| s.id)
    }

    /// Takes over a session that is in memory, once nothing of it is in flight.
    pub(crate) fn resume_live(
        &mut self,
        cx: &mut Context,
        conn: ConnId,
        id: SessionId,
        h: Handled,
    ) {
        // What an earlier connection of the client sent may come after its later one is here.
        if self.carriers(id).any(|other| other > conn) {
            return self.fail(cx, conn, &resumed_elsewhere());
        }
        self.take_over(cx, id);
        cx.begin_resuming(conn);
        // A later try of the same client takes the place of an earlier one that still waits.
        let overtaken: Vec<_> = self
            .resuming
            .iter()
            .filter(|(_, session, _)| *session == id)
            .map(|(c, ..)| *c)
            .collect();
        self.resuming.retain(|(_, session, _)| *session != id);
        for old in overtaken {
            self.fail(cx, old, &resumed_elsewhere());
        }
        self.resuming.push((conn, id, h));
        self.resume_settled(cx);
    }

    /// Connections that carry the session, or are about to.
    pub(crate) fn carriers(&self, id: SessionId) -> impl Iterator<Item = ConnId> {
        let present = self.sessions.get(&id).and_then(|session| session.conn);
        let waiting = self
            .resuming
            .iter()
            .filter(move |(_, session, _)| *session == id);
        present.into_iter().chain(waiting.map(|(conn, ..)| *conn))
    }

    /// Tells the client what became of its `<resume/>`, and goes on with the session.
    pub(crate) fn answer_resume(&mut self, cx: &mut Context, conn: ConnId, outcome: Resumption) {
        let is_inline = cx.conns.get(&conn).is_some_and(|c| c.inline.is_some());
        if is_inline {
            self.answer_inline(cx, conn, &outcome);
        } else {
            cx.transmit(conn, outcome.to_element().to_string());
        }
        if let Resumption::Resumed { session, .. } = outcome {
            self.go_on(cx, session);
        }
    }

    /// The old connection, if there still is one, is cut off: nothing of it is handled any more (SM-16).
    fn take_over(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Some(old) = session.conn.take()
            && !mutant("old-stream-not-fenced")
        {
            cx.transmit(old, resumed_elsewhere().write());
            cx.close(old);
        }
        // Until the resumption is through, the session counts as detached.
        let max_s = session.sm.as_ref().map_or(0, |sm| sm.max_s);
        session.expires_ms = Some(cx.now.mono_ms + u64::from(max_s) * 1_000);
        cx.timers
            .arm(cx.now.mono_ms + u64::from(max_s) * 1_000, session.timer());
        self.give_page(cx, id);
    }

    /// Answers the resumptions whose session has nothing in flight any more (P5).
    pub(crate) fn resume_settled(&mut self, cx: &mut Context) {
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.resuming)
            .into_iter()
            .partition(|(_, id, _)| {
                mutant("resume-without-waiting")
                    || self.sessions.get(id).is_none_or(Session::is_quiet)
            });
        self.resuming = waiting;
        for (conn, id, h) in ready {
            if let Some(outcome) = self.attach_to(cx, conn, id, h) {
                self.answer_resume(cx, conn, outcome);
            }
        }
    }

    /// The session goes on with this connection, unless the client's `h` is impossible.
    fn attach_to(
        &mut self,
        cx: &mut Context,
        conn: ConnId,
        id: SessionId,
        h: Handled,
    ) -> Option<Resumption> {
        let Some(session) = self.sessions.get_mut(&id) else {
            cx.stop_resuming(conn);
            return Some(Resumption::failed(None, Condition::ItemNotFound));
        };
        session.settle_own();
        session.device = cx.device_of(conn).or(session.device);
        cx.set_stage(conn, Stage::Bound(id));
        let sm = session.sm.as_mut()?;
        if let Err(error) = sm.take_up(h) {
            self.fail(cx, conn, &error.to_stream_error());
            return None;
        }
        let handled = sm
            .received
            .handled()
            .plus(u32::from(mutant("resumed-h-too-high")));
        sm.told = handled;
        let previd = sm.id.clone().unwrap_or_default();
        session.conn = Some(conn);
        session.expires_ms = None;
        session.hold.is_inactive = false;
        let is_restored = sm.is_restored;
        let record = session.record(SessionLife::Attached);
        self.write_session(cx, record);
        // An answer that was lost on its way, or with a client that was closed before it kept anything, is
        // given again: only with it the client knows that counters other than of messages may have gone
        // back, and that nobody knows its presence (S11-62, S11-63).
        Some(Resumption::Resumed {
            session: id,
            previd,
            h: handled,
            is_restored,
        })
    }

    /// After `<resumed/>`: what is not acknowledged once more, then what was held, then the log (SM-17).
    fn go_on(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.sm.as_ref().is_some_and(|sm| sm.unsent > 0) {
            session.pour(cx);
            session.request_now(cx);
        }
        self.release(cx, id);
        self.ask_caps(cx, id);
    }
}

/// What a connection is told whose session another one has now.
fn resumed_elsewhere() -> StreamError {
    StreamError::new(StreamCondition::Conflict).because("resumed elsewhere")
}

impl Session {
    /// Whether nothing that came on its connection is still being handled, own messages that only
    /// wait for the cursor aside.
    fn is_quiet(&self) -> bool {
        let unsettled = self.sm.as_ref().map_or(0, |sm| sm.received.unsettled());
        let waiting = self.own.values().filter(|own| own.slot.is_some()).count();
        self.work.is_empty() && unsettled <= waiting + self.settled_between()
    }

    /// Stanzas that are handled but stand behind an own message that waits for the cursor.
    fn settled_between(&self) -> usize {
        self.sm.as_ref().map_or(0, |sm| sm.received.settled_early())
    }

    /// Counts own messages that lie in the log as handled, though the cursor has not passed them:
    /// `<resumed/>` may say so, and the catch-up that follows tells their place (S11-41).
    pub(crate) fn settle_own(&mut self) {
        for own in self.own.values_mut() {
            own.owes_credit = false;
            let slot = own
                .slot
                .take_if(|_| !mutant("own-entries-unsettled-at-resume"));
            if let (Some(sm), Some(slot)) = (&mut self.sm, slot) {
                sm.received.settle(slot);
            }
        }
    }
}
