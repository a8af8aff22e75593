//! Waiting for conditions instead of times.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Asks `probe` again and again until it says yes, and returns what it said.
///
/// # Errors
/// When it still says no after 20 seconds: the last no, with `what` was waited for.
pub async fn wait_until<T>(what: &str, probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    wait_until_within(PATIENCE, what, probe).await
}

/// Does the same within another time.
///
/// # Errors
/// When `probe` still says no by then.
pub async fn wait_until_within<T>(
    max: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + max;
    loop {
        match probe().await {
            Ok(yes) => return Ok(yes),
            Err(no) if Instant::now() >= deadline => {
                return Err(no)
                    .with_context(|| format!("waited {} s until {what}", max.as_secs_f32()));
            }
            Err(_) => sleep(LOOK).await,
        }
    }
}
