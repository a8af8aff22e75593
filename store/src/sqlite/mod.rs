//! The store in one SQLite file.
//!
//! One thread writes, in groups: what has queued goes into one transaction, and nobody is answered
//! before its commit is on the disk. Reads run on connections of their own and never wait for the
//! writer. Checkpoints have a thread too, so that no ack waits for one.

mod accounts;
mod append;
mod backup;
mod blocked;
mod change;
mod checkpoint;
mod complaint;
mod fatal;
mod nodes;
mod page;
mod readers;
mod retention;
mod retract;
mod schema;
mod sent;
mod sessions;
mod sql;
mod strangers;
mod tend;
#[cfg(test)]
mod tests;
mod tokens;
mod walk;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid};
use rusqlite::{Connection, OptionalExtension as _};
use server_core::archive::{Append, AppendError, Ends, Entry, Outcome, Page, PageQuery, ReadError};
use server_core::nodes::{ItemPage, ItemQuery};
use server_core::records::{AccountRecord, Change, ChangeError, Credentials, Invite};
use server_core::tokens::{DeviceId, DeviceRecord, DeviceTokens};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use self::append::Known;
pub use self::backup::back_up;
use self::checkpoint::Checkpointer;
use self::complaint::{Complaint, Pace};
use self::fatal::Fatal;
use self::page::{LogView, PageFault};
use self::readers::Readers;
use self::writer::{Job, Writer};
use crate::error::report;
use crate::ids::Ids;
use crate::{Accounts, Archive, Clock, Limits, Retention, StoreError, Usage, system_clock};

/// Jobs that may wait for the writer; who brings more waits (LIM-24).
const JOBS_MAX: usize = 1_024;

/// Asked before an entry is written to the log of an account: why it shall not be, for a lab in which
/// archives fail on purpose. Asked again with the same append, it answers alike.
pub type Gate = Arc<dyn Fn(&Append, &BareJid) -> Option<AppendError> + Send + Sync>;

/// How a database is used.
#[derive(Clone)]
pub struct Options {
    /// What logs may hold.
    pub limits: Limits,
    /// How many reads run at once.
    pub readers: usize,
    /// Where stamps come from.
    pub clock: Clock,
    /// What may refuse entries beside the limits.
    pub gate: Option<Gate>,
    /// Called once, from a thread of the store, when a flush failed. The process must stop then: what
    /// was to be written is never answered, and everything after it fails. It must not drop the store.
    pub on_fatal: Arc<dyn Fn() + Send + Sync>,
    /// The last number of a conversation; less only in tests.
    pub(crate) conv_last: i64,
}

impl Default for Options {
    /// Ends the process at once when a flush failed.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            readers: 4,
            clock: system_clock(),
            gate: None,
            on_fatal: Arc::new(|| std::process::abort()),
            conv_last: (1 << append::CONV_BITS) - 1,
        }
    }
}

/// The store of a server: logs and accounts in one file.
///
/// Clones share it. The last one to go waits until what has queued is written.
#[derive(Clone)]
pub struct Sqlite {
    jobs: mpsc::Sender<Job>,
    readers: Readers,
    ids: Ids,
    limits: Limits,
    clock: Clock,
    secret: [u8; 32],
    // Last: its threads end when `jobs` is gone.
    _threads: Arc<Threads>,
}

struct Threads(Mutex<Vec<JoinHandle<()>>>);

impl Drop for Threads {
    fn drop(&mut self) {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                error!("a thread of the store panicked");
            }
        }
    }
}

impl Sqlite {
    /// Opens the database at `path`; makes it, and its directory, if there is none. Both are for
    /// their owner's eyes only.
    ///
    /// # Errors
    /// [`StoreError::File`], [`StoreError::Sqlite`], [`StoreError::TooNew`],
    /// [`StoreError::Randomness`].
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        schema::prepare_file(path)?;
        let mut conn = schema::writer(path)?;
        let keys = schema::migrate(&mut conn)?;
        let fatal = Fatal::new(options.on_fatal);
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let (commits, committed) = std::sync::mpsc::sync_channel(1);
        let checkpointer = Checkpointer {
            conn: schema::writer(path)?,
            path: path.to_owned(),
            commits: committed,
            fatal: fatal.clone(),
            pace: Pace::default(),
        };
        let writer = Writer {
            conn,
            known: Known::new(
                keys.ids.clone(),
                (options.limits, options.gate),
                options.conv_last,
            ),
            clock: options.clock.clone(),
            jobs: queue,
            complaint: Complaint::default(),
            commits,
            fatal,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let spawned = Builder::new().name(name.to_owned()).spawn(run);
            spawned.map_err(|cause| StoreError::File {
                path: path.to_owned(),
                cause,
            })
        };
        let threads = vec![
            spawn("store-writer", Box::new(move || writer.run()))?,
            spawn("store-checkpoint", Box::new(move || checkpointer.run()))?,
        ];
        Ok(Self {
            jobs,
            readers: Readers::new(path, options.readers),
            ids: keys.ids,
            limits: options.limits,
            clock: options.clock,
            secret: keys.secret,
            _threads: Arc::new(Threads(Mutex::new(threads))),
        })
    }

    /// Runs `read` on the log of an account, or gives `None` if there is no such account.
    async fn read_log<T, E>(
        &self,
        account: BareJid,
        read: impl FnOnce(&LogView<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Option<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (ids, limits) = (self.ids.clone(), self.limits);
        let read = move |tx: &Connection| {
            let log = LogView::of(tx, &ids, &limits, &account)?;
            log.map(|log| read(&log)).transpose()
        };
        self.readers.read(read).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl Archive for Sqlite {
    async fn append(&self, batch: Vec<Append>) -> Vec<Result<Outcome, AppendError>> {
        let len = batch.len();
        let answers = self.ask(|reply| Job::Append { batch, reply }).await;
        answers.unwrap_or_else(|| vec![Err(AppendError::Storage); len])
    }

    async fn page(&self, query: PageQuery) -> Result<Page, ReadError> {
        let names_ids = [&query.filter.after, &query.filter.before, &query.filter.ids]
            .iter()
            .any(|ids| !ids.is_empty());
        let is_count = query.max == 0 || query.filter.is_span();
        let page = self
            .read_log(query.account.clone(), move |log| log.page(&query))
            .await;
        match page {
            Ok(Some(page)) => Ok(page),
            Ok(None) if names_ids => Err(ReadError::UnknownId),
            Ok(None) => Ok(Page {
                complete: true,
                count: is_count.then_some(0),
                ..Page::default()
            }),
            Err(PageFault::UnknownId) => Err(ReadError::UnknownId),
            Err(PageFault::Store(cause)) => Err(failed_read(cause)),
        }
    }

    async fn entries_after(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let entries = self
            .read_log(account.clone(), move |log| log.after(pos, max))
            .await;
        entries.map(Option::unwrap_or_default).map_err(failed_read)
    }

    async fn spooled(
        &self,
        account: &BareJid,
        pos: u64,
        max: usize,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let entries = self
            .read_log(account.clone(), move |log| log.spooled(pos, max))
            .await;
        entries.map(Option::unwrap_or_default).map_err(failed_read)
    }

    async fn locate(&self, account: &BareJid, id: &ArchiveId) -> Result<Option<u64>, ReadError> {
        let id = id.clone();
        let found = self.read_log(account.clone(), move |log| log.pos_of(&id));
        match found.await {
            Ok(pos) => Ok(pos.map(|pos| pos as u64)),
            Err(PageFault::UnknownId) => Ok(None),
            Err(PageFault::Store(cause)) => Err(failed_read(cause)),
        }
    }

    async fn ends(&self, account: &BareJid) -> Result<Ends, ReadError> {
        let ends = self.read_log(account.clone(), |log| log.ends()).await;
        ends.map(Option::flatten).map_err(failed_read)
    }

    async fn tend(&self) -> Result<bool, StoreError> {
        let (now, usual) = ((self.clock)(), self.limits.retention);
        let due = self
            .readers
            .read(move |tx| tend::due(tx, now, usual))
            .await?;
        if due.is_empty() {
            return Ok(false);
        }
        let done = self.ask(|reply| Job::Tend { due, reply }).await;
        done.unwrap_or(Err(StoreError::Unavailable)).map(|()| true)
    }
}

impl Accounts for Sqlite {
    async fn credentials(&self, account: &BareJid) -> Result<Option<Credentials>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |tx| accounts::credentials(tx, &account))
            .await
    }

    async fn tokens(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<Option<DeviceTokens>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |tx| tokens::of_device(tx, &account, device))
            .await
    }

    async fn devices(&self, account: &BareJid) -> Result<Vec<DeviceRecord>, StoreError> {
        let account = account.clone();
        let devices = self.readers.read(move |tx| tokens::devices(tx, &account));
        devices.await
    }

    async fn load(&self, account: &BareJid) -> Result<Option<AccountRecord>, StoreError> {
        let (account, ids, limits) = (account.clone(), self.ids.clone(), self.limits);
        self.readers
            .read(move |tx| {
                let Some(record) = accounts::load(tx, &account)? else {
                    return Ok(None);
                };
                let log = LogView::of(tx, &ids, &limits, &account)?;
                let ends = log.map(|log| log.ends()).transpose()?.flatten();
                let newest = ends.map(|(_, newest)| newest);
                Ok::<_, StoreError>(Some(AccountRecord { newest, ..record }))
            })
            .await
    }

    async fn items(&self, query: ItemQuery) -> Result<ItemPage, ReadError> {
        let page = self.readers.read(move |tx| nodes::items(tx, &query)).await;
        page.map_err(|fault| match fault {
            PageFault::UnknownId => ReadError::UnknownId,
            PageFault::Store(cause) => failed_read(cause),
        })
    }

    async fn change(&self, change: Change) -> Result<(), ChangeError> {
        let made = self.ask(|reply| Job::Change { change, reply }).await;
        made.unwrap_or(Err(ChangeError::Storage))
    }

    async fn set_retention(
        &self,
        account: &BareJid,
        own: Option<Retention>,
    ) -> Result<(), ChangeError> {
        let account = account.clone();
        let set = self.ask(|reply| Job::SetRetention {
            account,
            own,
            reply,
        });
        set.await.unwrap_or(Err(ChangeError::Storage))
    }

    async fn usage(&self, account: &BareJid) -> Result<Option<Usage>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |tx| retention::usage(tx, &account))
            .await
    }

    async fn detach_sessions(&self) -> Result<(), StoreError> {
        let detached = self.ask(|reply| Job::DetachSessions { reply }).await;
        detached.unwrap_or(Err(StoreError::Unavailable))
    }

    async fn list(&self) -> Result<Vec<BareJid>, StoreError> {
        self.readers.read(accounts::list).await
    }

    async fn save_invite(&self, invite: Invite) -> Result<(), StoreError> {
        let saved = self.ask(|reply| Job::SaveInvite { invite, reply }).await;
        saved.unwrap_or(Err(StoreError::Unavailable))
    }

    async fn check_invite(
        &self,
        token: [u8; 32],
        now: Stamp,
    ) -> Result<Option<Invite>, StoreError> {
        let invite = self.readers.read(move |tx| accounts::invite(tx, token));
        Ok(invite.await?.filter(|invite| invite.expires >= now))
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        self.readers.read(accounts::is_empty).await
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }
}

fn failed_read(cause: StoreError) -> ReadError {
    error!(error = %report(&cause), "log not read");
    ReadError::Storage
}

fn user_of(tx: &Connection, account: &BareJid) -> rusqlite::Result<Option<i64>> {
    let mut query = tx.prepare_cached(sql::USER_OF)?;
    let user = query.query_row([account.as_str()], |row| row.get(0));
    user.optional()
}
