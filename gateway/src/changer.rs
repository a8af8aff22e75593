//! Changes of accounts, strictly one after the other; records of sessions in groups.

use futures::future::join_all;
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

/// Records of sessions that are on their way at once: they share a transaction, and many come together
/// when many devices do.
const RECORDS_AT_ONCE: usize = 256;

/// Makes changes in the order asked, until nobody can ask any more.
pub(crate) async fn run<A: Accounts>(
    store: A,
    mut queue: mpsc::UnboundedReceiver<ToChange>,
    answers: mpsc::Sender<Answer>,
) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(first) => first,
            None => match queue.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let may_grow = is_record(&first);
        let mut group = vec![first];
        while may_grow && group.len() < RECORDS_AT_ONCE {
            match queue.try_recv() {
                Ok(change) if is_record(&change) => group.push(change),
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let made = group.into_iter().map(|ToChange { ticket, change }| {
            let store = &store;
            async move {
                let result = store.change(*change).await;
                Input::Changed { ticket, result }
            }
        });
        // Asked in this order; the store keeps it.
        for changed in join_all(made).await {
            if answers.send(Some(changed)).await.is_err() {
                return;
            }
        }
    }
}

fn is_record(change: &ToChange) -> bool {
    matches!(*change.change, Change::Session { .. })
}
