//! What people, browsers, disks and strangers do.

use server_core::ConnId;
use store::{FailingSide, FaultPlan, Retention};

use super::{Due, World};
use crate::check::Violation;
use crate::device::{Device, Program};
use crate::plan::{Action, DEVICES_MAX, Kind, Whom};
use crate::record::Event;

impl World {
    pub(super) fn act(&mut self, action: Action) -> Result<(), Violation> {
        match action {
            Action::Say { dev, to, lines } => self.say(dev, to, lines),
            Action::Cut { dev } => {
                if let Some(conn) = self.conn_of(dev) {
                    return self.cut(conn);
                }
            }
            Action::Clog { dev, for_ms } => {
                let until = self.now_ms + for_ms;
                let conn = self.conn_of(dev);
                if let Some(link) = conn.and_then(|conn| self.links.get_mut(&conn)) {
                    link.clogged_ms = until;
                }
            }
            Action::Stall { dev, for_ms } => {
                let until = self.now_ms + for_ms;
                if let Some(device) = self.device(dev) {
                    device.stalled_until_ms = until;
                }
            }
            Action::Reload { dev, lose } => {
                let lose = if self.plan.faults.lost_tail { lose } else { 0 };
                return self.reload(self.index(dev), lose.into());
            }
            Action::Abort { dev } => {
                if let Some(tab) = self.device(dev).and_then(Device::tab_mut) {
                    tab.aborts_next = true;
                }
            }
            Action::Crash => return self.crash(),
            Action::CrashAtCommit { commits } => self.disk.crash_in = Some(commits),
            Action::FailAppends { side, appends } => {
                let side = match side {
                    0 => FailingSide::Whole,
                    1 => FailingSide::Sender,
                    _ => FailingSide::Recipient,
                };
                let appends = u32::from(appends);
                self.server.store.fail_appends(FaultPlan { appends, side });
                let what = format!("the next {appends} appends fail: {side:?}");
                return self.record(Event::Fault { what });
            }
            Action::FailReads { reads } => {
                self.server.store.fail_reads(reads.into());
                let what = format!("the next {reads} reads fail");
                return self.record(Event::Fault { what });
            }
            Action::Clock { dev, by_ms } => {
                if let Some(device) = self.device(dev) {
                    device.clock_ms += by_ms;
                }
            }
            Action::ServerClock { by_ms } => self.server_clock_ms += by_ms,
            Action::Hide { .. }
            | Action::Open { .. }
            | Action::Older { .. }
            | Action::Online { .. } => self.touch(action),
            Action::NewDevice { account, kind } => {
                if self.devices.len() < DEVICES_MAX {
                    self.add_device(account, kind, 0, None);
                }
            }
            Action::SignOut { dev } => self.sign_out(dev),
            Action::Steal { dev } => self.steal(dev),
            Action::Trim { account, keep } => return self.trim(account, keep.into()),
        }
        Ok(())
    }

    /// The oldest entries of an archive go (MAM-24).
    fn trim(&mut self, account: usize, keep: u64) -> Result<(), Violation> {
        let is_engine = |device: &Device| device.tab().is_some();
        let account = self.accounts.get(account % self.accounts.len().max(1));
        let Some(account) = account.filter(|_| self.devices.iter().all(is_engine)) else {
            return Ok(());
        };
        let log = account.to_string();
        let keep = keep.max(self.checker.unsettled(&log));
        let store = &self.server.store;
        let retain = |entries| {
            let own = Retention {
                entries,
                ..Retention::default()
            };
            // Reads and changes may be told to fail just now.
            while store.set_retention_now(account, Some(own)).is_err() {}
        };
        retain(Some(keep));
        while !matches!(store.tend_now(), Ok(false)) {}
        retain(None);
        self.record(Event::Trim { log, keep })
    }

    /// What somebody does with a device's screen.
    fn touch(&mut self, action: Action) {
        match action {
            Action::Hide { dev, hidden } => self.hide(self.index(dev), hidden),
            Action::Open { dev, with } => {
                let dev = self.index(dev);
                let now = self.now_of(dev);
                let peer = self.peer_of(dev, with);
                if let (Some(tab), Some(peer)) = (self.device(dev).and_then(Device::tab_mut), peer)
                {
                    tab.open(peer, now);
                }
            }
            Action::Older { dev } => {
                let now = self.now_of(self.index(dev));
                if let Some(tab) = self.device(dev).and_then(Device::tab_mut) {
                    tab.older(now);
                }
            }
            Action::Online { dev } => {
                let now = self.now_of(self.index(dev));
                if let Some(tab) = self.device(dev).and_then(Device::tab_mut) {
                    tab.on_online(now);
                }
            }
            _ => {}
        }
    }

    fn index(&self, dev: usize) -> usize {
        dev % self.devices.len().max(1)
    }

    fn device(&mut self, dev: usize) -> Option<&mut Device> {
        let dev = self.index(dev);
        self.devices.get_mut(dev)
    }

    fn conn_of(&self, dev: usize) -> Option<ConnId> {
        self.devices.get(self.index(dev))?.conn
    }

    fn say(&mut self, dev: usize, to: Whom, lines: u8) {
        let dev = self.index(dev);
        let Some(to) = self.peer_of(dev, to) else {
            return;
        };
        let now = self.now_of(dev);
        for _ in 0..lines {
            self.lines += 1;
            let text = format!("line {}", self.lines);
            if let Some(device) = self.devices.get_mut(dev) {
                device.say(&to, text, now);
            }
        }
    }

    fn hide(&mut self, dev: usize, hidden: bool) {
        let now = self.now_of(dev);
        match self.devices.get_mut(dev).map(|device| &mut device.program) {
            Some(Program::Engine(tab)) => tab.on_visible(!hidden, now),
            Some(Program::Ordinary(client)) => client.hide(hidden),
            None => {}
        }
    }

    /// The tab is killed and opened again; its connection is gone without a word.
    pub(super) fn reload(&mut self, dev: usize, lose: usize) -> Result<(), Violation> {
        let now = self.now_of(dev);
        let Some(device) = self.devices.get_mut(dev) else {
            return Ok(());
        };
        device.life += 1;
        device.armed_ms = None;
        device.stalled_until_ms = 0;
        let (life, conn, is_leaving) = (device.life, device.conn.take(), device.is_leaving);
        let seed = self.chance.seed(1 + dev as u64, life);
        let mut lost = 0;
        match &mut device.program {
            Program::Engine(tab) => lost = tab.reload(lose, seed, now),
            Program::Ordinary(_) => {
                let (account, kind) = (device.account.clone(), device.kind);
                let fresh = Device::new(account, kind, device.clock_ms, seed, now);
                device.program = fresh.program;
            }
        }
        self.drop_conn(conn);
        if is_leaving {
            self.wipe_soon(dev, life);
        }
        self.record(Event::Reload { dev, lost })?;
        match self.devices.get(dev).and_then(Device::tab) {
            Some(tab) if !self.plan.counts_only => self.checker.on_restored(dev, tab),
            Some(_) | None => Ok(()),
        }
    }

    /// A device that is gone says no goodbye; the server learns of it some time later.
    fn drop_conn(&mut self, conn: Option<ConnId>) {
        let Some(conn) = conn else { return };
        if let Some(link) = self.links.get_mut(&conn) {
            link.is_cut = true;
        }
        let at = self.now_ms + self.chance.network.range(0..5_000);
        self.schedule_at(at, Due::ServerLost(conn));
    }

    pub(super) fn crash(&mut self) -> Result<(), Violation> {
        self.record(Event::Crash)?;
        // The batch under way may just have made it to the disk: durable, and nobody heard of it.
        let appends = self.disk.appends.flushed();
        if !appends.is_empty() && self.chance.disk.chance(0.5) {
            self.disk.crash_in = None;
            self.write(appends)?;
        }
        self.disk.forget();
        self.server_life += 1;
        self.server_armed_ms = None;
        let seed = self.chance.seed(0, self.server_life);
        self.server.crash(seed);
        let open = self.links.iter().filter(|(_, link)| !link.is_cut);
        let open: Vec<_> = open.map(|(conn, _)| *conn).collect();
        for conn in open {
            self.cut(conn)?;
        }
        self.checker.on_restart(&self.server)?;
        self.record(Event::Up)
    }

    /// Signs a tab out; a while later it is wiped, and somebody signs in again.
    fn sign_out(&mut self, dev: usize) {
        let dev = self.index(dev);
        let now = self.now_of(dev);
        let Some(device) = self.devices.get_mut(dev) else {
            return;
        };
        let life = device.life;
        device.is_leaving = true;
        if let Some(tab) = device.tab_mut() {
            tab.sign_out(now);
        }
        self.wipe_soon(dev, life);
    }

    /// A tab that was signed out stays so when it is opened again, until it is wiped.
    fn wipe_soon(&mut self, dev: usize, life: u64) {
        let at = self.now_ms + self.chance.tabs.range(1..8_000);
        self.schedule_at(at, Due::Wipe(dev, life));
    }

    pub(super) fn wipe(&mut self, dev: usize, life: u64) -> Result<(), Violation> {
        let now = self.now_of(dev);
        let Some(device) = self.devices.get_mut(dev).filter(|d| d.life == life) else {
            return Ok(());
        };
        let conn = device.conn.take();
        let life = life + 1;
        let seed = self.chance.seed(1 + dev as u64, life);
        let fresh = Device::new(device.account.clone(), device.kind, 0, seed, now);
        *device = Device { life, ..fresh };
        let (account, kind) = (device.account.to_string(), device.kind.name());
        self.drop_conn(conn);
        self.record(Event::SignOut { dev })?;
        self.record(Event::Device { dev, account, kind })
    }

    /// A stranger signs in and asks for the stream of somebody else (INV-22).
    fn steal(&mut self, dev: usize) {
        let dev = self.index(dev);
        let Some(previd) = self.checker.sm_id_of(dev) else {
            return;
        };
        let own = self.devices.get(dev).map(|device| device.account.clone());
        let stranger = self.accounts.iter().position(|a| Some(a) != own.as_ref());
        if let Some(stranger) = stranger.filter(|_| self.devices.len() < DEVICES_MAX) {
            self.add_device(stranger, Kind::Plain, 0, Some(previd));
        }
    }

    /// Faults stop; everybody looks at their screens.
    pub(super) fn calm(&mut self) {
        self.is_calm = true;
        self.calm_at = self.turns;
        self.disk.crash_in = None;
        let (appends, side) = (0, FailingSide::Whole);
        self.server.store.fail_appends(FaultPlan { appends, side });
        self.server.store.fail_reads(0);
        for dev in 0..self.devices.len() {
            self.hide(dev, false);
            if let Some(tab) = self.devices.get_mut(dev).and_then(Device::tab_mut) {
                tab.aborts_next = false;
            }
        }
    }
}
