//! Requests: one handler per namespace, listed in one `match` (CO-03, CO-04).

pub(crate) mod account;
pub(crate) mod blocking;
mod carbons;
pub(crate) mod devices;
pub(crate) mod disco;
pub(crate) mod invite;
pub(crate) mod mam;

use protocol::jid::{FullJid, Jid};
use protocol::sm::Slot;
use protocol::stanza::Address;
use protocol::{
    Condition, Element, Iq, IqKind, Stanza, StanzaError, StanzaKind, StreamCondition, StreamError,
    ns,
};

use crate::accept::refusal;
use crate::account::Account;
use crate::core::Context;
use crate::hold::Urgency;
use crate::message::Work;
use crate::parcel::{Parcel, frame};
use crate::roster::Wish;
use crate::session::{SentKind, SessionId};

/// Whom an iq is for.
enum Target {
    /// The account itself.
    Own,
    /// The server.
    Server,
    /// A resource, own or not.
    Resource(FullJid),
    /// Another account.
    Other(Jid),
    /// Another domain.
    Remote,
}

impl Account {
    /// A stanza of a bound session.
    pub(crate) fn on_stanza(&mut self, cx: &mut Context, id: SessionId, stanza: Stanza) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let slot = session.begin();
        let claims_other = match &stanza.header.from {
            Address::Absent => false,
            Address::Jid(from) => *from != session.jid && from.as_str() != self.jid.as_str(),
            Address::Malformed(_) => true,
        };
        if claims_other {
            let conn = session.conn;
            if let Some(conn) = conn {
                self.fail(cx, conn, &StreamError::new(StreamCondition::InvalidFrom));
            }
            return;
        }
        if stanza.kind == StanzaKind::Message {
            self.on_message(cx, id, slot, stanza);
        } else {
            self.queue(cx, id, Work::Other(slot, stanza));
        }
    }

    /// Presence or an iq whose turn has come.
    pub(crate) fn on_other(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        stanza: Stanza,
    ) {
        if let Some(condition) = self.refusal_to_send(&stanza) {
            self.answer_error(cx, id, &stanza, &refusal(condition));
            return self.settle(cx, id, slot);
        }
        if stanza.kind == StanzaKind::Presence {
            return self.on_presence(cx, id, slot, stanza);
        }
        let Some(mut iq) = Iq::of_stanza(&stanza) else {
            self.answer_error(cx, id, &stanza, &Condition::BadRequest.into());
            return self.settle(cx, id, slot);
        };
        let Some(jid) = self.sessions.get(&id).map(|session| session.jid.clone()) else {
            return;
        };
        iq.from = jid.into();
        let target = match self.target(cx, &iq) {
            Ok(target) => target,
            Err(condition) => return self.answer(cx, id, slot, &iq.error(condition)),
        };
        match (target, &iq.kind) {
            (Target::Resource(to), _) => {
                self.forward_iq(cx, &to, stanza, &iq);
                self.settle(cx, id, slot);
            }
            (target, IqKind::Result(_) | IqKind::Error(_)) => {
                if matches!(target, Target::Own) {
                    self.on_caps_answer(cx, id, &iq);
                }
                self.settle(cx, id, slot);
            }
            (Target::Own, IqKind::Get(payload) | IqKind::Set(payload)) => {
                let payload = payload.clone();
                self.on_own_iq(cx, id, slot, iq, &payload);
            }
            (Target::Server, IqKind::Get(payload) | IqKind::Set(payload)) => {
                let payload = payload.clone();
                self.on_server_iq(cx, id, slot, iq, &payload);
            }
            (Target::Other(to), IqKind::Get(payload) | IqKind::Set(payload)) => {
                match self.other_iq(&to, &iq, payload) {
                    Some(answer) => self.answer(cx, id, slot, &answer),
                    None => {
                        cx.dispatch(to.to_bare(), Parcel::Question(Box::new(iq)));
                        self.settle(cx, id, slot);
                    }
                }
            }
            (Target::Remote, _) => {
                self.answer(cx, id, slot, &iq.error(Condition::RemoteServerNotFound))
            }
        }
    }

    fn target(&self, cx: &Context, iq: &Iq) -> Result<Target, Condition> {
        let to = match &iq.to {
            Address::Absent => return Ok(Target::Own),
            Address::Malformed(_) => return Err(Condition::JidMalformed),
            Address::Jid(to) => to,
        };
        if !cx.is_local(to.domain().as_str()) {
            return Ok(Target::Remote);
        }
        Ok(match to.try_as_full() {
            Ok(full) => Target::Resource(full.clone()),
            Err(bare) if *bare == self.jid => Target::Own,
            Err(bare) if bare.node().is_none() => Target::Server,
            Err(bare) => Target::Other(bare.clone().into()),
        })
    }

    fn on_own_iq(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        payload: &Element,
    ) {
        let is_get = matches!(iq.kind, IqKind::Get(_));
        match (payload.name(), payload.ns(), is_get) {
            ("query", ns::ROSTER, true) => self.on_roster_get(cx, id, slot, &iq),
            ("query", ns::ROSTER, false) => {
                self.change_roster(
                    cx,
                    Wish::Set {
                        session: id,
                        slot,
                        iq,
                    },
                );
            }
            ("query" | "metadata" | "prefs", ns::MAM, _) => self.on_mam(cx, id, slot, iq, payload),
            ("enable" | "disable", ns::CARBONS, false) => {
                self.on_carbons(cx, id, slot, &iq, payload.name() == "enable");
            }
            ("blocklist", ns::BLOCKING, true) | ("block" | "unblock", ns::BLOCKING, false) => {
                self.on_blocking(cx, id, slot, iq, payload);
            }
            ("devices", ns::S11, true) => self.on_devices(cx, id, slot, iq),
            ("device", ns::S11, false) => self.on_rename_device(cx, id, slot, iq, payload),
            ("device-link", ns::S11, false) => self.on_device_link(cx, id, slot, iq),
            ("sign-out", ns::S11, false) => self.on_sign_out(cx, id, slot, iq, payload),
            ("pubsub", ns::PUBSUB | ns::PUBSUB_OWNER, _) => self.on_pubsub(cx, id, slot, iq),
            ("query", ns::DISCO_ITEMS, true) => {
                let answer = self.list_nodes(&iq, payload);
                self.answer(cx, id, slot, &answer);
            }
            ("query", ns::DISCO_INFO, true) => {
                let answer = disco::account(&iq, payload, true);
                self.answer(cx, id, slot, &answer);
            }
            _ => self.answer(cx, id, slot, &common_answer(&iq, payload)),
        }
    }

    fn on_server_iq(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        payload: &Element,
    ) {
        let is_get = matches!(iq.kind, IqKind::Get(_));
        match (payload.name(), payload.ns(), is_get) {
            ("query", ns::DISCO_INFO | ns::DISCO_ITEMS, true) => {
                let answer = disco::server(&iq, payload);
                self.answer(cx, id, slot, &answer);
            }
            ("query", ns::VERSION, true) => {
                let answer = disco::version(&iq);
                self.answer(cx, id, slot, &answer);
            }
            ("query", ns::REGISTER, _) => self.on_account_iq(cx, id, slot, iq, payload),
            ("command", ns::COMMANDS, false) => self.on_command(cx, id, slot, iq, payload),
            _ => self.answer(cx, id, slot, &common_answer(&iq, payload)),
        }
    }

    /// A question about somebody else: the same answer whether they exist or not (SEC-24). `None` if
    /// they must be asked themselves.
    fn other_iq(&self, to: &Jid, iq: &Iq, payload: &Element) -> Option<Iq> {
        let is_get = matches!(iq.kind, IqKind::Get(_));
        let sees = self.roster.sees(&to.to_bare());
        Some(match payload.ns() {
            ns::PUBSUB if is_get => return None,
            ns::DISCO_INFO | ns::DISCO_ITEMS if is_get && sees => return None,
            ns::MAM | ns::ROSTER | ns::PUBSUB | ns::PUBSUB_OWNER => iq.error(Condition::Forbidden),
            ns::DISCO_ITEMS if is_get => disco::nothing(iq, payload),
            _ => iq.error(Condition::ServiceUnavailable),
        })
    }

    /// RT-09: to the very resource, or back.
    fn forward_iq(&self, cx: &mut Context, to: &FullJid, mut stanza: Stanza, iq: &Iq) {
        stanza.header.from = iq.from.clone();
        cx.dispatch(to.to_bare(), Parcel::Iq(Box::new(stanza)));
    }

    /// An iq for one of the account's resources.
    pub(crate) fn on_iq_for_resource(&mut self, cx: &mut Context, stanza: &Stanza) {
        let to = stanza.header.to.jid().and_then(|to| to.try_as_full().ok());
        let Some(id) = to.and_then(|to| self.by_jid(to)) else {
            return refuse(cx, stanza);
        };
        let kind = match (
            stanza.header.kind.as_deref(),
            stanza.header.from.jid(),
            &stanza.header.id,
        ) {
            (Some("get" | "set"), Some(from), Some(id)) => {
                SentKind::Request(from.clone(), id.clone())
            }
            _ => SentKind::Droppable,
        };
        self.send(cx, id, frame(stanza), kind, Urgency::Now);
    }

    /// Answers a request; it counts as handled with that (SM-08).
    pub(crate) fn answer(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        answer: &Iq,
    ) {
        let mut answer = answer.clone();
        if answer.from == Address::Absent {
            answer.from = self.own().into();
        }
        self.send_now(cx, id, answer.write());
        self.settle(cx, id, slot);
    }
}

/// What the server and the account answer alike.
fn common_answer(iq: &Iq, payload: &Element) -> Iq {
    let is_get = matches!(iq.kind, IqKind::Get(_));
    match (payload.name(), payload.ns(), is_get) {
        ("ping", ns::PING, true) | ("session", ns::SESSION, false) => iq.result(None),
        ("bind", ns::BIND, false) => iq.error(Condition::NotAllowed),
        _ => iq.error(Condition::ServiceUnavailable),
    }
}

/// Sends a request back whose addressee is not there (RT-09).
pub(crate) fn refuse(cx: &mut Context, stanza: &Stanza) {
    send_back(cx, stanza, &StanzaError::new(Condition::ServiceUnavailable));
}

/// Sends a request back with an error.
pub(crate) fn send_back(cx: &mut Context, stanza: &Stanza, error: &StanzaError) {
    let (Some(from), Some(to)) = (stanza.header.from.jid(), stanza.header.to.jid()) else {
        return;
    };
    let Ok(back_to) = from.try_as_full() else {
        return;
    };
    if let Some(answer) = stanza.error(error, to.clone(), back_to) {
        cx.dispatch(from.to_bare(), Parcel::Iq(Box::new(answer)));
    }
}

/// A request was sent to a session that ended without answering (SM-29).
pub(crate) fn unanswered(cx: &mut Context, session: &FullJid, from: Jid, id: String) {
    let mut request = Stanza::new(StanzaKind::Iq)
        .typed("get")
        .from(from)
        .to(session.clone());
    request.header.id = Some(id);
    refuse(cx, &request);
}
