//! Errors of this crate; they become `AppendError`, `ReadError` and `ChangeError` at its edge.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database's directory or file could not be made ready.
    #[error("{} cannot be made ready", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The database is of a newer program.
    #[error("the database has schema {found}, and this program knows schemas up to {known}")]
    TooNew {
        /// What the database says.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// SQLite refused.
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    /// The system gave no randomness for the database's keys.
    #[error("no randomness to be had")]
    Randomness(#[from] getrandom::Error),
    /// Something stored cannot be read.
    #[error("the database holds a malformed {what}")]
    Malformed {
        /// What it should be.
        what: &'static str,
    },
    /// A flush failed, so that nobody knows what is on the disk; the process must stop.
    #[error("the store stopped after a failed flush")]
    Fatal,
    /// The store is closed, or was told to fail.
    #[error("the store is not available")]
    Unavailable,
}

impl StoreError {
    /// The error of a stored value that cannot be read.
    pub(crate) fn malformed(what: &'static str) -> Self {
        Self::Malformed { what }
    }
}

/// The error with its causes, for logs.
pub(crate) fn report(error: &StoreError) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
