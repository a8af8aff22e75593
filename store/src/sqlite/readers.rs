//! A bounded number of reading connections, used on blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::schema;
use crate::StoreError;

/// Connections that wait for the next read.
#[derive(Clone)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// At most `max` at once.
    pub(super) fn new(path: &Path, max: usize) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(max.max(1))),
        }
    }

    /// Runs `read` within one read transaction: one snapshot (MAM-17).
    pub(super) async fn read<T, E>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let conn = readers.take()?;
            let tx = conn.unchecked_transaction().map_err(StoreError::from)?;
            let result = read(&tx);
            drop(tx);
            // A connection whose transaction did not end is not used again.
            if conn.is_autocommit() {
                readers.idle().push(conn);
            }
            result
        });
        task.await.map_err(|_| StoreError::Unavailable)?
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle().pop();
        idle.map_or_else(|| schema::reader(&self.path), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
