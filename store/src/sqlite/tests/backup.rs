//! A copy that is made while the store writes, and what is made of it.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use protocol::ArchiveId;
use server_core::archive::{Filter, Paging};
use tempfile::TempDir;

use super::super::back_up;
use super::{check_integrity, count, look};
use crate::suite::tools::{
    append, bare, lasting_invite, query, received, register, sent, store_one, with_id,
};
use crate::{Accounts as _, Archive as _, Options, Sqlite, StoreError};

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, Options::default()).unwrap()
}

async fn ids(store: &Sqlite, account: &str) -> Vec<ArchiveId> {
    let everything = query(account, Paging::Forward, 10_000, Filter::default());
    let page = store.page(everything).await.unwrap();
    page.entries.iter().map(|entry| entry.id.clone()).collect()
}

/// Writes and gives the ids on both sides.
async fn write_some(store: &Sqlite, count: usize, name: &str) -> HashSet<ArchiveId> {
    let mut made = HashSet::new();
    for number in 0..count {
        let receipt = store_one(store, append("romeo/phone", "juliet", name)).await;
        made.extend([sent(&receipt).1, received(&receipt).1]);
        let own = with_id(
            append("juliet/hall", "romeo", name),
            &format!("{name}{number}"),
        );
        let receipt = store_one(store, own).await;
        made.extend([sent(&receipt).1, received(&receipt).1]);
    }
    assert_eq!(made.len(), 4 * count);
    made
}

// proves: INV-05 PT-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_one_moment_and_goes_on_under_other_ids() {
    let dir = tempfile::tempdir().unwrap();
    let original = open(&dir.path().join("data/balcony.db"));
    register(&original, &["romeo", "juliet"]).await;
    write_some(&original, 30, "before").await;

    let copy = dir.path().join("copy.db");
    let (from, to) = (dir.path().join("data/balcony.db"), copy.clone());
    let copying = tokio::task::spawn_blocking(move || back_up(&from, &to));
    let meanwhile = write_some(&original, 30, "meanwhile").await;
    copying.await.unwrap().unwrap();
    let later = write_some(&original, 30, "later").await;
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut given: HashSet<_> = meanwhile.union(&later).cloned().collect();
    for life in ["first", "second"] {
        let path = dir.path().join(life).join("balcony.db");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::copy(&copy, &path).unwrap();
        let restored = open(&path);
        for account in ["romeo", "juliet"] {
            let (old, kept) = (ids(&original, account).await, ids(&restored, account).await);
            assert!((60..=120).contains(&kept.len()), "{}", kept.len());
            assert_eq!(kept, old[..kept.len()]);
            // And each is found by its id.
            let filter = Filter {
                ids: vec![kept[0].clone(), kept[kept.len() - 1].clone()],
                ..Filter::default()
            };
            let page = restored
                .page(query(account, Paging::Forward, 9, filter))
                .await;
            assert_eq!(page.unwrap().entries.len(), 2);
        }
        let fresh = write_some(&restored, 30, life).await;
        assert!(given.is_disjoint(&fresh));
        given.extend(fresh);
        let all = ids(&restored, "romeo").await;
        drop(restored);
        check_integrity(&look(&path));
        assert_eq!(ids(&open(&path), "romeo").await, all);
    }
}

// proves: PT-15 SEC-73
#[tokio::test]
async fn nothing_that_opens_an_account_comes_back_with_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data/balcony.db");
    let original = open(&path);
    register(&original, &["romeo"]).await;
    let invite = lasting_invite("romeo");
    original.save_invite(invite).await.unwrap();
    let conn = look(&path);
    conn.execute_batch(
        "INSERT INTO token SELECT user, x'01', 0, 'HT', x'02', x'03', 0, 9e15 FROM account;
         INSERT INTO session (user, key, resource, handled, max_s, ended)
         SELECT user, x'01', 'phone', 3, 600, 0 FROM account;",
    )
    .unwrap();
    let copy = dir.path().join("copy.db");
    back_up(&path, &copy).unwrap();
    let secret = original.secret();

    let restored = open(&copy);
    assert_ne!(restored.secret(), secret);
    let eras = "SELECT count(*) FROM account WHERE roster_ver >> 32 > 0";
    assert_eq!((count(&conn, eras), count(&look(&copy), eras)), (0, 1));
    for table in ["token", "session", "invite"] {
        let query = format!("SELECT count(*) FROM {table}");
        assert_eq!(count(&look(&copy), &query), 0, "{table}");
        assert_eq!(count(&conn, &query), 1, "{table}");
    }
    assert!(restored.load(&bare("romeo")).await.unwrap().is_some());
    let secret = restored.secret();
    drop(restored);
    assert_eq!(open(&copy).secret(), secret, "it is taken over once");
}

#[tokio::test]
async fn a_copy_replaces_no_file_and_needs_a_database() {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let (from, to) = (
        dir.path().join("data/balcony.db"),
        dir.path().join("copy.db"),
    );
    assert!(matches!(back_up(&from, &to), Err(StoreError::Sqlite(_))));
    assert!(!to.exists());
    drop(open(&from));
    back_up(&from, &to).unwrap();
    assert!(matches!(back_up(&from, &to), Err(StoreError::File { .. })));
    let again = dir.path().join("data/copy-of-the-copy.db");
    back_up(&to, &again).unwrap();
    assert_eq!(
        count(
            &look(&again),
            "SELECT count(*) FROM meta WHERE key = 'copy'"
        ),
        1
    );
    let left = std::fs::read_dir(dir.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["copy.db", "data"]);
}
