//! What follows a login in one exchange: resuming or binding, and the one answer to all of it
//! (XEP-0388, XEP-0386; BI-04..08).

use protocol::bind2::{self, BindRequest};
use protocol::fast::Token;
use protocol::fork::Mode;
use protocol::jid::{FullJid, Jid};
use protocol::sasl2::Success;
use protocol::sm::SmNonza;
use protocol::{Condition, Element, IdPrefix, frame, ns, s11};

use crate::account::Account;
use crate::archive::Ends;
use crate::conn::Stage;
use crate::core::Context;
use crate::features;
use crate::ids;
use crate::io::{ConnId, Output};
use crate::pending::{Binding, Pending};
use crate::resume::Resumption;
use crate::tokens::DeviceId;

/// What a login asked for, and the beginning of its answer.
pub struct Inline {
    /// Proof of the server, and what was done so far.
    pub(crate) success: Success,
    pub(crate) token: Option<Token>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) resume: Option<Element>,
    pub(crate) bind: Option<BindRequest>,
}

impl std::fmt::Debug for Inline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inline(…)")
    }
}

impl Account {
    /// Does what a login asked for and answers it; its connection may be closed by now.
    pub(crate) fn answer_login(&mut self, cx: &mut Context, conn: ConnId) {
        let Some(state) = cx.conns.get_mut(&conn) else {
            return;
        };
        let is_closed = state.stage == Stage::Closed;
        let Some(inline) = state.inline.as_mut().filter(|_| !is_closed) else {
            return;
        };
        let Some(resume) = inline.resume.take() else {
            return self.bind_inline(cx, conn);
        };
        let outcome = match SmNonza::from_element(&resume) {
            Some(SmNonza::Resume { previd, h, pos }) => self.resume(cx, conn, previd, h, pos),
            _ => self.resume(cx, conn, None, None, None),
        };
        if let Some(outcome) = outcome {
            self.answer_resume(cx, conn, outcome);
        }
    }

    /// Tells a login that its stream goes on, or that it failed to and what was bound instead.
    pub(crate) fn answer_inline(&mut self, cx: &mut Context, conn: ConnId, outcome: &Resumption) {
        let Some(inline) = cx.conns.get_mut(&conn).and_then(|c| c.inline.as_mut()) else {
            return;
        };
        inline.success.inline.push(outcome.to_element());
        match outcome {
            Resumption::Resumed { session, .. } => {
                let session = self.sessions.get(session);
                let jid = session.map(|session| Jid::from(session.jid.clone()));
                self.send_success(cx, conn, jid);
            }
            Resumption::Failed { .. } => self.bind_inline(cx, conn),
        }
    }

    fn send_success(&self, cx: &mut Context, conn: ConnId, jid: Option<Jid>) {
        let inline = cx.conns.get_mut(&conn).and_then(|c| c.inline.take());
        if let Some(mut inline) = inline {
            inline.success.identifier = jid.or_else(|| Some(self.own()));
            let token = inline.token.map(|token| token.to_element());
            inline.success.inline.extend(token);
            cx.transmit(conn, inline.success.write());
        }
    }

    /// Goes on to binding if that is wanted, or tells what else is offered (WS-13).
    fn bind_inline(&mut self, cx: &mut Context, conn: ConnId) {
        let inline = cx.conns.get(&conn).and_then(|c| c.inline.as_ref());
        if inline.is_none_or(|inline| inline.bind.is_none()) {
            self.send_success(cx, conn, None);
            let features = features::after_login(&cx.config);
            return cx.transmit(conn, frame::write_features(&features));
        }
        // Whatever failed to resume is over: the connection waits for its binding.
        let (mode, prefix) = (Mode::Plain, None);
        cx.set_stage(conn, Stage::Unbound { mode, prefix });
        self.ask_ends_to_bind(cx, conn);
    }

    fn ask_ends_to_bind(&mut self, cx: &mut Context, conn: ConnId) {
        self.in_flight += 1;
        let account = self.jid.clone();
        let ticket = cx.await_answer(Pending::Binding(Binding {
            account: account.clone(),
            conn,
            head: self.tail.head(),
        }));
        cx.output(Output::ReadEnds { ticket, account });
    }

    /// Binds and answers with what the session is and what else is offered.
    pub(crate) fn on_ends_to_bind(
        &mut self,
        cx: &mut Context,
        binding: &Binding,
        ends: Option<Ends>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let conn = binding.conn;
        let state = cx.conns.get_mut(&conn);
        let state = state.filter(|state| state.stage != Stage::Closed);
        let Some(inline) = state.and_then(|state| state.inline.as_mut()) else {
            return;
        };
        if ends == Some(None) && self.tail.head() > binding.head {
            // The archive was empty and is no more: where it begins, the store knows.
            return self.ask_ends_to_bind(cx, conn);
        }
        let request = inline.bind.take().unwrap_or_default();
        let metadata = ends.map(|ends| self.metadata(ends));
        let bound = self.bind_session(cx, conn, &request);
        let (result, features, jid) = match bound {
            Ok((jid, results)) => {
                let features = features::after_binding(&cx.config, request.sm.is_some());
                let bound = bind2::bound(metadata, results);
                (bound, features, Some(Jid::from(jid)))
            }
            Err(condition) => {
                let failed = bind2::failed(condition);
                (failed, features::after_login(&cx.config), None)
            }
        };
        if let Some(inline) = cx.conns.get_mut(&conn).and_then(|c| c.inline.as_mut()) {
            inline.success.inline.push(result);
        }
        self.send_success(cx, conn, jid);
        cx.transmit(conn, frame::write_features(&features));
    }

    /// Where the archive begins, as the store says, and where it ends, as the session's cursor says: what
    /// comes later is delivered live, what came earlier lies before `end` (BI-05).
    fn metadata(&self, ends: Ends) -> Element {
        let newest = self.newest.as_ref().map(|(id, stamp)| (id, *stamp));
        let oldest = ends.as_ref().map(|((id, stamp), _)| (id, *stamp));
        bind2::metadata(oldest.zip(newest).map(|(oldest, newest)| [oldest, newest]))
    }

    /// Makes the session; gives its address and what was enabled.
    fn bind_session(
        &mut self,
        cx: &mut Context,
        conn: ConnId,
        request: &BindRequest,
    ) -> Result<(FullJid, Vec<Element>), Condition> {
        self.make_way(cx, conn)?;
        let jid = self.tagged_jid(cx, request.tag.as_deref())?;
        let (mode, prefix) = mode_of(cx, request);
        let stage = Stage::Unbound {
            mode,
            prefix: prefix.clone(),
        };
        cx.set_stage(conn, stage);
        self.open_session(cx, conn, jid.clone());
        self.clear_spool(cx);
        let id = self.session_of(cx, conn);
        let id = id.ok_or(Condition::InternalServerError)?;
        let sm = request
            .sm
            .and_then(|(resume, max_s)| self.start_sm(cx, id, resume, max_s));
        if let Some(session) = self.sessions.get_mut(&id) {
            session.hold.is_inactive = request.inactive;
        }
        let results = sm
            .map(|sm| sm.to_element())
            .into_iter()
            .chain(modes_told(request, prefix.as_ref()));
        Ok((jid, results.collect()))
    }

    /// BI-04: the tag says what it is, the rest is chance.
    fn tagged_jid(&self, cx: &mut Context, tag: Option<&str>) -> Result<FullJid, Condition> {
        let chance = ids::opaque(&mut cx.rng);
        let tagged = tag.map(|tag| format!("{tag}/{chance}"));
        let tagged = tagged.and_then(|resource| self.jid.with_resource_str(&resource).ok());
        let jid = tagged.map_or_else(|| self.jid.with_resource_str(&chance), Ok);
        jid.map_err(|_| Condition::InternalServerError)
    }
}

/// The mode that is enabled, with the prefix that ours has.
fn mode_of(cx: &mut Context, request: &BindRequest) -> (Mode, Option<IdPrefix>) {
    if request.s11 {
        let prefix = IdPrefix::from_bits(ids::bits(&mut cx.rng));
        (Mode::S11, Some(prefix))
    } else if request.mr2 {
        (Mode::Mr2, None)
    } else if request.carbons {
        (Mode::Carbons, None)
    } else {
        (Mode::Plain, None)
    }
}

/// What became of the modes that were asked for; carbons have no answer (BI-13).
fn modes_told(request: &BindRequest, prefix: Option<&IdPrefix>) -> Vec<Element> {
    let s11 = prefix.map(s11::enabled);
    let mr2 = request.mr2.then(|| match prefix {
        None => Element::new("enabled", ns::MR2),
        Some(_) => s11::failed(ns::MR2, Condition::UnexpectedRequest),
    });
    s11.into_iter().chain(mr2).collect()
}
