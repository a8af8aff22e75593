//! Tests that every implementation of a device's history passes.
//!
//! An implementation wraps itself in a [`Subject`] and awaits [`all`] in a test of its own.

use std::collections::BTreeSet;
use std::future::Future;

use protocol::fast::Token;
use protocol::roster::Item;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, Handled, IdPrefix};

use crate::failure::Failure;
use crate::history::{
    Asks, Batch, Beside, Chat, Contact, Content, Device, MemoryHistory, OutboxItem, Owed, Part,
    Person, Picture, Place, Reading, Reply, Restored, ResumableStream, Revision, Row, RowQuery,
    Signal, UNREAD_MAX, Wanted, Wanting, Wish,
};
use crate::view::Mark;

/// A history under test.
pub trait Subject {
    /// Writes a batch in one transaction.
    fn commit(&mut self, batch: Batch) -> impl Future<Output = ()>;
    /// Answers a query.
    fn query(&mut self, query: RowQuery) -> impl Future<Output = Vec<Row>>;
    /// Closes the history, opens it again and reads what a device needs to start.
    fn reopen(&mut self) -> impl Future<Output = Restored>;
}

impl Subject for MemoryHistory {
    fn commit(&mut self, batch: Batch) -> impl Future<Output = ()> {
        self.apply(batch);
        std::future::ready(())
    }

    fn query(&mut self, query: RowQuery) -> impl Future<Output = Vec<Row>> {
        std::future::ready(Self::query(self, &query.wanted))
    }

    fn reopen(&mut self) -> impl Future<Output = Restored> {
        std::future::ready(self.restore())
    }
}

/// Runs every test, each on an empty history.
///
/// # Panics
/// If the history breaks the contract.
pub async fn all<S: Subject>(mut fresh: impl AsyncFnMut() -> S) {
    a_fresh_history_is_empty(fresh().await).await;
    everything_comes_back_as_written(fresh().await).await;
    putting_replaces_and_dropping_comes_first(fresh().await).await;
    contacts_are_reset_before_they_are_put(fresh().await).await;
    people_are_kept_and_dropped(fresh().await).await;
    queries_give_the_newest_confirmed_rows_oldest_first(fresh().await).await;
    queries_page_backwards_below_zero(fresh().await).await;
    unread_are_the_lines_of_others_behind_what_was_read(fresh().await).await;
    entries_are_found_by_their_ids(fresh().await).await;
}

/// A device that starts for the first time finds nothing.
///
/// # Panics
/// If the history breaks the contract.
pub async fn a_fresh_history_is_empty(mut subject: impl Subject) {
    assert_eq!(subject.reopen().await, Restored::default());
    assert_eq!(subject.query(query("romeo", None, 10)).await, []);
}

/// Every part of a batch is there after a restart.
///
/// # Panics
/// If the history breaks the contract.
pub async fn everything_comes_back_as_written(mut subject: impl Subject) {
    let batch = Batch {
        rows: vec![
            row(Place::Confirmed(7), "romeo"),
            row(Place::Provisional(2), "romeo"),
            row(Place::Provisional(1), "nurse"),
        ],
        outbox: vec![item(2), item(1)],
        chats: vec![chat("romeo", "Ay me"), chat("nurse", "")],
        contacts: vec![contact("romeo", false), contact("paris", true)],
        device: Some(device()),
        ..Batch::default()
    };
    subject.commit(batch).await;
    let mut restored = subject.reopen().await;
    restored.chats.sort_by(|a, b| a.peer.cmp(&b.peer));
    restored
        .contacts
        .sort_by(|a, b| a.item.jid.cmp(&b.item.jid));
    let expected = Restored {
        people: Vec::new(),
        device: Some(device()),
        contacts: vec![contact("paris", true), contact("romeo", false)],
        chats: vec![chat("nurse", ""), chat("romeo", "Ay me")],
        outbox: vec![item(1), item(2)],
        provisional: vec![
            row(Place::Provisional(1), "nurse"),
            row(Place::Provisional(2), "romeo"),
        ],
        unread: Vec::new(),
    };
    assert_eq!(restored, expected);
    let rows = subject.query(query("romeo", None, 10)).await;
    assert_eq!(rows, [row(Place::Confirmed(7), "romeo")]);
}

/// A provisional row moves to its place in one batch; an outbox item goes away with it.
///
/// # Panics
/// If the history breaks the contract.
pub async fn putting_replaces_and_dropping_comes_first(mut subject: impl Subject) {
    let first = Batch {
        rows: vec![
            row(Place::Provisional(1), "romeo"),
            row(Place::Provisional(2), "romeo"),
            row(Place::Confirmed(1), "romeo"),
        ],
        outbox: vec![item(1), item(2)],
        chats: vec![chat("romeo", "one")],
        ..Batch::default()
    };
    subject.commit(first).await;
    let replaced = Row {
        mark: Mark::Failed(Failure::Full),
        ..row(Place::Confirmed(1), "romeo")
    };
    let failed = OutboxItem {
        failed: Some(Failure::TooOld),
        ..item(2)
    };
    let second = Batch {
        drop_rows: vec![Place::Provisional(1), Place::Provisional(2)],
        rows: vec![
            replaced.clone(),
            row(Place::Confirmed(2), "romeo"),
            row(Place::Provisional(2), "romeo"),
        ],
        drop_outbox: vec![1],
        outbox: vec![failed.clone()],
        chats: vec![chat("romeo", "two")],
        ..Batch::default()
    };
    subject.commit(second).await;
    let restored = subject.reopen().await;
    assert_eq!(
        restored.provisional,
        [row(Place::Provisional(2), "romeo")],
        "dropped first, then put"
    );
    assert_eq!(restored.outbox, [failed]);
    assert_eq!(restored.chats, [chat("romeo", "two")]);
    assert_eq!(restored.device, None);
    let rows = subject.query(query("romeo", None, 10)).await;
    assert_eq!(rows, [replaced, row(Place::Confirmed(2), "romeo")]);
}

/// What people tell of themselves is replaced by person, and goes away with them.
///
/// # Panics
/// If it is not.
pub async fn people_are_kept_and_dropped(mut subject: impl Subject) {
    let person = |name: &str, nick: &str| Person {
        nick: Some(nick.to_owned()),
        picture: Some(Picture {
            id: "a1b2".to_owned(),
            base64: "iVBORw0KGgo=".to_owned(),
        }),
        wanted: (nick == "Romeo").then(|| "c3d4".to_owned()),
        ..Person::new(jid(name))
    };
    let steps = [
        (
            vec![],
            vec![person("paris", "Paris"), person("romeo", "Montague")],
        ),
        (vec![], vec![person("romeo", "Romeo")]),
        (vec!["paris", "romeo"], vec![person("romeo", "Romeo")]),
    ];
    for (drop, put) in steps {
        subject
            .commit(Batch {
                drop_people: drop.into_iter().map(jid).collect(),
                people: put,
                ..Batch::default()
            })
            .await;
    }
    let people = subject.reopen().await.people;
    assert_eq!(people, [person("romeo", "Romeo")]);
}

/// A whole roster takes the place of the one before; a single contact can go.
///
/// # Panics
/// If the history breaks the contract.
pub async fn contacts_are_reset_before_they_are_put(mut subject: impl Subject) {
    let batch = |reset, put: &[&str], drop: &[&str]| Batch {
        reset_contacts: reset,
        contacts: put.iter().map(|name| contact(name, false)).collect(),
        drop_contacts: drop.iter().map(|name| jid(name)).collect(),
        ..Batch::default()
    };
    for (step, expected) in [
        (batch(false, &["a", "b"], &[]), vec!["a", "b"]),
        (batch(false, &["c"], &["a"]), vec!["b", "c"]),
        (batch(true, &["d"], &[]), vec!["d"]),
        (batch(true, &[], &[]), vec![]),
    ] {
        subject.commit(step).await;
        let contacts = subject.reopen().await.contacts;
        let mut names: Vec<_> = contacts.into_iter().map(|c| c.item.jid).collect();
        names.sort();
        let expected: Vec<_> = expected.into_iter().map(jid).collect();
        assert_eq!(names, expected);
    }
}

/// Only the asked conversation, only confirmed rows, at most so many.
///
/// # Panics
/// If the history breaks the contract.
pub async fn queries_give_the_newest_confirmed_rows_oldest_first(mut subject: impl Subject) {
    let places = [5, 3, 9, 1, 7];
    let rows = places.iter().flat_map(|place| {
        let odd = row(Place::Confirmed(*place), "romeo");
        [odd, row(Place::Confirmed(place + 1), "nurse")]
    });
    let provisional = row(Place::Provisional(1), "romeo");
    let batch = Batch {
        rows: rows.chain([provisional]).collect(),
        ..Batch::default()
    };
    subject.commit(batch).await;
    for (before, max, expected) in [
        (None, 2, vec![7, 9]),
        (None, 9, vec![1, 3, 5, 7, 9]),
        (Some(Place::Confirmed(7)), 2, vec![3, 5]),
        (Some(Place::Confirmed(1)), 2, vec![]),
        (Some(Place::Provisional(1)), 1, vec![9]),
    ] {
        let rows = subject.query(query("romeo", before, max)).await;
        let expected: Vec<_> = expected.into_iter().map(Place::Confirmed).collect();
        let places: Vec<_> = rows.iter().map(|row| row.place).collect();
        assert_eq!(places, expected, "before {before:?}, max {max}");
    }
}

/// Older history has negative places.
///
/// # Panics
/// If the history breaks the contract.
pub async fn queries_page_backwards_below_zero(mut subject: impl Subject) {
    let rows = (-5..5).map(|place| row(Place::Confirmed(place), "romeo"));
    let batch = Batch {
        rows: rows.collect(),
        ..Batch::default()
    };
    subject.commit(batch).await;
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let rows = subject.query(query("romeo", before, 3)).await;
        let Some(oldest) = rows.first() else { break };
        before = Some(oldest.place);
        seen.splice(0..0, rows.iter().map(|row| row.place.order()));
    }
    assert_eq!(seen, (-5..5).collect::<Vec<_>>());
}

/// Unread is what the rows say, asked for or found at the start; no more than the newest so many.
///
/// # Panics
/// If the history breaks the contract.
pub async fn unread_are_the_lines_of_others_behind_what_was_read(mut subject: impl Subject) {
    let places = (-3..9).chain([Reading::NOTHING + 1]);
    let rows = places.flat_map(|place| {
        let silent = Row {
            content: Content::Signal(Signal::Received("m".to_owned())),
            ..row(Place::Confirmed(place + 20), "romeo")
        };
        let nurse = row(Place::Confirmed(place + 40), "nurse");
        [row(Place::Confirmed(place), "romeo"), silent, nurse]
    });
    let read = |peer: &str, place, newest| Chat {
        read: Reading {
            place: Some(place),
            newest: Some(newest),
            ..Reading::default()
        },
        ..chat(peer, "")
    };
    let batch = Batch {
        rows: rows.chain([row(Place::Provisional(1), "romeo")]).collect(),
        chats: vec![read("romeo", 3, 7), read("nurse", 48, 47)],
        ..Batch::default()
    };
    subject.commit(batch).await;
    let unread = |after| RowQuery {
        query: 1,
        wanted: Wanted::Unread {
            peer: jid("romeo"),
            after: Place::Confirmed(after),
        },
    };
    // Rows of odd places are those of others.
    for (after, expected) in [(7, vec![]), (3, vec![5, 7]), (-2, vec![-1, 1, 3, 5, 7])] {
        let rows = subject.query(unread(after)).await;
        let places: Vec<_> = rows.iter().map(|row| row.place.order()).collect();
        assert_eq!(places, expected, "after {after}");
    }
    let all = subject.query(unread(Reading::NOTHING)).await;
    assert_eq!(all.len(), 7, "from the very first on");
    let restored = subject.reopen().await;
    let places: Vec<_> = restored
        .unread
        .iter()
        .map(|row| row.place.order())
        .collect();
    assert_eq!(places, [5, 7]);
    let many = (0..2 * i64::try_from(UNREAD_MAX).unwrap_or(0) + 10).map(|n| 101 + n);
    let batch = Batch {
        rows: many
            .map(|place| row(Place::Confirmed(place), "romeo"))
            .collect(),
        ..Batch::default()
    };
    subject.commit(batch).await;
    assert_eq!(subject.query(unread(3)).await.len(), UNREAD_MAX);
}

/// Entries that are not held are left out; what has no place yet is not asked about.
///
/// # Panics
/// If the history breaks the contract.
pub async fn entries_are_found_by_their_ids(mut subject: impl Subject) {
    let rows = [-2, 5, 9].map(|place| row(Place::Confirmed(place), "romeo"));
    let batch = Batch {
        rows: rows
            .into_iter()
            .chain([row(Place::Provisional(1), "romeo")])
            .collect(),
        ..Batch::default()
    };
    subject.commit(batch).await;
    let ids = ["romeo-9", "nowhere", "romeo--2", "romeo-2251799813685249"];
    let ids = ids.into_iter().filter_map(ArchiveId::parse);
    let wanted = Wanted::Entries(ids.collect());
    let found = subject.query(RowQuery { query: 1, wanted }).await;
    let expected = [-2, 9].map(|place| row(Place::Confirmed(place), "romeo"));
    assert_eq!(found, expected);
    let wanted = Wanted::Entries(Vec::new());
    assert_eq!(subject.query(RowQuery { query: 1, wanted }).await, []);
}

fn jid(name: &str) -> BareJid {
    let Ok(jid) = BareJid::new(&format!("{name}@capulet.example")) else {
        unreachable!("the names above are local parts")
    };
    jid
}

fn query(peer: &str, before: Option<Place>, max: usize) -> RowQuery {
    let peer = jid(peer);
    let wanted = Wanted::Latest { peer, before, max };
    RowQuery { query: 1, wanted }
}

fn row(place: Place, peer: &str) -> Row {
    let key = format!("{peer}-{}", place.order());
    Row {
        place,
        id: ArchiveId::parse(&key),
        key,
        peer: jid(peer),
        own: place.order() % 2 == 0,
        message_id: Some("m".to_owned()),
        stamp: Stamp(1_700_000_000_000),
        content: match place.order() {
            -2 => Content::Signal(Signal::Reacted {
                of: "m".to_owned(),
                emojis: vec!["🌹".to_owned()],
            }),
            _ => Content::Text("Ay me 🌹".to_owned()),
        },
        beside: Beside {
            reply: Some(reply()),
            is_unstyled: true,
        },
        mark: Mark::Archived,
        asks: Asks {
            receipt: true,
            marker: false,
            states: true,
        },
    }
}

fn reply() -> Reply {
    Reply {
        of: "m".to_owned(),
        is_own: true,
        quote: "> Ay me\n".to_owned(),
    }
}

fn item(seq: u64) -> OutboxItem {
    OutboxItem {
        seq,
        message_id: format!("m{seq}"),
        to: jid("romeo"),
        body: "Speak again".to_owned(),
        signal: (seq == 2).then(|| Signal::Corrected {
            of: "m".to_owned(),
            text: "Ay me".to_owned(),
        }),
        beside: Beside {
            reply: Some(reply()),
            is_unstyled: false,
        },
        asks: Asks {
            receipt: seq == 1,
            marker: true,
            states: seq == 2,
        },
        assist: ArchiveId::parse("read"),
        written: Stamp(-1),
        prefix: (seq == 1).then(|| IdPrefix::from_bits([1; 16])),
        failed: None,
        is_spent: seq == 2,
    }
}

fn chat(peer: &str, text: &str) -> Chat {
    Chat {
        peer: jid(peer),
        last_text: text.to_owned(),
        last_own: false,
        last_stamp: Stamp(5),
        last_mark: Some(Mark::Failed(Failure::Full)),
        last_message_id: Some("m".to_owned()),
        last_id: ArchiveId::parse("last"),
        last_retracted: true,
        last_revisions: vec![Revision {
            message_id: Some("m2".to_owned()),
            id: ArchiveId::parse("last2"),
            text: None,
        }],
        read: Reading {
            place: Some(-7),
            is_assumed: true,
            id: ArchiveId::parse("read"),
            id_place: Some(-8),
            is_told: true,
            newest: Some(-7),
        },
        owed: vec![Owed {
            message_id: "m".to_owned(),
            stamp: Stamp(7),
        }],
    }
}

fn contact(name: &str, wants: bool) -> Contact {
    let item = Item {
        name: Some(name.to_owned()),
        groups: vec!["Friends".to_owned()],
        ..Item::new(jid(name))
    };
    Contact { item, wants }
}

fn device() -> Device {
    let account = jid("juliet");
    let full = account.with_resource_str("balcony").ok();
    let stream = full.map(|jid| ResumableStream {
        id: "sm-1".to_owned(),
        jid,
        handled: Handled(u32::MAX),
        prefix: Some(IdPrefix::from_bits([9; 16])),
    });
    Device {
        pos: ArchiveId::parse("newest"),
        oldest: ArchiveId::parse("oldest"),
        reaches_start: true,
        places: (-5, 4_294_967_296),
        stream,
        roster_ver: Some("v7".to_owned()),
        next_seq: 12,
        ahead: ArchiveId::parse("newest").into_iter().collect(),
        below: vec![Part {
            oldest: ArchiveId::parse("older"),
            reaches_start: true,
            first: Reading::NOTHING,
            gap: (3, 5),
        }],
        agent: Some("d4565fa7-4d72-4749-b3d3-740edbf87770".to_owned()),
        token: Some(Token {
            secret: "not a real one".to_owned(),
            expiry: Some(Stamp(1_795_341_600_000)),
        }),
        online: vec![(jid("romeo"), "phone".to_owned())],
        is_assisted: true,
        is_introduced: true,
        wishes: vec![Wish {
            seq: 11,
            jid: jid("nurse"),
            wanting: Wanting::Refuse,
        }],
        blocked: BTreeSet::from([jid("tybalt")]),
        ..Device::new(account)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn memory_passes_the_suite() {
        let mut run = pin!(all(async || MemoryHistory::default()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(run.as_mut().poll(&mut context), Poll::Ready(()));
    }

    /// What a device kept before these fields were there is read as if they were empty.
    #[test]
    fn what_an_earlier_version_wrote_is_readable() {
        let without = |value: serde_json::Value, names: &[&str]| {
            let fields = value.as_object().unwrap().clone().into_iter();
            let known = fields.filter(|(name, _)| !names.contains(&name.as_str()));
            serde_json::Value::Object(known.collect())
        };
        let old = serde_json::to_value(device()).unwrap();
        let old = without(
            old,
            &[
                "online",
                "is_assisted",
                "is_introduced",
                "wishes",
                "blocked",
            ],
        );
        let read: Device = serde_json::from_value(old).unwrap();
        assert_eq!(read.stream, device().stream);
        assert_eq!((read.online, read.wishes), (Vec::new(), Vec::new()));
        assert!(read.blocked.is_empty());
        let old = without(serde_json::to_value(chat("a", "b")).unwrap(), &["last_id"]);
        let read: Chat = serde_json::from_value(old).unwrap();
        assert_eq!(read.last_id, None);
        let old = serde_json::to_value(row(Place::Confirmed(1), "a")).unwrap();
        let read: Row = serde_json::from_value(without(old, &["beside", "asks"])).unwrap();
        assert_eq!((read.beside, read.asks), Default::default());
        let old = serde_json::to_value(item(1)).unwrap();
        let read: OutboxItem = serde_json::from_value(without(old, &["beside", "signal"])).unwrap();
        assert_eq!((read.beside, read.signal), Default::default());
        let asks = serde_json::json!({ "receipt": true, "marker": true });
        let read: Asks = serde_json::from_value(asks).unwrap();
        assert!(read.receipt && !read.states);
    }
}
