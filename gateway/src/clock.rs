//! The one place that looks at clocks on behalf of the cores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Now;
use tokio::time::Instant;

/// Counts milliseconds since the server started, and knows the wall time.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    /// Starts to count.
    pub(crate) fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// The moment as the cores want it.
    pub(crate) fn now(&self) -> Now {
        let since_zero = self.zero.elapsed().as_millis();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall = since_epoch.map_or(0, |since| since.as_millis());
        Now {
            mono_ms: u64::try_from(since_zero).unwrap_or(u64::MAX),
            wall_ms: i64::try_from(wall).unwrap_or(i64::MAX),
        }
    }

    /// When a deadline of a core comes.
    pub(crate) fn instant(&self, mono_ms: u64) -> Instant {
        // Beyond some decades `Instant` overflows; nothing waits that long.
        self.zero + Duration::from_millis(mono_ms.min(1 << 40))
    }
}
