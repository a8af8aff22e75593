//! Failing on request.

use protocol::s11::Reason;
use protocol::time::Stamp;
use server_core::archive::{
    AppendError, Filter, FirstOutcome, Outcome, Paging, ReadError, RecipientSide,
};
use server_core::records::{Change, ChangeError};

use super::{FailingSide, FaultPlan, Memory};
use crate::Limits;
use crate::suite::tools::{append, bare, query, quick_keys, received, sent, with_id};

fn registration(name: &str) -> Change {
    Change::Register {
        account: bare(name),
        keys: quick_keys(),
        token: None,
    }
}

fn open() -> Memory {
    let store = Memory::new([1; 32], Limits::default(), || Stamp(1));
    for name in ["romeo", "juliet"] {
        store.change_now(registration(name)).unwrap();
    }
    store
}

fn write(store: &Memory, id: &str) -> Result<Outcome, AppendError> {
    let one = with_id(append("romeo/phone", "juliet", "hello"), id);
    store.append_now(&[one]).remove(0)
}

// proves: S11-17 S11-32 S11-33 S11-34
#[test]
fn appends_fail_as_planned_on_one_side_or_wholly() {
    let store = open();
    for (side, id) in [
        (FailingSide::Whole, "m1"),
        (FailingSide::Sender, "m2"),
        (FailingSide::Recipient, "m3"),
    ] {
        store.fail_appends(FaultPlan { appends: 1, side });
        let answer = write(&store, id);
        let again = write(&store, id);
        if side == FailingSide::Whole {
            assert_eq!(answer, Err(AppendError::Storage));
            assert!(matches!(again, Ok(Outcome::Stored(_))));
            continue;
        }
        let Ok(Outcome::Stored(receipt)) = answer else {
            panic!("{answer:?}")
        };
        let first = if side == FailingSide::Sender {
            assert_eq!(receipt.sender, Some(Err(AppendError::Storage)));
            assert_eq!(received(&receipt).0, 2);
            FirstOutcome::Unarchived(Reason::Storage)
        } else {
            let failed = RecipientSide::Failed(AppendError::Storage);
            assert_eq!(receipt.recipient, failed);
            assert_eq!(sent(&receipt).0, 2);
            FirstOutcome::Archived { pos: 2 }
        };
        assert_eq!(again, Ok(Outcome::Repeated(first)));
    }
}

#[test]
fn reads_and_changes_fail_as_often_as_told() {
    let store = open();
    let everything = query("romeo", Paging::Forward, 10, Filter::default());
    store.fail_reads(2);
    assert_eq!(store.page_now(&everything), Err(ReadError::Storage));
    assert!(store.load_now(&bare("romeo")).is_err());
    assert!(store.page_now(&everything).is_ok());
    store.fail_changes(1);
    let refused = store.change_now(registration("nurse"));
    assert_eq!(refused, Err(ChangeError::Storage));
    store.change_now(registration("nurse")).unwrap();
}

/// The same happenings give the same ids (INV-30).
// proves: INV-30
#[test]
fn two_runs_are_alike() {
    let run = || {
        let store = open();
        (0..5).for_each(|n| drop(write(&store, &n.to_string())));
        let everything = query("juliet", Paging::Forward, 10, Filter::default());
        store.page_now(&everything).unwrap()
    };
    assert_eq!(run(), run());
}
