//! Where stamps come from.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::time::Stamp;

/// Tells the wall time; may jump, stores clamp it.
pub type Clock = Arc<dyn Fn() -> Stamp + Send + Sync>;

/// The system's wall time.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Stamp(since.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        }))
    })
}
