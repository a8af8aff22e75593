//! How long archives keep messages (MAM-24).

use serde::{Deserialize, Serialize};
use store::Retention as Kept;

use super::ConfigError;

const DAY_MS: u64 = 86_400_000;

/// What the archive of an account keeps that has no retention of its own; what is not said is kept for
/// ever. Only the oldest messages ever go.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Messages that are older than so many days go.
    pub days: Option<u64>,
    /// So many of the newest messages stay.
    pub messages: Option<u64>,
    /// So many bytes of messages stay at most.
    pub bytes: Option<u64>,
}

impl Retention {
    /// As the store knows it.
    pub(crate) fn kept(&self) -> Kept {
        Kept {
            age_ms: self.days.map(|days| days.saturating_mul(DAY_MS)),
            entries: self.messages,
            bytes: self.bytes,
        }
    }

    /// Refuses what would remove everything.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (name, is_zero) in [
            ("days", self.days == Some(0)),
            ("messages", self.messages == Some(0)),
            ("bytes", self.bytes == Some(0)),
        ] {
            if is_zero {
                return Err(ConfigError::ZeroRetention(name));
            }
        }
        Ok(())
    }
}

/// A retention in words.
pub(crate) fn in_words(kept: &Kept) -> String {
    let days = kept.age_ms.map(|ms| format!("{} days", ms / DAY_MS));
    let entries = kept.entries.map(|entries| format!("{entries} messages"));
    let bytes = kept.bytes.map(|bytes| format!("{bytes} bytes"));
    let bounds: Vec<String> = [days, entries, bytes].into_iter().flatten().collect();
    if bounds.is_empty() {
        return "for ever".to_owned();
    }
    format!("at most {}", bounds.join(", "))
}
