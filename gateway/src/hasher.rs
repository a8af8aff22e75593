//! Turns passwords into the keys that are kept of them, few at a time (SEC-27).

use std::sync::Arc;

use protocol::scram::{ITERATIONS, ScramHash, StoredKeys};
use server_core::io::Password;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::error;

use crate::random::{self, NoRandomness};

/// How many passwords are hashed at once.
const AT_ONCE: usize = 2;

/// Hashes passwords away from the tasks that ask.
#[derive(Clone)]
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Hashes a prepared password with fresh salts; `None` if the system gives no randomness.
    pub(crate) async fn hash(&self, password: Password) -> Option<Vec<StoredKeys>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let hashed = spawn_blocking(move || {
            let _permit = permit;
            keys_of(&password.0)
        });
        match hashed.await {
            Ok(Ok(keys)) => Some(keys),
            Ok(Err(cause)) => {
                error!(error = %cause, "password not hashed");
                None
            }
            Err(cause) => {
                error!(error = %cause, "password not hashed");
                None
            }
        }
    }
}

/// Hashes a prepared password with fresh salts, once per hash function; takes some milliseconds.
pub(crate) fn keys_of(password: &str) -> Result<Vec<StoredKeys>, NoRandomness> {
    let keys = |hash| {
        let salt = random::bytes::<16>()?.to_vec();
        Ok(StoredKeys::of_password(hash, password, salt, ITERATIONS))
    };
    ScramHash::ALL.into_iter().map(keys).collect()
}
