//! What must hold once everything has come to rest: three readers of their own, held against each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use client_core::history::{Content, MemoryHistory, Place};
use protocol::mam::Found;
use serde::Serialize;

use crate::{
    ledger::Book,
    ordinary::Ordinary,
    records::{Entry, Logs},
};

/// In what way a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Lost,
    Duplicated,
    Reordered,
    IdMismatch,
    Other,
}

/// A broken promise.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) what: String,
    /// The message concerned.
    pub(crate) message_id: Option<String>,
}

impl Finding {
    pub(crate) fn new(kind: Kind, message_id: Option<&str>, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            message_id: message_id.map(str::to_owned),
        }
    }
}

/// An archive as an ordinary client reads it: archive id, message id, body.
pub(crate) type Pages = BTreeMap<String, Vec<Line>>;

/// An entry or a row, as somebody tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) message_id: String,
    pub(crate) body: String,
}

impl Line {
    pub(crate) fn of(found: &Found) -> Self {
        let message = &found.forwarded.message;
        Self {
            id: found.id.to_string(),
            message_id: message.id().unwrap_or_default().to_owned(),
            body: message.body().unwrap_or_default(),
        }
    }
}

/// What one device has to show.
pub(crate) struct Witness<'a> {
    pub(crate) name: &'a str,
    pub(crate) account: &'a str,
    pub(crate) peer: &'a str,
    pub(crate) book: &'a Book,
    pub(crate) history: &'a MemoryHistory,
}

/// Checks everything against everything.
pub(crate) fn all(
    logs: &Logs,
    pages: &Pages,
    witnesses: &[Witness<'_>],
    ordinary: &[Ordinary],
) -> Vec<Finding> {
    let mut found = Vec::new();
    for (account, log) in logs {
        let page = pages.get(account).map(Vec::as_slice).unwrap_or_default();
        page_is_log(account, log, page, &mut found);
    }
    pairs_agree(logs, witnesses, &mut found);
    every_line_is_in_both_logs_once(logs, witnesses, &mut found);
    for client in ordinary {
        ordinary_lines_stand_once(logs, client, &mut found);
    }
    nothing_is_from_nowhere(logs, witnesses, ordinary, &mut found);
    for witness in witnesses {
        let page = pages.get(witness.account).map(Vec::as_slice);
        let page = page.unwrap_or_default();
        lines_stand_as_written(witness, page, &mut found);
        rows_are_the_log(witness, page, &mut found);
        live_entries_come_in_order(witness, page, &mut found);
        for fault in &witness.book.faults {
            let what = format!("{}: {fault}", witness.name);
            found.push(Finding::new(Kind::Other, None, what));
        }
        for text in witness.book.undecided() {
            let what = format!("INV-17: {} lost {text:?} before sending it", witness.name);
            found.push(Finding::new(Kind::Lost, None, what));
        }
    }
    found
}

/// What was there after a crash is there after the next one, and in the same place (INV-03).
pub(crate) fn extends(former: &Logs, later: &Logs) -> Vec<Finding> {
    let mut found = Vec::new();
    for (account, log) in former {
        let now = later.get(account).map(Vec::as_slice).unwrap_or_default();
        let differs = log
            .iter()
            .enumerate()
            .find(|(at, e)| now.get(*at) != Some(e));
        if let Some((at, entry)) = differs {
            let what = format!(
                "INV-03: entry {} of {account} was {entry:?} and is {:?}",
                at + 1,
                now.get(at)
            );
            found.push(Finding::new(Kind::Lost, Some(&entry.message_id), what));
        }
    }
    found
}

/// The archive over the wire is the log on the disk; its ids are unique and of the right form (INV-05).
fn page_is_log(account: &str, log: &[Entry], page: &[Line], found: &mut Vec<Finding>) {
    if log.len() != page.len() {
        let what = format!(
            "{account}: {} entries on the disk, {} by query",
            log.len(),
            page.len()
        );
        found.push(Finding::new(Kind::Other, None, what));
    }
    let mut ids = BTreeSet::new();
    for (entry, line) in log.iter().zip(page) {
        let id = Some(line.message_id.as_str());
        if entry.message_id != line.message_id || entry.body != line.body {
            let what = format!("{account}: the disk has {entry:?} where a query gives {line:?}");
            return found.push(Finding::new(Kind::Reordered, id, what));
        }
        let fits = match &entry.id {
            Some(stored) => *stored == line.id && stored.matches('.').count() == 1,
            None => !line.id.contains('.'),
        };
        if !fits {
            let what = format!("INV-05: {account} has {:?} as {}", entry.id, line.id);
            found.push(Finding::new(Kind::IdMismatch, id, what));
        }
        if !ids.insert(&line.id) {
            let what = format!("INV-05: {account} has two entries {}", line.id);
            found.push(Finding::new(Kind::IdMismatch, id, what));
        }
        if !entry.is_in_both {
            let what = format!("INV-02: {} is in the log of {account} only", line.id);
            found.push(Finding::new(Kind::Lost, id, what));
        }
    }
}

/// INV-15: the two logs of a pair hold the same messages in the same order.
fn pairs_agree(logs: &Logs, witnesses: &[Witness<'_>], found: &mut Vec<Finding>) {
    let pairs: BTreeSet<_> = witnesses.iter().map(|w| (w.account, w.peer)).collect();
    for (one, other) in pairs {
        let (Some(a), Some(b)) = (logs.get(one), logs.get(other)) else {
            let what = format!("no log of {one} or {other}");
            found.push(Finding::new(Kind::Lost, None, what));
            continue;
        };
        let differs = a.iter().zip(b).find(|(a, b)| a.message_id != b.message_id);
        if let Some((a, b)) = differs {
            let what = format!("INV-15: {one} has {a:?} where {other} has {b:?}");
            found.push(Finding::new(Kind::Reordered, Some(&a.message_id), what));
        }
    }
}

/// INV-01, INV-07: whether acked or not, once everybody is at rest.
fn every_line_is_in_both_logs_once(
    logs: &Logs,
    witnesses: &[Witness<'_>],
    found: &mut Vec<Finding>,
) {
    let counts: BTreeMap<_, _> = logs
        .iter()
        .map(|(a, log)| (a.as_str(), count(log)))
        .collect();
    for witness in witnesses {
        for (message_id, line) in &witness.book.lines {
            for account in [witness.account, witness.peer] {
                let times = counts.get(account).and_then(|c| c.get(message_id.as_str()));
                let kind = match times {
                    Some(1) => continue,
                    Some(_) => Kind::Duplicated,
                    None => Kind::Lost,
                };
                let acked = if line.is_acked { "acked" } else { "unacked" };
                let what = format!(
                    "INV-07: the {acked} line {message_id} of {} stands {} times in the log of {account}",
                    witness.name,
                    times.unwrap_or(&0)
                );
                found.push(Finding::new(kind, Some(message_id), what));
            }
        }
    }
}

/// What a client that sends nothing twice saw acked is there, in its order; what it did not may be, once.
fn ordinary_lines_stand_once(logs: &Logs, client: &Ordinary, found: &mut Vec<Finding>) {
    for account in [&client.account, &client.peer] {
        let log = logs
            .get(account.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, entry) in log.iter().enumerate() {
            places.entry(&entry.message_id).or_default().push(at);
        }
        let mut last = None;
        for said in client.said().iter() {
            let places = places.get(said.message_id.as_str()).map(Vec::as_slice);
            let places = places.unwrap_or_default();
            let kind = match places.len() {
                0 if said.is_acked => Kind::Lost,
                0 => continue,
                1 if last > places.first() => Kind::Reordered,
                1 => {
                    last = places.first();
                    continue;
                }
                _ => Kind::Duplicated,
            };
            let what = format!(
                "INV-01: {said:?} of {} stands at {places:?} of {account}",
                client.name
            );
            found.push(Finding::new(kind, Some(&said.message_id), what));
        }
    }
}

fn count(log: &[Entry]) -> HashMap<&str, u32> {
    let mut counts = HashMap::new();
    for entry in log {
        *counts.entry(entry.message_id.as_str()).or_default() += 1;
    }
    counts
}

/// INV-08: every entry is a line that somebody wrote, whole; nothing that a killed device forgot is there.
fn nothing_is_from_nowhere(
    logs: &Logs,
    witnesses: &[Witness<'_>],
    ordinary: &[Ordinary],
    found: &mut Vec<Finding>,
) {
    let said: Vec<_> = ordinary.iter().flat_map(|o| o.said().clone()).collect();
    let lines = witnesses.iter().flat_map(|w| &w.book.lines);
    let lines = lines.map(|(id, line)| (id.as_str(), &line.body));
    let said = said
        .iter()
        .map(|said| (said.message_id.as_str(), &said.body));
    let bodies: HashMap<_, _> = lines.chain(said).collect();
    let forgotten = witnesses.iter().flat_map(|w| &w.book.forgotten);
    let forgotten: BTreeSet<_> = forgotten.collect();
    for (account, log) in logs {
        for entry in log {
            let is_written = bodies.get(entry.message_id.as_str()) == Some(&&entry.body);
            if !is_written || forgotten.contains(&entry.body) {
                let what = format!("INV-08: nobody wrote what {account} has: {entry:?}");
                found.push(Finding::new(Kind::Other, Some(&entry.message_id), what));
            }
        }
    }
}

/// INV-06, INV-18: under the id that was known before, and in the order of writing.
fn lines_stand_as_written(witness: &Witness<'_>, page: &[Line], found: &mut Vec<Finding>) {
    let mut last = None;
    for entry in page {
        let Some(line) = witness.book.lines.get(&entry.message_id) else {
            continue;
        };
        let id = Some(entry.message_id.as_str());
        if line.id.as_ref() != Some(&entry.id) {
            let what = format!(
                "INV-06: {} knew {:?}, its archive has {}",
                witness.name, line.id, entry.id
            );
            found.push(Finding::new(Kind::IdMismatch, id, what));
        }
        if last.is_some_and(|last| last > line.seq) {
            let what = format!(
                "INV-18: line {} of {} stands behind a later one",
                line.seq, witness.name
            );
            found.push(Finding::new(Kind::Reordered, id, what));
        }
        last = Some(line.seq);
    }
}

/// INV-14, INV-15: the confirmed rows are the log, from the first row on.
fn rows_are_the_log(witness: &Witness<'_>, page: &[Line], found: &mut Vec<Finding>) {
    let rows: Vec<_> = witness.history.rows().filter_map(line_of_row).collect();
    let name = witness.name;
    let first = page.iter().position(|line| Some(line) == rows.first());
    let expected = first
        .and_then(|first| page.get(first..))
        .unwrap_or_default();
    let mut times: HashMap<&str, u32> = HashMap::new();
    for row in &rows {
        *times.entry(&row.id).or_default() += 1;
    }
    let before = found.len();
    for line in expected {
        if !times.contains_key(line.id.as_str()) {
            let what = format!("INV-15: {name} does not have {}", line.id);
            found.push(Finding::new(Kind::Lost, Some(&line.message_id), what));
        }
    }
    for row in &rows {
        if times.get(row.id.as_str()).is_some_and(|times| *times > 1) {
            let what = format!("INV-15: {name} has {} more than once", row.id);
            found.push(Finding::new(Kind::Duplicated, Some(&row.message_id), what));
        }
    }
    if found.len() == before && rows != expected {
        let differs = rows.iter().zip(expected).find(|(row, line)| row != line);
        let what = match differs {
            Some((row, line)) => format!("INV-15: {name} has {row:?} where its log has {line:?}"),
            None => format!(
                "INV-15: {name} has {} rows where its log has {}",
                rows.len(),
                expected.len()
            ),
        };
        let id = differs.map(|(row, _)| row.message_id.as_str());
        found.push(Finding::new(Kind::Reordered, id, what));
    }
}

fn line_of_row(row: &client_core::Row) -> Option<Line> {
    let body = match &row.content {
        Content::Text(text) => text.clone(),
        Content::Signal(signal) => format!("{signal:?}"),
        Content::Other(payload) => payload.clone(),
        Content::Bounced { of, why } => format!("{of} came back: {why:?}"),
        Content::Retracted => "(retracted)".to_owned(),
        Content::Gap => "(a gap)".to_owned(),
    };
    let id = row.id.as_ref().map(ToString::to_string);
    Some(Line {
        id: match row.place {
            Place::Confirmed(_) => id.unwrap_or_default(),
            Place::Provisional(_) => format!("provisional {}", id.unwrap_or_default()),
        },
        message_id: row.message_id.clone().unwrap_or_default(),
        body,
    })
}

/// INV-11, INV-12: on each connection copies and acks tell the entries in the log's order, and leave out none but own
/// ones that are told in another way.
fn live_entries_come_in_order(witness: &Witness<'_>, page: &[Line], found: &mut Vec<Finding>) {
    let places: HashMap<_, _> = page
        .iter()
        .enumerate()
        .map(|(at, l)| (l.id.as_str(), at))
        .collect();
    let name = witness.name;
    let mut last: Option<(usize, usize)> = None;
    for told in &witness.book.told {
        let Some(at) = places.get(told.id.as_str()).copied() else {
            let what = format!(
                "INV-05: {name} was told of {}, which is in no archive",
                told.id
            );
            found.push(Finding::new(Kind::IdMismatch, None, what));
            continue;
        };
        let former = last.replace((told.conn, at));
        let Some((_, former)) = former.filter(|(conn, _)| *conn == told.conn) else {
            continue;
        };
        let message_id = page.get(at).map(|line| line.message_id.as_str());
        if at <= former {
            let what = format!(
                "INV-11: {name} was told of entry {} after {}",
                at + 1,
                former + 1
            );
            found.push(Finding::new(Kind::Reordered, message_id, what));
        }
        let between = page.get(former + 1..at).unwrap_or_default();
        let skipped = between
            .iter()
            .find(|line| !witness.book.lines.contains_key(&line.message_id));
        if let Some(line) = skipped {
            let what = format!(
                "INV-11: {name} was not told live of {} on connection {}",
                line.id, told.conn
            );
            found.push(Finding::new(Kind::Lost, Some(&line.message_id), what));
        }
    }
}
