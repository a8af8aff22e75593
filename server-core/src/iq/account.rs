//! Changing the password and removing the account, from inside (XEP-0077, RG-11).

use protocol::scram::StoredKeys;
use protocol::sm::Slot;
use protocol::{
    Condition, Element, Iq, IqKind, StreamCondition, StreamError, devices, ns, password, s11,
};

use super::devices::end_device;
use crate::account::Account;
use crate::core::{Context, Core};
use crate::io::{Output, Password};
use crate::pending::{Pending, Request};
use crate::records::{Change, ChangeError};
use crate::requests::Task;
use crate::session::SessionId;
use crate::tokens::DeviceId;

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
            let change = Change::Delete { account };
            let request = self.request(id, slot, iq);
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
                let request = self.request(id, slot, iq);
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
        if let Some(other) = devices::signed_out(sign_out) {
            return self.on_sign_out_of(cx, id, slot, iq, other);
        }
        let own = self.sessions.get(&id).and_then(|session| session.device);
        let device = match (s11::is_everywhere(sign_out), own) {
            (true, _) => None,
            (false, Some(device)) => Some(device),
            (false, None) => {
                return self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound));
            }
        };
        let account = self.jid.clone();
        let change = Change::RevokeTokens { account, device };
        let request = self.request(id, slot, iq);
        self.change_account(cx, request, change);
    }

    pub(super) fn request(&self, session: SessionId, slot: Option<Slot>, iq: Iq) -> Request {
        Request {
            account: self.jid.clone(),
            session,
            slot,
            iq,
        }
    }

    pub(super) fn change_account(&mut self, cx: &mut Context, request: Request, change: Change) {
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

/// What a request ends once it is done.
enum Ends {
    /// Nothing; a device that signs itself out closes its stream.
    Nothing,
    /// What one device has (SEC-67).
    Device(DeviceId),
    /// Everything but the session that asked (AU-29).
    Others,
    /// Everything: the account is gone (RG-11).
    All,
}

impl Ends {
    fn of(iq: &Iq) -> Self {
        let IqKind::Set(payload) = &iq.kind else {
            return Self::Nothing;
        };
        match (payload.name(), payload.ns()) {
            ("query", ns::REGISTER) if payload.find("remove", ns::REGISTER).is_some() => Self::All,
            ("query", ns::REGISTER) => Self::Others,
            ("sign-out", ns::S11) => match super::devices::signed_out_device(payload) {
                Some(device) => Self::Device(device),
                None if s11::is_everywhere(payload) => Self::Others,
                None => Self::Nothing,
            },
            _ => Self::Nothing,
        }
    }
}

/// The password is changed, a token gone, a device named or the account gone: the answer, then the end
/// of the streams that this ends (AU-29, RG-11, SEC-67).
pub(crate) fn on_changed(core: &mut Core, request: Request, result: Result<(), ChangeError>) {
    let jid = request.account.clone();
    let answer = match result {
        Ok(()) => request.iq.result(None),
        Err(ChangeError::NoItem) => request.iq.error(Condition::ItemNotFound),
        Err(
            ChangeError::Exists
            | ChangeError::NoAccount
            | ChangeError::Token
            | ChangeError::Full
            | ChangeError::Storage,
        ) => request.iq.error(Condition::InternalServerError),
    };
    core.with(&jid, |account, cx| {
        account.answer(cx, request.session, request.slot, &answer);
    });
    if result.is_ok() {
        let error = StreamError::new(StreamCondition::NotAuthorized).because("sign in again");
        match Ends::of(&request.iq) {
            Ends::Nothing => {}
            Ends::Device(device) => end_device(core, &jid, device, request.session),
            Ends::Others => core.end_all(&jid, &error, Some(request.session)),
            Ends::All => {
                core.end_all(&jid, &error, None);
                core.with(&jid, |account, _| account.forget());
            }
        }
    }
    core.with(&jid, Account::end_task);
}
