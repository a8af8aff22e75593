//! Whoever is blocked, and by whom.

use protocol::blocking::Blocklist;
use protocol::jid::Jid;
use server_core::archive::{Filter, Paging, RecipientSide};
use server_core::records::{Change, ChangeError};

use super::retractions::{retract, say};
use super::tools::{Script, append, bare, positions, query, register, sent, store_one};
use crate::Store;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn block(account: &str, jids: &[&str], max: usize) -> Change {
    Change::Block {
        account: bare(account),
        jids: jids.iter().map(|text| jid(text)).collect(),
        max,
    }
}

async fn blocklist(store: &impl Store, account: &str) -> Blocklist {
    store.load(&bare(account)).await.unwrap().unwrap().blocked
}

async fn held(store: &impl Store, account: &str) -> Vec<u64> {
    let all = query(account, Paging::Forward, 100, Filter::default());
    positions(&store.page(all).await.unwrap())
}

// proves: RT-11 BL-02 BL-05
pub(crate) async fn whoever_is_blocked_finds_nobody(store: &impl Store, _: &Script) {
    register(store, &["romeo", "tybalt", "nurse"]).await;
    let before = store_one(store, say("tybalt/street", "romeo", "m1")).await;
    assert!(matches!(before.recipient, RecipientSide::Stored(_)));
    let whom = ["tybalt@verona.example", "nurse@verona.example/market"];
    store.change(block("romeo", &whom, 10)).await.unwrap();
    for (from, is_heard) in [
        ("tybalt/street", false),
        ("tybalt", false),
        ("nurse/market", false),
        ("nurse/hall", true),
    ] {
        let receipt = store_one(store, append(from, "romeo", "well met")).await;
        // The sender keeps what is theirs.
        sent(&receipt);
        let is_stored = matches!(receipt.recipient, RecipientSide::Stored(_));
        assert_eq!(is_stored, is_heard, "{from}");
        assert!(is_heard || receipt.recipient == RecipientSide::NoAccount);
    }
    // Nor is anything changed of what was heard before.
    let retraction = retract("tybalt/street", "romeo", "m2", "m1");
    assert_eq!(
        store_one(store, retraction).await.recipient,
        RecipientSide::NoAccount
    );
    let page = query("romeo", Paging::Forward, 100, Filter::default());
    let page = store.page(page).await.unwrap();
    assert_eq!(positions(&page), [1, 2]);
    assert!(page.entries.first().unwrap().stanza.contains("<body>"));
    // The other way round nothing is forbidden here, and what ends is heard again.
    assert!(matches!(
        store_one(store, append("romeo/phone", "tybalt", "peace"))
            .await
            .recipient,
        RecipientSide::Stored(_)
    ));
    let account = bare("romeo");
    let jids = vec![jid("tybalt@verona.example")];
    store
        .change(Change::Unblock { account, jids })
        .await
        .unwrap();
    store_one(store, append("tybalt/street", "romeo", "what, drawn?")).await;
    assert_eq!(held(store, "romeo").await, [1, 2, 3, 4]);
}

// proves: BL-01 LIM-20
pub(crate) async fn blocklists_come_back_as_they_were_written(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    assert!(blocklist(store, "romeo").await.is_empty());
    let first = ["tybalt@verona.example", "mantua.example"];
    store.change(block("romeo", &first, 3)).await.unwrap();
    // One that is there counts once; one too many changes nothing.
    let again = ["tybalt@verona.example", "mantua.example/post"];
    store.change(block("romeo", &again, 3)).await.unwrap();
    let more = ["paris@verona.example"];
    let full = store.change(block("romeo", &more, 3)).await;
    assert_eq!(full, Err(ChangeError::Full));
    let expected = [
        "mantua.example",
        "mantua.example/post",
        "tybalt@verona.example",
    ];
    assert_eq!(
        blocklist(store, "romeo").await,
        expected.map(jid).into_iter().collect()
    );
    let account = bare("romeo");
    store.change(Change::UnblockAll { account }).await.unwrap();
    assert!(blocklist(store, "romeo").await.is_empty());
    // Whoever has the name later blocks nobody.
    store.change(block("romeo", &first, 3)).await.unwrap();
    let account = bare("romeo");
    store.change(Change::Delete { account }).await.unwrap();
    register(store, &["romeo"]).await;
    assert!(blocklist(store, "romeo").await.is_empty());
}
