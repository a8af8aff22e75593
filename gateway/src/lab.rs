//! The lab's accidents: lines that an archive does not take, and a server that begins anew.
//!
//! They exist only where the lab is on, which is on this machine only (SEC-70), and only in memory: a
//! server that begins anew has forgotten them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::BareJid;
use server_core::archive::{Append, AppendError, message_of};
use store::Gate;
use tokio_util::sync::CancellationToken;

use crate::demo::DemoAccount;
use crate::random::{self, NoRandomness};

/// How many lines that were not saved are remembered.
const UNSAVED_MAX: usize = 1_000;

/// The lab of a server.
#[derive(Debug)]
pub(crate) struct Lab {
    /// Tells one start of the server from another.
    pub(crate) boot: String,
    /// Whom its page may sign in as.
    pub(crate) accounts: Vec<DemoAccount>,
    /// Fires when the server is to begin anew, as if it had been killed.
    pub(crate) restart: CancellationToken,
    faults: Arc<Mutex<Faults>>,
}

/// What goes wrong, and what went wrong so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Accounts whose archives do not take the next line.
    pub(crate) failing: BTreeSet<BareJid>,
    /// Accounts whose archives are full.
    pub(crate) full: BTreeSet<BareJid>,
    /// What was not saved, the latest last.
    pub(crate) unsaved: VecDeque<Unsaved>,
}

/// A line that an archive did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsaved {
    /// Whose archive.
    pub(crate) account: BareJid,
    /// Who wrote the line.
    pub(crate) sender: BareJid,
    /// The id that its sender gave it.
    pub(crate) message: String,
    /// Why.
    pub(crate) error: AppendError,
}

impl Lab {
    /// A lab in which nothing goes wrong.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub(crate) fn new() -> Result<Self, NoRandomness> {
        Ok(Self {
            boot: random::token()?,
            accounts: Vec::new(),
            restart: CancellationToken::new(),
            faults: Arc::default(),
        })
    }

    /// The same with these accounts.
    pub(crate) fn with(self, accounts: Vec<DemoAccount>) -> Self {
        Self { accounts, ..self }
    }

    /// What goes wrong at this moment.
    pub(crate) fn faults(&self) -> Faults {
        locked(&self.faults).clone()
    }

    /// Lets the next line fail in the archives of these accounts, or no more.
    pub(crate) fn fail_next(&self, accounts: &[BareJid], on: bool) {
        turn(&mut locked(&self.faults).failing, accounts, on);
    }

    /// Fills the archives of these accounts, or empties them.
    pub(crate) fn fill(&self, accounts: &[BareJid], on: bool) {
        turn(&mut locked(&self.faults).full, accounts, on);
    }

    /// What the store asks before it writes an entry.
    pub(crate) fn gate(&self) -> Gate {
        let faults = Arc::clone(&self.faults);
        Arc::new(move |append, account| locked(&faults).refuse(append, account))
    }
}

fn locked(faults: &Mutex<Faults>) -> MutexGuard<'_, Faults> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}

fn turn(set: &mut BTreeSet<BareJid>, accounts: &[BareJid], on: bool) {
    for account in accounts {
        if on {
            set.insert(account.clone());
        } else {
            set.remove(account);
        }
    }
}

impl Faults {
    /// Why an archive does not take an append. Only lines fail, not what devices tell each other beside
    /// them; and what failed once fails alike when its transaction is tried again.
    fn refuse(&mut self, append: &Append, account: &BareJid) -> Option<AppendError> {
        let message = message_of(&append.stanza)?;
        let id = message.id().filter(|_| message.body().is_some())?;
        let mut before = self.unsaved.iter();
        let before = before.find(|unsaved| {
            unsaved.message == id && unsaved.account == *account && unsaved.sender == append.sender
        });
        if let Some(before) = before {
            return Some(before.error.clone());
        }
        let error = if self.full.contains(account) {
            AppendError::Quota {
                account: account.clone(),
                limit_bytes: 0,
            }
        } else if self.failing.remove(account) {
            AppendError::Storage
        } else {
            return None;
        };
        if self.unsaved.len() == UNSAVED_MAX {
            self.unsaved.pop_front();
        }
        self.unsaved.push_back(Unsaved {
            account: account.clone(),
            sender: append.sender.clone(),
            message: id.to_owned(),
            error: error.clone(),
        });
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use server_core::archive::Keep;

    use super::*;

    fn jid(name: &str) -> BareJid {
        BareJid::new(&format!("{name}@localhost")).unwrap()
    }

    fn append(id: &str, child: &str) -> Append {
        let stanza = format!(
            "<message xmlns='jabber:client' from='romeo@localhost' to='juliet@localhost' \
             id='{id}' type='chat'>{child}</message>"
        );
        Append {
            sender: jid("romeo"),
            resource: None,
            recipient: Some(jid("juliet")),
            peer: jid("juliet"),
            own_id: None,
            digest: [0; 32],
            keep: Keep::Entries,
            spool: false,
            retracts: None,
            stanza: stanza.into(),
            session: None,
        }
    }

    #[test]
    fn the_next_line_fails_once_in_the_archives_that_were_named_and_signals_do_not_count() {
        let lab = Lab::new().unwrap();
        let gate = lab.gate();
        let (romeo, juliet) = (jid("romeo"), jid("juliet"));
        let line = |id: &str| append(id, "<body>Ay me</body>");
        lab.fail_next(std::slice::from_ref(&juliet), true);
        let receipt = append("r", "<received xmlns='urn:xmpp:receipts' id='x'/>");
        assert_eq!(gate(&receipt, &juliet), None);
        assert_eq!(gate(&line("1"), &romeo), None);
        assert_eq!(gate(&line("1"), &juliet), Some(AppendError::Storage));
        // Its transaction is tried again.
        assert_eq!(gate(&line("1"), &juliet), Some(AppendError::Storage));
        assert_eq!(gate(&line("2"), &juliet), None);
        let unsaved = lab.faults().unsaved;
        assert_eq!(unsaved.len(), 1);
        assert_eq!(unsaved[0].message, "1");
    }

    #[test]
    fn a_full_archive_takes_nothing_until_there_is_room() {
        let lab = Lab::new().unwrap();
        let gate = lab.gate();
        let romeo = jid("romeo");
        lab.fill(std::slice::from_ref(&romeo), true);
        for id in ["1", "2"] {
            let refused = gate(&append(id, "<body>x</body>"), &romeo);
            assert!(matches!(refused, Some(AppendError::Quota { .. })));
        }
        lab.fill(std::slice::from_ref(&romeo), false);
        assert_eq!(gate(&append("3", "<body>x</body>"), &romeo), None);
    }
}
