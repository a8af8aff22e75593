//! Changes of accounts, strictly one after the other.

use server_core::records::Change;
use server_core::{Input, Ticket};
use store::Accounts;
use tokio::sync::mpsc;

use crate::shard::Answer;

/// One change on its way to the disk.
#[derive(Debug)]
pub(crate) struct ToChange {
    pub(crate) ticket: Ticket,
    pub(crate) change: Box<Change>,
}

/// Makes changes in the order asked, until nobody can ask any more.
pub(crate) async fn run<A: Accounts>(
    store: A,
    mut queue: mpsc::UnboundedReceiver<ToChange>,
    answers: mpsc::Sender<Answer>,
) {
    while let Some(ToChange { ticket, change }) = queue.recv().await {
        let result = store.change(*change).await;
        let changed = Input::Changed { ticket, result };
        if answers.send(Some(changed)).await.is_err() {
            return;
        }
    }
}
