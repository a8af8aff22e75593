//! Moves what was committed from the write-ahead log into the database, beside the writer, so that no
//! ack waits for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::warn;

use super::complaint::Pace;
use super::fatal::Fatal;

/// Between two checkpoints.
const EVERY: Duration = Duration::from_millis(500);
/// From this size on the log is cut, which holds up the writer for a moment.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// The thread that checkpoints.
pub(super) struct Checkpointer {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    /// One message after each group of commits; closed when the store is.
    pub(super) commits: Receiver<()>,
    pub(super) fatal: Fatal,
    pub(super) pace: Pace,
}

impl Checkpointer {
    /// Runs until the store is closed.
    pub(super) fn run(mut self) {
        while self.commits.recv().is_ok() {
            self.gather();
            self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
            if wal_len(&self.path) > WAL_BYTES_MAX {
                self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
            }
        }
    }

    /// Lets commits gather for a while; less if the store is closed.
    fn gather(&self) {
        let until = Instant::now() + EVERY;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.commits.recv_timeout(left).is_err() {
                return;
            }
        }
    }

    fn checkpoint(&mut self, pragma: &str) {
        let done = self.conn.query_row(pragma, [], |_| Ok(()));
        if let Err(error) = done
            && !self.fatal.judge(&error)
            && self.pace.may_tell(Instant::now())
        {
            warn!(%error, "checkpoint not made");
        }
    }
}

fn wal_len(path: &Path) -> u64 {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(0, |meta| meta.len())
}
