//! The latest entries of one log, in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::jid::{BareJid, Jid};
use protocol::time::Stamp;
use protocol::{Text, delay, sid};

use crate::archive::Entry;
use crate::copies;
use crate::core::Context;
use crate::envelope::Envelope;

/// A copy that goes out so long after its entry was written says when that was.
const LATE_MS: i64 = 5_000;

/// One entry, ready to be sent.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) pos: u64,
    stamp: Stamp,
    pub(crate) envelope: Arc<Envelope>,
    /// The direct copy with the account's stanza-id; every device shares it.
    copy: Text,
}

/// The newest entries of a log at consecutive positions, and how far the log is known.
#[derive(Default)]
pub(crate) struct Tail {
    lines: VecDeque<Line>,
    head: u64,
}

impl Tail {
    /// A log whose newest entry lies at `head`; nothing of it is in memory.
    pub(crate) fn new(head: u64) -> Self {
        Self {
            lines: VecDeque::new(),
            head,
        }
    }

    /// Who sent what is in memory, the account itself too.
    pub(crate) fn senders(&self) -> impl Iterator<Item = &Jid> {
        self.lines.iter().map(|line| &line.envelope.from)
    }

    /// Position of the newest entry that is known.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Adds the next entry. The caller checks that it is the next one (P9).
    pub(crate) fn push(&mut self, line: Line, max: usize) {
        self.head = line.pos;
        self.lines.push_back(line);
        if self.lines.len() > max {
            self.lines.pop_front();
        }
    }

    /// The entry at a position, if it is in memory.
    pub(crate) fn at(&self, pos: u64) -> Option<&Line> {
        let first = self.lines.front()?.pos;
        let index = usize::try_from(pos.checked_sub(first)?).ok()?;
        self.lines.get(index)
    }
}

impl Line {
    /// Makes an entry ready. If its stanza cannot be read it has its place and goes to nobody, so that
    /// what follows it still arrives (INV-27).
    pub(crate) fn new(account: &BareJid, entry: &Entry, envelope: Option<Arc<Envelope>>) -> Self {
        let read = || {
            let envelope = Envelope::of_stored(&entry.stanza).unwrap_or_else(|| {
                tracing::error!(pos = entry.pos, "stored stanza cannot be read");
                Envelope::to_nobody(account, entry.stanza.clone())
            });
            Arc::new(envelope)
        };
        let envelope = envelope.unwrap_or_else(read);
        let mut stanza_id = String::new();
        sid::stanza_id(account, &entry.id).write(&mut stanza_id, "");
        let copy = copies::direct(&entry.stanza, &stanza_id);
        Self {
            pos: entry.pos,
            stamp: entry.stamp,
            envelope,
            copy,
        }
    }

    /// The direct copy for who gets it now. Who was away or spared for a while is told when the archive
    /// took it, so that all devices date it alike (IM-22).
    pub(crate) fn copy_now(&self, cx: &Context) -> Text {
        if cx.now.wall_ms < self.stamp.0.saturating_add(LATE_MS) {
            return self.copy.clone();
        }
        let mut extra = String::new();
        delay::delay(self.stamp, Some(&cx.config.domain)).write(&mut extra, "");
        copies::direct(&self.copy, &extra)
    }
}
