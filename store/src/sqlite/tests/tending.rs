//! Clearing away.

use protocol::time::Stamp;
use server_core::archive::{Filter, Keep, Paging};
use server_core::records::{Change, Invite};

use super::super::schema;
use super::super::tend::{self, SENT_KEPT_MS};
use super::{check_integrity, count, look};
use crate::suite::Script;
use crate::suite::tools::{append, bare, positions, query, register, store_one, with_id};
use crate::{Accounts as _, Archive as _, Options, Sqlite};

fn open(path: &std::path::Path, script: &Script) -> Sqlite {
    let options = Options {
        clock: script.clock(),
        ..Options::default()
    };
    Sqlite::open(path, options).unwrap()
}

// proves: S11-17
#[tokio::test]
async fn outcomes_are_kept_for_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let script = Script::default();
    let store = open(&path, &script);
    register(&store, &["romeo", "juliet"]).await;
    for n in 0..1_000 {
        script.set(n);
        let mut one = with_id(append("romeo/x", "juliet", "x"), &format!("m{n}"));
        one.keep = Keep::OutcomeOnly;
        store_one(&store, one).await;
    }
    let invite = Invite {
        token: [1; 32],
        expires: Stamp(1_000),
        reserved: None,
        inviter: None,
        setup: false,
    };
    store.save_invite(invite).await.unwrap();
    drop(store);
    let conn = schema::writer(&path).unwrap();
    while tend::step(&conn, Stamp(500 + SENT_KEPT_MS)).unwrap() {}
    assert_eq!(count(&conn, "SELECT count(*) FROM sent"), 500);
    assert_eq!(count(&conn, "SELECT min(ts) FROM sent"), 500);
    assert_eq!(count(&conn, "SELECT count(*) FROM invite"), 0);
}

// proves: INV-05
#[tokio::test]
async fn what_a_deleted_account_leaves_is_cleared_away_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let store = open(&path, &Script::default());
    register(&store, &["romeo", "juliet"]).await;
    for n in 0..700 {
        let (from, to) = [
            ("juliet/hall", "romeo"),
            ("romeo/phone", "juliet"),
            ("juliet/hall", "juliet"),
        ][n % 3];
        store_one(&store, append(from, to, "x")).await;
    }
    let account = bare("juliet");
    store.change(Change::Delete { account }).await.unwrap();
    let conn = look(&path);
    while count(&conn, "SELECT count(*) FROM doomed") > 0 {
        tokio::task::yield_now().await;
    }
    check_integrity(&conn);
    assert_eq!(count(&conn, "SELECT count(*) FROM msg"), 467);
    assert_eq!(count(&conn, "SELECT count(*) FROM log"), 1);
    let filter = Filter {
        with: Some(bare("juliet").into()),
        ..Filter::default()
    };
    let page = store
        .page(query("romeo", Paging::Forward, 1_000, filter))
        .await;
    assert_eq!(positions(&page.unwrap()), (1..=467).collect::<Vec<_>>());
}
