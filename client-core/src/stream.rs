//! One stream's counters in both directions (SM rows); outlives its connection while it can be resumed.

use protocol::mutant;
use protocol::sm::AckError;
use protocol::{FullJid, Handled, IdPrefix, Text, Unacked};

use crate::history::ResumableStream;

/// A stanza that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) text: Text,
    /// The number of the outbox item or of the wish that it stands for.
    pub(crate) seq: Option<u64>,
}

/// Whether stanzas are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// The server has no stream management.
    Off,
    /// `<enable/>` is on its way: what is sent counts, what comes does not yet (SM-03).
    Asked,
    /// Both directions count.
    On,
}

/// A bound stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) jid: FullJid,
    pub(crate) prefix: Option<IdPrefix>,
    /// SM-ID, if the stream can be resumed.
    pub(crate) id: Option<String>,
    pub(crate) counting: Counting,
    /// How many stanzas came, all of them taken in.
    pub(crate) received: Handled,
    /// How many of those are durable: what may be acknowledged (SM-10).
    pub(crate) committed: Handled,
    /// What the server was told last.
    pub(crate) told: Handled,
    /// What was sent; unknown after a restart until the server says how far it got.
    unacked: Option<Unacked<Sent>>,
}

impl Stream {
    pub(crate) fn bound(jid: FullJid, prefix: Option<IdPrefix>) -> Self {
        Self {
            jid,
            prefix,
            id: None,
            counting: Counting::Off,
            received: Handled(0),
            committed: Handled(0),
            told: Handled(0),
            unacked: Some(Unacked::new(Handled(0))),
        }
    }

    /// Both directions count from here on.
    pub(crate) fn count(&mut self, id: Option<String>) {
        self.counting = Counting::On;
        self.id = id;
    }

    /// A stream from an earlier life of this device.
    pub(crate) fn restored(kept: &ResumableStream) -> Self {
        Self {
            id: Some(kept.id.clone()),
            counting: Counting::On,
            received: kept.handled,
            committed: kept.handled,
            told: kept.handled,
            unacked: None,
            ..Self::bound(
                kept.jid.clone(),
                kept.prefix
                    .clone()
                    .filter(|_| !mutant("prefix-lost-at-reload")),
            )
        }
    }

    /// What is written so that the stream can be resumed.
    pub(crate) fn to_kept(&self) -> Option<ResumableStream> {
        Some(ResumableStream {
            id: self.id.clone()?,
            jid: self.jid.clone(),
            handled: self.received,
            prefix: self.prefix.clone(),
        })
    }

    /// Counts a stanza as sent; gives whether it is waiting for an ack then.
    pub(crate) fn push(&mut self, sent: Sent) -> bool {
        match &mut self.unacked {
            Some(unacked) if self.counting != Counting::Off => {
                unacked.push(sent);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes the server's `h`; gives what it settles, oldest first.
    pub(crate) fn ack(&mut self, h: Handled) -> Result<Vec<Sent>, AckError> {
        let sent = h;
        let unacked = self.unacked.as_mut().ok_or(AckError { h, sent })?;
        unacked.ack(h).map(Iterator::collect)
    }

    /// Takes `h` of `<resumed/>`; gives what it settles.
    pub(crate) fn resumed(&mut self, h: Handled) -> Result<Vec<Sent>, AckError> {
        let known = self.unacked.take();
        let mut unacked = known.unwrap_or_else(|| Unacked::new(h));
        let settled = unacked.ack(h).map(Iterator::collect);
        self.unacked = Some(unacked);
        settled
    }

    /// The server knows the stream from its disk only, and has handled `h`. It may have forgotten acks
    /// that it gave for other stanzas than messages, and notices that it owed: nothing of what was
    /// sent counts as settled, and nothing of it is sent again as it was (S11-62, S11-63).
    pub(crate) fn start_over(&mut self, h: Handled) {
        self.unacked = Some(Unacked::new(h));
    }

    /// What waits for an ack, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Sent> {
        self.unacked.iter().flat_map(Unacked::iter)
    }

    pub(crate) fn waiting_len(&self) -> usize {
        self.unacked.as_ref().map_or(0, Unacked::len)
    }

    /// A stanza came; gives whether it counts.
    pub(crate) fn receive(&mut self) -> bool {
        let counts = self.counting == Counting::On;
        self.received = self
            .received
            .plus(u32::from(counts && !mutant("client-counts-nothing")));
        counts
    }
}
