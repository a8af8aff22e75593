//! How long a log keeps its entries (MAM-24).

use protocol::time::Stamp;

/// Rows that one chunk of clearing away takes at most.
pub(crate) const CHUNK_ROWS: usize = 2_000;
/// How long outcomes are kept for messages that come again (S11-17), in milliseconds.
pub(crate) const SENT_KEPT_MS: i64 = 30 * 86_400_000;
/// How long an invitation is kept after its expiry, for registrations under way, in milliseconds.
pub(crate) const INVITE_KEPT_MS: i64 = 86_400_000;

/// What a log keeps; whatever is not said is kept for ever. Only the oldest entries ever go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Entries that are older go, in milliseconds.
    pub age_ms: Option<u64>,
    /// So many of the newest entries stay.
    pub entries: Option<u64>,
    /// So many bytes of stanzas stay at most.
    pub bytes: Option<u64>,
}

/// The oldest entry of a log, and the log around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oldest {
    /// Its position.
    pub(crate) pos: u64,
    /// Its time.
    pub(crate) stamp: Stamp,
    /// Position of the log's newest entry.
    pub(crate) head: u64,
    /// Bytes of the log with this entry.
    pub(crate) bytes: u64,
}

impl Retention {
    /// Whether nothing ever goes.
    pub fn is_for_ever(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the oldest entry of a log has to go.
    pub(crate) fn drops(&self, now: Stamp, oldest: Oldest) -> bool {
        let born = |age_ms: u64| {
            now.0
                .saturating_sub(i64::try_from(age_ms).unwrap_or(i64::MAX))
        };
        let kept = oldest.head.saturating_sub(oldest.pos).saturating_add(1);
        self.age_ms.is_some_and(|age| oldest.stamp.0 < born(age))
            || self.entries.is_some_and(|entries| kept > entries)
            || self.bytes.is_some_and(|bytes| oldest.bytes > bytes)
    }
}

/// What an account's log holds and may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entries that are there.
    pub entries: u64,
    /// Bytes of their stanzas.
    pub bytes: u64,
    /// Of these, the bytes that strangers sent (LIM-18).
    pub strangers_bytes: u64,
    /// The account's own retention; absent where the server's holds.
    pub retention: Option<Retention>,
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: MAM-24
    #[test]
    fn each_bound_alone_lets_the_oldest_go_and_none_keeps_all() {
        let oldest = Oldest {
            pos: 11,
            stamp: Stamp(5_000),
            head: 20,
            bytes: 700,
        };
        let keep = Retention::default();
        let (age_ms, entries, bytes) = (Some(1_000), Some(10), Some(700));
        for (retention, now, dropped) in [
            (keep, i64::MAX, false),
            (Retention { age_ms, ..keep }, 6_000, false),
            (Retention { age_ms, ..keep }, 6_001, true),
            (Retention { entries, ..keep }, 6_001, false),
            (
                Retention {
                    entries: Some(9),
                    ..keep
                },
                0,
                true,
            ),
            (Retention { bytes, ..keep }, 0, false),
            (
                Retention {
                    bytes: Some(699),
                    ..keep
                },
                0,
                true,
            ),
        ] {
            assert_eq!(
                retention.drops(Stamp(now), oldest),
                dropped,
                "{retention:?}"
            );
        }
    }
}
