//! From a logged-in connection to a session: modes, binding, stream management, the end.

use std::borrow::Cow;

use protocol::fork::Mode;
use protocol::jid::{FullJid, ResourcePart};
use protocol::sm::SmNonza;
use protocol::time::Stamp;
use protocol::{
    Condition, Element, Handled, IdPrefix, Iq, IqKind, Stanza, StreamCondition, StreamError, bind,
    ns, s11,
};

use crate::account::Account;
use crate::conn::{Conn, Stage};
use crate::core::Context;
use crate::ids;
use crate::io::ConnId;
use crate::records::SessionLife;
use crate::session::{SentKind, Session, SessionId, Sm};

impl Account {
    // ---- modes (S11-01, MR-01)

    pub(crate) fn on_enable_mode(&mut self, cx: &mut Context, conn: ConnId, element: &Element) {
        let Some(state) = cx.conns.get(&conn) else {
            return;
        };
        let Stage::Unbound {
            mode: Mode::Plain, ..
        } = state.stage
        else {
            let refused = s11::failed(element.ns(), Condition::UnexpectedRequest);
            return cx.transmit(conn, refused.to_string());
        };
        if element.ns() == ns::MR2 {
            cx.set_stage(
                conn,
                Stage::Unbound {
                    mode: Mode::Mr2,
                    prefix: None,
                },
            );
            return cx.transmit(conn, Element::new("enabled", ns::MR2).to_string());
        }
        let prefix = IdPrefix::from_bits(ids::bits(&mut cx.rng));
        cx.transmit(conn, s11::enabled(&prefix).to_string());
        cx.set_stage(
            conn,
            Stage::Unbound {
                mode: Mode::S11,
                prefix: Some(prefix),
            },
        );
    }

    // ---- binding (BI rows)

    pub(crate) fn on_unbound_stanza(&mut self, cx: &mut Context, conn: ConnId, stanza: &Stanza) {
        cx.credit(conn);
        let iq = Iq::of_stanza(stanza);
        let Some(iq) = iq.filter(|iq| matches!(&iq.kind, IqKind::Set(p) if p.is("bind", ns::BIND)))
        else {
            let error =
                StreamError::new(StreamCondition::NotAuthorized).because("bind a resource first");
            return self.fail(cx, conn, &error);
        };
        let answer = match self.bind(cx, conn, &iq) {
            Ok(jid) => iq.result(Some(bind::bound(&jid))),
            Err(condition) => iq.error(condition),
        };
        cx.transmit(conn, answer.write());
    }

    fn bind(&mut self, cx: &mut Context, conn: ConnId, iq: &Iq) -> Result<FullJid, Condition> {
        let IqKind::Set(request) = &iq.kind else {
            return Err(Condition::BadRequest);
        };
        if !cx.conns.get(&conn).is_some_and(Conn::is_unbound) {
            return Err(Condition::UnexpectedRequest);
        }
        let asked = request
            .find("resource", ns::BIND)
            .map(Element::own_text)
            .filter(|r| !r.is_empty());
        let asked = asked.map(|resource| ResourcePart::new(&resource).map(Cow::into_owned));
        let asked = asked.transpose().map_err(|_| Condition::BadRequest)?;
        self.make_way(cx, conn)?;
        let free = asked.map(|resource| self.jid.with_resource(&resource));
        let free = free.filter(|jid| self.by_jid(jid).is_none());
        let jid = free.map_or_else(|| self.fresh_jid(cx), Ok)?;
        self.open_session(cx, conn, jid.clone());
        Ok(jid)
    }

    /// Makes room for a session of this connection: a device has one, and an older one is of an earlier
    /// life of it (BI-07).
    ///
    /// # Errors
    /// `conflict` where the connection itself is of an earlier life: what that sent may come after its
    /// later one is here. `resource-constraint` where the account has too many sessions (LIM-08).
    pub(crate) fn make_way(&mut self, cx: &mut Context, conn: ConnId) -> Result<(), Condition> {
        if let Some(device) = cx.device_of(conn) {
            let own = |session: &&Session| session.device == Some(device);
            let own: Vec<_> = self.sessions.values().filter(own).map(|s| s.id).collect();
            let carriers = own.iter().flat_map(|id| self.carriers(*id));
            let carriers: Vec<_> = carriers.collect();
            if carriers.iter().any(|other| *other > conn) {
                return Err(Condition::Conflict);
            }
            let error = StreamError::new(StreamCondition::Conflict).because("bound anew");
            // First those that wait to resume, else the end of a session would let them bind.
            for carrier in carriers.into_iter().rev() {
                self.fail(cx, carrier, &error);
            }
            for id in own {
                self.end_session(cx, id);
            }
            self.end_dormant(cx, Some(device));
        }
        if self.sessions.len() >= cx.config.limits.sessions_per_account {
            return Err(Condition::ResourceConstraint);
        }
        Ok(())
    }

    fn fresh_jid(&self, cx: &mut Context) -> Result<FullJid, Condition> {
        let resource = ids::opaque(&mut cx.rng);
        self.jid
            .with_resource_str(&resource)
            .map_err(|_| Condition::InternalServerError)
    }

    pub(crate) fn open_session(&mut self, cx: &mut Context, conn: ConnId, jid: FullJid) {
        let Some(state) = cx.conns.get(&conn) else {
            return;
        };
        let Stage::Unbound { mode, prefix } = state.stage.clone() else {
            return;
        };
        let device = state.device;
        let id = SessionId(cx.next());
        let mut session = Session::new(id, jid, mode, conn);
        session.prefix = prefix;
        session.device = device;
        session.cursor = self.tail.head();
        self.sessions.insert(id, session);
        if mode == Mode::S11 {
            self.clear_spool(cx);
        }
        cx.sessions += 1;
        cx.set_stage(conn, Stage::Bound(id));
    }

    // ---- stream management (SM rows)

    pub(crate) fn on_sm(&mut self, cx: &mut Context, conn: ConnId, element: &Element) {
        let session = self.session_of(cx, conn);
        match (SmNonza::from_element(element), session) {
            (Some(SmNonza::Enable { resume, max_s }), Some(session)) => {
                self.enable_sm(cx, session, resume, max_s);
            }
            (Some(SmNonza::Resume { previd, h, pos }), None) => {
                if let Some(outcome) = self.resume(cx, conn, previd, h, pos) {
                    self.answer_resume(cx, conn, outcome);
                }
            }
            (Some(SmNonza::Enable { .. } | SmNonza::Resume { .. }), _) => {
                let condition = Condition::UnexpectedRequest;
                cx.transmit(conn, SmNonza::Failed { h: None, condition }.write());
            }
            (Some(SmNonza::Request), Some(session)) => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.ack(cx);
                }
            }
            (Some(SmNonza::Ack(h)), Some(session)) => self.on_ack(cx, conn, session, h),
            (Some(SmNonza::Request | SmNonza::Ack(_)), None) => {}
            (
                Some(SmNonza::Enabled { .. } | SmNonza::Resumed { .. } | SmNonza::Failed { .. })
                | None,
                _,
            ) => {
                self.fail(
                    cx,
                    conn,
                    &StreamError::new(StreamCondition::UnsupportedStanzaType),
                );
            }
        }
    }

    fn enable_sm(&mut self, cx: &mut Context, id: SessionId, resume: bool, max_s: Option<u32>) {
        let Some(conn) = self.sessions.get(&id).and_then(|session| session.conn) else {
            return;
        };
        let answer = self.start_sm(cx, id, resume, max_s);
        let condition = Condition::UnexpectedRequest;
        let answer = answer.unwrap_or(SmNonza::Failed { h: None, condition });
        cx.transmit(conn, answer.write());
    }

    /// Lets a session count from here on; `None` if it does already.
    pub(crate) fn start_sm(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        resume: bool,
        max_s: Option<u32>,
    ) -> Option<SmNonza> {
        let session = self.sessions.get_mut(&id);
        let session = session.filter(|session| session.sm.is_none())?;
        let sm_id = resume.then(|| ids::opaque(&mut cx.rng));
        let limit = cx.config.limits.resume_s;
        let max_s = max_s.map_or(limit, |wanted| wanted.min(limit));
        session.sm = Some(Sm::new(sm_id.clone(), max_s, cx.config.limits.first_h));
        let record = session.record(SessionLife::Attached);
        self.write_session(cx, record);
        Some(SmNonza::Enabled {
            id: sm_id,
            max_s: Some(max_s),
        })
    }

    fn on_ack(&mut self, cx: &mut Context, conn: ConnId, id: SessionId, h: Option<Handled>) {
        let Some(sm) = self
            .sessions
            .get_mut(&id)
            .and_then(|session| session.sm.as_mut())
        else {
            return;
        };
        let Some(h) = h else {
            let error = StreamError::new(StreamCondition::BadFormat).because("h is not a number");
            return self.fail(cx, conn, &error);
        };
        match sm.on_ack(h) {
            Ok(()) => self.walk(cx, id),
            Err(error) => self.fail(cx, conn, &error.to_stream_error()),
        }
    }

    // ---- the end

    /// Ends a session for good (CO-17, SM-29).
    pub(crate) fn end_session(&mut self, cx: &mut Context, id: SessionId) {
        self.leave(cx, id);
        let Some(mut session) = self.sessions.remove(&id) else {
            return;
        };
        session.settle_own();
        cx.sessions = cx.sessions.saturating_sub(1);
        self.drain_work(cx, &session);
        self.remember(
            cx,
            session.record(SessionLife::Ended(Stamp(cx.now.wall_ms))),
        );
        for kind in session.untaken() {
            match kind {
                SentKind::Request(from, request) => {
                    crate::iq::unanswered(cx, &session.jid, from.clone(), request.clone());
                }
                SentKind::Loose(loose) => crate::beside::bounce_untaken(cx, (**loose).clone()),
                SentKind::Droppable | SentKind::Entry { .. } => {}
            }
        }
        self.spool_unacked(cx, &session);
        self.resume_settled(cx);
    }
}
