//! Flush failures: after one, nobody knows what is on the disk, and the process must stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{ErrorCode, ffi};
use tracing::error;

/// Told once when the store cannot go on.
pub(super) type OnFatal = Arc<dyn Fn() + Send + Sync>;

/// Whether the store had to stop.
#[derive(Clone)]
pub(super) struct Fatal {
    happened: Arc<AtomicBool>,
    on_fatal: OnFatal,
}

impl Fatal {
    /// Not yet.
    pub(super) fn new(on_fatal: OnFatal) -> Self {
        Self {
            happened: Arc::default(),
            on_fatal,
        }
    }

    /// Whether the store had to stop.
    pub(super) fn has_happened(&self) -> bool {
        self.happened.load(Ordering::Acquire)
    }

    /// Stops the store if it was a failed flush, read or write, or a broken file; a full disk is none.
    pub(super) fn judge(&self, error: &rusqlite::Error) -> bool {
        let is_fatal = is_fatal(error);
        if is_fatal && !self.happened.swap(true, Ordering::AcqRel) {
            error!(%error, "the database cannot be trusted any more; stopping");
            (self.on_fatal)();
        }
        is_fatal
    }
}

fn is_fatal(error: &rusqlite::Error) -> bool {
    // No room for the index of the write-ahead log, which is only a help and never flushed.
    let is_index = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    let is_broken = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    is_broken && !is_index
}
