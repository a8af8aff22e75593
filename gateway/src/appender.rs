//! Group commit: whatever has queued goes into one transaction (LIM-24).

use std::sync::Arc;

use server_core::archive::{Append, AppendError, Keep};
use server_core::{Input, Ticket};
use store::Archive;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::shard::Answer;

/// One message on its way to the disk.
#[derive(Debug)]
pub(crate) struct ToAppend {
    pub(crate) ticket: Ticket,
    pub(crate) append: Append,
}

/// Writes in the order asked and answers in the same order, until nobody can ask any more.
///
/// There is no waiting for company: a transaction takes as long as a flush of the disk, and what
/// comes meanwhile makes up the next one.
pub(crate) async fn run<A: Archive>(
    store: A,
    mut queue: mpsc::UnboundedReceiver<ToAppend>,
    answers: mpsc::Sender<Answer>,
    batch_max: usize,
    metrics: Arc<Metrics>,
) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, batch_max).await > 0 {
        let split = waiting.drain(..).map(|a| (a.ticket, a.append));
        let (tickets, batch): (Vec<_>, Vec<_>) = split.unzip();
        metrics.append_batch.observe(batch.len() as f64);
        let entries: Vec<usize> = batch.iter().map(entries_of).collect();
        let from = Instant::now();
        let results = store.append(batch).await;
        metrics.append_seconds.observe(from.elapsed().as_secs_f64());
        metrics.count_appends(entries.into_iter().zip(&results));
        let mut results = results.into_iter();
        for ticket in tickets {
            let result = results.next().unwrap_or(Err(AppendError::Storage));
            let appended = Input::Appended { ticket, result };
            if answers.send(Some(appended)).await.is_err() {
                return;
            }
        }
    }
}

/// How many logs a message is to be written to.
fn entries_of(append: &Append) -> usize {
    let has_other = append
        .recipient
        .as_ref()
        .is_some_and(|r| *r != append.sender);
    match append.keep {
        Keep::Entries | Keep::EntriesIfKnown(_) => 1 + usize::from(has_other),
        Keep::OutcomeOnly | Keep::Refusal(_) => 0,
    }
}
