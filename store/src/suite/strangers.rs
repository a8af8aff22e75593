//! How much of an archive those can fill whom its owner does not know.

use server_core::archive::{AppendError, RecipientSide};
use server_core::records::{Change, Contact};

use super::tools::{
    STRANGERS_BYTES, Script, append, bare, list, register, sent, store_one, tend_all,
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

// proves: LIM-18 SEC-56 S11-34
pub(crate) async fn strangers_share_a_small_part(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "tybalt", "paris"]).await;
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
    let (stored, error) = fill(store, "tybalt/street").await;
    assert_eq!(stored, STRANGERS_BYTES / 9_120);
    let full = AppendError::Quota {
        account: bare("romeo"),
        limit_bytes: STRANGERS_BYTES,
    };
    assert_eq!(error, full);
    let (bytes, strangers_bytes) = held(store).await;
    assert_eq!(bytes, strangers_bytes);
    // All strangers together; contacts and the owner have their room still.
    assert_eq!(fill(store, "paris/hall").await, (0, full));
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
    assert_eq!(fill(store, "tybalt/street").await.0, 0);
}

// proves: LIM-18 MAM-24
pub(crate) async fn what_goes_is_taken_off_the_share(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt", "paris"]).await;
    let first = store_one(store, append("romeo/phone", "tybalt", "who is there?")).await;
    assert_eq!(sent(&first).0, 1);
    let (stored, _) = fill(store, "tybalt/street").await;
    let (_, before) = held(store).await;
    let own = Some(Retention {
        entries: Some(stored - 3),
        ..Retention::default()
    });
    store.set_retention(&bare("romeo"), own).await.unwrap();
    tend_all(store).await;
    let (bytes, strangers_bytes) = held(store).await;
    assert_eq!(strangers_bytes, before / stored * (stored - 3));
    assert_eq!(bytes, strangers_bytes);
    assert_eq!(fill(store, "paris/hall").await.0, 3);
}
