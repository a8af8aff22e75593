//! LIM-06 and LIM-14: how fast a connection is read.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Limits;

/// How often a peer may send control frames faster than allowed, without being quiet in between for as
/// long as a burst takes to fill up, before it is dropped.
const CONTROL_STRIKES_MAX: u32 = 100;

/// The buckets of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    bytes: Bucket,
    messages: Bucket,
    controls: Bucket,
    control_strikes: u32,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            bytes: Bucket::new(limits.bytes_per_s, limits.bytes_burst),
            messages: Bucket::new(limits.messages_per_s, limits.messages_burst),
            controls: Bucket::new(limits.controls_per_s, limits.controls_burst),
            control_strikes: 0,
        }
    }

    /// How long to wait before a message of `len` bytes is handled.
    pub(super) fn message(&mut self, len: usize) -> Duration {
        let now = Instant::now();
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.messages.take(1, now).max(self.bytes.take(len, now))
    }

    /// How long to wait before reading on behind a control frame; `None` when it was one too many.
    pub(super) fn control(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.controls.is_full(now) {
            self.control_strikes = 0;
        }
        let wait = self.controls.take(1, now);
        self.control_strikes += u32::from(!wait.is_zero());
        (self.control_strikes <= CONTROL_STRIKES_MAX).then_some(wait)
    }
}

/// Fills steadily and may be in debt; the debt is the time to wait.
#[derive(Debug)]
struct Bucket {
    per_s: f64,
    burst: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_s: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            per_s: f64::from(per_s),
            burst,
            level: burst,
            at: Instant::now(),
        }
    }

    fn level(&self, now: Instant) -> f64 {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_s;
        (self.level + filled).min(self.burst)
    }

    fn is_full(&self, now: Instant) -> bool {
        self.level(now) >= self.burst
    }

    fn take(&mut self, amount: u32, now: Instant) -> Duration {
        self.level = self.level(now) - f64::from(amount);
        self.at = now;
        let debt = (-self.level / self.per_s).clamp(0.0, 3_600.0);
        Duration::from_secs_f64(debt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-14 CO-18
    #[tokio::test(start_paused = true)]
    async fn beyond_the_burst_messages_and_bytes_wait() {
        let mut pace = Pace::new(&Limits::default());
        for _ in 0..200 {
            assert_eq!(pace.message(100), Duration::ZERO);
        }
        let wait = pace.message(100);
        assert!(wait > Duration::from_millis(30) && wait < Duration::from_millis(40));
        tokio::time::advance(Duration::from_secs(600)).await;
        assert_eq!(pace.message(262_144), Duration::ZERO);
        assert_eq!(pace.message(262_144), Duration::ZERO);
        assert_eq!(pace.message(65_536), Duration::from_secs(1));
    }

    // proves: LIM-06 SEC-13
    #[tokio::test(start_paused = true)]
    async fn a_flood_of_pings_is_slowed_down_and_then_ended() {
        let mut pace = Pace::new(&Limits::default());
        for _ in 0..100 {
            assert_eq!(pace.control(), Some(Duration::ZERO));
        }
        for _ in 0..100 {
            assert!(pace.control().is_some_and(|wait| !wait.is_zero()));
        }
        assert_eq!(pace.control(), None);
        tokio::time::advance(Duration::from_secs(600)).await;
        assert_eq!(pace.control(), Some(Duration::ZERO));
    }
}
