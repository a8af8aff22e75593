//! Of whom the person wants to hear nothing (XEP-0191).

use protocol::blocking::{self, Blocklist};
use protocol::{BareJid, Element, Iq, Jid, ns};

use super::Engine;
use super::contacts::Request;
use crate::reduce::Event;

impl Engine {
    /// Asks who is blocked; from then on the server tells of changes.
    pub(super) fn ask_for_blocklist(&mut self) {
        let list = Blocklist::default().to_element();
        self.ask(Request::Blocklist, |id| Iq::get(id, list));
    }

    pub(super) fn on_blocklist(&mut self, payload: Option<&Element>) {
        let list = payload.filter(|list| list.is("blocklist", ns::BLOCKING));
        if let Some(list) = list {
            let items = list.children().filter(|c| c.is("item", ns::BLOCKING));
            let jids = items.filter_map(|item| Jid::new(item.get_attr("jid")?).ok());
            let jids = bare(jids);
            self.note_device(Event::Blocklist(jids));
        }
    }

    /// The server has what a device of the account wanted; believed only from the own account.
    pub(super) fn on_blocking_push(&mut self, iq: &Iq, payload: &Element) {
        if !self.is_of_own_account(iq) {
            return tracing::debug!("blocking push from elsewhere ignored");
        }
        match blocking::Request::from_element(payload) {
            Some(Ok(blocking::Request::Block(jids))) => {
                self.note_device(Event::Blocked(bare(jids.into_iter())));
            }
            Some(Ok(blocking::Request::Unblock(jids))) => {
                self.note_device(Event::Unblocked(Some(bare(jids.into_iter()))));
            }
            Some(Ok(blocking::Request::UnblockAll)) => self.note_device(Event::Unblocked(None)),
            Some(Err(_)) | None => return,
        }
        self.answer(iq.result(None));
    }

    /// Carries out a wish. Should the server refuse, the list is asked for.
    pub(super) fn block(&mut self, jid: BareJid, is_blocked: bool, seq: u64) {
        let jids = vec![Jid::from(jid)];
        let request = match is_blocked {
            true => blocking::Request::Block(jids),
            false => blocking::Request::Unblock(jids),
        };
        let id = self.expect(Request::Block(seq));
        self.send(Iq::set(id, request.to_element()).write(), Some(seq));
    }
}

/// Accounts and domains. What blocks single devices only says nothing of a conversation.
fn bare(jids: impl Iterator<Item = Jid>) -> Vec<BareJid> {
    let bare = jids.filter(|jid| jid.resource().is_none());
    bare.map(|jid| jid.to_bare()).collect()
}
