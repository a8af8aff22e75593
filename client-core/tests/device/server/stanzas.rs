//! Stanzas as they go over the wire.

use protocol::roster::Item;
use protocol::time::Stamp;
use protocol::{
    ArchiveId, Element, Message, Stanza, StanzaKind, XmlLimits, delay, mds, ns, pubsub, roster, sid,
};

use super::{Entry, account, bare};

pub(super) fn mark(chat: &str, id: &str) -> pubsub::Item {
    let displayed = mds::Displayed {
        chat: protocol::Jid::new(chat).unwrap(),
        id: ArchiveId::parse(id).unwrap(),
    };
    pubsub::Item::new(chat, &displayed.to_element(&account()))
}

/// A message without text.
pub(crate) fn signal(id: &str, payload: &Element) -> Stanza {
    let message = Stanza::new(StanzaKind::Message).typed("chat").id(id);
    message.child(payload)
}

/// Somebody who may see the account's presence.
pub(crate) fn friend(name: &str) -> Item {
    Item {
        subscription: roster::Subscription::Both,
        ..Item::new(bare(name))
    }
}

pub(crate) fn chat(id: &str, text: &str) -> Stanza {
    let body = Element::new("body", ns::CLIENT).text(text);
    let message = Stanza::new(StanzaKind::Message).typed("chat").id(id);
    message.child(&body)
}

pub(crate) fn forwarded(message: &Stanza) -> Element {
    forwarded_at(message, 1_000)
}

pub(super) fn forwarded_at(message: &Stanza, stamp: i64) -> Element {
    let inner = Element::parse(&message.write(), XmlLimits::AFTER_LOGIN).unwrap();
    Element::new("forwarded", ns::FORWARD)
        .child(delay::delay(Stamp(stamp), None))
        .child(inner)
}

pub(crate) fn result(queryid: &str, entry: &Entry) -> Stanza {
    result_at(queryid, entry, 1_000)
}

pub(super) fn result_at(queryid: &str, entry: &Entry, stamp: i64) -> Stanza {
    let result = Element::new("result", ns::MAM)
        .attr("queryid", queryid)
        .attr("id", &entry.id)
        .child(forwarded_at(&entry.message, stamp));
    Stanza::new(StanzaKind::Message).child(&result)
}

pub(crate) fn wrap(direction: &str, message: &Stanza, id: Option<&ArchiveId>) -> Stanza {
    let message = match id {
        Some(id) => message.clone().child(&sid::stanza_id(&account(), id)),
        None => message.clone(),
    };
    let wrapper = Element::new(direction, ns::MR2).child(forwarded(&message));
    Stanza::new(StanzaKind::Message)
        .typed("chat")
        .from(account())
        .child(&wrapper)
}

/// The text of an entry.
pub(crate) fn text_of(entry: &Entry) -> String {
    let message = Message::of_stanza(entry.message.clone()).unwrap();
    message.body().unwrap_or_default()
}
