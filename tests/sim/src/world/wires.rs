//! Frames on their way, and connections that end.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use protocol::Text;
use server_core::ConnId;

use super::{Due, Link, World};
use crate::check::Violation;
use crate::device;
use crate::record::Event;
use crate::seen::{self, All};
use crate::server;

impl World {
    pub(super) fn on_to_server(
        &mut self,
        conn: ConnId,
        text: Text,
        seen: &All,
    ) -> Result<(), Violation> {
        if !self.is_up(conn) || self.links.get(&conn).is_some_and(|link| link.is_closed) {
            return Ok(());
        }
        for seen in seen.iter().cloned() {
            self.record(Event::Rx { conn: conn.0, seen })?;
        }
        let now = self.now();
        let taken = self.server.frame(conn, text, now);
        taken.map_err(|error| Violation::new("INV-31", error.to_string()))
    }

    pub(super) fn on_to_device(
        &mut self,
        conn: ConnId,
        text: Text,
        seen: &All,
    ) -> Result<(), Violation> {
        let Some(dev) = self.listener(conn).filter(|_| self.is_up(conn)) else {
            return Ok(());
        };
        for seen in seen.iter().cloned() {
            self.record(Event::In { conn: conn.0, seen })?;
        }
        let now = self.now_of(dev);
        if let Some(device) = self.devices.get_mut(dev) {
            device.on_frame(text, seen, now);
        }
        Ok(())
    }

    pub(super) fn on_open(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Some(dev) = self.listener(conn).filter(|_| self.is_up(conn)) else {
            return Ok(());
        };
        self.record(Event::Open { conn: conn.0, dev })?;
        let seed = self.chance.seed(1_000 + conn.0, 0);
        let now = self.now();
        self.server.accept(conn, seed, now);
        let now = self.now_of(dev);
        if let Some(device) = self.devices.get_mut(dev) {
            device.on_connected(now);
        }
        Ok(())
    }

    pub(super) fn on_device_lost(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Some(dev) = self.listener(conn) else {
            return Ok(());
        };
        let by = "device";
        self.record(Event::Lost { conn: conn.0, by })?;
        let now = self.now_of(dev);
        if let Some(device) = self.devices.get_mut(dev) {
            device.on_lost(now);
        }
        Ok(())
    }

    pub(super) fn on_server_lost(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&conn) else {
            return Ok(());
        };
        link.is_closed = true;
        let by = "server";
        self.record(Event::Lost { conn: conn.0, by })?;
        let now = self.now();
        self.server.lost(conn, now);
        Ok(())
    }

    /// The device whose present connection this is.
    fn listener(&self, conn: ConnId) -> Option<usize> {
        let link = self.links.get(&conn)?;
        let device = self.devices.get(link.device)?;
        let is_it = device.life == link.life && device.conn == Some(conn);
        is_it.then_some(link.device)
    }

    pub(super) fn is_up(&self, conn: ConnId) -> bool {
        self.links.get(&conn).is_some_and(|link| !link.is_cut)
    }

    pub(super) fn cut(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&conn) else {
            return Ok(());
        };
        if std::mem::replace(&mut link.is_cut, true) {
            return Ok(());
        }
        self.record(Event::Cut { conn: conn.0 })?;
        let late = if self.plan.faults.half_open {
            60_000
        } else {
            2_000
        };
        let dice = &mut self.chance.network;
        let (soon, late) = (
            self.now_ms + dice.range(0..50),
            self.now_ms + dice.range(0..late),
        );
        let (device_at, server_at) = match dice.chance(0.5) {
            true => (soon, late),
            false => (late, soon),
        };
        self.schedule_at(device_at, Due::DeviceLost(conn));
        self.schedule_at(server_at, Due::ServerLost(conn));
        Ok(())
    }

    fn latency(&mut self) -> u64 {
        let is_slow = self.plan.faults.slow_links && !self.is_calm;
        let dice = &mut self.chance.network;
        if is_slow && dice.chance(0.03) {
            return dice.range(40..3_000);
        }
        dice.range(1..40)
    }

    pub(super) fn on_server(&mut self, effect: server::Effect) -> Result<(), Violation> {
        match effect {
            server::Effect::Send(conn, text) => self.server_sends(conn, text),
            server::Effect::Close(conn) => {
                // What was sent before still arrives.
                let Some(link) = self.links.get_mut(&conn) else {
                    return Ok(());
                };
                link.is_closed = true;
                let at = link.to_device_ms + 1;
                self.schedule_at(at, Due::DeviceLost(conn));
                self.schedule_at(self.now_ms, Due::ServerLost(conn));
                Ok(())
            }
            server::Effect::Ask(question) => {
                self.ask(*question);
                Ok(())
            }
        }
    }

    fn server_sends(&mut self, conn: ConnId, text: Text) -> Result<(), Violation> {
        let seen = seen::read(&text);
        let mut digest = DefaultHasher::new();
        text.hash(&mut digest);
        let digest = digest.finish();
        for seen in seen.iter().cloned() {
            let conn = conn.0;
            self.record(Event::Out { conn, seen, digest })?;
        }
        let at = self.now_ms + self.latency();
        let bytes = text.len();
        let Some(link) = self.links.get_mut(&conn) else {
            return Ok(());
        };
        let stalled = self.devices.get(link.device);
        let stalled = stalled.map_or(0, |device| device.stalled_until_ms);
        let is_blocked = stalled > self.now_ms;
        let earliest = (link.to_device_ms + 1).max(link.clogged_ms).max(stalled);
        link.to_device_ms = at.max(earliest);
        let at = link.to_device_ms;
        self.schedule_at(at, Due::ToDevice(conn, text, seen));
        // A reader that reads leaves room at once; one that does not, once it reads again.
        let written_at = if is_blocked { at } else { self.now_ms };
        if is_blocked {
            self.schedule_at(written_at, Due::Written(conn, bytes));
        } else {
            let now = self.now();
            self.server.written(conn, bytes, now);
        }
        Ok(())
    }

    pub(super) fn on_device(
        &mut self,
        dev: usize,
        effect: device::Effect,
    ) -> Result<(), Violation> {
        match effect {
            device::Effect::Connect => self.connect(dev),
            device::Effect::Send(text) => return self.device_sends(dev, text),
            device::Effect::Disconnect => {
                let Some(conn) = self.devices.get(dev).and_then(|device| device.conn) else {
                    return Ok(());
                };
                let at = self.links.get(&conn);
                let at = at.map_or(self.now_ms, |link| link.to_server_ms) + 1;
                self.schedule_at(at, Due::ServerLost(conn));
                self.schedule_at(self.now_ms, Due::DeviceLost(conn));
            }
            device::Effect::Commit => {
                let Some(life) = self.devices.get(dev).map(|device| device.life) else {
                    return Ok(());
                };
                let at = self.now_ms + self.chance.tabs.range(0..30);
                self.schedule_at(at, Due::Committed(dev, life));
            }
            device::Effect::Show => {
                let tab = self.devices.get_mut(dev).and_then(device::Device::tab_mut);
                if let Some(show) = tab.and_then(|tab| tab.show(dev)) {
                    return self.record(show);
                }
            }
            device::Effect::Sends(mid, to, text) => {
                let to = to.to_string();
                return self.record(Event::Send { dev, mid, to, text });
            }
        }
        Ok(())
    }

    fn connect(&mut self, dev: usize) {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        let Some(device) = self.devices.get_mut(dev) else {
            return;
        };
        device.conn = Some(conn);
        let link = Link {
            device: dev,
            life: device.life,
            to_server_ms: 0,
            to_device_ms: 0,
            clogged_ms: 0,
            is_cut: false,
            is_closed: false,
        };
        self.links.insert(conn, link);
        let at = self.now_ms + self.latency();
        self.schedule_at(at, Due::Open(conn));
    }

    fn device_sends(&mut self, dev: usize, text: Text) -> Result<(), Violation> {
        let Some(conn) = self.devices.get(dev).and_then(|device| device.conn) else {
            return Ok(());
        };
        let seen = seen::read(&text);
        for seen in seen.iter().cloned() {
            self.record(Event::Tx { conn: conn.0, seen })?;
        }
        let at = self.now_ms + self.latency();
        let Some(link) = self.links.get_mut(&conn) else {
            return Ok(());
        };
        link.to_server_ms = at.max(link.to_server_ms + 1).max(link.clogged_ms);
        let at = link.to_server_ms;
        self.schedule_at(at, Due::ToServer(conn, text, seen));
        Ok(())
    }
}
