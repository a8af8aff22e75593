//! Reading items, for those who ask and for those who come.

use std::collections::BTreeSet;

use protocol::jid::{BareJid, FullJid};
use protocol::pubsub::{Config, EventKind, SendLast, items_result};
use protocol::rsm::PageRequest;
use protocol::{Condition, Iq, IqKind, ns};

use super::{Asker, answer_other, may_read};
use crate::account::Account;
use crate::archive::ReadError;
use crate::core::Context;
use crate::io::Output;
use crate::nodes::{ItemPage, ItemQuery};
use crate::pending::Pending;

/// Items that are being read.
pub(crate) struct ItemsRead {
    pub(crate) account: BareJid,
    node: String,
    purpose: Purpose,
}

enum Purpose {
    /// Somebody asked; tells whether they asked for a page of many.
    Answer(Asker),
    /// A session has come.
    Last(FullJid),
}

impl Account {
    /// PE-05: no node, and no access for contacts, are the same answer.
    pub(super) fn read_items(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        node: String,
        (max, ids, page): (Option<u32>, Vec<String>, PageRequest),
    ) {
        let may_read = match &asker {
            Asker::Own(..) | Asker::None => self.pep.nodes.contains_key(&node),
            Asker::Other(iq) => self.may_be_read_by(&node, iq),
        };
        if !may_read {
            return self.refuse_asker(cx, asker, Condition::ItemNotFound.into());
        }
        let limits = &cx.config.limits;
        let most = limits.nodes.1;
        let query = ItemQuery {
            account: self.jid.clone(),
            node: node.clone(),
            ids,
            after: page.after,
            max: max.unwrap_or(most).min(page.max.unwrap_or(most)).min(most),
            bytes_max: limits.items_page_bytes,
        };
        self.ask_for_items(cx, node, Purpose::Answer(asker), query);
    }

    fn may_be_read_by(&self, node: &str, iq: &Iq) -> bool {
        let reader = iq.from.jid().map(protocol::Jid::to_bare);
        let config = self.pep.nodes.get(node);
        config
            .zip(reader)
            .is_some_and(|(config, reader)| may_read(&self.jid, &self.roster, config, &reader))
    }

    /// Reads the newest item of each node that sends it to those who come (PE-09).
    pub(super) fn send_last(&mut self, cx: &mut Context, to: &FullJid, wanted: &BTreeSet<String>) {
        let reader = to.to_bare();
        let is_sent = |config: &Config| {
            config.persist
                && config.send_last == SendLast::OnSubAndPresence
                && may_read(&self.jid, &self.roster, config, &reader)
        };
        let nodes = self.pep.nodes.iter();
        let nodes = nodes.filter(|(name, config)| wanted.contains(*name) && is_sent(config));
        let nodes: Vec<_> = nodes.map(|(name, _)| name.clone()).collect();
        for node in nodes {
            let query = ItemQuery {
                account: self.jid.clone(),
                node: node.clone(),
                ids: Vec::new(),
                after: None,
                max: 1,
                bytes_max: cx.config.limits.items_page_bytes,
            };
            self.ask_for_items(cx, node, Purpose::Last(to.clone()), query);
        }
    }

    fn ask_for_items(
        &mut self,
        cx: &mut Context,
        node: String,
        purpose: Purpose,
        query: ItemQuery,
    ) {
        self.in_flight += 1;
        self.pep.reading += 1;
        let account = self.jid.clone();
        let ticket = cx.await_answer(Pending::Items(Box::new(ItemsRead {
            account,
            node,
            purpose,
        })));
        cx.output(Output::ReadItems {
            ticket,
            query: Box::new(query),
        });
    }

    /// The store answered.
    pub(crate) fn on_items(
        &mut self,
        cx: &mut Context,
        read: ItemsRead,
        result: Result<ItemPage, ReadError>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.pep.reading = self.pep.reading.saturating_sub(1);
        self.tell_items(cx, read, result);
        self.next_job(cx);
    }

    fn tell_items(
        &mut self,
        cx: &mut Context,
        read: ItemsRead,
        result: Result<ItemPage, ReadError>,
    ) {
        match (read.purpose, result) {
            (Purpose::Answer(asker), Ok(page)) => {
                let answer = items_result(&read.node, &page.items, !page.complete);
                self.reply_with(cx, asker, Some(answer));
            }
            (Purpose::Answer(asker), Err(ReadError::UnknownId)) => {
                self.refuse_asker(cx, asker, Condition::ItemNotFound.into());
            }
            (Purpose::Answer(asker), Err(ReadError::Storage)) => {
                self.refuse_asker(cx, asker, Condition::InternalServerError.into());
            }
            (Purpose::Last(to), Ok(_)) if self.blocks(&to.clone().into()) => {}
            (Purpose::Last(to), Ok(page)) => {
                let config = self.pep.nodes.get(&read.node).cloned();
                if let (Some(config), Some(item)) = (config, page.items.into_iter().next()) {
                    let event = EventKind::Items(vec![item]);
                    self.tell_one(cx, &read.node, &config, event, &to);
                }
            }
            (Purpose::Last(_), Err(_)) => {}
        }
    }
}

/// What is answered where there is no such account, or one that hears nothing of the asker (BL-02). Nodes
/// can be asked for by anybody: there it is what an account answers that has nothing for the asker (SEC-24).
pub(crate) fn answer_for_nobody(cx: &mut Context, iq: &Iq) {
    let condition = match &iq.kind {
        IqKind::Get(query) if query.ns() == ns::PUBSUB => Condition::ItemNotFound,
        IqKind::Get(_) | IqKind::Set(_) | IqKind::Result(_) | IqKind::Error(_) => {
            Condition::ServiceUnavailable
        }
    };
    answer_other(cx, &iq.error(condition));
}
