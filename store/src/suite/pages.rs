//! What pages hold.

use std::collections::BTreeSet;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use protocol::time::Stamp;
use protocol::{ArchiveId, Jid};
use server_core::archive::{Filter, Page, Paging, ReadError};

use super::tools::{
    PAGE_BYTES_MAX, Script, append, bare, jid, positions, query, received, register, sent,
    store_one, tend_all, with_id,
};
use crate::{Retention, Store};

/// One entry of Romeo's log as the tests know it.
struct Known {
    id: ArchiveId,
    stamp: Stamp,
    from: &'static str,
    to: &'static str,
}

/// Fills Romeo's log with all kinds of entries; entry `n` has stamp `1000 + 10 * (n / 2)`.
async fn fill(store: &impl Store, script: &Script, len: usize) -> Vec<Known> {
    const TALKS: [(&str, &str); 7] = [
        ("romeo/phone", "juliet"),
        ("juliet/hall", "romeo"),
        ("romeo/desk", "juliet/hall"),
        ("nurse/door", "romeo"),
        ("romeo/phone", "romeo"),
        ("juliet/balcony", "romeo/phone"),
        ("romeo/phone", "benvolio"),
    ];
    register(store, &["romeo", "juliet", "nurse"]).await;
    let mut known = Vec::new();
    for n in 0..len {
        script.set(1_000 + 10 * (n as i64 / 2));
        let (from, to) = TALKS[n % TALKS.len()];
        let mut one = append(from, to, &format!("entry {n}"));
        if n % 3 == 0 {
            one = with_id(one, &format!("m{n}"));
        }
        let receipt = store_one(store, one).await;
        let own = from.starts_with("romeo");
        let (pos, id) = if own {
            sent(&receipt)
        } else {
            received(&receipt)
        };
        assert_eq!(pos as usize, n + 1);
        let stamp = receipt.stamp;
        known.push(Known {
            id,
            stamp,
            from,
            to,
        });
    }
    known
}

async fn page(store: &impl Store, paging: Paging, max: u32, filter: Filter) -> Page {
    let page = store.page(query("romeo", paging, max, filter)).await;
    page.unwrap()
}

fn after(id: &ArchiveId) -> Filter {
    Filter {
        after: vec![id.clone()],
        ..Filter::default()
    }
}

fn before(id: &ArchiveId) -> Filter {
    Filter {
        before: vec![id.clone()],
        ..Filter::default()
    }
}

fn with(name: &str) -> Filter {
    Filter {
        with: Some(jid(name)),
        ..Filter::default()
    }
}

// proves: MAM-13 MAM-14 MAM-19
pub(crate) async fn pages_forward_and_backward(store: &impl Store, script: &Script) {
    let known = fill(store, script, 10).await;
    let id = |pos: usize| &known[pos - 1].id;
    for (paging, max, filter, expected, complete) in [
        (Paging::Forward, 3, Filter::default(), vec![1, 2, 3], false),
        (Paging::Forward, 3, after(id(3)), vec![4, 5, 6], false),
        (Paging::Forward, 5, after(id(8)), vec![9, 10], true),
        (Paging::Forward, 5, after(id(10)), vec![], true),
        (
            Paging::Backward,
            3,
            Filter::default(),
            vec![8, 9, 10],
            false,
        ),
        (Paging::Backward, 3, before(id(8)), vec![5, 6, 7], false),
        (Paging::Backward, 5, before(id(3)), vec![1, 2], true),
        (Paging::Backward, 5, before(id(1)), vec![], true),
    ] {
        let page = page(store, paging, max, filter).await;
        assert_eq!(positions(&page), expected);
        assert_eq!(page.complete, complete, "{expected:?}");
        let matching = expected.len() as u64;
        assert_eq!(page.count == Some(matching), complete, "{:?}", page.count);
        assert!(page.count >= Some(matching), "{:?}", page.count);
        for entry in &page.entries {
            let known = &known[entry.pos as usize - 1];
            assert_eq!((&entry.id, entry.stamp), (&known.id, known.stamp));
        }
    }
}

// proves: MAM-16
pub(crate) async fn complete_is_exact(store: &impl Store, script: &Script) {
    fill(store, script, 12).await;
    for filter in [Filter::default(), with("juliet"), with("juliet/hall")] {
        let all = page(store, Paging::Forward, 100, filter.clone()).await;
        let len = all.entries.len() as u32;
        for paging in [Paging::Forward, Paging::Backward] {
            for max in 1..=len + 1 {
                let page = page(store, paging, max, filter.clone()).await;
                assert_eq!(page.complete, max >= len, "{max} of {len}");
                assert_eq!(page.entries.len() as u32, max.min(len));
            }
        }
    }
}

// proves: MAM-13
pub(crate) async fn counts_come_without_entries(store: &impl Store, script: &Script) {
    let known = fill(store, script, 14).await;
    for (filter, count) in [
        (Filter::default(), 14),
        (with("juliet"), 8),
        (with("juliet/hall"), 4),
        (with("nobody"), 0),
        (after(&known[9].id), 4),
    ] {
        let page = page(store, Paging::Forward, 0, filter).await;
        assert_eq!(page.count, Some(count));
        assert_eq!(page.entries, []);
        assert_eq!(page.complete, count == 0);
    }
}

// proves: MAM-13
pub(crate) async fn after_and_before_intersect(store: &impl Store, script: &Script) {
    let known = fill(store, script, 10).await;
    let ids = |positions: &[usize]| -> Vec<ArchiveId> {
        positions
            .iter()
            .map(|pos| known[pos - 1].id.clone())
            .collect()
    };
    for (after, before, expected) in [
        (vec![3], vec![7], vec![4, 5, 6]),
        (vec![3, 5], vec![9, 7], vec![6]),
        (vec![7], vec![3], vec![]),
        (vec![3], vec![4], vec![]),
        (vec![3], vec![3], vec![]),
    ] {
        for paging in [Paging::Forward, Paging::Backward] {
            let filter = Filter {
                after: ids(&after),
                before: ids(&before),
                ..Filter::default()
            };
            let page = page(store, paging, 10, filter).await;
            assert_eq!(positions(&page), expected);
            assert!(page.complete);
        }
    }
}

// proves: MAM-11
pub(crate) async fn unknown_ids_are_refused(store: &impl Store, script: &Script) {
    let known = fill(store, script, 3).await;
    let good = known[0].id.clone();
    for bad in [
        "nothing",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA.m2",
    ] {
        let ids = vec![good.clone(), ArchiveId::parse(bad).unwrap()];
        for filter in [
            Filter {
                ids: ids.clone(),
                ..Filter::default()
            },
            Filter {
                after: ids.clone(),
                ..Filter::default()
            },
            Filter {
                before: ids.clone(),
                ..Filter::default()
            },
        ] {
            for max in [0, 10] {
                let page = store.page(query("romeo", Paging::Forward, max, filter.clone()));
                assert_eq!(page.await, Err(ReadError::UnknownId), "{bad}");
            }
        }
    }
}

// proves: MAM-12
pub(crate) async fn only_the_named_entries_come_in_order_and_once(
    store: &impl Store,
    script: &Script,
) {
    let known = fill(store, script, 10).await;
    let ids = [7, 2, 9, 2, 7].map(|pos: usize| known[pos - 1].id.clone());
    let filter = Filter {
        ids: ids.to_vec(),
        ..Filter::default()
    };
    for (paging, max, expected, complete) in [
        (Paging::Forward, 10, vec![2, 7, 9], true),
        (Paging::Forward, 2, vec![2, 7], false),
        (Paging::Backward, 2, vec![7, 9], false),
    ] {
        let page = page(store, paging, max, filter.clone()).await;
        assert_eq!((positions(&page), page.complete), (expected, complete));
    }
    let talk = Filter {
        with: Some(jid("juliet")),
        after: vec![known[1].id.clone()],
        ..filter
    };
    let page = page(store, Paging::Forward, 10, talk).await;
    assert_eq!(positions(&page), [9]);
}

// proves: MAM-10
pub(crate) async fn start_and_end_include_their_stamp(store: &impl Store, script: &Script) {
    fill(store, script, 10).await; // stamps 1000 1000 1010 1010 … 1040 1040
    for (start, end, expected) in [
        (Some(1_010), Some(1_010), vec![3, 4]),
        (Some(1_001), Some(1_019), vec![3, 4]),
        (None, Some(1_000), vec![1, 2]),
        (None, Some(999), vec![]),
        (Some(1_040), None, vec![9, 10]),
        (Some(1_041), None, vec![]),
        (Some(1_020), Some(1_010), vec![]),
    ] {
        let filter = Filter {
            start: start.map(Stamp),
            end: end.map(Stamp),
            ..Filter::default()
        };
        let page = page(store, Paging::Forward, 100, filter).await;
        assert_eq!(positions(&page), expected);
    }
}

// proves: MAM-10
pub(crate) async fn with_a_contact_or_one_of_its_resources(store: &impl Store, script: &Script) {
    fill(store, script, 14).await;
    for (name, expected) in [
        ("juliet", vec![1, 2, 3, 6, 8, 9, 10, 13]),
        ("juliet/hall", vec![2, 3, 9, 10]),
        ("juliet/balcony", vec![6, 13]),
        ("juliet/Hall", vec![]),
        ("nurse", vec![4, 11]),
        ("benvolio", vec![7, 14]),
        ("benvolio/x", vec![]),
        ("nobody", vec![]),
        ("romeo/desk", vec![3, 10]),
    ] {
        for paging in [Paging::Forward, Paging::Backward] {
            let page = page(store, paging, 100, with(name)).await;
            assert_eq!(positions(&page), expected, "{name}");
            assert!(page.complete);
        }
    }
}

// proves: MAM-10
pub(crate) async fn with_oneself_are_notes_only(store: &impl Store, script: &Script) {
    fill(store, script, 14).await;
    let page = page(store, Paging::Forward, 100, with("romeo")).await;
    assert_eq!(positions(&page), [5, 12]);
}

/// What a question asks for, by positions.
type Asked = (
    Option<&'static str>,
    (Option<i64>, Option<i64>),
    (Vec<usize>, Vec<usize>, Vec<usize>),
    (bool, u32),
);

fn asked(len: usize) -> impl Strategy<Value = Asked> {
    let with = prop_oneof![
        Just(None),
        prop::sample::select(vec![
            "juliet",
            "juliet/hall",
            "nurse",
            "romeo",
            "romeo/phone",
            "benvolio",
            "nobody"
        ])
        .prop_map(Some),
    ];
    let stamp = || prop::option::weighted(0.3, 990..1_000 + 5 * len as i64 + 10);
    let some = move |max| prop::collection::vec(0..len, 0..=max);
    (
        with,
        (stamp(), stamp()),
        (
            some(1),
            some(1),
            prop_oneof![3 => Just(vec![]), 1 => some(9)],
        ),
        (any::<bool>(), 0..15_u32),
    )
}

// proves: MAM-09 MAM-10 MAM-13 MAM-16
pub(crate) async fn all_filters_at_once_agree_with_a_plain_search(
    store: &impl Store,
    script: &Script,
) {
    let known = fill(store, script, 40).await;
    search(store, &known, 0).await;
}

// proves: MAM-24
pub(crate) async fn all_filters_agree_when_the_oldest_entries_are_gone(
    store: &impl Store,
    script: &Script,
) {
    let known = fill(store, script, 50).await;
    let newest = Retention {
        entries: Some(33),
        ..Retention::default()
    };
    let romeo = bare("romeo");
    store.set_retention(&romeo, Some(newest)).await.unwrap();
    tend_all(store).await;
    search(store, &known[17..], 17).await;
}

/// Asks at random and compares with what is known; `gone` entries were there before the first.
async fn search(store: &impl Store, known: &[Known], gone: u64) {
    let ids = |of: &[usize]| of.iter().map(|n| known[*n].id.clone()).collect::<Vec<_>>();
    let strategy = asked(known.len());
    let mut runner = TestRunner::new(ProptestConfig::default());
    for _ in 0..300 {
        let asked = strategy.new_tree(&mut runner).unwrap().current();
        let (name, (start, end), (after, before, only), (backward, max)) = &asked;
        let with: Option<Jid> = name.map(jid);
        let is_with = |known: &Known| match &with {
            None => true,
            Some(with) if with.resource().is_some() => {
                jid(known.from) == *with || jid(known.to) == *with
            }
            Some(with) => {
                let other = if known.from.starts_with("romeo") {
                    known.to
                } else {
                    known.from
                };
                jid(other).to_bare() == with.to_bare()
            }
        };
        let matching: Vec<u64> = (0..known.len())
            .filter(|n| {
                let entry = &known[*n];
                is_with(entry)
                    && start.is_none_or(|start| entry.stamp.0 >= start)
                    && end.is_none_or(|end| entry.stamp.0 <= end)
                    && after.iter().all(|after| n > after)
                    && before.iter().all(|before| n < before)
                    && (only.is_empty() || only.contains(n))
            })
            .map(|n| gone + n as u64 + 1)
            .collect();
        let max_len = *max as usize;
        let skipped = matching.len().saturating_sub(max_len);
        let expected = match (max, backward) {
            (0, _) => &[],
            (_, false) => &matching[..matching.len().min(max_len)],
            (_, true) => &matching[skipped..],
        };
        let filter = Filter {
            with: with.clone(),
            start: start.map(Stamp),
            end: end.map(Stamp),
            after: ids(after),
            before: ids(before),
            ids: ids(only),
        };
        let paging = if *backward {
            Paging::Backward
        } else {
            Paging::Forward
        };
        let page = page(store, paging, *max, filter).await;
        assert_eq!(positions(&page), expected, "{asked:?}");
        assert_eq!(page.complete, skipped == 0, "{asked:?}");
        let is_span = with.is_none() && only.is_empty();
        let count = (*max == 0 || is_span).then_some(matching.len() as u64);
        assert_eq!(page.count, count, "{asked:?}");
    }
}

// proves: INV-28 SEC-47
pub(crate) async fn a_page_is_bounded_in_bytes(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let body = "x".repeat(9_000);
    for _ in 0..15 {
        store_one(store, append("romeo/phone", "juliet", &body)).await;
    }
    let fit = (PAGE_BYTES_MAX / 9_100) as u64;
    let first = page(store, Paging::Forward, 100, Filter::default()).await;
    assert_eq!(positions(&first), (1..=fit).collect::<Vec<_>>());
    assert!(!first.complete);
    let last = page(store, Paging::Backward, 100, with("juliet")).await;
    assert_eq!(positions(&last), (16 - fit..=15).collect::<Vec<_>>());
    let rest = store.entries_after(&bare("romeo"), 2, 100).await.unwrap();
    assert_eq!(rest.len() as u64, fit);
}

// proves: INV-04
pub(crate) async fn entries_after_a_position(store: &impl Store, script: &Script) {
    fill(store, script, 10).await;
    for (pos, max, expected) in [
        (0, 3, vec![1, 2, 3]),
        (8, 3, vec![9, 10]),
        (10, 3, vec![]),
        (u64::MAX, 3, vec![]),
        (0, 0, vec![]),
    ] {
        let entries = store.entries_after(&bare("romeo"), pos, max).await.unwrap();
        let positions: Vec<u64> = entries.iter().map(|entry| entry.pos).collect();
        assert_eq!(positions, expected);
    }
}

// proves: MAM-23
pub(crate) async fn ends_of_a_log(store: &impl Store, script: &Script) {
    let known = fill(store, script, 10).await;
    let end = |n: usize| (known[n].id.clone(), known[n].stamp);
    let ends = store.ends(&bare("romeo")).await.unwrap();
    assert_eq!(ends, Some((end(0), end(9))));
    let record = store.load(&bare("romeo")).await.unwrap().unwrap();
    assert_eq!((record.head, record.newest), (10, Some(end(9))));
    register(store, &["tybalt"]).await;
    assert_eq!(store.ends(&bare("tybalt")).await.unwrap(), None);
}

// proves: MAM-19
pub(crate) async fn accounts_that_do_not_exist_have_empty_logs(store: &impl Store, _: &Script) {
    for max in [10, 0] {
        let page = page(store, Paging::Forward, max, Filter::default()).await;
        let expected = Page {
            entries: vec![],
            complete: true,
            count: Some(0),
        };
        assert_eq!(page, expected);
    }
    let id = ArchiveId::from_bits([0; 16]);
    let named = store.page(query("romeo", Paging::Forward, 10, after(&id)));
    assert_eq!(named.await, Err(ReadError::UnknownId));
    let entries = store.entries_after(&bare("romeo"), 0, 10).await.unwrap();
    assert_eq!(entries, []);
    assert_eq!(store.ends(&bare("romeo")).await.unwrap(), None);
}

// proves: MAM-15 MAM-17
pub(crate) async fn paging_forward_meets_each_entry_once_while_writers_run(
    store: &impl Store,
    script: &Script,
) {
    fill(store, script, 30).await;
    let writers = ["juliet/hall", "nurse/door", "romeo/phone"].map(|from| {
        let store = store.clone();
        tokio::spawn(async move {
            let to = if from.starts_with("romeo") {
                "juliet"
            } else {
                "romeo"
            };
            for n in 0..60 {
                store_one(&store, append(from, to, &format!("{from} {n}"))).await;
            }
        })
    });
    let sizes = prop::collection::vec(1..20_u32, 8);
    let mut runner = TestRunner::new(ProptestConfig::default());
    let mut last_round = false;
    loop {
        let sizes = sizes.new_tree(&mut runner).unwrap().current();
        for filter in [Filter::default(), with("juliet")] {
            walk(store, &sizes, filter).await;
        }
        if last_round {
            break;
        }
        last_round = writers.iter().all(|writer| writer.is_finished());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let everything = walk(store, &[7], Filter::default()).await;
    assert_eq!(everything, (1..=30 + 180).collect::<Vec<_>>());
}

/// Pages forward until complete and checks what came against the whole log.
async fn walk(store: &impl Store, sizes: &[u32], filter: Filter) -> Vec<u64> {
    let mut met: Vec<u64> = Vec::new();
    let mut cursor = filter.clone();
    for max in sizes.iter().cycle() {
        let page = page(store, Paging::Forward, *max, cursor).await;
        met.extend(positions(&page));
        if page.complete {
            break;
        }
        let last = page.entries.last().unwrap().id.clone();
        cursor = Filter {
            after: vec![last],
            ..filter.clone()
        };
    }
    let newest = met.last().copied().unwrap_or(0);
    let mut all = Vec::new();
    let mut pos = 0;
    loop {
        let entries = store.entries_after(&bare("romeo"), pos, 500).await.unwrap();
        let Some(last) = entries.last() else { break };
        pos = last.pos;
        all.extend(entries);
    }
    let peer = filter.with.as_ref().map(|with| with.to_string());
    let expected: Vec<u64> = all
        .iter()
        .filter(|entry| entry.pos <= newest)
        .filter(|entry| peer.as_ref().is_none_or(|peer| entry.stanza.contains(peer)))
        .map(|entry| entry.pos)
        .collect();
    assert_eq!(met, expected);
    assert_eq!(met.iter().collect::<BTreeSet<_>>().len(), met.len());
    met
}
