//! A server that is killed in the middle of writing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::ArchiveId;
use server_core::archive::RecipientSide;

use super::{check_integrity, count, look};
use crate::suite::tools::{append, bare, list, register, sent, store_one, with_id};
use crate::{Accounts as _, Archive as _, Options, Sqlite};

const PATH: &str = "STORE_CRASH_TEST_PATH";
const ROUND: &str = "STORE_CRASH_TEST_ROUND";
const CHILD: &str = "sqlite::tests::crash::whatever_was_acked_before_a_kill_is_there_after_it";

/// The child's part: says what was acked, and never ends by itself.
async fn write_until_killed(path: &str, round: &str) {
    let store = Sqlite::open(path, Options::default()).unwrap();
    if store.is_empty().await.unwrap() {
        register(&store, &["romeo", "juliet"]).await;
        list(&store, "juliet", "romeo", true).await;
    }
    let writers = (0..16).map(|writer: u32| {
        let (store, round) = (store.clone(), round.to_owned());
        tokio::spawn(async move {
            for n in 0_u64.. {
                let one = append("romeo/phone", "juliet", &format!("{writer} {n}"));
                let one = with_id(one, &format!("{round}-{writer}-{n}"));
                let receipt = store_one(&store, one).await;
                let RecipientSide::Stored(received) = &receipt.recipient else {
                    panic!("{receipt:?}")
                };
                let (pos, id) = sent(&receipt);
                println!("acked {pos} {id} {} {}", received.pos, received.id);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

// proves: S11-30 S11-31 INV-01 INV-02 INV-03 SM-08
#[tokio::test]
async fn whatever_was_acked_before_a_kill_is_there_after_it() {
    // In a process of its own, this test is the one that is killed.
    if let (Ok(path), Ok(round)) = (std::env::var(PATH), std::env::var(ROUND)) {
        return write_until_killed(&path, &round).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let mut acked: [BTreeMap<u64, ArchiveId>; 2] = Default::default();
    for round in 0..4 {
        write_and_kill(&path, round, 150 + 137 * round, &mut acked);
        let store = Sqlite::open(&path, Options::default()).unwrap();
        let mut heads = Vec::new();
        for (name, acked) in ["romeo", "juliet"].iter().zip(&acked) {
            let mut log = BTreeMap::new();
            let mut pos = 0;
            loop {
                let entries = store.entries_after(&bare(name), pos, 500).await.unwrap();
                let Some(last) = entries.last() else { break };
                pos = last.pos;
                log.extend(entries.iter().map(|entry| (entry.pos, entry.id.clone())));
            }
            assert!((1..).zip(&log).all(|(n, (pos, _))| n == *pos));
            for (pos, id) in acked {
                assert_eq!(log.get(pos), Some(id), "{name}");
            }
            heads.push(pos);
            let head = store.load(&bare(name)).await.unwrap().unwrap().head;
            assert_eq!(head, pos);
        }
        assert_eq!(heads[0], heads[1]);
        let conn = look(&path);
        check_integrity(&conn);
        assert_eq!(count(&conn, "SELECT count(*) FROM msg"), heads[0] as i64);
    }
    assert!(acked[0].len() > 1_000);
}

/// Lets a child write until it has acked `enough`, and kills it.
fn write_and_kill(
    path: &Path,
    round: usize,
    enough: usize,
    acked: &mut [BTreeMap<u64, ArchiveId>; 2],
) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(PATH, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut heard = 0;
    // What it still said before it died counts too.
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.starts_with("acked ") && line.ends_with('\n') {
            let words: Vec<&str> = line.split_whitespace().collect();
            for (side, log) in acked.iter_mut().enumerate() {
                let pos = words[1 + 2 * side].parse().unwrap();
                let id = ArchiveId::parse(words[2 + 2 * side]).unwrap();
                assert_eq!(log.insert(pos, id), None);
            }
            heard += 1;
            if heard == enough {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
}
