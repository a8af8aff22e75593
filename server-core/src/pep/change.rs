//! Changes of nodes: written, then answered, then told.

use protocol::Condition;
use protocol::jid::BareJid;

use super::plan::Plan;
use super::{Asker, may_read};
use crate::account::Account;
use crate::core::Context;
use crate::io::Output;
use crate::nodes::NodeChange;
use crate::pending::Pending;
use crate::records::{Change, ChangeError};

/// A change that is being written, and what follows.
pub(crate) struct NodeDone {
    pub(crate) account: BareJid,
    asker: Asker,
    plan: Plan,
}

impl Account {
    pub(super) fn change_node(&mut self, cx: &mut Context, asker: Asker, mut plan: Plan) {
        let Some(change) = plan.change.take() else {
            return self.finish_node(cx, asker, plan);
        };
        self.write_node(cx, asker, plan, change);
    }

    fn write_node(&mut self, cx: &mut Context, asker: Asker, plan: Plan, change: NodeChange) {
        let account = self.jid.clone();
        let change = Change::Node {
            account: account.clone(),
            node: plan.node.clone(),
            change,
        };
        self.pep.is_changing = true;
        self.in_flight += 1;
        let ticket = cx.await_answer(Pending::Node(Box::new(NodeDone {
            account,
            asker,
            plan,
        })));
        cx.output(Output::Change {
            ticket,
            change: Box::new(change),
        });
    }

    /// The store answered.
    pub(crate) fn on_node_changed(
        &mut self,
        cx: &mut Context,
        done: NodeDone,
        result: Result<(), ChangeError>,
    ) {
        self.pep.is_changing = false;
        self.in_flight = self.in_flight.saturating_sub(1);
        match result {
            Ok(()) => self.finish_node(cx, done.asker, done.plan),
            Err(error) => {
                tracing::warn!(%error, "node not changed");
                self.refuse_asker(cx, done.asker, condition(error).into());
            }
        }
        self.next_job(cx);
    }

    fn finish_node(&mut self, cx: &mut Context, asker: Asker, plan: Plan) {
        let before = match plan.config {
            Some(config) => self.pep.nodes.insert(plan.node.clone(), config),
            None => self.pep.nodes.remove(&plan.node),
        };
        self.reply_with(cx, asker, plan.answer);
        // Who hears of the end of a node is who could read it.
        let Some(config) = self.pep.nodes.get(&plan.node).cloned().or(before) else {
            return;
        };
        let watchers = self.watchers().into_iter();
        let watchers = watchers.filter(|c| may_read(&self.jid, &self.roster, &config, c));
        let watchers: Vec<_> = watchers.collect();
        for kind in plan.events {
            self.tell(cx, &plan.node, &config, kind, &watchers);
        }
    }
}

fn condition(error: ChangeError) -> Condition {
    match error {
        ChangeError::NoItem => Condition::ItemNotFound,
        ChangeError::Full => Condition::ResourceConstraint,
        ChangeError::Exists
        | ChangeError::NoAccount
        | ChangeError::Token
        | ChangeError::Storage => Condition::InternalServerError,
    }
}
