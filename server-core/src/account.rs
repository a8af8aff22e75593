//! One account: its sessions, the tail of its log, its roster.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::blocking::Blocklist;
use protocol::fork::Mode;
use protocol::forward::Direction;
use protocol::jid::{BareJid, FullJid, Jid};
use protocol::mutant;
use protocol::time::Stamp;
use protocol::{ArchiveId, Element, Frame, Handled, StreamCondition, StreamError, Text, ns};

use crate::archive::{Entry, ReadError};
use crate::conn::{Conn, Stage};
use crate::copies::{self, Copy};
use crate::core::Context;
use crate::envelope::Envelope;
use crate::hold::{LatestOf, Urgency};
use crate::io::{ConnId, Output};
use crate::iq::mam::PageRequest;
use crate::loading::State;
use crate::parcel::Parcel;
use crate::pep::Pep;
use crate::records::{SessionLife, SessionRecord};
use crate::requests::Tasks;
use crate::roster::{Roster, Wish};
use crate::session::{SentKind, Session, SessionId};
use crate::spool::Spool;
use crate::tail::{Line, Tail};

/// One account that somebody is connected to, or that something is on its way to.
pub(crate) struct Account {
    pub(crate) jid: BareJid,
    pub(crate) state: State,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) tail: Tail,
    /// Behind which position entries are being read for a walk.
    pub(crate) reading: Option<u64>,
    /// The entry at the tail's head, if there ever was one.
    pub(crate) newest: Option<(ArchiveId, Stamp)>,
    pub(crate) roster: Roster,
    pub(crate) blocked: Blocklist,
    pub(crate) pep: Pep,
    /// Connections that are logged in, bound or not.
    conns: usize,
    /// Questions to the store that are out.
    pub(crate) in_flight: usize,
    /// How many messages were given to the store to write, and how many of them it answered.
    pub(crate) appends: (u64, u64),
    /// Sessions that are not in memory: of former processes, and such as ended (S11-62, SM-23).
    pub(crate) dormant: Vec<SessionRecord>,
    /// Resumptions that wait: (connection, session, the client's h).
    pub(crate) resuming: Vec<(ConnId, SessionId, Handled)>,
    pub(crate) queries_running: usize,
    pub(crate) queries_waiting: VecDeque<Box<PageRequest>>,
    pub(crate) spool: Spool,
    pub(crate) tasks: Tasks,
    /// Whether it stands in [`Context::takers`].
    pub(crate) is_taken: bool,
    /// Whether the record that is on its way may have been read too early.
    pub(crate) is_outdated: bool,
    /// Whether nobody may come back to the sessions that the record holds (AU-29).
    pub(crate) is_revoked: bool,
}

impl Account {
    pub(crate) fn new(jid: BareJid) -> Self {
        Self {
            jid,
            state: State::begin(),
            sessions: BTreeMap::new(),
            tail: Tail::default(),
            reading: None,
            newest: None,
            roster: Roster::default(),
            blocked: Blocklist::default(),
            pep: Pep::default(),
            conns: 0,
            in_flight: 0,
            appends: (0, 0),
            dormant: Vec::new(),
            resuming: Vec::new(),
            queries_running: 0,
            queries_waiting: VecDeque::new(),
            spool: Spool::default(),
            tasks: Tasks::default(),
            is_taken: false,
            is_outdated: false,
            is_revoked: false,
        }
    }

    /// Whether nothing is left that needs the account in memory.
    pub(crate) fn is_idle(&self) -> bool {
        !matches!(self.state, State::Loading { .. })
            && self.sessions.is_empty()
            && self.conns == 0
            && self.in_flight == 0
            && self.reading.is_none()
            && !self.spool.is_reading()
            && self.roster.is_idle()
            && self.pep.is_idle()
    }

    pub(crate) fn attach(&mut self, conn: ConnId) {
        self.conns += 1;
        if let State::Loading { conns, .. } = &mut self.state {
            conns.push(conn);
        }
    }

    pub(crate) fn own(&self) -> Jid {
        Jid::from(self.jid.clone())
    }

    pub(crate) fn session_of(&self, cx: &Context, conn: ConnId) -> Option<SessionId> {
        match cx.conns.get(&conn)?.stage {
            Stage::Bound(session) => Some(session),
            Stage::Unbound { .. } | Stage::Resuming { .. } | Stage::Closed => None,
        }
    }

    /// The session of a full JID.
    pub(crate) fn by_jid(&self, jid: &FullJid) -> Option<SessionId> {
        self.sessions
            .values()
            .find(|session| session.jid == *jid)
            .map(|session| session.id)
    }

    // ---- what comes from connections

    pub(crate) fn on_text(&mut self, cx: &mut Context, conn: ConnId, text: &Text) {
        if cx
            .conns
            .get(&conn)
            .is_none_or(|state| state.stage == Stage::Closed)
        {
            return;
        }
        if text.len() > cx.config.limits.stanza_bytes {
            let error =
                StreamError::new(StreamCondition::PolicyViolation).because("frame too long");
            return self.fail(cx, conn, &error);
        }
        match Frame::parse(text, cx.config.limits.xml) {
            Ok(frame) => self.on_frame(cx, conn, frame),
            Err(error) => {
                let text = error.to_string();
                self.fail(cx, conn, &StreamError::new(error.condition()).because(text));
            }
        }
    }

    fn on_frame(&mut self, cx: &mut Context, conn: ConnId, frame: Frame) {
        let session = self.session_of(cx, conn);
        match frame {
            Frame::Stanza(stanza) => match session {
                Some(session) => self.on_stanza(cx, session, stanza),
                None => self.on_unbound_stanza(cx, conn, &stanza),
            },
            Frame::Nonza(element) => {
                cx.credit(conn);
                self.on_nonza(cx, conn, &element);
            }
            Frame::Close { .. } => self.on_close(cx, conn),
            Frame::Open(_) => {
                let error = StreamError::new(StreamCondition::BadFormat)
                    .because("the stream is open already");
                self.fail(cx, conn, &error);
            }
        }
    }

    fn on_nonza(&mut self, cx: &mut Context, conn: ConnId, element: &Element) {
        match element.ns() {
            ns::SM => self.on_sm(cx, conn, element),
            ns::S11 | ns::MR2 if element.name() == "enable" => {
                self.on_enable_mode(cx, conn, element)
            }
            ns::CSI => {
                let session = self.session_of(cx, conn);
                if let (Some(session), Some(active)) = (session, protocol::csi::parse(element)) {
                    self.set_active(cx, session, active);
                }
            }
            _ => {
                let error = StreamError::new(StreamCondition::UnsupportedStanzaType);
                self.fail(cx, conn, &error);
            }
        }
    }

    /// The client ends its stream: the session ends at once (WS-18).
    fn on_close(&mut self, cx: &mut Context, conn: ConnId) {
        if let Some(session) = self.session_of(cx, conn) {
            if let Some(session) = self.sessions.get_mut(&session) {
                session.ack(cx); // SM-13
            }
            cx.close(conn);
            self.end_session(cx, session);
        } else {
            cx.close(conn);
        }
    }

    /// Ends a stream with an error, and its session with it.
    pub(crate) fn fail(&mut self, cx: &mut Context, conn: ConnId, error: &StreamError) {
        let session = self.session_of(cx, conn);
        cx.transmit(conn, error.write());
        cx.close(conn);
        self.resuming.retain(|(waiting, ..)| *waiting != conn);
        if let Some(session) = session {
            self.end_session(cx, session);
        }
    }

    /// The server stops: ends the stream; what can be resumed can be so with the next process (WS-30).
    pub(crate) fn shut_down(&mut self, cx: &mut Context, conn: ConnId, error: &StreamError) {
        let session = self.session_of(cx, conn);
        if let Some(session) = session.and_then(|id| self.sessions.get_mut(&id)) {
            session.ack(cx); // SM-13
        }
        cx.transmit(conn, error.write());
        cx.close(conn);
        if let Some(session) = session {
            self.detach(cx, session);
        }
    }

    /// The connection is gone (WS-17).
    pub(crate) fn on_lost(&mut self, cx: &mut Context, conn: ConnId, state: &Conn) {
        self.conns = self.conns.saturating_sub(1);
        self.resuming.retain(|(waiting, ..)| *waiting != conn);
        if let State::Loading { conns, .. } = &mut self.state {
            conns.retain(|waiting| *waiting != conn);
        }
        if let Stage::Bound(session) = state.stage {
            self.detach(cx, session);
        }
    }

    /// The peer leaves unread what is sent: its session goes on without the connection (WS-28).
    pub(crate) fn drop_slow(&mut self, cx: &mut Context, conn: ConnId) {
        let session = self.session_of(cx, conn);
        cx.set_stage(conn, Stage::Closed);
        cx.output(Output::Close { conn });
        if let Some(session) = session {
            self.detach(cx, session);
        }
    }

    fn detach(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.conn = None;
        if !session.is_resumable() {
            return self.end_session(cx, id);
        }
        let max_s = session.sm.as_ref().map_or(0, |sm| sm.max_s);
        let expires_ms = cx.now.mono_ms + u64::from(max_s) * 1_000;
        session.expires_ms = Some(expires_ms);
        cx.timers.arm(expires_ms, session.timer());
        let end = cx.now.wall_ms.saturating_add(i64::from(max_s) * 1_000);
        let record = session.record(SessionLife::Detached(Stamp(end)));
        self.write_session(cx, record);
        self.give_page(cx, id);
    }

    pub(crate) fn on_session_timer(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let has_expired = session.expires_ms.is_some_and(|at| cx.now.mono_ms >= at);
        if session.is_broken || has_expired {
            if let Some(conn) = session.conn {
                let error = StreamError::new(StreamCondition::PolicyViolation)
                    .because("too many stanzas are not acknowledged");
                cx.transmit(conn, error.write());
                cx.close(conn);
            }
            return self.end_session(cx, id);
        }
        session.on_timer(cx);
        if session.hold.is_inactive && session.hold.is_due(&cx.config.limits, cx.now.mono_ms) {
            self.release(cx, id);
        }
    }

    /// Ends all sessions but one that may be spared.
    pub(crate) fn end_sessions(&mut self, cx: &mut Context, spared: Option<SessionId>) {
        let ids = self.sessions.keys().filter(|id| Some(**id) != spared);
        let ids: Vec<_> = ids.copied().collect();
        for id in ids {
            self.end_session(cx, id);
        }
    }

    // ---- what comes from the store and other accounts

    pub(crate) fn on_parcel(&mut self, cx: &mut Context, parcel: Parcel) {
        match &mut self.state {
            State::Loading { parcels, .. } => return parcels.push_back(parcel),
            State::Gone => return, // it is for sessions, and there are none
            State::Ready => {}
        }
        let may_block = !self.blocked.is_empty();
        if may_block && parcel.sender().is_some_and(|from| self.blocks(&from)) {
            return parcel.come_back(cx);
        }
        match parcel {
            Parcel::Entry {
                entry,
                envelope,
                flagged,
            } => self.on_entry(cx, &entry, envelope, flagged),
            Parcel::Message(loose) => self.on_loose(cx, loose),
            Parcel::Iq(stanza) => self.on_iq_for_resource(cx, &stanza),
            Parcel::Presence {
                from,
                frame,
                hidden,
            } => {
                let frame = Box::new(frame);
                self.change_roster(
                    cx,
                    Wish::Presence {
                        from,
                        frame,
                        hidden,
                    },
                );
            }
            Parcel::Probe { from } => self.on_probe(cx, &from),
            Parcel::Question(iq) => self.on_question(cx, *iq),
            Parcel::Notice(notice) => self.on_notice(cx, &notice),
            Parcel::Interest(interest) => self.on_interest(cx, interest),
            Parcel::Joined(friend) => self.change_roster(cx, Wish::Befriend { friend }),
            Parcel::Subscription { from, kind, stanza } => {
                self.on_inbound_subscription(cx, from, kind, *stanza);
            }
        }
    }

    fn on_entry(
        &mut self,
        cx: &mut Context,
        entry: &Entry,
        envelope: Option<Arc<Envelope>>,
        flagged: Option<bool>,
    ) {
        let mut given = Vec::new();
        match entry.pos.cmp(&(self.tail.head() + 1)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => given = self.append_line(cx, entry, envelope),
            std::cmp::Ordering::Greater => self.read_gap(cx),
        }
        if let Some(flagged) = flagged {
            self.check_flag(cx, entry.pos, flagged, &given);
        }
    }

    /// Adds an entry to the tail; tells which ordinary sessions got what of it.
    fn append_line(
        &mut self,
        cx: &mut Context,
        entry: &Entry,
        envelope: Option<Arc<Envelope>>,
    ) -> Vec<(SessionId, Copy)> {
        let line = Line::new(&self.jid, entry, envelope);
        self.tail.push(line.clone(), cx.config.limits.tail_entries);
        self.newest = Some((entry.id.clone(), entry.stamp));
        let others = copies::for_others(&line.envelope, &self.jid, self.sessions.values());
        let alone = others.len() == 1 && self.sessions.values().all(|s| s.mode != Mode::S11);
        let text = line.copy_now(cx);
        for (session, copy) in others.clone() {
            let kind = match copy {
                Copy::Direct => SentKind::Entry {
                    pos: line.pos,
                    alone,
                },
                Copy::Wrap(..) => SentKind::Droppable,
            };
            self.give(cx, session, &line.envelope, &text, (copy, kind));
        }
        self.walk_all(cx);
        others
    }

    /// A notice was missed: the log is the truth (P9).
    pub(crate) fn read_gap(&mut self, cx: &mut Context) {
        if self.reading.is_none() {
            let (after, max) = (self.tail.head(), cx.config.limits.read_entries);
            self.reading = Some(after);
            cx.output(Output::ReadEntries {
                account: self.jid.clone(),
                after,
                max,
            });
        }
    }

    pub(crate) fn on_entries(
        &mut self,
        cx: &mut Context,
        result: Result<Vec<Arc<Entry>>, ReadError>,
    ) {
        let after = self.reading.take().unwrap_or_default();
        let Ok(entries) = result else {
            tracing::warn!("log could not be read for delivery; devices catch up later");
            return self.end_sessions_behind(cx, self.tail.head());
        };
        let first = entries.first().map(|entry| entry.pos);
        // What retention removed is delivered to nobody: who waits for it has to notice (S11-54).
        let missing = (after + 1)..first.unwrap_or_else(|| self.tail.head() + 1);
        if !missing.is_empty() {
            tracing::warn!("entries are gone that devices waited for; they catch up later");
            self.end_sessions_behind(cx, missing.end - 1);
        }
        let Some(first) = first else {
            return;
        };
        if first > self.tail.head() + 1 {
            self.tail = Tail::new(first - 1);
        }
        if first == self.tail.head() + 1 {
            for entry in &entries {
                self.on_entry(cx, entry, None, None);
            }
            return;
        }
        self.walk_past(cx, &entries);
    }

    /// Lets sessions whose cursor lies before the tail walk over entries that were read for them.
    fn walk_past(&mut self, cx: &mut Context, entries: &[Arc<Entry>]) {
        let mut lines = Tail::new(
            entries
                .first()
                .map_or(0, |entry| entry.pos.saturating_sub(1)),
        );
        // What lies beyond the known head was written and is not told yet: whose it is, its append's answer
        // says first, so that an own entry becomes an ack and never a copy (S11-41).
        let head = self.tail.head();
        for entry in entries.iter().filter(|entry| entry.pos <= head) {
            lines.push(Line::new(&self.jid, entry, None), entries.len());
        }
        std::mem::swap(&mut self.tail, &mut lines);
        self.walk_all(cx);
        std::mem::swap(&mut self.tail, &mut lines);
        self.walk_all(cx);
    }

    /// Without the entries up to here, live order cannot be kept for who has not had them: the streams
    /// end and the devices come back (S11-40).
    fn end_sessions_behind(&mut self, cx: &mut Context, pos: u64) {
        let behind = self
            .sessions
            .values()
            .filter(|s| s.mode == Mode::S11 && s.cursor < pos);
        let behind: Vec<_> = behind.map(|session| (session.id, session.conn)).collect();
        for (id, conn) in behind {
            if let Some(conn) = conn {
                let error = StreamError::new(StreamCondition::InternalServerError);
                cx.transmit(conn, error.write());
                cx.close(conn);
            }
            self.end_session(cx, id);
        }
    }

    // ---- sending

    /// Gives a session a copy of a message.
    pub(crate) fn give(
        &mut self,
        cx: &mut Context,
        session: SessionId,
        envelope: &Envelope,
        text: &Text,
        (copy, kind): (Copy, SentKind),
    ) {
        let Some(jid) = self
            .sessions
            .get(&session)
            .map(|session| session.jid.clone())
        else {
            return;
        };
        let (frame, urgency) = match copy {
            Copy::Direct if envelope.chat_state => (text.clone(), latest_state(envelope, None)),
            Copy::Direct => (text.clone(), Urgency::Now),
            Copy::Wrap(direction, ns) => {
                let frame = copies::wrap(&self.jid, &jid, envelope.kind, (direction, ns), text);
                let urgency = if envelope.chat_state {
                    latest_state(envelope, Some(direction))
                } else {
                    Urgency::Later
                };
                (frame, urgency)
            }
        };
        if !self.waits_for_spool(cx, session, &frame, &kind) {
            self.send(cx, session, frame, kind, urgency);
        }
    }

    /// Sends a stanza to a session, or holds it back while the session is inactive.
    pub(crate) fn send(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        frame: Text,
        kind: SentKind,
        urgency: Urgency,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if !session.hold.is_inactive {
            return session.send(cx, frame, kind);
        }
        if urgency == Urgency::Now {
            if !mutant("held-copies-overtaken") {
                self.release(cx, id);
            }
            if let Some(session) = self.sessions.get_mut(&id) {
                session.send(cx, frame, kind);
            }
            return;
        }
        self.hold(cx, id, frame, kind, urgency);
    }

    /// Holds a stanza back for a session.
    pub(crate) fn hold(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        frame: Text,
        kind: SentKind,
        urgency: Urgency,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.hold(cx, (frame, kind), urgency, self.tail.head());
        if session.hold.is_due(&cx.config.limits, cx.now.mono_ms) {
            self.release(cx, id);
        }
    }

    /// Sends a stanza at once.
    pub(crate) fn send_now(&mut self, cx: &mut Context, id: SessionId, frame: impl Into<Text>) {
        self.send(cx, id, frame.into(), SentKind::Droppable, Urgency::Now);
    }

    /// Lets everything go that was held back, in order; the session stays as inactive as it was (CS-03).
    /// Behind older messages that are still being read, it stays held (RT-08).
    pub(crate) fn release(&mut self, cx: &mut Context, id: SessionId) {
        if self.spool.is_read_by(id) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let was_inactive = std::mem::replace(&mut session.hold.is_inactive, false);
        for held in session.hold.take() {
            if mutant("held-copies-dropped") {
                continue;
            }
            self.walk_before(cx, id, held.after);
            if let Some(session) = self.sessions.get_mut(&id) {
                session.send(cx, held.frame, held.kind);
            }
        }
        self.walk(cx, id);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.hold.is_inactive = was_inactive;
        }
    }

    fn set_active(&mut self, cx: &mut Context, id: SessionId, active: bool) {
        if active {
            self.release(cx, id);
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.hold.is_inactive = !active;
        }
    }
}

/// Of the states of one side of one chat, only the latest is worth sending.
fn latest_state(envelope: &Envelope, wrapped: Option<Direction>) -> Urgency {
    let (of, peer) = match wrapped {
        Some(Direction::Sent) => (LatestOf::OwnChatState, &envelope.to),
        Some(Direction::Received) | None => (LatestOf::ChatState, &envelope.from),
    };
    Urgency::Latest(of, peer.to_bare().into())
}
