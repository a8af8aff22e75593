//! The durable side of a Balcony server: logs of messages, accounts and invitations.
//!
//! [`Archive`] and [`Accounts`] say what a store does, [`Sqlite`] is the one that servers use, and
//! [`Memory`] is the one for tests and the simulation, which can be told to fail. The store stamps
//! entries, gives out positions and makes ids; it decides nothing about stanzas. Local delivery
//! needs no bus: the gateway tells its shards itself.

mod clock;
mod error;
mod exact;
mod ids;
mod limits;
pub mod memory;
mod retention;
pub mod sqlite;
#[cfg(test)]
mod suite;

use std::sync::Arc;

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid};
use server_core::archive::{Append, AppendError, Ends, Entry, Outcome, Page, PageQuery, ReadError};
use server_core::nodes::{ItemPage, ItemQuery};
use server_core::records::{AccountRecord, Change, ChangeError, Credentials, Invite};
use server_core::tokens::{DeviceId, DeviceRecord, DeviceTokens};

pub use crate::clock::{Clock, system_clock};
pub use crate::error::StoreError;
pub use crate::limits::Limits;
pub use crate::memory::{FailingSide, FaultPlan, Memory};
pub use crate::retention::{Retention, Usage};
pub use crate::sqlite::{Gate, Options, Sqlite, back_up};

/// The logs of all accounts.
pub trait Archive: Clone + Send + Sync + 'static {
    /// Writes a batch and answers one by one, in the order asked; what is answered with
    /// [`Outcome::Stored`] is durable.
    ///
    /// Each [`Append`] is written wholly or not at all, with both logs and the count of its session in
    /// one transaction (P2, S11-60).
    fn append(
        &self,
        batch: Vec<Append>,
    ) -> impl Future<Output = Vec<Result<Outcome, AppendError>>> + Send;

    /// Reads a page of one log, oldest first, from one snapshot (MAM-17).
    ///
    /// Beside `max`, [`Limits::page_bytes_max`] bounds a page; it then is not complete. An account
    /// that does not exist has an empty log.
    ///
    /// # Errors
    /// [`ReadError::UnknownId`] if the filter names an id that this log does not hold (MAM-11).
    fn page(&self, query: PageQuery) -> impl Future<Output = Result<Page, ReadError>> + Send;

    /// Reads at most `max` entries behind position `pos`, oldest first; fewer if they are large
    /// ([`Limits::page_bytes_max`]), but never none while there are some.
    ///
    /// # Errors
    /// [`ReadError::Storage`] if the store failed.
    fn entries_after(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Entry>>, ReadError>> + Send;

    /// Reads at most `max` entries behind position `pos` that are flagged to wait for an ordinary
    /// client, oldest first; bounded as in [`Archive::entries_after`].
    ///
    /// # Errors
    /// [`ReadError::Storage`] if the store failed.
    fn spooled(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Entry>>, ReadError>> + Send;

    /// Finds the position of an entry; `None` if this log does not hold it.
    ///
    /// # Errors
    /// [`ReadError::Storage`] if the store failed.
    fn locate(
        &self,
        account: &BareJid,
        id: &ArchiveId,
    ) -> impl Future<Output = Result<Option<u64>, ReadError>> + Send;

    /// Reads the ids and times of the oldest and newest entry (MAM-23).
    ///
    /// # Errors
    /// [`ReadError::Storage`] if the store failed.
    fn ends(&self, account: &BareJid) -> impl Future<Output = Result<Ends, ReadError>> + Send;

    /// Clears one chunk of what is due away, beside the appends: entries that are no longer kept
    /// (MAM-24), outcomes after 30 days (S11-17), expired invitations, what deleted accounts leave.
    /// Tells whether there was anything, and so whether there may be more.
    ///
    /// Of a log only the oldest entries go, so that the rest stays dense, and their ids are never
    /// given again. To end after any chunk does no harm.
    fn tend(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// All accounts, and what is kept of them beside their logs.
pub trait Accounts: Clone + Send + Sync + 'static {
    /// Reads the keys of an account; `None` if it does not exist.
    fn credentials(
        &self,
        account: &BareJid,
    ) -> impl Future<Output = Result<Option<Credentials>, StoreError>> + Send;

    /// Reads the tokens of a device of an account; `None` if the account does not exist.
    fn tokens(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<DeviceTokens>, StoreError>> + Send;

    /// Reads what is known of an account's devices that have tokens, expired ones too; none if there is
    /// no such account.
    fn devices(
        &self,
        account: &BareJid,
    ) -> impl Future<Output = Result<Vec<DeviceRecord>, StoreError>> + Send;

    /// Reads what a session needs of an account; `None` if it does not exist.
    fn load(
        &self,
        account: &BareJid,
    ) -> impl Future<Output = Result<Option<AccountRecord>, StoreError>> + Send;

    /// Reads items of a node, the newest first; none if there is no such account or node.
    ///
    /// # Errors
    /// [`ReadError::UnknownId`] if the question names an item to begin behind that is not there.
    fn items(&self, query: ItemQuery) -> impl Future<Output = Result<ItemPage, ReadError>> + Send;

    /// Makes a change; it is durable when this returns.
    ///
    /// [`Change::Register`] uses its token up in the same transaction, and if somebody invited, writes
    /// both as each other's contacts with subscription `both` (RG-08). With the first account all
    /// set-up tokens die (SEC-52). The expiry of a token counts when it is checked, not here (RG-03).
    /// A deleted account is gone at once; its log is cleared away little by little.
    /// [`Change::UseToken`] is refused with [`ChangeError::Token`] if what the login was made with was
    /// changed or revoked meanwhile.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed then, and a token may be tried again.
    fn change(&self, change: Change) -> impl Future<Output = Result<(), ChangeError>> + Send;

    /// Gives an account a retention of its own in place of [`Limits::retention`], or takes it away.
    ///
    /// # Errors
    /// [`ChangeError::NoAccount`], [`ChangeError::Storage`].
    fn set_retention(
        &self,
        account: &BareJid,
        own: Option<Retention>,
    ) -> impl Future<Output = Result<(), ChangeError>> + Send;

    /// Reads what an account's log holds; `None` if there is no such account.
    fn usage(
        &self,
        account: &BareJid,
    ) -> impl Future<Output = Result<Option<Usage>, StoreError>> + Send;

    /// A server begins to use the store: sessions that connections of a former one carried wait for
    /// their clients from now on ([`server_core::records::SessionRecord::detach`]), and such as ended
    /// long ago are forgotten.
    fn detach_sessions(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the addresses of all accounts, sorted.
    fn list(&self) -> impl Future<Output = Result<Vec<BareJid>, StoreError>> + Send;

    /// Keeps an invitation; one with the same token is replaced.
    fn save_invite(&self, invite: Invite) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the invitation of a token's hash if it may still be used at `now`.
    fn check_invite(
        &self,
        token: [u8; 32],
        now: Stamp,
    ) -> impl Future<Output = Result<Option<Invite>, StoreError>> + Send;

    /// Whether there is no account yet.
    fn is_empty(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// 32 random bytes made with the database and never shown; for salts of names that do not
    /// exist (AU-08).
    fn secret(&self) -> [u8; 32];
}

/// Everything that a server needs of its store.
pub trait Store: Archive + Accounts {}

impl<S: Archive + Accounts> Store for S {}
