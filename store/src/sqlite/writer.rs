//! The one thread that writes: whatever has queued goes into one transaction.

use std::sync::mpsc::SyncSender;
use std::time::Instant;

use protocol::BareJid;
use protocol::time::Stamp;
use rusqlite::{Connection, TransactionBehavior};
use server_core::archive::{Append, AppendError, Outcome};
use server_core::records::{Change, ChangeError, Invite};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::append::Known;
use super::change::{self, ChangeFault};
use super::complaint::Complaint;
use super::fatal::Fatal;
use super::tend::{self, Due};
use super::{retention, sessions};
use crate::error::report;
use crate::{Clock, Retention, StoreError};

/// How many appends share a transaction at most (LIM-24).
const GROUP_MAX: usize = 256;

/// What became of one append.
pub(super) type Answer = Result<Outcome, AppendError>;

/// What the writer is asked.
pub(super) enum Job {
    /// Write these.
    Append {
        /// In this order.
        batch: Vec<Append>,
        /// Told after the commit.
        reply: oneshot::Sender<Vec<Answer>>,
    },
    /// Change an account.
    Change {
        /// What.
        change: Change,
        /// Told after the commit.
        reply: oneshot::Sender<Result<(), ChangeError>>,
    },
    /// Keep an invitation.
    SaveInvite {
        /// Which.
        invite: Invite,
        /// Told after the commit.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    /// A server begins.
    DetachSessions {
        /// Told after the commit.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Give an account a retention of its own, or take it away.
    SetRetention {
        /// Whose.
        account: BareJid,
        /// What it keeps.
        own: Option<Retention>,
        /// Told after the commit.
        reply: oneshot::Sender<Result<(), ChangeError>>,
    },
    /// Clear one chunk of this away.
    Tend {
        /// What.
        due: Vec<Due>,
        /// Told after the commit.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
}

/// What one change of a session's record came to.
type Recorded = Result<(), ChangeError>;

/// Appends and records of sessions that are written together, and who is told.
#[derive(Default)]
struct Group {
    appends: Vec<Append>,
    replies: Vec<(usize, oneshot::Sender<Vec<Answer>>)>,
    records: Vec<Change>,
    record_replies: Vec<oneshot::Sender<Recorded>>,
}

/// The writing thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) known: Known,
    pub(super) clock: Clock,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) complaint: Complaint,
    pub(super) commits: SyncSender<()>,
    pub(super) fatal: Fatal,
}

impl Writer {
    /// Runs until the store is closed; what has queued by then is still written.
    pub(super) fn run(mut self) {
        let mut next = None;
        // Of a group whose commit failed nobody knows whether it is on the disk: it is never answered.
        let mut unknown = Vec::new();
        loop {
            let job = next.take().or_else(|| self.jobs.blocking_recv());
            match job {
                None => return,
                Some(job) if self.fatal.has_happened() => refuse(job),
                Some(
                    job @ (Job::Append { .. }
                    | Job::Change {
                        change: Change::Session { .. },
                        ..
                    }),
                ) => {
                    let group = self.gather(job, &mut next);
                    unknown.extend(self.write(group));
                }
                Some(Job::Change { change, reply }) => {
                    let _ = reply.send(self.change(&change));
                }
                Some(Job::SaveInvite { invite, reply }) => {
                    let _ = reply.send(self.save_invite(&invite));
                }
                Some(Job::DetachSessions { reply }) => {
                    let _ = reply.send(self.detach_sessions());
                }
                Some(Job::SetRetention {
                    account,
                    own,
                    reply,
                }) => {
                    let _ = reply.send(self.set_retention(&account, own));
                }
                Some(Job::Tend { due, reply }) => {
                    let _ = reply.send(self.tend(&due));
                }
            }
            let _ = self.commits.try_send(()); // full: the checkpointer knows already
        }
    }

    fn gather(&mut self, first: Job, next: &mut Option<Job>) -> Group {
        let mut group = Group::default();
        *next = group.add(first);
        while group.len() < GROUP_MAX && next.is_none() {
            match self.jobs.try_recv() {
                Ok(job) => *next = group.add(job),
                Err(_) => break,
            }
        }
        group
    }

    /// Writes a group and answers it; gives it back if its fate is unknown.
    fn write(&mut self, group: Group) -> Option<Group> {
        let written = match self.commit(&group.appends, &group.records) {
            Ok(written) => {
                self.complaint.worked();
                written
            }
            Err(_) if self.fatal.has_happened() => return Some(group),
            Err(cause) if group.len() == 1 => match group.appends.len() {
                1 => (vec![self.failure(&cause)], Vec::new()),
                _ => (Vec::new(), vec![Err(log_change(cause.into()))]),
            },
            // One of them may be to blame, or there is room for some.
            Err(_) => match self.write_alone(&group) {
                Some(written) => written,
                None => return Some(group),
            },
        };
        group.answer(written);
        None
    }

    /// Writes each member of a group in a transaction of its own; `None` if the fate of one is unknown.
    fn write_alone(&mut self, group: &Group) -> Option<(Vec<Answer>, Vec<Recorded>)> {
        let mut answers = Vec::with_capacity(group.appends.len());
        for append in &group.appends {
            let alone = self.commit(std::slice::from_ref(append), &[]);
            if self.fatal.has_happened() {
                return None;
            }
            answers.push(alone.map_or_else(|cause| self.failure(&cause), |(all, _)| single(all)));
        }
        let mut recorded = Vec::with_capacity(group.records.len());
        for change in &group.records {
            recorded.push(self.change(change));
            if self.fatal.has_happened() {
                return None;
            }
        }
        Some((answers, recorded))
    }

    fn failure(&mut self, cause: &StoreError) -> Answer {
        self.complaint.failed(cause, 1, Instant::now());
        Err(AppendError::Storage)
    }

    fn commit(
        &mut self,
        appends: &[Append],
        records: &[Change],
    ) -> Result<(Vec<Answer>, Vec<Recorded>), StoreError> {
        let written = self.transact(|tx, known, now| {
            let answers = appends.iter().map(|append| known.append(tx, now, append));
            let answers = answers.collect::<Result<Vec<_>, StoreError>>()?;
            let recorded = records.iter().map(|change| record(tx, now, change));
            Ok((answers, recorded.collect::<Result<_, _>>()?))
        });
        written.map_err(ChangeFault::into_cause)
    }

    fn change(&mut self, change: &Change) -> Result<(), ChangeError> {
        let made = self.transact(|tx, known, now| {
            if touches_logs(change) {
                known.forget();
            }
            change::make(tx, now, change)
        });
        made.map_err(log_change)
    }

    fn set_retention(
        &mut self,
        account: &BareJid,
        own: Option<Retention>,
    ) -> Result<(), ChangeError> {
        let set = self.transact(|tx, _, _| retention::set(tx, account, own));
        set.map_err(log_change)
    }

    fn save_invite(&mut self, invite: &Invite) -> Result<(), StoreError> {
        let saved = self.transact(|tx, _, _| Ok(change::save_invite(tx, invite)?));
        saved.map_err(ChangeFault::into_cause)
    }

    fn detach_sessions(&mut self) -> Result<(), StoreError> {
        let detached = self.transact(|tx, _, now| Ok(sessions::detach_all(tx, now)?));
        detached.map_err(ChangeFault::into_cause)
    }

    fn tend(&mut self, due: &[Due]) -> Result<(), StoreError> {
        let done = self.transact(|tx, known, now| {
            known.forget();
            Ok(tend::clear(tx, now, due)?)
        });
        done.map_err(ChangeFault::into_cause)
    }

    /// Runs `work` and commits; a failure leaves nothing behind, unless it is fatal.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Known, Stamp) -> Result<T, ChangeFault>,
    ) -> Result<T, ChangeFault> {
        let result = self.attempt(work);
        if let Err(fault) = &result {
            self.known.forget();
            if let ChangeFault::Store(StoreError::Sqlite(error)) = fault {
                self.fatal.judge(error);
            }
        }
        result
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Known, Stamp) -> Result<T, ChangeFault>,
    ) -> Result<T, ChangeFault> {
        let now = (self.clock)();
        let immediate = TransactionBehavior::Immediate;
        let tx = self.conn.transaction_with_behavior(immediate)?;
        self.known.refresh(&tx)?;
        let value = work(&tx, &mut self.known, now)?;
        self.known.flush(&tx)?;
        tx.commit()?;
        Ok(value)
    }
}

impl Group {
    fn len(&self) -> usize {
        self.appends.len() + self.records.len()
    }

    /// Adds a job, or gives it back if it needs a transaction of its own.
    fn add(&mut self, job: Job) -> Option<Job> {
        match job {
            Job::Append { batch, reply } => {
                self.replies.push((batch.len(), reply));
                self.appends.extend(batch);
                None
            }
            Job::Change {
                change: change @ Change::Session { .. },
                reply,
            } => {
                self.records.push(change);
                self.record_replies.push(reply);
                None
            }
            other @ (Job::Change { .. }
            | Job::SaveInvite { .. }
            | Job::DetachSessions { .. }
            | Job::SetRetention { .. }
            | Job::Tend { .. }) => Some(other),
        }
    }

    fn answer(self, (answers, recorded): (Vec<Answer>, Vec<Recorded>)) {
        let mut answers = answers.into_iter();
        for (len, reply) in self.replies {
            let _ = reply.send(answers.by_ref().take(len).collect());
        }
        for (reply, result) in self.record_replies.into_iter().zip(recorded) {
            let _ = reply.send(result);
        }
    }
}

/// Makes a change that may be refused without harm to others in its transaction.
fn record(tx: &Connection, now: Stamp, change: &Change) -> Result<Recorded, StoreError> {
    match change::make(tx, now, change) {
        Ok(()) => Ok(Ok(())),
        Err(ChangeFault::Refused(error)) => Ok(Err(error)),
        Err(ChangeFault::Store(cause)) => Err(cause),
    }
}

fn single(answers: Vec<Answer>) -> Answer {
    let first = answers.into_iter().next();
    first.unwrap_or(Err(AppendError::Storage))
}

/// Whether what the writer remembers of logs may not hold after this change.
fn touches_logs(change: &Change) -> bool {
    matches!(
        change,
        Change::Register { .. }
            | Change::Delete { .. }
            | Change::Contact { .. }
            | Change::Block { .. }
            | Change::Unblock { .. }
            | Change::UnblockAll { .. }
    )
}

fn log_change(fault: ChangeFault) -> ChangeError {
    match fault {
        ChangeFault::Refused(error) => error,
        ChangeFault::Store(cause) => {
            error!(error = %report(&cause), "change not made");
            ChangeError::Storage
        }
    }
}

fn refuse(job: Job) {
    match job {
        Job::Append { batch, reply } => {
            let _ = reply.send(batch.iter().map(|_| Err(AppendError::Storage)).collect());
        }
        Job::Change { reply, .. } | Job::SetRetention { reply, .. } => {
            let _ = reply.send(Err(ChangeError::Storage));
        }
        Job::SaveInvite { reply, .. } | Job::Tend { reply, .. } | Job::DetachSessions { reply } => {
            let _ = reply.send(Err(StoreError::Fatal));
        }
    }
}
