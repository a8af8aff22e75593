//! The log of events: what every invariant is a statement about.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;

use crate::seen::{Line, Seen};

/// How many events the report of a failing run ends with.
pub(crate) const SHOWN: usize = 40;

/// One thing that happened. Connections and devices are numbers, accounts their bare addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A device exists: a new one, or one that was wiped.
    Device {
        dev: usize,
        account: String,
        kind: &'static str,
    },
    /// A connection is open.
    Open {
        conn: u64,
        dev: usize,
    },
    /// A line is durable in a device's outbox, or an ordinary client wants to send it.
    Send {
        dev: usize,
        mid: String,
        to: String,
        text: String,
    },
    /// A client wrote a frame.
    Tx {
        conn: u64,
        seen: Seen,
    },
    /// The server took a frame.
    Rx {
        conn: u64,
        seen: Seen,
    },
    /// The server wrote a frame.
    Out {
        conn: u64,
        seen: Seen,
        digest: u64,
    },
    /// A client took a frame.
    In {
        conn: u64,
        seen: Seen,
    },
    /// An entry is durable.
    Commit {
        log: String,
        pos: u64,
        aid: String,
        line: Box<Line>,
        /// Whether it is the sender's side.
        own: bool,
        txn: u64,
    },
    /// A log did not take a message.
    Fail {
        log: String,
        mid: String,
        own: bool,
        reason: &'static str,
    },
    /// The store answered a repetition or a conflict.
    Again {
        log: String,
        aid: String,
        is_same: bool,
    },
    /// The core learned what became of an append.
    Told {
        txn: u64,
    },
    /// A transaction of a device is durable.
    Store {
        dev: usize,
        rows: Vec<StoredRow>,
        dropped: Vec<i64>,
        sent: Vec<(u64, String, bool)>,
        done: Vec<u64>,
        cursor: Option<String>,
        /// How far conversations are read: (with whom, entry).
        reads: Vec<(String, String)>,
    },
    /// A screen changed from one line on: keys and archive ids.
    Show {
        dev: usize,
        with: String,
        from: usize,
        lines: Vec<(String, Option<String>)>,
    },
    /// An end learned that its connection is gone.
    Lost {
        conn: u64,
        by: &'static str,
    },
    Cut {
        conn: u64,
    },
    /// A tab was killed and opened again; so many of its last transactions are lost.
    Reload {
        dev: usize,
        lost: usize,
    },
    SignOut {
        dev: usize,
    },
    Crash,
    Up,
    /// An archive keeps so many of its newest entries only.
    Trim {
        log: String,
        keep: u64,
    },
    /// Something that no rule asks about, for the reader of a story.
    Fault {
        what: String,
    },
    Quiet,
}

/// A row of a device's history.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct StoredRow {
    pub(crate) place: i64,
    pub(crate) is_confirmed: bool,
    pub(crate) is_gap: bool,
    pub(crate) aid: Option<String>,
    pub(crate) mid: String,
}

/// Keeps the end of the log, and a digest of all of it (INV-30).
pub(crate) struct Recorder {
    digest: DefaultHasher,
    count: u64,
    last: VecDeque<(u64, Event)>,
    keep: usize,
    /// The newest count of each connection, as written and as taken.
    acks: BTreeMap<(u64, bool), u32>,
}

impl Recorder {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            digest: DefaultHasher::new(),
            count: 0,
            last: VecDeque::new(),
            keep,
            acks: BTreeMap::new(),
        }
    }

    pub(crate) fn push(&mut self, at_ms: u64, event: Event) {
        at_ms.hash(&mut self.digest);
        event.hash(&mut self.digest);
        self.count += 1;
        if self.keep == SHOWN && self.is_chatter(&event) {
            return;
        }
        if self.last.len() >= self.keep {
            self.last.pop_front();
        }
        self.last.push_back((at_ms, event));
    }

    /// Whether it only says again what was said: a run that ends at rest ends with much of it.
    fn is_chatter(&mut self, event: &Event) -> bool {
        match event {
            Event::Tx { seen, .. } | Event::Rx { seen, .. } if *seen == Seen::Request => true,
            Event::Out { conn, seen, .. } | Event::In { conn, seen } => match seen {
                Seen::Request => true,
                Seen::Ack { h } => {
                    let key = (*conn, matches!(event, Event::In { .. }));
                    self.acks.insert(key, *h) == Some(*h)
                }
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The kept end, one JSON line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.last
            .iter()
            .map(|(t, event)| {
                let event = serde_json::to_string(event).unwrap_or_default();
                format!("{t:>8} {event}")
            })
            .collect()
    }
}
