//! How much of an archive those can fill whom its owner does not know.

use server_core::archive::{Append, AppendError, RecipientSide, digest_of};
use server_core::records::{Change, Contact};

use super::retractions::retract;
use super::tools::{
    STRANGER_BYTES, STRANGERS_BYTES, Script, append, bare, list, register, sent, store_one,
    tend_all, with_id,
};
use crate::{Retention, Store};

async fn held(store: &impl Store) -> (u64, u64) {
    let usage = store.usage(&bare("romeo")).await.unwrap().unwrap();
    (usage.bytes, usage.strangers_bytes)
}

/// Sends Romeo messages of 9,000 bytes until he can keep no more, and tells how many he has kept.
async fn fill(store: &impl Store, from: &str) -> (u64, AppendError) {
    let body = "x".repeat(9_000);
    let mut stored = 0;
    loop {
        let receipt = store_one(store, append(from, "romeo", &body)).await;
        // The sender keeps what is theirs.
        assert!(matches!(receipt.sender, Some(Ok(_))));
        match receipt.recipient {
            RecipientSide::Stored(_) => stored += 1,
            RecipientSide::Failed(error) => return (stored, error),
            other @ (RecipientSide::None | RecipientSide::NoAccount) => panic!("{other:?}"),
        }
    }
}

// proves: LIM-17 SEC-56 S11-34
pub(crate) async fn no_stranger_takes_the_share_of_all(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt", "paris"]).await;
    let (stored, error) = fill(store, "tybalt/street").await;
    assert_eq!(stored, STRANGER_BYTES / 9_120);
    let full = AppendError::Quota {
        account: bare("romeo"),
        limit_bytes: STRANGER_BYTES,
    };
    assert_eq!(error, full);
    assert_eq!(fill(store, "tybalt/tavern").await.0, 0);
    assert!(fill(store, "paris/hall").await.0 > 0);
}

// proves: LIM-18 SEC-56 S11-34
pub(crate) async fn strangers_share_a_small_part(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "tybalt", "paris", "gregory"]).await;
    list(store, "romeo", "juliet", true).await;
    // A mere request makes nobody a contact.
    let request = Change::Contact {
        account: bare("romeo"),
        contact: Contact {
            item: protocol::roster::Item::new(bare("tybalt")),
            listed: false,
            request: Some("<presence/>".into()),
            ver: 2,
        },
    };
    store.change(request).await.unwrap();
    let (first, _) = fill(store, "tybalt/street").await;
    let (second, error) = fill(store, "paris/hall").await;
    assert!(second > 0 && second < first);
    let full = AppendError::Quota {
        account: bare("romeo"),
        limit_bytes: STRANGERS_BYTES,
    };
    assert_eq!(error, full);
    let (bytes, strangers_bytes) = held(store).await;
    assert_eq!(bytes, strangers_bytes);
    // All strangers together; contacts and the owner have their room still.
    assert_eq!(fill(store, "gregory/hall").await, (0, full));
    for from in ["juliet/hall", "romeo/phone"] {
        let receipt = store_one(store, append(from, "romeo", "hello")).await;
        assert!(matches!(
            receipt.recipient,
            RecipientSide::Stored(_) | RecipientSide::None
        ));
    }
    assert_eq!(held(store).await.1, strangers_bytes);
}

// proves: LIM-18
pub(crate) async fn whoever_becomes_a_contact_gives_the_share_back(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt", "paris"]).await;
    store_one(store, append("paris/hall", "romeo", "hello")).await;
    let paris = held(store).await.1;
    let (stored, _) = fill(store, "tybalt/street").await;
    list(store, "romeo", "tybalt", true).await;
    assert_eq!(held(store).await.1, paris);
    assert!(fill(store, "paris/hall").await.0 >= stored - 1);
    // Who is a contact no longer begins anew.
    list(store, "romeo", "tybalt", false).await;
    let left = STRANGERS_BYTES - held(store).await.1;
    assert_eq!(fill(store, "tybalt/street").await.0, left / 9_120);
}

// proves: LIM-18 MAM-24
pub(crate) async fn what_goes_is_taken_off_the_share(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt", "paris"]).await;
    let first = store_one(store, append("romeo/phone", "tybalt", "who is there?")).await;
    assert_eq!(sent(&first).0, 1);
    let (stored, _) = fill(store, "tybalt/street").await;
    let (_, before) = held(store).await;
    keep(store, stored - 3).await;
    let (bytes, strangers_bytes) = held(store).await;
    assert_eq!(strangers_bytes, before / stored * (stored - 3));
    assert_eq!(bytes, strangers_bytes);
    assert_eq!(fill(store, "tybalt/street").await.0, 3);
}

/// Lets Romeo's archive keep its newest entries only.
async fn keep(store: &impl Store, entries: u64) {
    let own = Some(Retention {
        entries: Some(entries),
        ..Retention::default()
    });
    store.set_retention(&bare("romeo"), own).await.unwrap();
    tend_all(store).await;
}

// proves: LIM-17 LIM-18 SEC-56
pub(crate) async fn what_is_counted_is_what_is_there(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt"]).await;
    let say = async |count: u64| {
        for _ in 0..count {
            store_one(store, append("tybalt/street", "romeo", "a message")).await;
        }
    };
    say(1).await;
    let one = held(store).await.1;
    assert!(one > 0);
    let counted = async || held(store).await.1 / one;
    // A stranger, a contact, a stranger again: what they sent as a contact is nobody's share, and stays
    // so when it goes.
    say(1).await;
    assert_eq!(counted().await, 2);
    list(store, "romeo", "tybalt", true).await;
    say(2).await;
    list(store, "romeo", "tybalt", false).await;
    say(3).await;
    assert_eq!(counted().await, 3);
    keep(store, 4).await;
    assert_eq!(counted().await, 3);
    keep(store, 2).await;
    assert_eq!(counted().await, 2);
    // Once more, with none of it left in between.
    keep(store, 0).await;
    assert_eq!(held(store).await, (0, 0));
    store.set_retention(&bare("romeo"), None).await.unwrap();
    list(store, "romeo", "tybalt", true).await;
    say(2).await;
    list(store, "romeo", "tybalt", false).await;
    say(1).await;
    keep(store, 1).await;
    assert_eq!(counted().await, 1);
    store.set_retention(&bare("romeo"), None).await.unwrap();
    // Another account of the same name is the same stranger.
    let account = bare("tybalt");
    store.change(Change::Delete { account }).await.unwrap();
    register(store, &["tybalt"]).await;
    let left = STRANGER_BYTES - held(store).await.1;
    assert_eq!(fill(store, "tybalt/street").await.0, left / 9_120);
}

// proves: LIM-18 IM-15
pub(crate) async fn a_tombstone_counts_as_what_it_is(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt"]).await;
    for (id, body) in [("m1", "x".repeat(2_000)), ("m2", String::new())] {
        let message = append("tybalt/street", "romeo", &body);
        let named = message
            .stanza
            .replacen("<message ", &format!("<message id='{id}' "), 1);
        let message = Append {
            digest: digest_of(&named.as_str().into()).unwrap(),
            stanza: named.as_str().into(),
            ..message
        };
        store_one(store, with_id(message, id)).await;
    }
    let before = held(store).await;
    // The one gets smaller, the other larger.
    for (id, target) in [("r1", "m1"), ("r2", "m2")] {
        store_one(store, retract("tybalt/street", "romeo", id, target)).await;
    }
    let (bytes, of_strangers) = held(store).await;
    assert!(bytes < before.0 - 1_000, "{bytes} of {before:?}");
    assert_eq!(bytes, of_strangers);
    keep(store, 2).await;
    let (bytes, of_strangers) = held(store).await;
    assert_eq!(bytes, of_strangers);
    keep(store, 0).await;
    assert_eq!(held(store).await, (0, 0));
}

// proves: LIM-17 SEC-56
pub(crate) async fn who_was_written_to_waits_for_nobody(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt"]).await;
    assert_eq!(fill(store, "tybalt/street").await.0, STRANGER_BYTES / 9_120);
    store_one(store, append("romeo/phone", "tybalt", "who are you?")).await;
    let left = STRANGERS_BYTES - held(store).await.1;
    let (stored, error) = fill(store, "tybalt/street").await;
    assert_eq!(stored, left / 9_120);
    let full = AppendError::Quota {
        account: bare("romeo"),
        limit_bytes: STRANGERS_BYTES,
    };
    assert_eq!(error, full);
    // Nobody has written to whoever gets the name later.
    let account = bare("tybalt");
    store.change(Change::Delete { account }).await.unwrap();
    register(store, &["tybalt"]).await;
    keep(store, 14).await;
    let full = AppendError::Quota {
        account: bare("romeo"),
        limit_bytes: STRANGER_BYTES,
    };
    assert_eq!(fill(store, "tybalt/street").await, (0, full));
}
