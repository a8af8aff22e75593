//! The devices of an account: their list, their names, and the link by which one more signs in (SEC-67).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::devices::{self, Device, DeviceLink};
use protocol::fast::TokenKeys;
use protocol::jid::BareJid;
use protocol::sm::Slot;
use protocol::time::Stamp;
use protocol::{Condition, Element, Iq, StreamCondition, StreamError};

use crate::account::Account;
use crate::archive::ReadError;
use crate::conn::{Conn, Stage};
use crate::core::{Context, Core};
use crate::ids;
use crate::io::{ConnId, Output};
use crate::pending::{Granted, Pending, Request};
use crate::records::Change;
use crate::requests::Task;
use crate::session::SessionId;
use crate::tokens::{DeviceId, DeviceRecord, StoredToken, device_name};

/// What the list calls sessions that said nothing of their device begins with this.
const SESSION: char = '~';

/// Which device a request means.
enum Meant {
    Device(DeviceId),
    /// The session of this resource, whose device said nothing of itself.
    Session(String),
}

impl Meant {
    fn parse(id: &str) -> Option<Self> {
        if let Some(resource) = id.strip_prefix(SESSION) {
            return Some(Self::Session(resource.to_owned()));
        }
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        Some(Self::Device(DeviceId(bytes.try_into().ok()?)))
    }
}

fn id_of(device: DeviceId) -> String {
    URL_SAFE_NO_PAD.encode(device.0)
}

impl Account {
    /// A device asks for the list.
    pub(crate) fn on_devices(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
    ) {
        self.in_flight += 1;
        let account = self.jid.clone();
        let request = self.request(id, slot, iq);
        let ticket = cx.await_answer(Pending::Devices(Box::new(request)));
        cx.output(Output::ReadDevices { ticket, account });
    }

    /// The store told what it knows; what is connected is known here.
    pub(crate) fn on_devices_read(
        &mut self,
        cx: &mut Context,
        request: &Request,
        result: Result<Vec<DeviceRecord>, ReadError>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let answer = match result {
            Ok(known) => {
                let listed = self.list_devices(request.session, known, Stamp(cx.now.wall_ms));
                request.iq.result(Some(devices::to_element(&listed)))
            }
            Err(_) => request.iq.error(Condition::InternalServerError),
        };
        self.answer(cx, request.session, request.slot, &answer);
    }

    /// Those that can log in by themselves, and those that are there.
    fn list_devices(&self, asks: SessionId, known: Vec<DeviceRecord>, now: Stamp) -> Vec<Device> {
        let mut listed = BTreeMap::new();
        for record in known {
            let id = id_of(record.device);
            let device = Device {
                id: id.clone(),
                name: record.name,
                first: Some(record.first),
                last: Some(record.last),
                is_online: false,
                is_this: false,
            };
            listed.insert(id, (device, record.expires > now));
        }
        for session in self.sessions.values() {
            let resource = session.jid.resource();
            let id = match session.device {
                Some(device) => id_of(device),
                None => format!("{SESSION}{resource}"),
            };
            let unknown = || Device {
                id: id.clone(),
                name: None,
                first: None,
                last: None,
                is_online: false,
                is_this: false,
            };
            let (device, is_there) = listed
                .entry(id.clone())
                .or_insert_with(|| (unknown(), true));
            *is_there = true;
            device.is_online |= session.conn.is_some();
            device.is_this |= session.id == asks;
        }
        let there = listed.into_values().filter(|(_, is_there)| *is_there);
        there.map(|(device, _)| device).collect()
    }

    /// A device is called something else.
    pub(crate) fn on_rename_device(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        device: &Element,
    ) {
        let meant = device.get_attr("id").and_then(Meant::parse);
        let name = device.get_attr("name").unwrap_or_default();
        let (Some(Meant::Device(device)), Some(name)) = (meant, device_name(name)) else {
            return self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound));
        };
        let change = Change::NameDevice {
            account: self.jid.clone(),
            device,
            name,
        };
        let request = self.request(id, slot, iq);
        self.change_account(cx, request, change);
    }

    /// A device asks for a link by which one more signs in.
    pub(crate) fn on_device_link(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
    ) {
        let token = ids::secret(&mut cx.rng);
        let made = Stamp(cx.now.wall_ms);
        let expires = Stamp(made.0.saturating_add(cx.config.limits.device_link_ms));
        let change = Change::LinkDevice {
            account: self.jid.clone(),
            link: StoredToken {
                keys: TokenKeys::of_secret(&token),
                made,
                expires,
                used: false,
            },
        };
        let web = cx.config.web.as_ref();
        let (own, expires) = (&self.jid, Some(expires));
        let url = web.map(|web| format!("{web}/#device={token}&as={own}"));
        let answer = DeviceLink {
            token,
            expires,
            url,
        };
        let request = self.request(id, slot, iq);
        let answer = answer.to_element();
        let pending = Pending::Granted(Box::new(Granted { request, answer }));
        self.begin_task(cx, id, Task::Change(pending, Box::new(change)));
    }

    /// Another device is signed out: its tokens die first. One without tokens has only its session.
    pub(crate) fn on_sign_out_of(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        device: &str,
    ) {
        match Meant::parse(device) {
            Some(Meant::Device(device)) => {
                let change = Change::RevokeTokens {
                    account: self.jid.clone(),
                    device: Some(device),
                };
                let request = self.request(id, slot, iq);
                self.change_account(cx, request, change);
            }
            Some(Meant::Session(resource)) => {
                let mut sessions = self.sessions.values();
                let meant = sessions.find(|session| {
                    session.device.is_none() && session.jid.resource().as_str() == resource
                });
                let Some((other, conn)) = meant.map(|session| (session.id, session.conn)) else {
                    return self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound));
                };
                self.answer(cx, id, slot, &iq.result(None));
                if let Some(conn) = conn {
                    self.fail(cx, conn, &signed_out());
                }
                self.end_session(cx, other);
            }
            None => self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound)),
        }
    }
}

/// The device whose tokens a request of another one made worthless.
pub(crate) fn signed_out_device(sign_out: &Element) -> Option<DeviceId> {
    match Meant::parse(devices::signed_out(sign_out)?)? {
        Meant::Device(device) => Some(device),
        Meant::Session(_) => None,
    }
}

/// Ends what a device has: its connections, also such as are bound by nobody yet, its session, and what
/// it could resume (SEC-67).
pub(crate) fn end_device(core: &mut Core, jid: &BareJid, device: DeviceId, spared: SessionId) {
    let is_meant = |conn: &Conn| {
        conn.account == *jid && conn.device == Some(device) && conn.stage != Stage::Bound(spared)
    };
    let conns = core.cx.conns.iter().filter(|(_, conn)| is_meant(conn));
    let mut conns: Vec<ConnId> = conns.map(|(id, _)| *id).collect();
    conns.sort_unstable();
    let own = core.with(jid, |account, _| {
        let sessions = account.sessions.values();
        let own = sessions.filter(|s| s.device == Some(device) && s.id != spared);
        let own: Vec<_> = own.map(|session| session.id).collect();
        account.drop_tasks(|session| !own.contains(&session));
        own
    });
    for conn in conns {
        core.with(jid, |account, cx| account.fail(cx, conn, &signed_out()));
    }
    core.with(jid, |account, cx| {
        for id in own.unwrap_or_default() {
            account.end_session(cx, id);
        }
        account.end_dormant(cx, Some(device));
    });
}

fn signed_out() -> StreamError {
    StreamError::new(StreamCondition::NotAuthorized).because("signed out by another device")
}
