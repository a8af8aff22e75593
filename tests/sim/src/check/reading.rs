//! INV-24: how far conversations are read.

use std::collections::BTreeMap;

use protocol::{ArchiveId, BareJid, mds};
use server_core::nodes::ItemQuery;

use super::facts::{Device, Facts, Log, Row};
use super::{Violation, hold};
use crate::server::Server;

impl Facts {
    /// Read marks end equal on all: no device is ahead of the account's node, and none that holds the
    /// entry is behind it.
    pub(super) fn reads_are_equal(&self, server: &Server) -> Result<(), Violation> {
        for (account, log) in &self.logs {
            let Ok(jid) = BareJid::new(account) else {
                continue;
            };
            let marks = marks_of(server, &jid)?;
            let marks: BTreeMap<String, u64> = marks
                .into_iter()
                .filter_map(|(peer, id)| Some((peer, log.pos_of(id.as_str())?)))
                .collect();
            let devices = self.devices.iter().enumerate();
            for (dev, device) in devices.filter(|(_, d)| d.is_engine && d.account == *account) {
                device.reads_like(&marks, dev)?;
            }
        }
        Ok(())
    }
}

impl Device {
    fn reads_like(&self, marks: &BTreeMap<String, u64>, dev: usize) -> Result<(), Violation> {
        for (peer, pos) in &self.reads {
            let mark = marks.get(peer).copied();
            hold!(
                "INV-24",
                mark >= Some(*pos),
                "{dev} has read {peer} up to {pos}, its account up to {mark:?}"
            );
        }
        // An entry that came between two parts that are held, or before them, cannot be placed (MD-02).
        let holds = |pos: u64| self.rows.values().any(|row| *row == Row::Entry(pos));
        for (peer, mark) in marks {
            let read = self.reads.get(peer).copied();
            hold!(
                "INV-24",
                read == Some(*mark) || !holds(*mark),
                "{dev} has read {peer} up to {read:?}, its account up to {mark}"
            );
        }
        Ok(())
    }

    /// INV-24: a read mark moves forward only.
    pub(super) fn reads_on(
        &mut self,
        log: &Log,
        peer: &str,
        id: &str,
        dev: usize,
    ) -> Result<(), Violation> {
        let pos = log.pos_of(id);
        hold!(
            "INV-24",
            pos.is_some(),
            "{dev} marks {id}, which is in no log"
        );
        let before = self.reads.get(peer).copied();
        hold!(
            "INV-24",
            pos >= before,
            "{dev} has read {peer} up to {pos:?} after {before:?}"
        );
        self.reads.extend(pos.map(|pos| (peer.to_owned(), pos)));
        Ok(())
    }
}

/// What the account's node says: conversations and entries.
fn marks_of(server: &Server, account: &BareJid) -> Result<Vec<(String, ArchiveId)>, Violation> {
    let page = server.store.items_now(&ItemQuery {
        account: account.clone(),
        node: mds::NODE.to_owned(),
        ids: Vec::new(),
        after: None,
        max: u32::MAX,
        bytes_max: usize::MAX,
    });
    let Ok(page) = page else {
        return Err(Violation::new(
            "INV-24",
            format!("{account}: node not read"),
        ));
    };
    let states = mds::states(&page.items, account).into_iter();
    Ok(states.map(|d| (d.chat.to_string(), d.id)).collect())
}
