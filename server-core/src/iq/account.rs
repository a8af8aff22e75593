//! Changing the password and removing the account, from inside (XEP-0077, RG-11).

use protocol::scram::StoredKeys;
use protocol::sm::Slot;
use protocol::{Condition, Element, Iq, IqKind, StreamCondition, StreamError, ns, password, s11};

use crate::account::Account;
use crate::core::{Context, Core};
use crate::io::{Output, Password};
use crate::pending::{Pending, Request};
use crate::records::{Change, ChangeError};
use crate::requests::Task;
use crate::session::SessionId;

impl Account {
    pub(crate) fn on_account_iq(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        query: &Element,
    ) {
        if matches!(iq.kind, IqKind::Get(_)) {
            return self.answer(cx, id, slot, &iq.error(Condition::ServiceUnavailable));
        }
        let account = self.jid.clone();
        if query.find("remove", ns::REGISTER).is_some() {
            let change = Change::Delete {
                account: account.clone(),
            };
            let request = Request {
                account,
                session: id,
                slot,
                iq,
            };
            return self.change_account(cx, request, change);
        }
        let field = |name| {
            query
                .find(name, ns::REGISTER)
                .map(Element::own_text)
                .unwrap_or_default()
        };
        let is_own = self
            .jid
            .node()
            .is_some_and(|node| node.as_str() == field("username"));
        match password::prepare(&field("password")).filter(|_| is_own) {
            Some(prepared) => {
                let request = Request {
                    account,
                    session: id,
                    slot,
                    iq,
                };
                let task = Task::Hash(Box::new(request), Password(prepared));
                self.begin_task(cx, id, task);
            }
            None => self.answer(cx, id, slot, &iq.error(Condition::BadRequest)),
        }
    }

    /// Makes the token of the asking device worthless, or those of all devices (AU-29).
    pub(crate) fn on_sign_out(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        sign_out: &Element,
    ) {
        let own = self.sessions.get(&id).and_then(|session| session.device);
        let device = match (s11::is_everywhere(sign_out), own) {
            (true, _) => None,
            (false, Some(device)) => Some(device),
            (false, None) => {
                return self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound));
            }
        };
        let account = self.jid.clone();
        let change = Change::RevokeTokens {
            account: account.clone(),
            device,
        };
        let request = Request {
            account,
            session: id,
            slot,
            iq,
        };
        self.change_account(cx, request, change);
    }

    fn change_account(&mut self, cx: &mut Context, request: Request, change: Change) {
        let session = request.session;
        let pending = Pending::Account(Box::new(request));
        self.begin_task(cx, session, Task::Change(pending, Box::new(change)));
    }
}

/// The new password is hashed: write it. Without keys it could not be.
pub(crate) fn on_hashed(core: &mut Core, request: Box<Request>, keys: Option<Vec<StoredKeys>>) {
    let Some(keys) = keys else {
        return on_changed(core, *request, Err(ChangeError::Storage));
    };
    let cx = &mut core.cx;
    let change = Change::SetKeys {
        account: request.account.clone(),
        keys,
    };
    let ticket = cx.await_answer(Pending::Account(request));
    cx.output(Output::Change {
        ticket,
        change: Box::new(change),
    });
}

/// The password is changed or the account gone: the answer, then the end of the streams that this
/// ends (AU-29, RG-11).
pub(crate) fn on_changed(core: &mut Core, request: Request, result: Result<(), ChangeError>) {
    let jid = request.account.clone();
    let payload = match &request.iq.kind {
        IqKind::Set(payload) => Some(payload.clone()),
        IqKind::Get(_) | IqKind::Result(_) | IqKind::Error(_) => None,
    };
    let is = |what: fn(&Element) -> bool| payload.as_ref().is_some_and(what);
    let is_removal = is(|query| query.find("remove", ns::REGISTER).is_some());
    let is_of_one_device =
        is(|sign_out| sign_out.is("sign-out", ns::S11) && !s11::is_everywhere(sign_out));
    let answer = match result {
        Ok(()) => request.iq.result(None),
        Err(_) => request.iq.error(Condition::InternalServerError),
    };
    core.with(&jid, |account, cx| {
        account.answer(cx, request.session, request.slot, &answer);
    });
    if result.is_ok() && !is_of_one_device {
        end_streams(core, &request, is_removal);
    }
    core.with(&jid, Account::end_task);
}

fn end_streams(core: &mut Core, request: &Request, is_removal: bool) {
    let jid = &request.account;
    let error = StreamError::new(StreamCondition::NotAuthorized).because("sign in again");
    let spared = (!is_removal).then_some(request.session);
    core.end_all(jid, &error, spared);
    if is_removal {
        core.with(jid, |account, _| account.forget());
    }
}
