//! Entries that wait for an ordinary client.

use protocol::BareJid;
use server_core::archive::Append;
use server_core::records::{Change, ChangeError};

use super::tools::{Script, append, bare, received, register, store_one};
use crate::Store;

fn waiting(from: &str, to: &str, body: &str) -> Append {
    Append {
        spool: true,
        ..append(from, to, body)
    }
}

async fn spooled(store: &impl Store, account: &str, pos: u64, max: usize) -> Vec<u64> {
    let entries = store.spooled(&bare(account), pos, max).await.unwrap();
    entries.iter().map(|entry| entry.pos).collect()
}

fn unspool(account: BareJid, first: u64, last: u64) -> Change {
    Change::Unspool {
        account,
        first,
        last,
    }
}

// proves: RT-01
pub(crate) async fn flags_are_written_with_their_entries(store: &impl Store, script: &Script) {
    script.set(5_000);
    register(store, &["romeo", "juliet"]).await;
    let has_spool = async |name| store.load(&bare(name)).await.unwrap().unwrap().has_spool;
    store_one(store, append("romeo/phone", "juliet", "seen")).await;
    assert!(!has_spool("juliet").await);
    let receipt = store_one(store, waiting("romeo/phone", "juliet", "one")).await;
    store_one(store, append("romeo/phone", "juliet", "seen too")).await;
    store_one(store, waiting("romeo/phone", "juliet", "two")).await;
    assert!(has_spool("juliet").await);
    assert!(!has_spool("romeo").await);

    assert_eq!(spooled(store, "juliet", 0, 10).await, [2, 4]);
    assert_eq!(spooled(store, "juliet", 2, 10).await, [4]);
    assert_eq!(spooled(store, "juliet", 0, 1).await, [2]);
    assert_eq!(spooled(store, "juliet", u64::MAX, 1).await, [0; 0]);
    assert_eq!(spooled(store, "nobody", 0, 10).await, [0; 0]);
    // They are the very entries of the log.
    let entries = store.spooled(&bare("juliet"), 0, 1).await.unwrap();
    let log = store.entries_after(&bare("juliet"), 1, 1).await.unwrap();
    assert_eq!(entries, log);
    assert_eq!((entries[0].pos, entries[0].id.clone()), received(&receipt));
}

// proves: RT-01 SM-29
pub(crate) async fn flags_are_set_and_taken_away_later(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    for n in 1..=6 {
        store_one(store, append("romeo/phone", "juliet", &n.to_string())).await;
    }
    let account = bare("juliet");
    let spans = vec![(2, 3), (3, 3), (5, 100)];
    let flag = Change::Spool {
        account: account.clone(),
        spans,
    };
    store.change(flag.clone()).await.unwrap();
    assert_eq!(spooled(store, "juliet", 0, 10).await, [2, 3, 5, 6]);
    // What was never written does not wait; what comes later is not flagged by it.
    store_one(store, append("romeo/phone", "juliet", "7")).await;
    assert_eq!(spooled(store, "juliet", 0, 10).await, [2, 3, 5, 6]);
    let one = unspool(account.clone(), 3, 3);
    store.change(one).await.unwrap();
    assert_eq!(spooled(store, "juliet", 0, 10).await, [2, 5, 6]);
    let first = unspool(account.clone(), 1, 5);
    store.change(first).await.unwrap();
    assert_eq!(spooled(store, "juliet", 0, 10).await, [6]);
    // The entries stay; the flags go with the account.
    assert_eq!(store.entries_after(&account, 0, 10).await.unwrap().len(), 7);
    let delete = Change::Delete { account };
    store.change(delete).await.unwrap();
    assert_eq!(store.change(flag).await, Err(ChangeError::NoAccount));
    register(store, &["juliet"]).await;
    assert!(
        !store
            .load(&bare("juliet"))
            .await
            .unwrap()
            .unwrap()
            .has_spool
    );
}

pub(crate) async fn what_waits_is_read_in_bounded_portions(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let body = "x".repeat(super::tools::ENTRY_BYTES_MAX - 500);
    for _ in 0..8 {
        store_one(store, waiting("romeo/phone", "juliet", &body)).await;
    }
    let first = spooled(store, "juliet", 0, 100).await;
    assert_eq!(first, [1, 2, 3, 4, 5]);
    assert_eq!(spooled(store, "juliet", 5, 100).await, [6, 7, 8]);
}
