//! Clears away what is no longer kept, beside everything else.

use std::time::Duration;

use store::Archive;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Between two chunks of one round, so that appends are never far behind.
const BREATH: Duration = Duration::from_millis(50);

/// Looks every so often what is due, and clears it away chunk by chunk, until the server stops.
///
/// A round that fails, as on a full disk, is begun again the next time.
pub(crate) async fn run<A: Archive>(store: A, every: Duration, stopping: CancellationToken) {
    loop {
        while store.tend().await.unwrap_or_else(|error| {
            warn!(%error, "clearing away failed; trying again later");
            false
        }) {
            tokio::select! {
                () = sleep(BREATH) => {}
                () = stopping.cancelled() => return,
            }
        }
        tokio::select! {
            () = sleep(every) => {}
            () = stopping.cancelled() => return,
        }
    }
}
