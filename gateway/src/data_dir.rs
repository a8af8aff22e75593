//! The folder of a server: made for its owner's eyes only, and used by one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Another server has it.
    #[error(
        "another balcony server is using {} already{}",
        path.display(),
        if address.is_empty() { String::new() } else { format!(" (at {address})") }
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Where the other one listens, if it said.
        address: String,
    },
    /// It cannot be made, read or written.
    #[error("the data folder {} cannot be used: {cause}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A data folder that this process alone serves from, until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// Makes the folder if there is none, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let failed = |cause| DataDirError::Io {
            path: path.to_owned(),
            cause,
        };
        make(path).map_err(failed)?;
        warn_if_open(path);
        let mut lock = open_private(&path.join("balcony.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => {
                let mut address = String::new();
                // Only for the message; an unreadable address is left out of it.
                let _ = lock.read_to_string(&mut address);
                Err(DataDirError::InUse {
                    path: path.to_owned(),
                    address: address.trim().to_owned(),
                })
            }
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }

    /// Leaves word where the server can be reached, for other programs of the operator.
    pub(crate) fn announce(&mut self, address: &str) -> Result<(), DataDirError> {
        let write = |lock: &mut File| {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{address}")
        };
        write(&mut self.lock).map_err(|cause| DataDirError::Io {
            path: self.path.clone(),
            cause,
        })
    }
}

/// Where the server of this folder can be reached, or was last reached.
pub(crate) fn announced(path: &Path) -> Option<String> {
    let address = fs::read_to_string(path.join("balcony.lock")).ok()?;
    let address = address.trim();
    (!address.is_empty()).then(|| address.to_owned())
}

/// Opens a file that only its owner may read (SEC-73), making it if there is none.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(path).map(|data| data.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(
            path = %path.display(),
            "other users of this machine may look into the data folder; chmod 700 closes it"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: SEC-73
    #[test]
    fn one_server_has_a_folder_and_says_where_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let mut first = DataDir::take(&path).unwrap();
        first.announce("http://127.0.0.1:5280").unwrap();
        let told = DataDir::take(&path).unwrap_err().to_string();
        assert!(
            told.contains("already (at http://127.0.0.1:5280)"),
            "{told}"
        );
        assert_eq!(announced(&path).as_deref(), Some("http://127.0.0.1:5280"));
        drop(first);
        assert!(DataDir::take(&path).is_ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join("balcony.lock")), 0o600);
        }
    }
}
