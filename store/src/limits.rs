//! What an archive may hold and what a page may weigh.

use protocol::BareJid;
use server_core::archive::AppendError;

use crate::Retention;

/// Tokens of one account, of all its devices together (LIM-08).
pub(crate) const TOKENS_PER_ACCOUNT: usize = 128;
/// For so long an expired token is remembered, so that its device is told why it fails (AU-27).
pub(crate) const TOKEN_MEMORY_MS: i64 = 30 * 86_400_000;

/// For so long an expired link is remembered, so that whoever follows it is told why it fails.
pub(crate) const LINK_MEMORY_MS: i64 = 86_400_000;

/// Bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of stanzas that one account's log may hold (LIM-18).
    pub quota_bytes: u64,
    /// Of these, the bytes of all senders whom the account does not list as contacts (LIM-18).
    pub strangers_bytes: u64,
    /// Of these, the bytes of any one of them to whom the account has not written (LIM-17).
    pub stranger_bytes: u64,
    /// Bytes of the largest stanza that a log takes.
    pub entry_bytes_max: usize,
    /// Bytes of stanzas after which a page ends early (INV-28).
    pub page_bytes_max: usize,
    /// What logs keep whose account says nothing of its own (MAM-24).
    pub retention: Retention,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            quota_bytes: 1 << 30,
            strangers_bytes: (1 << 30) / 20,
            stranger_bytes: 64 << 10,
            entry_bytes_max: 512 << 10,
            page_bytes_max: 1 << 20,
            retention: Retention::default(),
        }
    }
}

impl Limits {
    /// Whether a log of `used` bytes takes `len_bytes` more.
    pub(crate) fn room(
        &self,
        account: &BareJid,
        used: u64,
        len_bytes: usize,
    ) -> Result<(), AppendError> {
        if len_bytes > self.entry_bytes_max {
            return Err(AppendError::Size { len_bytes });
        }
        within(account, used, len_bytes, self.quota_bytes)
    }

    /// Whether a log that holds `of_one` bytes from a stranger to whom nobody answered, and `of_all` from
    /// all strangers, takes `len_bytes` more from this one.
    pub(crate) fn strangers_room(
        &self,
        account: &BareJid,
        (of_one, of_all): (Option<u64>, u64),
        len_bytes: usize,
    ) -> Result<(), AppendError> {
        if let Some(of_one) = of_one {
            within(account, of_one, len_bytes, self.stranger_bytes)?;
        }
        within(account, of_all, len_bytes, self.strangers_bytes)
    }
}

fn within(
    account: &BareJid,
    used: u64,
    len_bytes: usize,
    limit_bytes: u64,
) -> Result<(), AppendError> {
    if used.saturating_add(len_bytes as u64) <= limit_bytes {
        return Ok(());
    }
    let account = account.clone();
    Err(AppendError::Quota {
        account,
        limit_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-17
    #[test]
    fn an_answered_stranger_may_send_more_at_once_than_others_may_leave() {
        let limits = Limits::default();
        let account = BareJid::new("romeo@localhost").unwrap();
        let large = 200_000;
        assert!(
            limits
                .strangers_room(&account, (Some(0), 0), large)
                .is_err()
        );
        assert!(limits.strangers_room(&account, (None, 0), large).is_ok());
        let all = limits.strangers_bytes;
        assert!(limits.strangers_room(&account, (None, all), large).is_err());
    }
}
