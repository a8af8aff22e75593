//! Of whom the person wants to hear nothing (XEP-0191).

use std::collections::BTreeSet;

use protocol::BareJid;

use super::State;
use crate::gather::gathered;
use crate::history::Wanting;

impl State {
    /// The list as the server has it, and on top of it what it does not know yet.
    pub(super) fn blocklist(&mut self, jids: Vec<BareJid>) {
        self.device.blocked = gathered(jids);
        for wish in &self.device.wishes {
            set_blocked(&mut self.device.blocked, &wish.jid, &wish.wanting);
        }
    }

    pub(super) fn unblocked(&mut self, jids: Option<Vec<BareJid>>) {
        match jids {
            Some(jids) => self.device.blocked.retain(|jid| !jids.contains(jid)),
            None => self.device.blocked.clear(),
        }
    }

    /// What the person wants is so at once.
    pub(super) fn block_as_wished(&mut self, jid: &BareJid, wanting: &Wanting) {
        set_blocked(&mut self.device.blocked, jid, wanting);
    }
}

fn set_blocked(blocked: &mut BTreeSet<BareJid>, jid: &BareJid, wanting: &Wanting) {
    match wanting {
        Wanting::Block => drop(blocked.insert(jid.clone())),
        Wanting::Unblock => drop(blocked.remove(jid)),
        Wanting::Add | Wanting::Accept | Wanting::Refuse | Wanting::Remove | Wanting::Rename(_) => {
        }
    }
}
