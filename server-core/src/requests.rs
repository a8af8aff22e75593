//! What an account's own devices ask for and what costs a transaction of its own, or a password to be
//! hashed: one after the other, so that no account keeps all others waiting (SEC-77).

use std::collections::VecDeque;

use crate::account::Account;
use crate::core::Context;
use crate::io::{Output, Password};
use crate::pending::{Pending, Request};
use crate::records::Change;
use crate::session::SessionId;

/// What is to be done for a request.
pub(crate) enum Task {
    /// Make a change; who waits for it.
    Change(Pending, Box<Change>),
    /// Hash a password, and then set it.
    Hash(Box<Request>, Password),
}

/// The tasks of one account.
#[derive(Default)]
pub(crate) struct Tasks {
    /// Whether one of them is being done.
    is_busy: bool,
    /// The others, each with the session that asked.
    waiting: VecDeque<(SessionId, Task)>,
}

impl Account {
    /// Does a task as soon as those before it are done; [`Account::end_task`] says when.
    pub(crate) fn begin_task(&mut self, cx: &mut Context, session: SessionId, task: Task) {
        self.in_flight += 1;
        self.tasks.waiting.push_back((session, task));
        self.next_task(cx);
    }

    fn next_task(&mut self, cx: &mut Context) {
        if self.tasks.is_busy {
            return;
        }
        let Some((_, task)) = self.tasks.waiting.pop_front() else {
            return;
        };
        self.tasks.is_busy = true;
        match task {
            Task::Change(pending, change) => {
                let ticket = cx.await_answer(pending);
                cx.output(Output::Change { ticket, change });
            }
            Task::Hash(request, password) => {
                let ticket = cx.await_answer(Pending::Hash(request));
                cx.output(Output::Hash { ticket, password });
            }
        }
    }

    /// The present task is done and answered.
    pub(crate) fn end_task(&mut self, cx: &mut Context) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tasks.is_busy = false;
        self.next_task(cx);
    }

    /// What was asked by sessions that are ended because they must do nothing more is not done.
    pub(crate) fn drop_tasks(&mut self, may_ask: impl Fn(SessionId) -> bool) {
        let before = self.tasks.waiting.len();
        let waiting = &mut self.tasks.waiting;
        waiting.retain(|(session, _)| may_ask(*session));
        let dropped = before - self.tasks.waiting.len();
        self.in_flight = self.in_flight.saturating_sub(dropped);
    }
}
