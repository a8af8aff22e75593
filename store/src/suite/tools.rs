//! What the tests of stores share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protocol::roster::Item;
use protocol::scram::{ScramHash, StoredKeys};
use protocol::stanza::Stanza;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Element, Jid, StanzaKind, Text};
use server_core::archive::{
    Append, Filter, Keep, Outcome, Page, PageQuery, Paging, Receipt, RecipientSide, digest_of,
};
use server_core::records::{Change, Contact, Invite};

use crate::{Clock, Limits, Store};

/// The quota of the suite's stores.
pub(crate) const QUOTA_BYTES: u64 = 800_000;
/// The strangers' share of it.
pub(crate) const STRANGERS_BYTES: u64 = 200_000;
/// Any one stranger's part of that.
pub(crate) const STRANGER_BYTES: u64 = 120_000;
/// The largest entry of the suite's stores.
pub(crate) const ENTRY_BYTES_MAX: usize = 10_000;
/// The heaviest page of the suite's stores.
pub(crate) const PAGE_BYTES_MAX: usize = 50_000;

/// What a test decides about its store.
#[derive(Clone, Default)]
pub(crate) struct Script {
    now: Arc<AtomicI64>,
}

impl Script {
    /// Sets the wall time.
    pub(crate) fn set(&self, ms: i64) {
        self.now.store(ms, Ordering::SeqCst);
    }

    /// The clock of the store.
    pub(crate) fn clock(&self) -> Clock {
        let now = self.now.clone();
        Arc::new(move || Stamp(now.load(Ordering::SeqCst)))
    }

    /// The bounds of the store.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            quota_bytes: QUOTA_BYTES,
            strangers_bytes: STRANGERS_BYTES,
            stranger_bytes: STRANGER_BYTES,
            entry_bytes_max: ENTRY_BYTES_MAX,
            page_bytes_max: PAGE_BYTES_MAX,
            ..Limits::default()
        }
    }
}

/// An address in short: `romeo` or `romeo/phone`, all of one domain.
pub(crate) fn jid(name: &str) -> Jid {
    let (local, resource) = name.split_once('/').unwrap_or((name, ""));
    let bare = format!("{local}@verona.example");
    let full = format!("{bare}/{resource}");
    Jid::new(if resource.is_empty() { &bare } else { &full }).unwrap()
}

/// A bare address in short.
pub(crate) fn bare(name: &str) -> BareJid {
    jid(name).to_bare()
}

/// A message as the server has accepted and stamped it.
pub(crate) fn message(from: &str, to: &str, body: &str) -> Text {
    Stanza::new(StanzaKind::Message)
        .from(jid(from))
        .to(jid(to))
        .typed("chat")
        .child(&Element::new("body", protocol::ns::CLIENT).text(body))
        .write()
        .into()
}

/// An append of a message between two local accounts, without an id of its own.
pub(crate) fn append(from: &str, to: &str, body: &str) -> Append {
    let stanza = message(from, to, body);
    Append {
        sender: bare(from),
        resource: jid(from).resource().map(ToOwned::to_owned),
        recipient: Some(bare(to)),
        peer: bare(to),
        own_id: None,
        digest: digest_of(&stanza).unwrap(),
        keep: Keep::Entries,
        retracts: None,
        spool: false,
        stanza,
        session: None,
    }
}

/// The same with an id of its own.
pub(crate) fn with_id(append: Append, id: &str) -> Append {
    let own_id = ArchiveId::parse(&format!("AAAAAAAAAAAAAAAAAAAAAA.{id}"));
    assert!(own_id.is_some());
    Append { own_id, ..append }
}

/// Keys that cost nothing to make.
pub(crate) fn quick_keys() -> Vec<StoredKeys> {
    let keys = |hash| StoredKeys::of_password(hash, "secret", vec![3; 16], 1);
    vec![keys(ScramHash::Sha1), keys(ScramHash::Sha256)]
}

/// Makes accounts.
pub(crate) async fn register(store: &impl Store, names: &[&str]) {
    for name in names {
        let made = store.change(Change::Register {
            account: bare(name),
            keys: quick_keys(),
            token: None,
        });
        made.await.unwrap();
    }
}

/// An invitation of an account's that holds for ever.
pub(crate) fn lasting_invite(inviter: &str) -> Invite {
    Invite {
        token: [1; 32],
        expires: Stamp(253_402_300_799_999),
        reserved: None,
        inviter: Some(bare(inviter)),
        setup: false,
    }
}

/// Lets an account list another one as a contact, or list it no longer.
pub(crate) async fn list(store: &impl Store, name: &str, other: &str, listed: bool) {
    let contact = Contact {
        item: Item::new(bare(other)),
        listed,
        request: None,
        ver: 1,
    };
    let account = bare(name);
    store
        .change(Change::Contact { account, contact })
        .await
        .unwrap();
}

/// Clears away until nothing is due.
pub(crate) async fn tend_all(store: &impl Store) {
    while store.tend().await.unwrap() {}
}

/// Writes one append.
pub(crate) async fn write(store: &impl Store, append: Append) -> Outcome {
    let mut answers = store.append(vec![append]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0).unwrap()
}

/// Writes one append that leaves something.
pub(crate) async fn store_one(store: &impl Store, append: Append) -> Receipt {
    let outcome = write(store, append).await;
    let Outcome::Stored(receipt) = outcome else {
        panic!("{outcome:?}")
    };
    receipt
}

/// The recipient's position and id.
pub(crate) fn received(receipt: &Receipt) -> (u64, ArchiveId) {
    let RecipientSide::Stored(place) = &receipt.recipient else {
        panic!("{receipt:?}")
    };
    (place.pos, place.id.clone())
}

/// The sender's position and id.
pub(crate) fn sent(receipt: &Receipt) -> (u64, ArchiveId) {
    let place = receipt.sender.clone().unwrap().unwrap();
    (place.pos, place.id)
}

/// A question for a page.
pub(crate) fn query(account: &str, paging: Paging, max: u32, filter: Filter) -> PageQuery {
    PageQuery {
        account: bare(account),
        filter,
        paging,
        max,
    }
}

/// The positions of a page's entries.
pub(crate) fn positions(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.pos).collect()
}
