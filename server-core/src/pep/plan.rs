//! What a change of a node comes to, decided before anything is written.

use protocol::form::Form;
use protocol::pubsub::{self, Config, EventKind, Item, Published, Request};
use protocol::{Condition, Element, StanzaError};

use crate::account::Account;
use crate::core::Context;
use crate::ids;
use crate::limits::Limits;
use crate::nodes::NodeChange;

/// One change and what follows it.
pub(super) struct Plan {
    pub(super) node: String,
    /// How the node is kept afterwards; `None` if it is gone.
    pub(super) config: Option<Config>,
    /// What is to be written, if anything.
    pub(super) change: Option<NodeChange>,
    /// What is told, to those who might read it before.
    pub(super) events: Vec<EventKind>,
    pub(super) answer: Option<Element>,
}

impl Account {
    pub(super) fn plan_node(
        &self,
        cx: &mut Context,
        request: Request,
    ) -> Result<Plan, StanzaError> {
        match request {
            Request::Publish {
                node,
                items,
                options,
            } => {
                let config = self.config_for(&cx.config.limits, &node, options.as_ref())?;
                self.plan_publish(cx, node, config, items)
            }
            Request::Retract { node, ids, notify } => self.plan_retract(node, ids, notify),
            Request::Create { node, config } => self.plan_create(&cx.config.limits, node, config),
            Request::Configure { node, form } => {
                let config = self.known(&node)?.with(&form)?;
                Ok(save(&cx.config.limits, node, config))
            }
            Request::Purge { node } => {
                let config = self.known(&node)?.clone();
                let is_told = config.notify_retract;
                let change = NodeChange::Purge;
                Ok(ending(
                    node,
                    Some(config),
                    change,
                    is_told.then_some(EventKind::Purged),
                ))
            }
            Request::Delete { node } => {
                let is_told = self.known(&node)?.notify_delete;
                let change = NodeChange::Delete;
                Ok(ending(
                    node,
                    None,
                    change,
                    is_told.then_some(EventKind::Deleted),
                ))
            }
            Request::Items { .. } | Request::Configuration { .. } => {
                Err(Condition::BadRequest.into())
            }
        }
    }

    fn known(&self, node: &str) -> Result<&Config, StanzaError> {
        let config = self.pep.nodes.get(node);
        config.ok_or(Condition::ItemNotFound.into())
    }

    fn check_room(&self, limits: &Limits) -> Result<(), StanzaError> {
        if self.pep.nodes.len() >= limits.nodes.0 {
            return Err(Condition::ResourceConstraint.into());
        }
        Ok(())
    }

    /// How a node that is published to is kept: as it is, which the options must agree with, or as
    /// they say (PE-02, PE-03).
    fn config_for(
        &self,
        limits: &Limits,
        node: &str,
        options: Option<&Form>,
    ) -> Result<Config, StanzaError> {
        let Some(config) = self.pep.nodes.get(node) else {
            self.check_room(limits)?;
            let usual = Config::default();
            return options.map_or(Ok(usual.clone()), |options| usual.with(options));
        };
        match options.map(|options| config.with(options)).transpose()? {
            Some(wanted) if wanted != *config => {
                Err(pubsub::error(Condition::Conflict, "precondition-not-met"))
            }
            _ => Ok(config.clone()),
        }
    }

    pub(super) fn plan_publish(
        &self,
        cx: &mut Context,
        node: String,
        config: Config,
        items: Vec<Published>,
    ) -> Result<Plan, StanzaError> {
        let (item_bytes_max, bytes_max) = cx.config.limits.item_bytes;
        let items = items.into_iter().map(|published| {
            let id = published.id.unwrap_or_else(|| ids::opaque(&mut cx.rng));
            Item::new(id, &published.payload)
        });
        let items: Vec<_> = items.collect();
        if items.iter().any(|item| item.payload.len() > item_bytes_max) {
            let condition = Condition::ResourceConstraint;
            return Err(pubsub::error(condition, "payload-too-big"));
        }
        let ids = items.iter().map(|item| item.id.as_str());
        let answer = pubsub::publish_result(&node, ids);
        let events = items.iter();
        let events = events.map(|item| EventKind::Items(vec![item.clone()]));
        let events = events.collect();
        let is_new = !self.pep.nodes.contains_key(&node);
        let (keep, evict) = keep(&cx.config.limits, &config);
        let change = match (config.persist, is_new) {
            (true, _) => Some(NodeChange::Publish {
                config: config.clone(),
                items,
                keep,
                evict,
                bytes_max,
            }),
            (false, true) => Some(NodeChange::Save {
                config: config.clone(),
                keep: 0,
            }),
            (false, false) => None,
        };
        Ok(Plan {
            node,
            config: Some(config),
            change,
            events,
            answer: Some(answer),
        })
    }

    fn plan_retract(
        &self,
        node: String,
        ids: Vec<String>,
        notify: Option<bool>,
    ) -> Result<Plan, StanzaError> {
        let config = self.known(&node)?.clone();
        let events = match notify.unwrap_or(config.notify_retract) {
            true => ids
                .iter()
                .map(|id| EventKind::Retracted(vec![id.clone()]))
                .collect(),
            false => Vec::new(),
        };
        Ok(Plan {
            node,
            config: Some(config),
            change: Some(NodeChange::Retract { ids }),
            events,
            answer: None,
        })
    }

    fn plan_create(
        &self,
        limits: &Limits,
        node: String,
        config: Option<Form>,
    ) -> Result<Plan, StanzaError> {
        if self.pep.nodes.contains_key(&node) {
            return Err(Condition::Conflict.into());
        }
        self.check_room(limits)?;
        let usual = Config::default();
        let config = config.map_or(Ok(usual.clone()), |form| usual.with(&form))?;
        Ok(save(limits, node, config))
    }
}

fn save(limits: &Limits, node: String, config: Config) -> Plan {
    let keep = match config.persist {
        true => keep(limits, &config).0,
        false => 0,
    };
    Plan {
        node,
        config: Some(config.clone()),
        change: Some(NodeChange::Save { config, keep }),
        events: Vec::new(),
        answer: None,
    }
}

fn ending(
    node: String,
    config: Option<Config>,
    change: NodeChange,
    event: Option<EventKind>,
) -> Plan {
    Plan {
        node,
        config,
        change: Some(change),
        events: event.into_iter().collect(),
        answer: None,
    }
}

/// How many items a node holds, and whether older ones give way to newer ones (PE-07).
fn keep(limits: &Limits, config: &Config) -> (u32, bool) {
    let most = limits.nodes.1;
    match config.max_items {
        Some(wanted) if wanted <= most => (wanted, true),
        _ => (most, false),
    }
}
