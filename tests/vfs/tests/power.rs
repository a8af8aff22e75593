//! The store on a disk that loses power, fills up and fails to flush.
//!
//! One disk serves the whole process, so the tests take turns.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use protocol::stanza::Stanza;
use protocol::{ArchiveId, BareJid, Element, StanzaKind, ns};
use rusqlite::Connection;
use server_core::archive::{Append, AppendError, Keep, Outcome, RecipientSide, digest_of};
use server_core::records::Change;
use store::{Accounts as _, Archive as _, Options, Sqlite};
use tokio::sync::Notify;
use vfs::{Disk, Faults};

const DATABASE: &str = "test.db";
/// Tells a process of this program that it is the one whose disk fails, and where.
const CHILD: &str = "VFS_TEST_PATH";

fn turn() -> (Disk, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (Disk::install().unwrap(), turn)
}

fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@verona.example")).unwrap()
}

fn message(n: usize) -> Append {
    let body = Element::new("body", ns::CLIENT).text("x".repeat(50 + n * 97 % 3_000));
    let stanza = Stanza::new(StanzaKind::Message)
        .from(bare("romeo"))
        .to(bare("juliet"))
        .typed("chat")
        .child(&body)
        .write();
    Append {
        sender: bare("romeo"),
        resource: None,
        recipient: Some(bare("juliet")),
        peer: bare("juliet"),
        own_id: ArchiveId::parse(&format!("AAAAAAAAAAAAAAAAAAAAAA.m{n}")),
        digest: digest_of(&stanza.as_str().into()).unwrap(),
        keep: Keep::Entries,
        retracts: None,
        stanza: stanza.into(),
        session: None,
        spool: false,
    }
}

async fn register(store: &Sqlite) {
    for name in ["romeo", "juliet"] {
        let change = Change::Register {
            account: bare(name),
            keys: Vec::new(),
            token: None,
        };
        store.change(change).await.unwrap();
    }
}

/// Position and id in each log.
type Places = [(u64, ArchiveId); 2];

fn places(outcome: &Outcome) -> Places {
    let Outcome::Stored(receipt) = outcome else {
        panic!("{outcome:?}")
    };
    let own = receipt.sender.clone().unwrap().unwrap();
    let RecipientSide::Stored(other) = receipt.recipient.clone() else {
        panic!("{receipt:?}")
    };
    [(own.pos, own.id), (other.pos, other.id)]
}

/// Reads both logs and checks that they are dense and hold the same messages.
async fn logs(store: &Sqlite) -> [Vec<(u64, ArchiveId)>; 2] {
    let mut logs: [Vec<_>; 2] = Default::default();
    let mut stanzas: [Vec<_>; 2] = Default::default();
    for (n, name) in ["romeo", "juliet"].iter().enumerate() {
        let entries = store.entries_after(&bare(name), 0, 100_000).await.unwrap();
        assert!((1..).zip(&entries).all(|(pos, entry)| entry.pos == pos));
        stanzas[n] = entries.iter().map(|entry| entry.stanza.clone()).collect();
        logs[n] = entries
            .iter()
            .map(|entry| (entry.pos, entry.id.clone()))
            .collect();
        let record = store.load(&bare(name)).await.unwrap();
        let head = record.map_or(0, |record| record.head);
        assert_eq!(head, entries.len() as u64);
    }
    assert_eq!(stanzas[0], stanzas[1]);
    logs
}

fn check_file(path: &Path) {
    let conn = Connection::open(path).unwrap();
    let verdict: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

/// Options whose fatal failure is told to whoever waits for it.
fn watched() -> (Options, Arc<Notify>, Arc<AtomicBool>) {
    let (notify, fatal) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (told, flag) = (notify.clone(), fatal.clone());
    let mut options = Options::default();
    options.limits.stranger_bytes = options.limits.quota_bytes;
    options.on_fatal = Arc::new(move || {
        flag.store(true, Ordering::SeqCst);
        told.notify_one();
    });
    (options, notify, fatal)
}

/// Writes from several sides, with checkpoints in between, until all is written or the disk fails;
/// gives what was answered.
async fn write_until_failure(path: &Path) -> Vec<Places> {
    let (options, failed, _) = watched();
    let answered = Arc::new(Mutex::new(Vec::new()));
    let Ok(store) = Sqlite::open(path, options) else {
        return Vec::new();
    };
    for name in ["romeo", "juliet"] {
        let change = Change::Register {
            account: bare(name),
            keys: Vec::new(),
            token: None,
        };
        if store.change(change).await.is_err() {
            return Vec::new();
        }
    }
    let stopping = Arc::new(AtomicBool::new(false));
    let checkpointer = {
        let (path, stopping) = (path.to_owned(), stopping.clone());
        thread::spawn(move || {
            let Ok(conn) = Connection::open(path) else {
                return;
            };
            while !stopping.load(Ordering::SeqCst) {
                // It may fail as everything else may.
                let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let writers = (0..3).map(|writer| {
        let (store, answered) = (store.clone(), answered.clone());
        tokio::spawn(async move {
            for n in 0..12 {
                let answer = store
                    .append(vec![message(writer * 100 + n)])
                    .await
                    .remove(0);
                let Ok(outcome) = answer else { return };
                answered.lock().unwrap().push(places(&outcome));
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let all = async {
        for writer in &writers {
            while !writer.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = all => {}
        () = failed.notified() => {}
    }
    for writer in writers {
        writer.abort();
        let _ = writer.await;
    }
    stopping.store(true, Ordering::SeqCst);
    checkpointer.join().unwrap();
    answered.lock().unwrap().clone()
}

/// Lets the power go off once, and opens what is left, perhaps with another cut on the way; tells
/// how much of what was answered is lost.
async fn crash(disk: Disk, seed: u64, faults: Faults) -> usize {
    let folder = tempfile::tempdir().unwrap();
    disk.reset(seed, faults.clone());
    let answered = write_until_failure(&folder.path().join(DATABASE)).await;
    disk.cut();
    let mut left = tempfile::tempdir().unwrap();
    disk.rescue(folder.path(), left.path()).unwrap();
    // INV-32: the recovery is cut off too, and begun again.
    if seed.is_multiple_of(3) {
        let again = Faults {
            power_off: Some(seed % 5),
            ..Faults::default()
        };
        disk.reset(seed, again);
        if let Ok(store) = Sqlite::open(left.path().join(DATABASE), watched().0) {
            let _ = tokio::time::timeout(
                Duration::from_millis(200),
                store.append(vec![message(9_000)]),
            )
            .await;
        }
        disk.cut();
        let third = tempfile::tempdir().unwrap();
        disk.rescue(left.path(), third.path()).unwrap();
        left = third;
    }
    disk.reset(seed, Faults::default());
    let path = left.path().join(DATABASE);
    let store = Sqlite::open(&path, Options::default()).unwrap();
    let logs = logs(&store).await;
    let is_lost = |places: &&Places| {
        (0..2).any(|side| {
            let (pos, id) = &places[side];
            logs[side].get(*pos as usize - 1) != Some(&(*pos, id.clone()))
        })
    };
    let lost = answered.iter().filter(is_lost).count();
    drop(store);
    check_file(&path);
    lost
}

// proves: PT-03 INV-01 INV-02 INV-03 INV-32 S11-30 S11-31
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::await_holding_lock, reason = "one disk, one test at a time")]
async fn what_was_answered_survives_any_power_cut() {
    let (disk, _turn) = turn();
    disk.reset(0, Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let answered = write_until_failure(&folder.path().join(DATABASE)).await;
    assert_eq!(answered.len(), 36);
    let operations = disk.operations();
    assert!(operations > 100, "{operations}");
    let points: u64 = 300;
    for point in 0..points {
        let power_off = Some(point * operations / points);
        let faults = Faults {
            power_off,
            ..Faults::default()
        };
        assert_eq!(crash(disk, point, faults).await, 0, "point {point}");
    }
}

/// The test before this one can fail: on a disk that only says that it has flushed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::await_holding_lock, reason = "one disk, one test at a time")]
async fn a_disk_that_lies_is_noticed() {
    let (disk, _turn) = turn();
    let mut lost = 0;
    for point in 0..200 {
        let faults = Faults {
            power_off: Some(150 + point),
            lies: true,
            ..Faults::default()
        };
        let crashed = tokio::spawn(crash(disk, point * 2 + 1, faults)).await;
        // What such a disk leaves may not even be a database.
        lost += crashed.unwrap_or(1);
        if lost > 0 {
            break;
        }
    }
    assert!(lost > 0);
}

// proves: S11-32 MAM-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::await_holding_lock, reason = "one disk, one test at a time")]
async fn a_disk_that_is_full_for_a_while_loses_what_it_said_it_would() {
    let (disk, _turn) = turn();
    let mut refused_in_all = 0;
    for round in 0..30_u64 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE);
        disk.reset(round, Faults::default());
        let (options, _, fatal) = watched();
        let store = Sqlite::open(&path, options).unwrap();
        register(&store).await;
        let from = disk.operations() + round;
        let faults = Faults {
            full: from..from + 1 + round * 3,
            ..Faults::default()
        };
        disk.set(faults);
        let conn = Connection::open(&path).unwrap();
        let mut stored: [Vec<_>; 2] = Default::default();
        let mut refused = 0;
        let mut since_then = 0;
        for n in 0..400 {
            match store.append(vec![message(n)]).await.remove(0) {
                Ok(outcome) => {
                    for (log, place) in stored.iter_mut().zip(places(&outcome)) {
                        log.push(place);
                    }
                    since_then += u32::from(disk.operations() > from + 1 + round * 3);
                }
                Err(error) => {
                    assert_eq!(error, AppendError::Storage);
                    refused += 1;
                }
            }
            if n % 3 == 0 {
                let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            }
            if since_then == 3 {
                break;
            }
        }
        assert_eq!(since_then, 3, "round {round}: nothing is written any more");
        assert!(!fatal.load(Ordering::SeqCst), "round {round}");
        assert_eq!(logs(&store).await, stored, "round {round}");
        refused_in_all += refused;
        drop((store, conn));
        let store = Sqlite::open(&path, Options::default()).unwrap();
        assert_eq!(logs(&store).await, stored, "round {round}");
        drop(store);
        check_file(&path);
    }
    assert!(refused_in_all > 50, "{refused_in_all}");
}

/// The part of the process whose disk fails: it must not outlive that.
async fn write_until_the_flush_fails(path: &str) {
    let disk = Disk::install().unwrap();
    disk.reset(1, Faults::default());
    let store = Sqlite::open(path, Options::default()).unwrap();
    if store.is_empty().await.unwrap() {
        register(&store).await;
    }
    let faults = Faults {
        bad_flush: Some(disk.operations() + 200),
        ..Faults::default()
    };
    disk.set(faults);
    for n in 0.. {
        println!("asking");
        let outcome = store.append(vec![message(n)]).await.remove(0).unwrap();
        let [(pos, id), _] = places(&outcome);
        println!("answered {pos} {id}");
    }
}

// proves: PT-06 S11-31
#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "one disk, one test at a time")]
async fn a_failed_flush_ends_the_process_and_the_next_one_starts_clean() {
    if let Ok(path) = std::env::var(CHILD) {
        return write_until_the_flush_fails(&path).await;
    }
    let (disk, _turn) = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_failed_flush_ends_the_process_and_the_next_one_starts_clean",
            "--nocapture",
        ])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut asked = Instant::now();
    let mut answered = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["asking"] => asked = Instant::now(),
            ["answered", pos, id] => {
                let place = (pos.parse().unwrap(), ArchiveId::parse(id).unwrap());
                answered.push(place);
            }
            _ => {}
        }
    }
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert!(!status.success());
    assert!(answered.len() > 5, "{answered:?}");
    disk.reset(2, Faults::default());
    let store = Sqlite::open(&path, Options::default()).unwrap();
    let [romeo, _] = logs(&store).await;
    // What was not answered may be there or not.
    assert!(romeo.len() - answered.len() <= 1);
    assert_eq!(romeo[..answered.len()], answered);
    let next = store.append(vec![message(10_000)]).await.remove(0).unwrap();
    assert_eq!(places(&next)[0].0, romeo.len() as u64 + 1);
    drop(store);
    check_file(&path);
}
