//! What goes when it is no longer kept.

use std::collections::HashSet;

use protocol::time::Stamp;
use server_core::archive::{Filter, FirstOutcome, Outcome, Paging, ReadError, RecipientSide};
use server_core::records::{Change, ChangeError};

use super::tools::{
    QUOTA_BYTES, Script, append, bare, positions, query, received, register, sent, store_one,
    tend_all, with_id, write,
};
use crate::{Retention, Store, Usage};

fn newest(entries: u64) -> Option<Retention> {
    Some(Retention {
        entries: Some(entries),
        ..Retention::default()
    })
}

async fn keep(store: &impl Store, name: &str, own: Option<Retention>) {
    store.set_retention(&bare(name), own).await.unwrap();
}

async fn all(store: &impl Store, name: &str) -> Vec<u64> {
    let entries = store.entries_after(&bare(name), 0, 10_000).await.unwrap();
    entries.iter().map(|entry| entry.pos).collect()
}

async fn usage(store: &impl Store, name: &str) -> Usage {
    store.usage(&bare(name)).await.unwrap().unwrap()
}

// proves: MAM-24 INV-03 INV-05
pub(crate) async fn only_the_oldest_go_and_what_stays_is_dense(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "nurse"]).await;
    let mut ids = Vec::new();
    for n in 0..30 {
        let to = ["juliet", "nurse", "romeo"][n % 3];
        let mut one = append("romeo/phone", to, &n.to_string());
        if n % 2 == 0 {
            one = with_id(one, &format!("m{n}"));
        }
        ids.push(sent(&store_one(store, one).await).1);
    }
    keep(store, "romeo", newest(10)).await;
    assert!(store.tend().await.unwrap());
    tend_all(store).await;
    assert_eq!(all(store, "romeo").await, (21..=30).collect::<Vec<_>>());
    // What the others have is theirs.
    assert_eq!(all(store, "juliet").await, (1..=10).collect::<Vec<_>>());
    assert_eq!(all(store, "nurse").await, (1..=10).collect::<Vec<_>>());
    let ends = store.ends(&bare("romeo")).await.unwrap().unwrap();
    assert_eq!((&ends.0.0, &ends.1.0), (&ids[20], &ids[29]));
    for (paging, max, expected, complete) in [
        (Paging::Forward, 4, vec![21, 22, 23, 24], false),
        (Paging::Backward, 4, vec![27, 28, 29, 30], false),
        (Paging::Forward, 10, (21..=30).collect(), true),
    ] {
        let page = store
            .page(query("romeo", paging, max, Filter::default()))
            .await
            .unwrap();
        assert_eq!(positions(&page), expected);
        assert_eq!(page.complete, complete);
    }
    let with = Filter {
        with: Some(bare("juliet").into()),
        ..Filter::default()
    };
    let page = store.page(query("romeo", Paging::Forward, 10, with)).await;
    assert_eq!(positions(&page.unwrap()), [22, 25, 28]);
    // A cursor that is gone is unknown, so that the device notices (S11-54).
    for (n, id) in ids.iter().enumerate() {
        let after = Filter {
            after: vec![id.clone()],
            ..Filter::default()
        };
        let page = store.page(query("romeo", Paging::Forward, 1, after)).await;
        if n < 20 {
            assert_eq!(page, Err(ReadError::UnknownId), "{n}");
        } else {
            let next = if n == 29 { vec![] } else { vec![n as u64 + 2] };
            assert_eq!(positions(&page.unwrap()), next);
        }
    }
    let next = sent(&store_one(store, append("romeo/phone", "romeo", "next")).await);
    assert_eq!(next.0, 31);
    assert!(!ids.contains(&next.1));
}

// proves: MAM-24
pub(crate) async fn age_and_bytes_bound_a_log_too(store: &impl Store, script: &Script) {
    register(store, &["romeo", "juliet"]).await;
    for n in 0..10 {
        script.set(1_000 * n);
        store_one(store, append("romeo/phone", "juliet", "0123456789")).await;
    }
    let each = usage(store, "romeo").await.bytes / 10;
    keep(
        store,
        "romeo",
        Some(Retention {
            age_ms: Some(6_500),
            ..Retention::default()
        }),
    )
    .await;
    tend_all(store).await;
    assert_eq!(all(store, "romeo").await, (4..=10).collect::<Vec<_>>());
    keep(
        store,
        "juliet",
        Some(Retention {
            bytes: Some(3 * each + 1),
            ..Retention::default()
        }),
    )
    .await;
    tend_all(store).await;
    assert_eq!(all(store, "juliet").await, [8, 9, 10]);
    let held = usage(store, "juliet").await;
    assert_eq!((held.entries, held.bytes), (3, 3 * each));
    // The clock goes on, and nobody writes.
    script.set(1_000_000);
    tend_all(store).await;
    assert!(all(store, "romeo").await.is_empty());
    assert_eq!(store.ends(&bare("romeo")).await.unwrap(), None);
    assert_eq!(usage(store, "romeo").await.bytes, 0);
    // Positions and times go on where they were.
    script.set(2_000);
    let receipt = store_one(store, append("romeo/phone", "juliet", "late")).await;
    assert_eq!((sent(&receipt).0, received(&receipt).0), (11, 11));
    assert_eq!(receipt.stamp, Stamp(9_000));
    assert_eq!(all(store, "romeo").await, [11]);
}

// proves: MAM-24
pub(crate) async fn an_account_may_keep_more_or_less_than_the_server(
    store: &impl Store,
    _: &Script,
) {
    let absent = store.set_retention(&bare("romeo"), newest(1)).await;
    assert_eq!(absent, Err(ChangeError::NoAccount));
    assert_eq!(store.usage(&bare("romeo")).await.unwrap(), None);
    register(store, &["romeo", "juliet"]).await;
    assert!(!store.tend().await.unwrap());
    for _ in 0..5 {
        store_one(store, append("romeo/phone", "juliet", "x")).await;
    }
    let every = Some(Retention {
        age_ms: Some(1 << 40),
        entries: Some(2),
        bytes: Some(1 << 50),
    });
    keep(store, "romeo", every).await;
    tend_all(store).await;
    assert_eq!(usage(store, "romeo").await.retention, every);
    assert_eq!(all(store, "romeo").await, [4, 5]);
    assert_eq!(all(store, "juliet").await.len(), 5);
    keep(store, "romeo", None).await;
    assert_eq!(usage(store, "romeo").await.retention, None);
    assert!(!store.tend().await.unwrap());
}

// proves: MAM-24
pub(crate) async fn much_goes_in_chunks_and_appends_go_on(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt"]).await;
    for _ in 0..18 {
        let batch = (0..256)
            .map(|_| append("romeo/phone", "romeo", ""))
            .collect();
        for answer in store.append(batch).await {
            assert!(matches!(answer, Ok(Outcome::Stored(_))));
        }
    }
    keep(store, "romeo", newest(8)).await;
    let mut chunks = 0;
    let mut before = 18 * 256;
    while store.tend().await.unwrap() {
        let left = usage(store, "romeo").await.entries;
        assert!(before - left <= 2_001, "{before} {left}");
        store_one(store, append("romeo/phone", "romeo", "")).await;
        before = left + 1;
        chunks += 1;
        if left == 8 {
            break;
        }
    }
    assert!(chunks >= 3);
    tend_all(store).await;
    let head = 18 * 256 + chunks;
    assert_eq!(
        all(store, "romeo").await,
        (head - 7..=head).collect::<Vec<_>>()
    );
}

/// Until thirty days have passed, a message whose entry went is still known.
// proves: S11-14 S11-15 S11-17 INV-07
pub(crate) async fn what_went_is_not_taken_twice(store: &impl Store, script: &Script) {
    const DAY_MS: i64 = 86_400_000;
    register(store, &["romeo", "juliet"]).await;
    let once = with_id(append("romeo/phone", "juliet", "hello"), "m1");
    store_one(store, once.clone()).await;
    script.set(29 * DAY_MS);
    store_one(store, append("romeo/phone", "juliet", "newer")).await;
    for name in ["romeo", "juliet"] {
        keep(store, name, newest(1)).await;
    }
    tend_all(store).await;
    assert_eq!(all(store, "romeo").await, [2]);
    let first = FirstOutcome::Archived { pos: 1 };
    assert_eq!(write(store, once.clone()).await, Outcome::Repeated(first));
    let other = with_id(append("romeo/phone", "juliet", "other"), "m1");
    assert_eq!(write(store, other).await, Outcome::Conflict);
    assert_eq!(all(store, "juliet").await, [2]);
    script.set(31 * DAY_MS);
    tend_all(store).await;
    let late = store_one(store, once).await;
    assert_eq!(sent(&late).0, 3);
}

// proves: LIM-18
pub(crate) async fn a_full_archive_has_room_again(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let body = "x".repeat(9_000);
    for _ in 0..QUOTA_BYTES / 9_120 {
        store_one(store, append("romeo/phone", "romeo", &body)).await;
    }
    let receipt = store_one(store, append("juliet/hall", "romeo", &body)).await;
    assert!(matches!(receipt.recipient, RecipientSide::Failed(_)));
    keep(store, "romeo", newest(3)).await;
    tend_all(store).await;
    let receipt = store_one(store, append("romeo/phone", "romeo", &body)).await;
    assert_eq!(sent(&receipt).0, QUOTA_BYTES / 9_120 + 1);
    assert_eq!(usage(store, "romeo").await.entries, 4);
}

// proves: INV-05
pub(crate) async fn ids_are_new_for_ever(store: &impl Store, _: &Script) {
    let mut ids = HashSet::new();
    for _ in 0..3 {
        register(store, &["romeo", "juliet"]).await;
        keep(store, "romeo", newest(1)).await;
        for _ in 0..20 {
            let receipt = store_one(store, append("juliet/hall", "romeo", "x")).await;
            assert!(ids.insert(received(&receipt).1));
            tend_all(store).await;
        }
        for name in ["romeo", "juliet"] {
            let account = bare(name);
            store.change(Change::Delete { account }).await.unwrap();
        }
        tend_all(store).await;
    }
}
