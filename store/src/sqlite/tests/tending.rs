//! Clearing away.

use protocol::time::Stamp;
use server_core::archive::{Filter, Keep, Paging};
use server_core::records::{Change, Invite};

use super::super::sql;
use super::{check_integrity, count, look};
use crate::retention::SENT_KEPT_MS;
use crate::suite::tools::{
    append, bare, list, positions, query, register, store_one, tend_all, with_id,
};
use crate::suite::{Script, retractions};
use crate::{Accounts as _, Archive as _, Options, Retention, Sqlite};

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
    script.set(500 + SENT_KEPT_MS);
    tend_all(&store).await;
    let conn = look(&path);
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
    tend_all(&store).await;
    let conn = look(&path);
    assert_eq!(count(&conn, "SELECT count(*) FROM doomed"), 0);
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

/// The stanza lies there once for both; it goes with the last log that holds it.
// proves: MAM-24
#[tokio::test]
async fn a_stanza_stays_as_long_as_one_log_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let store = open(&path, &Script::default());
    register(&store, &["romeo", "juliet"]).await;
    for n in 0..60 {
        let (from, to) = [
            ("juliet/hall", "romeo"),
            ("romeo/phone", "juliet"),
            ("romeo/phone", "romeo"),
            ("romeo/phone", "benvolio"),
        ][n % 4];
        store_one(&store, append(from, to, "x")).await;
    }
    let conn = look(&path);
    for (name, entries, rows) in [("romeo", 20, 20 + 20), ("juliet", 4, 20), ("romeo", 0, 4)] {
        let own = Some(Retention {
            entries: Some(entries),
            ..Retention::default()
        });
        store.set_retention(&bare(name), own).await.unwrap();
        tend_all(&store).await;
        check_integrity(&conn);
        assert_eq!(count(&conn, "SELECT count(*) FROM msg"), rows, "{name}");
    }
    assert_eq!(count(&conn, "SELECT sum(seq) FROM arch"), 27 + 28 + 29 + 30);
}

// proves: MAM-24 SEC-47
#[tokio::test]
async fn to_find_what_is_due_goes_through_accounts_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let _store = open(&path, &Script::default());
    let conn = look(&path);
    let mut explain = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {}", sql::ACCOUNTS))
        .unwrap();
    let steps = explain.query_map([], |row| row.get::<_, String>("detail"));
    for step in steps.unwrap() {
        assert!(step.unwrap().starts_with("SCAN account"));
    }
}

// proves: IM-15 LIM-18
#[tokio::test]
async fn tombstones_are_counted_and_go_with_their_entries() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let script = Script::default();
    let store = open(&path, &script);
    retractions::a_retracted_message_leaves_a_tombstone_in_both_logs(&store, &script).await;
    let conn = look(&path);
    check_integrity(&conn);
    for name in ["romeo", "juliet"] {
        let own = Some(Retention {
            entries: Some(0),
            ..Retention::default()
        });
        store.set_retention(&bare(name), own).await.unwrap();
    }
    tend_all(&store).await;
    check_integrity(&conn);
    assert_eq!(count(&conn, "SELECT count(*) FROM msg"), 0);
}

// proves: MAM-24 S11-17
#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let script = Script::default();
    let store = open(&path, &script);
    register(&store, &["romeo", "juliet"]).await;
    list(&store, "juliet", "romeo", true).await;
    for n in 0..6 {
        let one = with_id(append("romeo/x", "juliet", "x"), &format!("m{n}"));
        store_one(&store, one).await;
    }
    let spoilt = "UPDATE msg SET stanza = ?1 WHERE k IN (SELECT k FROM arch WHERE seq = 2)";
    look(&path).execute(spoilt, [b"\xff nowhere"]).unwrap();
    // It is looked at for a retraction too.
    let retraction = retractions::retract("romeo/x", "juliet", "r", "nowhere");
    store_one(&store, retraction).await;
    let own = Retention {
        entries: Some(2),
        ..Retention::default()
    };
    for name in ["romeo", "juliet"] {
        let account = bare(name);
        store.set_retention(&account, Some(own)).await.unwrap();
    }
    tend_all(&store).await;
    let conn = look(&path);
    assert_eq!(count(&conn, "SELECT count(*) FROM arch"), 4);
    assert_eq!(count(&conn, "SELECT min(seq) FROM arch"), 6);
    // The outcomes of the others are known still.
    assert_eq!(count(&conn, "SELECT count(*) FROM sent"), 4);
}
