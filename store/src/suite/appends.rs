//! What appends leave behind.

use std::collections::BTreeSet;

use protocol::s11::Reason;
use protocol::time::Stamp;
use protocol::{Condition, Text};
use server_core::archive::{
    Append, AppendError, Filter, FirstOutcome, Keep, Outcome, Paging, ReadError, RecipientSide,
};

use super::tools::{
    ENTRY_BYTES_MAX, QUOTA_BYTES, Script, append, bare, list, message, positions, query, received,
    register, sent, store_one, with_id, write,
};
use crate::Store;

// proves: MAM-05 MAM-06 MAM-08 S11-30
pub(crate) async fn both_logs_get_the_message_at_dense_positions(
    store: &impl Store,
    script: &Script,
) {
    script.set(1_000);
    register(store, &["romeo", "juliet", "nurse"]).await;
    for n in 1..=5 {
        let receipt = store_one(store, append("romeo/phone", "juliet", &n.to_string())).await;
        assert_eq!(receipt.stamp, Stamp(1_000));
        assert_eq!((sent(&receipt).0, received(&receipt).0), (n, n));
        assert_ne!(sent(&receipt).1, received(&receipt).1);
    }
    let receipt = store_one(store, append("nurse/hall", "romeo", "six")).await;
    assert_eq!((sent(&receipt).0, received(&receipt).0), (1, 6));

    let romeo = store.entries_after(&bare("romeo"), 0, 100).await.unwrap();
    let juliet = store.entries_after(&bare("juliet"), 0, 100).await.unwrap();
    assert_eq!(romeo.len(), 6);
    assert_eq!(juliet.len(), 5);
    for (n, (own, other)) in (1..).zip(romeo.iter().zip(&juliet)) {
        assert_eq!((own.pos, other.pos), (n, n));
        let stanza = message("romeo/phone", "juliet", &n.to_string());
        assert_eq!((&own.stanza, &other.stanza), (&stanza, &stanza));
        assert_eq!(own.stamp, other.stamp);
    }
    assert_eq!(romeo[5].id, received(&receipt).1);
    assert_eq!(store.load(&bare("romeo")).await.unwrap().unwrap().head, 6);
}

// proves: S11-14 S11-22
pub(crate) async fn a_message_sent_again_changes_nothing(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let once = with_id(append("romeo/phone", "juliet", "hello"), "m1");
    let receipt = store_one(store, once.clone()).await;
    assert_eq!(Some(sent(&receipt).1), once.own_id);
    store_one(store, append("romeo/phone", "juliet", "between")).await;

    // Also from another session, and twice in one batch.
    let again = Append {
        stanza: message("romeo/desk", "juliet", "hello"),
        ..once.clone()
    };
    let repeated = Ok(Outcome::Repeated(FirstOutcome::Archived { pos: 1 }));
    let answers = store.append(vec![again.clone(), again]).await;
    assert_eq!(answers, [repeated.clone(), repeated]);
    let fresh = with_id(append("romeo/phone", "juliet", "fresh"), "m2");
    let answers = store.append(vec![fresh.clone(), fresh]).await;
    assert!(matches!(answers[0], Ok(Outcome::Stored(_))));
    let third = Ok(Outcome::Repeated(FirstOutcome::Archived { pos: 3 }));
    assert_eq!(answers[1], third);
    for name in ["romeo", "juliet"] {
        let entries = store.entries_after(&bare(name), 0, 100).await.unwrap();
        assert_eq!(entries.len(), 3, "{name}");
    }
    // The same id is free in another account.
    let other = with_id(append("juliet/hall", "romeo", "hello"), "m1");
    assert_eq!(sent(&store_one(store, other).await).0, 4);
}

// proves: S11-15
pub(crate) async fn another_message_under_the_same_id_is_a_conflict(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo", "juliet"]).await;
    store_one(store, with_id(append("romeo/phone", "juliet", "one"), "m1")).await;
    let other = with_id(append("romeo/phone", "juliet", "two"), "m1");
    assert_eq!(write(store, other.clone()).await, Outcome::Conflict);
    let unkept = Append {
        keep: Keep::OutcomeOnly,
        ..other
    };
    assert_eq!(write(store, unkept.clone()).await, Outcome::Conflict);
    let unkept = with_id(unkept, "m2");
    store_one(store, unkept.clone()).await;
    let again = with_id(append("romeo/phone", "juliet", "three"), "m2");
    assert_eq!(write(store, again).await, Outcome::Conflict);
    let entries = store.entries_after(&bare("romeo"), 0, 100).await.unwrap();
    assert_eq!(entries.len(), 1);
}

// proves: S11-17 S11-22
pub(crate) async fn outcomes_without_entries_are_remembered(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let refused = Condition::PolicyViolation;
    for (id, keep, first) in [
        ("m1", Keep::OutcomeOnly, FirstOutcome::NotArchived),
        ("m2", Keep::Refusal(refused), FirstOutcome::Refused(refused)),
    ] {
        let append = Append {
            keep,
            ..with_id(append("romeo/phone", "juliet", id), id)
        };
        let receipt = store_one(store, append.clone()).await;
        assert_eq!(receipt.sender, None);
        assert_eq!(receipt.recipient, RecipientSide::None);
        let entries = Append {
            keep: Keep::Entries,
            ..append.clone()
        };
        for again in [append, entries] {
            assert_eq!(write(store, again).await, Outcome::Repeated(first));
        }
    }
    // What became of a message stands, whatever the reason to refuse it now.
    let kept = with_id(append("romeo/phone", "juliet", "m3"), "m3");
    store_one(store, kept.clone()).await;
    let mut off_record = with_id(append("romeo/phone", "juliet", "m4"), "m4");
    off_record.keep = Keep::OutcomeOnly;
    store_one(store, off_record.clone()).await;
    for (before, first) in [
        (kept, FirstOutcome::Archived { pos: 1 }),
        (off_record, FirstOutcome::NotArchived),
    ] {
        let again = Append {
            keep: Keep::Refusal(Condition::NotAcceptable),
            ..before
        };
        let other = Append {
            digest: [7; 32],
            ..again.clone()
        };
        assert_eq!(write(store, again).await, Outcome::Repeated(first));
        assert_eq!(write(store, other).await, Outcome::Conflict);
    }
    let nameless = Append {
        keep: Keep::OutcomeOnly,
        ..append("romeo/phone", "juliet", "")
    };
    for _ in 0..2 {
        store_one(store, nameless.clone()).await;
    }
    let entries = store.entries_after(&bare("romeo"), 0, 100).await.unwrap();
    assert_eq!(entries.len(), 1);
}

// proves: LIM-17 S11-17 S11-22
pub(crate) async fn who_was_never_written_to_can_be_told_apart(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "nurse"]).await;
    let to = |whom: &str, id: &str| Append {
        keep: Keep::EntriesIfKnown(Condition::PolicyViolation),
        ..with_id(append("romeo/phone", whom, id), id)
    };
    let refused = Outcome::Refused(Condition::PolicyViolation);
    for whom in ["juliet", "nobody"] {
        assert_eq!(write(store, to(whom, whom)).await, refused);
        // It stays refused, whoever is known by then.
        store_one(store, append("romeo/phone", whom, "allowed")).await;
        let first = FirstOutcome::Refused(Condition::PolicyViolation);
        assert_eq!(write(store, to(whom, whom)).await, Outcome::Repeated(first));
        let next = store_one(store, to(whom, &format!("{whom}-again"))).await;
        assert!(matches!(next.sender, Some(Ok(_))));
    }
    // Who wrote first is known too.
    assert_eq!(write(store, to("nurse", "n1")).await, refused);
    store_one(store, append("nurse/hall", "romeo", "young master")).await;
    let answer = store_one(store, to("nurse", "n2")).await;
    assert!(matches!(answer.recipient, RecipientSide::Stored(_)));
    for (name, count) in [("romeo", 6), ("juliet", 2), ("nurse", 2)] {
        let entries = store.entries_after(&bare(name), 0, 100).await.unwrap();
        assert_eq!(entries.len(), count, "{name}");
    }
}

// proves: S11-30
pub(crate) async fn a_missing_recipient_leaves_the_senders_entry(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    let receipt = store_one(store, append("romeo/phone", "rosaline", "?")).await;
    assert_eq!(sent(&receipt).0, 1);
    assert_eq!(receipt.recipient, RecipientSide::NoAccount);
    // Nothing of it shows up once there is such an account.
    register(store, &["rosaline"]).await;
    let receipt = store_one(store, append("romeo/phone", "rosaline", "!")).await;
    assert_eq!((sent(&receipt).0, received(&receipt).0), (2, 1));
    for (of, with, expected) in [
        ("romeo", "rosaline", vec![1, 2]),
        ("rosaline", "romeo", vec![1]),
    ] {
        let filter = Filter {
            with: Some(bare(with).into()),
            ..Filter::default()
        };
        let page = store.page(query(of, Paging::Forward, 10, filter)).await;
        assert_eq!(positions(&page.unwrap()), expected, "{of}");
    }
    let stranger = store.append(vec![append("tybalt/x", "romeo", "?")]).await;
    assert_eq!(stranger, [Err(AppendError::Storage)]);
}

// proves: S11-33 S11-34 SEC-56
pub(crate) async fn a_full_archive_fails_its_own_side_only(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "nurse"]).await;
    list(store, "juliet", "romeo", true).await;
    let body = "x".repeat(9_000);
    let mut stored = 0;
    let failed = loop {
        let receipt = store_one(store, append("romeo/phone", "juliet", &body)).await;
        if !matches!(receipt.recipient, RecipientSide::Stored(_)) {
            break (receipt.sender, receipt.recipient);
        }
        stored += 1;
    };
    assert_eq!(stored, QUOTA_BYTES / 9_120);
    let quota = |name| AppendError::Quota {
        account: bare(name),
        limit_bytes: QUOTA_BYTES,
    };
    let (sender, recipient) = failed;
    assert_eq!(sender, Some(Err(quota("romeo"))));
    assert_eq!(recipient, RecipientSide::Failed(quota("juliet")));

    // Only the recipient's side, then only the sender's.
    let receipt = store_one(store, append("nurse/hall", "romeo", &body)).await;
    assert_eq!(receipt.recipient, RecipientSide::Failed(quota("romeo")));
    assert_eq!(sent(&receipt).0, 1);
    let full = with_id(append("romeo/phone", "nurse", &body), "m1");
    let receipt = store_one(store, full.clone()).await;
    assert_eq!(receipt.sender, Some(Err(quota("romeo"))));
    assert_eq!(received(&receipt).0, 2);
    let first = FirstOutcome::Unarchived(Reason::Quota);
    assert_eq!(write(store, full).await, Outcome::Repeated(first));
    let filter = Filter {
        with: Some(bare("romeo").into()),
        ..Filter::default()
    };
    let page = store
        .page(query("nurse", Paging::Backward, 10, filter))
        .await;
    assert_eq!(positions(&page.unwrap()), [1, 2]);
    let head = store.load(&bare("romeo")).await.unwrap().unwrap().head;
    assert_eq!(head, stored);
}

// proves: S11-33
pub(crate) async fn a_message_too_large_goes_into_no_log(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let body = "x".repeat(ENTRY_BYTES_MAX);
    let large = with_id(append("romeo/phone", "juliet", &body), "m1");
    let error = AppendError::Size {
        len_bytes: large.stanza.len(),
    };
    let receipt = store_one(store, large.clone()).await;
    assert_eq!(receipt.sender, Some(Err(error.clone())));
    assert_eq!(receipt.recipient, RecipientSide::Failed(error));
    let first = FirstOutcome::Unarchived(Reason::Size);
    assert_eq!(write(store, large).await, Outcome::Repeated(first));
    let receipt = store_one(store, append("romeo/phone", "juliet", "small")).await;
    assert_eq!((sent(&receipt).0, received(&receipt).0), (1, 1));
}

// proves: S11-30
pub(crate) async fn a_note_to_oneself_is_one_entry(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    let receipt = store_one(store, append("romeo/phone", "romeo", "buy poison")).await;
    assert_eq!(receipt.recipient, RecipientSide::None);
    assert_eq!(sent(&receipt).0, 1);
    assert_eq!(store.load(&bare("romeo")).await.unwrap().unwrap().head, 1);
}

// proves: S11-30
pub(crate) async fn a_remote_addressee_leaves_one_entry(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let remote = Append {
        recipient: None,
        ..append("romeo/phone", "friar", "help")
    };
    let receipt = store_one(store, remote).await;
    assert_eq!(receipt.recipient, RecipientSide::None);
    assert_eq!(sent(&receipt).0, 1);
    let record = Append {
        recipient: None,
        ..append("romeo/phone", "juliet", "record")
    };
    assert_eq!(sent(&store_one(store, record).await).0, 2);
    assert_eq!(store.ends(&bare("juliet")).await.unwrap(), None);
}

// proves: MAM-07
pub(crate) async fn stamps_never_fall_within_a_log(store: &impl Store, script: &Script) {
    register(store, &["romeo", "juliet", "nurse", "tybalt"]).await;
    for (now, from, to, stamp) in [
        (5_000, "romeo/phone", "juliet", 5_000),
        (3_000, "nurse/hall", "tybalt", 3_000),
        (2_000, "romeo/phone", "romeo", 5_000),
        (4_000, "nurse/hall", "juliet", 5_000),
        (4_500, "tybalt/street", "nurse", 5_000),
        (6_000, "romeo/phone", "nurse", 6_000),
    ] {
        script.set(now);
        let receipt = store_one(store, append(from, to, "x")).await;
        assert_eq!(receipt.stamp, Stamp(stamp), "{now}");
    }
}

// proves: MAM-03 MAM-11 S11-18
pub(crate) async fn ids_of_other_logs_are_unknown(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let named = with_id(append("romeo/phone", "juliet", "x"), "m1");
    let receipt = store_one(store, named).await;
    for (owner, other, id) in [
        ("romeo", "juliet", sent(&receipt).1),
        ("juliet", "romeo", received(&receipt).1),
    ] {
        let filter = Filter {
            ids: vec![id],
            ..Filter::default()
        };
        let page = |account| store.page(query(account, Paging::Forward, 10, filter.clone()));
        assert_eq!(positions(&page(owner).await.unwrap()), [1]);
        assert_eq!(page(other).await, Err(ReadError::UnknownId));
    }
}

// proves: MAM-05 INV-04
pub(crate) async fn many_writers_at_once_leave_dense_logs(store: &impl Store, _: &Script) {
    const NAMES: [&str; 4] = ["romeo", "juliet", "nurse", "tybalt"];
    register(store, &NAMES).await;
    let writers = (0..8).map(|writer: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..40_usize {
                let from = NAMES[writer % 4];
                let to = NAMES[(writer + 1 + n % 3) % 4];
                let one = append(&format!("{from}/x"), to, &format!("{writer} {n}"));
                let one = with_id(one, &format!("{writer}-{n}"));
                store_one(&store, one).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut copies = 0;
    for name in NAMES {
        let entries = store.entries_after(&bare(name), 0, 1_000).await.unwrap();
        assert!((1..).zip(&entries).all(|(n, entry)| entry.pos == n));
        let stanzas: BTreeSet<&Text> = entries.iter().map(|entry| &entry.stanza).collect();
        assert_eq!(stanzas.len(), entries.len());
        copies += entries.len();
    }
    assert_eq!(copies, 2 * 8 * 40);
}
