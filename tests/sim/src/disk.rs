//! The server's disk: what is asked of it waits for the flush of a batch, which is whole or absent.

use server_core::Output;

/// A writer, with what it writes and what waits for it.
#[derive(Default)]
pub(crate) struct Lane {
    waiting: Vec<Output>,
    writing: Vec<Output>,
}

/// Both writers.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) appends: Lane,
    pub(crate) changes: Lane,
    /// Transactions so far.
    pub(crate) txn: u64,
    /// The server is killed at this many commits from now.
    pub(crate) crash_in: Option<u8>,
}

/// Which writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Appends,
    Changes,
}

impl Disk {
    pub(crate) fn lane(&mut self, writer: Writer) -> &mut Lane {
        match writer {
            Writer::Appends => &mut self.appends,
            Writer::Changes => &mut self.changes,
        }
    }

    /// The process is gone; what was not flushed is too.
    pub(crate) fn forget(&mut self) {
        self.appends = Lane::default();
        self.changes = Lane::default();
        self.crash_in = None;
    }
}

impl Lane {
    /// Takes an order; gives whether a flush must be begun.
    pub(crate) fn push(&mut self, order: Output) -> bool {
        self.waiting.push(order);
        self.writing.is_empty() && self.begin()
    }

    /// The batch is flushed; gives it.
    pub(crate) fn flushed(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.writing)
    }

    /// Begins a batch of all that waits; gives whether there is any.
    pub(crate) fn begin(&mut self) -> bool {
        self.writing = std::mem::take(&mut self.waiting);
        !self.writing.is_empty()
    }
}
