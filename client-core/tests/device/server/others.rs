//! What contacts and other devices of the account do.

use protocol::{ArchiveId, Stanza, markers, mds, pubsub, receipts, sid};

use super::stanzas::{chat, mark, wrap};
use super::{Entry, Server, account, bare};

impl Server {
    /// A message of `name` arrives for the account.
    pub(crate) fn arrive(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        self.deliver(name, chat(id, text))
    }

    /// As [`Server::arrive`], from somebody who wants to be told of it.
    pub(crate) fn arrive_asking(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        let asking = chat(id, text).child(&receipts::request());
        self.deliver(name, asking.child(&markers::markable()))
    }

    /// Any message of `name` arrives for the account.
    pub(crate) fn deliver(&mut self, name: &str, message: Stanza) -> ArchiveId {
        let from = bare(name).with_resource_str("phone").unwrap();
        let message = message.to(account()).from(from);
        let id = self.append(None, message.clone());
        let copy = message.child(&sid::stanza_id(&account(), &id));
        self.send_all(None, &copy);
        id
    }

    /// The copy of an entry arrives, which lies in no archive here.
    pub(crate) fn copy(&mut self, entry: &Entry) {
        let id = sid::stanza_id(&account(), &entry.id);
        self.send_all(None, &entry.message.clone().child(&id));
    }

    /// Another device of the account writes to `name`.
    pub(crate) fn write_elsewhere(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        self.send_elsewhere(name, chat(id, text))
    }

    /// Another device of the account sends any message to `name`.
    pub(crate) fn send_elsewhere(&mut self, name: &str, message: Stanza) -> ArchiveId {
        let from = account().with_resource_str("phone").unwrap();
        let message = message.to(bare(name)).from(from);
        let id = self.append(None, message.clone());
        self.send_all(None, &wrap("sent", &message, Some(&id)));
        id
    }

    /// Another device of the account read a chat up to an entry.
    pub(crate) fn mark_elsewhere(&mut self, name: &str, id: &ArchiveId) {
        self.keep_mark(&bare(name).to_string(), id.as_str());
    }

    pub(super) fn keep_mark(&mut self, chat: &str, id: &str) {
        let marks = self.marks.as_mut().unwrap();
        marks.insert(chat.to_owned(), id.to_owned());
        let kind = pubsub::EventKind::Items(vec![mark(chat, id)]);
        let node = mds::NODE.to_owned();
        let event = pubsub::Event { node, kind };
        self.send_all(None, &event.to_stanza(account(), true));
    }
}
