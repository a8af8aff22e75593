//! Files, flushes, plans.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use protocol::time::Stamp;
use rusqlite::StatementStatus;
use server_core::archive::{Filter, Paging};
use server_core::records::Change;
use server_core::tokens::DeviceId;
use tempfile::TempDir;

use super::super::{accounts, sql, tokens};
use super::{check_integrity, count, look};
use crate::suite::tools::{
    append, bare, lasting_invite, list, query, register, sent, store_one, with_id, write,
};
use crate::{Accounts as _, Archive as _, Options, Sqlite, StoreError};

fn open(dir: &TempDir) -> Sqlite {
    Sqlite::open(dir.path().join("data/balcony.db"), Options::default()).unwrap()
}

// proves: S11-30
#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    register(&store, &["romeo", "juliet"]).await;
    let named = with_id(append("romeo/phone", "juliet", "one"), "m1");
    let receipt = store_one(&store, named.clone()).await;
    store_one(&store, append("juliet/hall", "romeo", "two")).await;
    let invite = lasting_invite("romeo");
    store.save_invite(invite.clone()).await.unwrap();
    let everything = query("romeo", Paging::Forward, 10, Filter::default());
    let before = store.page(everything.clone()).await.unwrap();
    let secret = store.secret();
    drop(store);

    let store = open(&dir);
    assert_eq!(store.page(everything).await.unwrap(), before);
    assert_eq!(store.secret(), secret);
    let found = store.check_invite([1; 32], Stamp(0)).await.unwrap();
    assert_eq!(found, Some(invite));
    write(&store, named).await;
    let next = store_one(&store, append("romeo/phone", "juliet", "three")).await;
    assert!(next.stamp >= receipt.stamp);
    assert_eq!(sent(&next).0, 3);
    check_integrity(&look(&dir.path().join("data/balcony.db")));
}

// proves: SEC-47 SEC-48
#[tokio::test]
async fn no_statement_scans_a_table_of_messages() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(&dir);
    let conn = look(&dir.path().join("data/balcony.db"));
    for statement in sql::ALL {
        let mut explain = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let mut rows = explain.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let scans = step.contains("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!scans, "{statement}: {step}");
            assert!(!step.contains("TEMP B-TREE"), "{statement}: {step}");
        }
    }
}

// proves: INV-33
#[tokio::test]
async fn commits_are_flushed_and_checkpoints_made_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    register(&store, &["romeo"]).await;
    let path = dir.path().join("data/balcony.db");
    let conn = super::super::schema::writer(&path).unwrap();
    let text = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
    let number = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    assert_eq!(text("journal_mode").unwrap(), "wal");
    assert_eq!(number("synchronous").unwrap(), 2); // FULL
    assert_eq!(number("wal_autocheckpoint").unwrap(), 0);
    assert_eq!(number("page_size").unwrap(), 4_096);
    for (name, mode) in [
        ("data", 0o700),
        ("data/balcony.db", 0o600),
        ("data/balcony.db-wal", 0o600),
    ] {
        let meta = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let path = dir.path().join("data/balcony.db");
    let version = |row: &rusqlite::Row<'_>| row.get(0);
    let known = look(&path).pragma_query_value(None, "user_version", version);
    look(&path).pragma_update(None, "user_version", 99).unwrap();
    let opened = Sqlite::open(&path, Options::default());
    let newer = StoreError::TooNew {
        found: 99,
        known: known.unwrap(),
    };
    assert_eq!(opened.err().map(|e| e.to_string()), Some(newer.to_string()));
}

// proves: S11-30 LIM-24
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_appends_at_once_share_their_flushes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    register(&store, &["romeo", "juliet"]).await;
    list(&store, "juliet", "romeo", true).await;
    let started = Instant::now();
    let appends = (0..2_000).map(|n| {
        let store = store.clone();
        let one = with_id(append("romeo/phone", "juliet", "hello"), &format!("m{n}"));
        tokio::spawn(async move { store_one(&store, one).await })
    });
    for task in appends.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let took = started.elapsed();
    println!("2,000 appends in {took:?}");
    let conn = look(&dir.path().join("data/balcony.db"));
    assert_eq!(count(&conn, "SELECT count(*) FROM arch"), 4_000);
    assert_eq!(count(&conn, "SELECT max(seq) FROM arch"), 2_000);
    check_integrity(&conn);
}

/// A program of the operator may change accounts while the server runs.
#[tokio::test]
async fn two_processes_may_share_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let (server, tool) = (open(&dir), open(&dir));
    register(&server, &["romeo", "juliet"]).await;
    for n in 1..=4 {
        let store = if n % 2 == 0 { &server } else { &tool };
        let receipt = store_one(store, append("romeo/phone", "juliet", "x")).await;
        assert_eq!(sent(&receipt).0, n);
    }
    let account = bare("juliet");
    tool.change(Change::Delete { account }).await.unwrap();
    register(&tool, &["juliet"]).await;
    store_one(&server, append("romeo/phone", "juliet", "x")).await;
    let head = tool.load(&bare("juliet")).await.unwrap().unwrap().head;
    assert_eq!(head, 1);
}

// proves: AU-08
#[tokio::test]
async fn who_has_no_account_is_looked_up_as_often_as_who_has_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    register(&store, &["romeo"]).await;
    let conn = look(&dir.path().join("data/balcony.db"));
    let runs = |query| {
        let query = conn.prepare_cached(query).unwrap();
        query.reset_status(StatementStatus::Run)
    };
    let mut seen = Vec::new();
    for name in ["romeo", "nobody"] {
        let keys = accounts::credentials(&conn, &bare(name)).unwrap();
        let of_device = tokens::of_device(&conn, &bare(name), DeviceId([7; 32])).unwrap();
        assert_eq!(keys.is_some(), name == "romeo");
        assert_eq!(of_device.is_some(), name == "romeo");
        seen.push([sql::LOGIN, sql::KEYS, sql::TOKENS].map(runs));
    }
    assert_eq!(seen, [[2, 1, 1], [2, 1, 1]]);
}
