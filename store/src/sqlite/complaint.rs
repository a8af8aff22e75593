//! Tells the operator that appends fail, and that they work again, without filling the log.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::StoreError;
use crate::error::report;

/// At most one warning in this time.
const QUIET: Duration = Duration::from_secs(60);

/// Lets something be said once in a while.
#[derive(Debug, Default)]
pub(super) struct Pace {
    told: Option<Instant>,
}

impl Pace {
    /// Whether it may be said now, which then counts as said.
    pub(super) fn may_tell(&mut self, now: Instant) -> bool {
        let is_early = self
            .told
            .is_some_and(|told| now.duration_since(told) < QUIET);
        if !is_early {
            self.told = Some(now);
        }
        !is_early
    }
}

/// What was told and what was not.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    pace: Pace,
    /// Appends that failed since the last warning.
    untold: u64,
    failing: bool,
}

impl Complaint {
    /// Appends failed; tells whether it said so.
    pub(super) fn failed(&mut self, cause: &StoreError, appends: usize, now: Instant) -> bool {
        self.failing = true;
        self.untold += appends as u64;
        if !self.pace.may_tell(now) {
            return false;
        }
        warn!(
            error = %report(cause),
            messages = self.untold,
            "messages are delivered but not saved"
        );
        self.untold = 0;
        true
    }

    /// Appends were written.
    pub(super) fn worked(&mut self) {
        if std::mem::take(&mut self.failing) {
            info!("messages are saved again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_once_a_minute() {
        let mut complaint = Complaint::default();
        let from = Instant::now();
        let told = (0..180).filter(|second| {
            let now = from + Duration::from_secs(*second);
            complaint.failed(&StoreError::Unavailable, 10, now)
        });
        assert_eq!(told.collect::<Vec<_>>(), [0, 60, 120]);
        assert_eq!(complaint.untold, 590);
    }
}
