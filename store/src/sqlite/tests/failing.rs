//! Full disks, failing statements, failing flushes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ffi};
use server_core::archive::{AppendError, Outcome};
use tokio::sync::{mpsc, oneshot};

use super::super::append::Known;
use super::super::complaint::Complaint;
use super::super::fatal::Fatal;
use super::super::schema;
use super::super::writer::{Job, Writer};
use super::check_integrity;
use crate::suite::tools::{append, bare, quick_keys, with_id};
use crate::{Limits, system_clock};

/// A writer on a connection that the test has prepared, run by hand.
struct Bench {
    jobs: mpsc::Sender<Job>,
    writer: Writer,
    fatal: Fatal,
    told: Arc<AtomicU32>,
}

impl Bench {
    fn new(path: &Path, prepare: impl FnOnce(&Connection)) -> Self {
        schema::prepare_file(path).unwrap();
        let mut conn = schema::writer(path).unwrap();
        let keys = schema::migrate(&mut conn).unwrap();
        let told = Arc::new(AtomicU32::new(0));
        let counter = told.clone();
        let fatal = Fatal::new(Arc::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        let (jobs, queue) = mpsc::channel(1_000);
        let (commits, _) = std::sync::mpsc::sync_channel(1);
        for name in ["romeo", "juliet"] {
            let change = server_core::records::Change::Register {
                account: bare(name),
                keys: quick_keys(),
                token: None,
            };
            let made = super::super::change::make(&conn, protocol::time::Stamp(0), &change);
            assert!(made.is_ok());
        }
        prepare(&conn);
        let limits = Limits {
            stranger_bytes: 1 << 30,
            ..Limits::default()
        };
        let writer = Writer {
            conn,
            known: Known::new(keys.ids, (limits, None), 1_000),
            clock: system_clock(),
            jobs: queue,
            complaint: Complaint::default(),
            commits,
            fatal: fatal.clone(),
        };
        Self {
            jobs,
            writer,
            fatal,
            told,
        }
    }

    /// Appends these, each as a job of its own, in one group.
    fn run(self, bodies: &[String]) -> Vec<Option<Result<Outcome, AppendError>>> {
        let answers: Vec<_> = (0..)
            .zip(bodies)
            .map(|(n, body): (u32, _)| {
                let (reply, answer) = oneshot::channel();
                let batch = vec![with_id(append("romeo/x", "juliet", body), &format!("m{n}"))];
                let queued = self.jobs.try_send(Job::Append { batch, reply });
                assert!(queued.is_ok());
                answer
            })
            .collect();
        drop(self.jobs);
        self.writer.run();
        let answers = answers.into_iter().map(oneshot::Receiver::blocking_recv);
        answers
            .map(|answer| answer.ok()?.into_iter().next())
            .collect()
    }
}

// proves: S11-32
#[test]
fn one_bad_append_does_not_spoil_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let bench = Bench::new(&path, |conn| {
        conn.execute_batch(
            "CREATE TEMP TRIGGER poison BEFORE INSERT ON msg \
             WHEN instr(CAST(new.stanza AS TEXT), 'poison') \
             BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
        )
        .unwrap();
    });
    let told = bench.told.clone();
    let bodies = ["one", "two", "poison", "three"].map(str::to_owned);
    let answers = bench.run(&bodies);
    for (answer, body) in answers.into_iter().zip(&bodies) {
        match answer.unwrap() {
            Ok(_) => assert_ne!(body, "poison"),
            Err(error) => {
                assert_eq!(error, AppendError::Storage);
                assert_eq!(body, "poison");
            }
        }
    }
    assert_eq!(told.load(Ordering::SeqCst), 0);
    let conn = super::look(&path);
    assert_eq!(super::count(&conn, "SELECT max(seq) FROM arch"), 3);
    check_integrity(&conn);
}

// proves: S11-32
#[test]
fn a_full_disk_fails_appends_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let bench = Bench::new(&path, |conn| {
        let pages = super::count(conn, "PRAGMA page_count");
        conn.pragma_update(None, "max_page_count", pages + 40)
            .unwrap();
    });
    let told = bench.told.clone();
    let bodies: Vec<String> = (0..100).map(|_| "x".repeat(3_000)).collect();
    let answers = bench.run(&bodies);
    let stored = answers
        .iter()
        .filter(|answer| matches!(answer, Some(Ok(Outcome::Stored(_)))))
        .count();
    assert!((10..90).contains(&stored), "{stored}");
    let refused = Some(Err(AppendError::Storage));
    assert!(answers.contains(&refused));
    assert_eq!(told.load(Ordering::SeqCst), 0);
    let conn = super::look(&path);
    let entries = super::count(&conn, "SELECT count(*) FROM arch");
    assert_eq!(entries, 2 * stored as i64);
    check_integrity(&conn);
}

// proves: S11-31
#[test]
fn after_a_failed_flush_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let bench = Bench::new(&path, |_| {});
    let told = bench.told.clone();
    let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    for code in [
        ffi::SQLITE_FULL,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_CONSTRAINT,
        ffi::SQLITE_IOERR_SHMSIZE,
    ] {
        assert!(!bench.fatal.judge(&failure(code)));
    }
    assert!(!bench.fatal.has_happened());
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT] {
        assert!(bench.fatal.judge(&failure(code)));
    }
    let answers = bench.run(&["late".to_owned()]);
    assert_eq!(answers, [Some(Err(AppendError::Storage))]);
    assert_eq!(told.load(Ordering::SeqCst), 1);
    let conn = super::look(&path);
    assert_eq!(super::count(&conn, "SELECT count(*) FROM arch"), 0);
}

/// Whether a message whose commit failed is on the disk, nobody knows, so nobody is told.
// proves: S11-31 INV-19
#[test]
fn a_group_whose_write_failed_is_never_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let bench = Bench::new(&path, |conn| {
        // A page of the log's table that is no page.
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        let root = super::count(
            conn,
            "SELECT rootpage FROM sqlite_schema WHERE name = 'msg'",
        );
        let mut bytes = std::fs::read(&path).unwrap();
        let at = (root as usize - 1) * 4_096;
        bytes[at..at + 4_096].fill(0xEE);
        std::fs::write(&path, bytes).unwrap();
        conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory")
            .unwrap();
    });
    let told = bench.told.clone();
    let answers = bench.run(&["one".to_owned(), "two".to_owned()]);
    assert_eq!(answers, [None, None]);
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
