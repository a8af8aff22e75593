//! INV-15, INV-27 and all that is checked once everything is at rest.

use std::collections::{BTreeMap, BTreeSet};

use client_core::Connection;

use super::facts::{Facts, Log, Row};
use super::{Checker, Violation, hold};
use crate::device::{Device, Program};
use crate::engine::Tab;
use crate::server::Server;

/// What a fresh device fetches at once; older lines come when somebody scrolls there.
const PAGE: usize = 50;

impl Checker {
    /// Faults stopped long ago.
    pub(crate) fn at_quiet(&self, devices: &[Device], server: &Server) -> Result<(), Violation> {
        let facts = &self.facts;
        facts.compare_logs(server)?;
        for (dev, device) in devices.iter().enumerate() {
            is_at_rest(dev, device)?;
        }
        facts.screens_agree(devices)?;
        facts.messages_are_in_their_logs()?;
        facts.pairs_agree()?;
        facts.counters_agree()?;
        facts.streams_are_complete()?;
        facts.ordinary_sessions_are_complete()?;
        facts.reads_are_equal(server)?;
        for dev in 0..devices.len() {
            self.device_holds_its_log(dev)?;
        }
        let bound = devices.len() * 32;
        let sessions = server.sessions();
        hold!("INV-29", sessions <= bound, "{sessions} sessions");
        Ok(())
    }

    /// Every message is where it belongs, once (INV-07).
    pub(crate) fn counts_at_quiet(&self) -> Result<(), Violation> {
        self.facts.messages_are_in_their_logs()
    }

    /// INV-15: what a device keeps is its account's log, from its first row on.
    fn device_holds_its_log(&self, dev: usize) -> Result<(), Violation> {
        let Some(device) = self.facts.devices.get(dev) else {
            return Ok(());
        };
        let log = self.facts.log(&device.account);
        let head = log.map_or(0, Log::head);
        if !device.is_engine {
            let paged = device.paged;
            hold!(
                "INV-15",
                paged == head,
                "{dev} paged up to {paged} of {head}"
            );
            return Ok(());
        }
        let newest = device.newest().unwrap_or(0);
        hold!(
            "INV-15",
            newest == head,
            "{dev} knows up to {newest} of {head}"
        );
        let held = device.provisional.len();
        hold!("INV-15", held == 0, "{dev} has {held} rows without a place");
        let rows = device.rows.values();
        let entries: Vec<_> = rows.filter(|row| matches!(row, Row::Entry(_))).collect();
        let first = log.map_or(1, |log| log.gone + 1);
        let reaches = |row: &&Row| matches!(row, Row::Entry(pos) if *pos <= first);
        let is_whole = entries.first().is_none_or(reaches);
        let known = entries.len();
        hold!(
            "INV-15",
            is_whole || known >= PAGE.min(self.page()),
            "{dev} knows {known} entries only"
        );
        Ok(())
    }

    fn page(&self) -> usize {
        self.facts.page_max as usize
    }
}

impl Facts {
    /// IM-22: what is said of a line is the same on every screen of the account that shows it.
    fn screens_agree(&self, devices: &[Device]) -> Result<(), Violation> {
        let mut known = BTreeMap::new();
        for (dev, device) in devices.iter().enumerate() {
            if self.has_lost_bounce(device.account.as_str()) {
                continue;
            }
            let looks = device.tab().map(Tab::looks).unwrap_or_default();
            for (line, look) in looks {
                let line = (device.account.to_string(), line);
                let (other, before) = known.entry(line).or_insert_with(|| (dev, look.clone()));
                hold!(
                    "INV-16",
                    *before == look,
                    "{other} shows {before}, {dev} {look}"
                );
            }
        }
        Ok(())
    }

    /// Whether an entry came back of which the log has no record, because its append failed or the server died
    /// before it (S11-36): the device that sent it alone knows that it does not count.
    fn has_lost_bounce(&self, account: &str) -> bool {
        let Some(log) = self.logs.get(account) else {
            return false;
        };
        let sessions = self.sessions.iter().filter(|s| s.account == account);
        let refused = sessions.flat_map(|session| &session.excused);
        let refused = refused.filter(|mid| log.pos_of_message(mid).is_some());
        let refused: BTreeSet<_> = refused.collect();
        let records = log.entries.iter().filter(|entry| entry.line.bounced);
        refused.len() > records.count()
    }
}

/// INV-27: live, and nothing waits.
fn is_at_rest(dev: usize, device: &Device) -> Result<(), Violation> {
    match &device.program {
        Program::Engine(tab) => {
            let connection = tab.connection();
            let is_live = connection == Connection::Live;
            hold!("INV-27", is_live, "{dev} is {connection:?}");
            let waiting = tab.waiting();
            hold!("INV-27", waiting == 0, "{dev} has {waiting} lines waiting");
        }
        Program::Ordinary(client) => {
            hold!("INV-27", client.is_at_rest(), "ordinary client {dev} waits");
        }
    }
    Ok(())
}
