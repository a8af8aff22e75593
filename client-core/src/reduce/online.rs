//! Who is online, as the stream tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::gather::gathered;
use protocol::BareJid;

/// So many contacts can be online, and each with so many devices.
const CONTACTS_MAX: usize = 10_000;
const DEVICES_MAX: usize = 64;
/// So many devices are written with the own one; after a reload the others seem offline until they say
/// something new.
const KEPT_MAX: usize = 1_000;

/// The devices of contacts that are online.
#[derive(Clone, Debug, Default)]
pub(crate) struct Online(BTreeMap<BareJid, BTreeSet<String>>);

impl Online {
    pub(crate) fn new(kept: &[(BareJid, String)]) -> Self {
        let mut online = Self::default();
        for (jid, device) in kept {
            online.set(jid, device.clone(), true);
        }
        online
    }

    /// A contact's device came or went.
    pub(crate) fn set(&mut self, jid: &BareJid, device: String, is_online: bool) {
        if !is_online {
            let is_gone = self.0.get_mut(jid).is_some_and(|devices| {
                devices.remove(&device);
                devices.is_empty()
            });
            if is_gone {
                self.0.remove(jid);
            }
        } else if self.0.len() < CONTACTS_MAX || self.has(jid) {
            let devices = self.0.entry(jid.clone()).or_default();
            if devices.len() < DEVICES_MAX {
                devices.insert(device);
            }
        }
    }

    pub(crate) fn has(&self, jid: &BareJid) -> bool {
        self.0.contains_key(jid)
    }

    pub(crate) fn contacts(&self) -> BTreeSet<BareJid> {
        gathered(self.0.keys().cloned())
    }

    /// What is written with the device.
    pub(crate) fn kept(&self) -> Vec<(BareJid, String)> {
        let devices = self.0.iter();
        let devices = devices.flat_map(|(jid, devices)| devices.iter().map(|d| (jid.clone(), d)));
        let devices = devices.map(|(jid, device)| (jid, device.clone()));
        devices.take(KEPT_MAX).collect()
    }
}
