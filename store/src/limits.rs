//! What an archive may hold and what a page may weigh.

use protocol::BareJid;
use server_core::archive::AppendError;

use crate::Retention;

/// Tokens of one account, of all its devices together (LIM-08).
pub(crate) const TOKENS_PER_ACCOUNT: usize = 128;
/// For so long an expired token is remembered, so that its device is told why it fails (AU-27).
pub(crate) const TOKEN_MEMORY_MS: i64 = 30 * 86_400_000;

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
            page_bytes_max: 4 << 20,
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

    /// Whether a log that holds `of_one` bytes from a stranger and `of_all` from all of them takes
    /// `len_bytes` more from this one.
    pub(crate) fn strangers_room(
        &self,
        account: &BareJid,
        (of_one, of_all): (u64, u64),
        len_bytes: usize,
    ) -> Result<(), AppendError> {
        within(account, of_one, len_bytes, self.stranger_bytes)?;
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
