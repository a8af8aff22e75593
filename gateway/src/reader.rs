//! Everything that the core wants to know and that has no order: a bounded number at once.

use std::sync::Arc;

use protocol::{ArchiveId, BareJid};
use server_core::archive::{PageQuery, ReadError};
use server_core::io::Password;
use server_core::nodes::ItemQuery;
use server_core::{Input, Ticket};
use store::Store;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::hasher::Hasher;
use crate::shard::Answer;

/// One question.
#[derive(Debug)]
pub(crate) enum ToRead {
    Credentials {
        ticket: Ticket,
        account: BareJid,
    },
    Load {
        account: BareJid,
    },
    Page {
        ticket: Ticket,
        query: Box<PageQuery>,
    },
    Ends {
        ticket: Ticket,
        account: BareJid,
    },
    Locate {
        ticket: Ticket,
        account: BareJid,
        id: ArchiveId,
    },
    Entries {
        account: BareJid,
        after: u64,
        max: usize,
    },
    Spool {
        account: BareJid,
        after: u64,
        max: usize,
    },
    Items {
        ticket: Ticket,
        query: Box<ItemQuery>,
    },
    Devices {
        ticket: Ticket,
        account: BareJid,
    },
    Hash {
        ticket: Ticket,
        password: Password,
    },
}

/// Answers questions, `at_once` of them at the same time, until nobody can ask any more.
pub(crate) async fn run<S: Store>(
    store: S,
    hasher: Hasher,
    mut queue: mpsc::UnboundedReceiver<ToRead>,
    answers: mpsc::Sender<Answer>,
    at_once: usize,
) {
    let permits = Arc::new(Semaphore::new(at_once));
    let tasks = TaskTracker::new();
    while let Some(read) = queue.recv().await {
        // A password waits for the hasher, and nobody who reads waits for it.
        let permit = match matches!(read, ToRead::Hash { .. }) {
            true => None,
            false => match Arc::clone(&permits).acquire_owned().await {
                Ok(permit) => Some(permit),
                Err(_) => break,
            },
        };
        let (store, hasher, answers) = (store.clone(), hasher.clone(), answers.clone());
        tasks.spawn(async move {
            let answer = answer(&store, &hasher, read).await;
            drop(permit);
            // Nobody waits for it when the shard is gone.
            let _ = answers.send(answer).await;
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn answer<S: Store>(store: &S, hasher: &Hasher, read: ToRead) -> Answer {
    let input = match read {
        ToRead::Credentials { ticket, account } => {
            let result = store.credentials(&account).await.map_err(|cause| {
                error!(error = %cause, "credentials not read");
                ReadError::Storage
            });
            Input::Credentials { ticket, result }
        }
        ToRead::Load { account } => {
            let result = store.load(&account).await.map_err(|cause| {
                error!(error = %cause, "account not read");
                ReadError::Storage
            });
            Input::Loaded { account, result }
        }
        ToRead::Devices { ticket, account } => {
            let result = store.devices(&account).await.map_err(|cause| {
                error!(error = %cause, "devices not read");
                ReadError::Storage
            });
            Input::Devices { ticket, result }
        }
        ToRead::Page { ticket, query } => Input::Page {
            ticket,
            result: store.page(*query).await,
        },
        ToRead::Ends { ticket, account } => Input::Ends {
            ticket,
            result: store.ends(&account).await,
        },
        ToRead::Locate {
            ticket,
            account,
            id,
        } => Input::Located {
            ticket,
            result: store.locate(&account, &id).await,
        },
        ToRead::Entries {
            account,
            after,
            max,
        } => {
            let result = store.entries_after(&account, after, max).await;
            Input::Entries { account, result }
        }
        ToRead::Spool {
            account,
            after,
            max,
        } => {
            let result = store.spooled(&account, after, max).await;
            Input::Spool { account, result }
        }
        ToRead::Items { ticket, query } => Input::Items {
            ticket,
            result: store.items(*query).await,
        },
        ToRead::Hash { ticket, password } => {
            let keys = hasher.hash(password).await;
            Input::Hashed { ticket, keys }
        }
    };
    Some(input)
}
