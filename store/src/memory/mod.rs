//! The store in memory: for tests and the simulation.
//!
//! It does what [`crate::Sqlite`] does, at once and on the calling thread, takes its time from
//! outside, and fails when it is told to. Only what it holds is lost with it.

mod fault;
mod log;
mod nodes;
mod state;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid};
use server_core::archive::{Append, AppendError, Ends, Entry, Outcome, Page, PageQuery, ReadError};
use server_core::nodes::{ItemPage, ItemQuery};
use server_core::records::{AccountRecord, Change, ChangeError, Credentials, Invite};
use server_core::tokens::{DeviceId, DeviceRecord, DeviceTokens};

pub use self::fault::{FailingSide, FaultPlan};
use self::state::{Account, State};
use crate::ids::Ids;
use crate::{Accounts, Archive, Clock, Limits, Retention, StoreError, Usage};

/// Logs and accounts in memory. Clones share them.
///
/// Each method of the traits has a twin that answers at once, named `…_now`.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    clock: Clock,
    secret: [u8; 32],
}

impl Memory {
    /// An empty store; all ids follow from `secret` and the order of what happens.
    pub fn new(
        secret: [u8; 32],
        limits: Limits,
        clock: impl Fn() -> Stamp + Send + Sync + 'static,
    ) -> Self {
        let key = *secret.first_chunk().unwrap_or(&[0; 16]);
        Self {
            state: Arc::new(Mutex::new(State::new(Ids::new(key), limits))),
            clock: Arc::new(clock),
            secret,
        }
    }

    /// Lets the next appends fail; replaces the plan before.
    pub fn fail_appends(&self, plan: FaultPlan) {
        self.state().faults.plan = Some(plan);
    }

    /// Lets the next reads fail, of logs and of accounts.
    pub fn fail_reads(&self, reads: u32) {
        self.state().faults.reads = reads;
    }

    /// Lets the next changes fail, and the keeping of invitations.
    pub fn fail_changes(&self, changes: u32) {
        self.state().faults.changes = changes;
    }

    /// [`Archive::append`] at once.
    pub fn append_now(&self, batch: &[Append]) -> Vec<Result<Outcome, AppendError>> {
        let now = (self.clock)();
        let mut state = self.state();
        let answers = batch.iter().map(|append| state.append(now, append));
        answers.collect()
    }

    /// [`Archive::page`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn page_now(&self, query: &PageQuery) -> Result<Page, ReadError> {
        let mut state = self.state();
        if state.faults.next_read() {
            return Err(ReadError::Storage);
        }
        match state.accounts.get(&query.account) {
            Some(account) => {
                let ids = (&state.ids, account.user);
                account.log.page(ids, &state.limits, query)
            }
            None => log::Log::default().page((&state.ids, 0), &state.limits, query),
        }
    }

    /// [`Archive::entries_after`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn entries_after_now(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let account = self.read(account).map_err(|_| ReadError::Storage)?;
        let entries = account.of(|account, limits| account.log.after(pos, max, limits));
        Ok(entries.unwrap_or_default())
    }

    /// [`Archive::spooled`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn spooled_now(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let account = self.read(account).map_err(|_| ReadError::Storage)?;
        let entries = account.of(|account, limits| account.log.spooled(pos, max, limits));
        Ok(entries.unwrap_or_default())
    }

    /// [`Archive::locate`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn locate_now(&self, account: &BareJid, id: &ArchiveId) -> Result<Option<u64>, ReadError> {
        let account = self.read(account).map_err(|_| ReadError::Storage)?;
        let ids = account.state.ids.clone();
        let found = account.of(|account, _| account.log.pos_of((&ids, account.user), id).ok());
        Ok(found.flatten())
    }

    /// [`Archive::ends`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn ends_now(&self, account: &BareJid) -> Result<Ends, ReadError> {
        let account = self.read(account).map_err(|_| ReadError::Storage)?;
        Ok(account.of(|account, _| account.log.ends()).flatten())
    }

    /// [`Accounts::credentials`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn credentials_now(&self, account: &BareJid) -> Result<Option<Credentials>, StoreError> {
        Ok(self.read(account)?.of(|account, _| Credentials {
            keys: account.keys.clone(),
            epoch: account.epoch,
            disabled: false,
        }))
    }

    /// [`Accounts::tokens`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn tokens_now(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<Option<DeviceTokens>, StoreError> {
        Ok(self.read(account)?.of(|account, _| DeviceTokens {
            tokens: account.tokens_of(device),
            links: account.links.clone(),
            epoch: account.epoch,
            disabled: false,
        }))
    }

    /// [`Accounts::devices`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn devices_now(&self, account: &BareJid) -> Result<Vec<DeviceRecord>, StoreError> {
        let devices = self
            .read(account)?
            .of(|account, _| account.device_records());
        Ok(devices.unwrap_or_default())
    }

    /// [`Accounts::load`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn load_now(&self, account: &BareJid) -> Result<Option<AccountRecord>, StoreError> {
        Ok(self.read(account)?.of(|account, _| AccountRecord {
            head: account.log.head(),
            newest: account.log.ends().map(|(_, newest)| newest),
            has_spool: !account.log.spool.is_empty(),
            contacts: account.contacts.values().cloned().collect(),
            roster_ver: account.roster_ver,
            blocked: account.blocked.clone(),
            nodes: account.nodes.list(),
            sessions: account.sessions.values().cloned().collect(),
        }))
    }

    /// [`Accounts::items`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn items_now(&self, query: &ItemQuery) -> Result<ItemPage, ReadError> {
        let account = self.read(&query.account).map_err(|_| ReadError::Storage)?;
        let page = account.of(|account, _| account.nodes.items(query));
        page.unwrap_or_else(|| nodes::Nodes::default().items(query))
    }

    /// [`Accounts::change`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn change_now(&self, change: Change) -> Result<(), ChangeError> {
        let now = (self.clock)();
        self.state().change(now, change)
    }

    /// [`Archive::tend`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn tend_now(&self) -> Result<bool, StoreError> {
        let now = (self.clock)();
        Ok(self.readable()?.tend(now))
    }

    /// [`Accounts::set_retention`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn set_retention_now(
        &self,
        account: &BareJid,
        own: Option<Retention>,
    ) -> Result<(), ChangeError> {
        let mut state = self.state();
        if state.faults.next_change() {
            return Err(ChangeError::Storage);
        }
        state.existing(account)?.retention = own;
        Ok(())
    }

    /// [`Accounts::usage`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn usage_now(&self, account: &BareJid) -> Result<Option<Usage>, StoreError> {
        Ok(self.read(account)?.of(|account, _| Usage {
            entries: account.log.len() as u64,
            bytes: account.log.bytes,
            strangers_bytes: account.log.of_strangers(),
            retention: account.retention,
        }))
    }

    /// [`Accounts::detach_sessions`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn detach_sessions_now(&self) -> Result<(), StoreError> {
        let now = (self.clock)();
        let mut state = self.state();
        if state.faults.next_change() {
            return Err(StoreError::Unavailable);
        }
        state.detach_sessions(now);
        Ok(())
    }

    /// [`Accounts::list`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn list_now(&self) -> Result<Vec<BareJid>, StoreError> {
        Ok(self.readable()?.accounts.keys().cloned().collect())
    }

    /// [`Accounts::save_invite`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn save_invite_now(&self, invite: Invite) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.faults.next_change() {
            return Err(StoreError::Unavailable);
        }
        state.invites.insert(invite.token, invite);
        Ok(())
    }

    /// [`Accounts::check_invite`] at once.
    ///
    /// # Errors
    /// As there.
    pub fn check_invite_now(
        &self,
        token: [u8; 32],
        now: Stamp,
    ) -> Result<Option<Invite>, StoreError> {
        let state = self.readable()?;
        let invite = state.invite(&token).filter(|invite| invite.expires >= now);
        Ok(invite.cloned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readable(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.state();
        if state.faults.next_read() {
            return Err(StoreError::Unavailable);
        }
        Ok(state)
    }

    fn read<'a>(&'a self, account: &'a BareJid) -> Result<Reading<'a>, StoreError> {
        let state = self.readable()?;
        Ok(Reading { state, account })
    }
}

/// An account that is being read.
struct Reading<'a> {
    state: MutexGuard<'a, State>,
    account: &'a BareJid,
}

impl Reading<'_> {
    /// `None` if there is no such account.
    fn of<T>(&self, read: impl FnOnce(&Account, &Limits) -> T) -> Option<T> {
        let account = self.state.accounts.get(self.account)?;
        Some(read(account, &self.state.limits))
    }
}

impl Archive for Memory {
    async fn append(&self, batch: Vec<Append>) -> Vec<Result<Outcome, AppendError>> {
        self.append_now(&batch)
    }

    async fn page(&self, query: PageQuery) -> Result<Page, ReadError> {
        self.page_now(&query)
    }

    async fn entries_after(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        self.entries_after_now(account, pos, max)
    }

    async fn spooled(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        self.spooled_now(account, pos, max)
    }

    async fn locate(&self, account: &BareJid, id: &ArchiveId) -> Result<Option<u64>, ReadError> {
        self.locate_now(account, id)
    }

    async fn ends(&self, account: &BareJid) -> Result<Ends, ReadError> {
        self.ends_now(account)
    }

    async fn tend(&self) -> Result<bool, StoreError> {
        self.tend_now()
    }
}

impl Accounts for Memory {
    async fn credentials(&self, account: &BareJid) -> Result<Option<Credentials>, StoreError> {
        self.credentials_now(account)
    }

    async fn tokens(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<Option<DeviceTokens>, StoreError> {
        self.tokens_now(account, device)
    }

    async fn devices(&self, account: &BareJid) -> Result<Vec<DeviceRecord>, StoreError> {
        self.devices_now(account)
    }

    async fn load(&self, account: &BareJid) -> Result<Option<AccountRecord>, StoreError> {
        self.load_now(account)
    }

    async fn items(&self, query: ItemQuery) -> Result<ItemPage, ReadError> {
        self.items_now(&query)
    }

    async fn change(&self, change: Change) -> Result<(), ChangeError> {
        self.change_now(change)
    }

    async fn set_retention(
        &self,
        account: &BareJid,
        own: Option<Retention>,
    ) -> Result<(), ChangeError> {
        self.set_retention_now(account, own)
    }

    async fn usage(&self, account: &BareJid) -> Result<Option<Usage>, StoreError> {
        self.usage_now(account)
    }

    async fn detach_sessions(&self) -> Result<(), StoreError> {
        self.detach_sessions_now()
    }

    async fn list(&self) -> Result<Vec<BareJid>, StoreError> {
        self.list_now()
    }

    async fn save_invite(&self, invite: Invite) -> Result<(), StoreError> {
        self.save_invite_now(invite)
    }

    async fn check_invite(
        &self,
        token: [u8; 32],
        now: Stamp,
    ) -> Result<Option<Invite>, StoreError> {
        self.check_invite_now(token, now)
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.readable()?.accounts.is_empty())
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }
}
