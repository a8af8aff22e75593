//! What stays of a message that its sender retracted.

use protocol::retract::Retraction;
use protocol::stanza::Stanza;
use protocol::time::Stamp;
use protocol::{Element, StanzaKind, Text, ns};
use server_core::archive::{Append, Entry, FirstOutcome, Outcome, digest_of};

use super::tools::{
    Script, append, bare, jid, list, register, store_one, tend_all, with_id, write,
};
use crate::Store;

fn with_child(from: &str, to: &str, id: &str, child: &Element) -> Append {
    let stanza: Text = Stanza::new(StanzaKind::Message)
        .from(jid(from))
        .to(jid(to))
        .typed("chat")
        .id(id)
        .child(child)
        .write()
        .into();
    Append {
        digest: digest_of(&stanza).unwrap(),
        stanza,
        ..append(from, to, "")
    }
}

pub(super) fn say(from: &str, to: &str, id: &str) -> Append {
    let body = Element::new("body", ns::CLIENT).text("what one should not have said ".repeat(9));
    with_child(from, to, id, &body)
}

pub(crate) fn retract(from: &str, to: &str, id: &str, target: &str) -> Append {
    let element = Element::new("retract", ns::RETRACT).attr("id", target);
    Append {
        retracts: Some(Retraction {
            target: target.to_owned(),
            id: Some(id.to_owned()),
        }),
        ..with_child(from, to, id, &element)
    }
}

async fn log(store: &impl Store, name: &str) -> Vec<Entry> {
    let entries = store.entries_after(&bare(name), 0, 10_000).await.unwrap();
    entries.iter().map(|entry| Entry::clone(entry)).collect()
}

fn is_tombstone(entry: &Entry) -> bool {
    assert_eq!(
        entry.stanza.contains("<body"),
        !entry.stanza.contains("<retracted")
    );
    entry.stanza.contains("<retracted")
}

// proves: IM-15 MAM-24 INV-03
pub(crate) async fn a_retracted_message_leaves_a_tombstone_in_both_logs(
    store: &impl Store,
    script: &Script,
) {
    register(store, &["romeo", "juliet"]).await;
    list(store, "juliet", "romeo", true).await;
    script.set(1_000);
    let target = with_id(say("romeo/phone", "juliet", "m1"), "m1");
    store_one(store, target.clone()).await;
    store_one(store, say("romeo/phone", "juliet", "m2")).await;
    let before = [log(store, "romeo").await, log(store, "juliet").await];
    script.set(2_000);
    store_one(store, retract("romeo/desk", "juliet", "r1", "m1")).await;
    for (name, before) in ["romeo", "juliet"].iter().zip(before) {
        let after = log(store, name).await;
        assert_eq!(after.len(), 3);
        assert!(is_tombstone(&after[0]));
        let retracted = "<retracted xmlns='urn:xmpp:message-retract:1' id='r1' stamp='1970-01-01T00:00:02.000Z'/>";
        assert!(after[0].stanza.contains(retracted), "{}", after[0].stanza);
        for part in [
            "id='m1'",
            "from='romeo@verona.example/phone'",
            "to='juliet@verona.example'",
        ] {
            assert!(after[0].stanza.contains(part), "{}", after[0].stanza);
        }
        let place = |entry: &Entry| (entry.pos, entry.id.clone(), entry.stamp);
        assert_eq!(place(&after[0]), place(&before[0]));
        assert_eq!(after[1], before[1]);
        assert!(after[2].stanza.contains("<retract "));
        assert_eq!(after[2].stamp, Stamp(2_000));
        let usage = store.usage(&bare(name)).await.unwrap().unwrap();
        let sum: usize = after.iter().map(|entry| entry.stanza.len()).sum();
        assert_eq!(usage.bytes, sum as u64);
    }
    // The message that was retracted is still known when it comes again.
    let first = FirstOutcome::Archived { pos: 1 };
    assert_eq!(write(store, target.clone()).await, Outcome::Repeated(first));
    let other = Append {
        own_id: target.own_id,
        ..say("romeo/phone", "juliet", "m3")
    };
    let other = Append {
        digest: [7; 32],
        ..other
    };
    assert_eq!(write(store, other).await, Outcome::Conflict);
    assert_eq!(log(store, "romeo").await.len(), 3);
}

// proves: IM-15
pub(crate) async fn nobody_retracts_what_others_said_or_elsewhere(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet", "tybalt"]).await;
    store_one(store, say("romeo/phone", "juliet", "m1")).await;
    store_one(store, say("romeo/phone", "romeo", "note")).await;
    for (from, to, target) in [
        ("juliet/hall", "romeo", "m1"),
        ("tybalt/street", "juliet", "m1"),
        ("tybalt/street", "romeo", "m1"),
        ("romeo/phone", "tybalt", "m1"),
        ("romeo/phone", "romeo", "m1"),
        ("romeo/phone", "juliet", "note"),
        ("romeo/phone", "juliet", "m"),
        ("romeo/phone", "juliet", "unknown"),
    ] {
        store_one(store, retract(from, to, "r1", target)).await;
    }
    for name in ["romeo", "juliet", "tybalt"] {
        assert!(
            !log(store, name)
                .await
                .iter()
                .any(|entry| entry.stanza.contains("<retracted"))
        );
    }
    // A retraction cannot be taken back, and the first one counts.
    store_one(store, retract("romeo/phone", "juliet", "r2", "m1")).await;
    store_one(store, retract("romeo/phone", "juliet", "r3", "m1")).await;
    store_one(store, retract("romeo/phone", "juliet", "r4", "r2")).await;
    store_one(store, retract("romeo/phone", "romeo", "r5", "note")).await;
    tend_all(store).await;
    let stanzas = log(store, "romeo").await;
    let retracted: Vec<_> = stanzas
        .iter()
        .filter(|entry| entry.stanza.contains("<retracted"))
        .map(|entry| (entry.pos, entry.stanza.contains("id='r2'")))
        .collect();
    assert_eq!(retracted, [(1, true), (2, false)]);
}

// proves: IM-15
pub(crate) async fn an_old_message_is_found_in_the_end(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    store_one(store, say("romeo/phone", "juliet", "m&1")).await;
    for _ in 0..10 {
        let batch = (0..256)
            .map(|_| append("juliet/hall", "romeo", ""))
            .collect();
        store.append(batch).await;
    }
    for (id, target) in [("r1", "m&1"), ("r2", "unknown")] {
        store_one(store, retract("romeo/phone", "juliet", id, target)).await;
    }
    tend_all(store).await;
    for name in ["romeo", "juliet"] {
        assert!(is_tombstone(&log(store, name).await[0]), "{name}");
    }
}
