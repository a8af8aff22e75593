//! Nodes and their items, in memory.

use std::collections::BTreeMap;

use protocol::pubsub::{Config, Item};
use server_core::archive::ReadError;
use server_core::nodes::{ItemPage, ItemQuery, Node, NodeChange, item_bytes};
use server_core::records::ChangeError;

/// The nodes of one account.
#[derive(Clone, Default)]
pub(super) struct Nodes(BTreeMap<String, Kept>);

#[derive(Clone, Default)]
struct Kept {
    config: Config,
    /// The newest last.
    items: Vec<Item>,
}

impl Nodes {
    pub(super) fn list(&self) -> Vec<Node> {
        let nodes = self.0.iter().map(|(name, kept)| Node {
            name: name.clone(),
            config: kept.config.clone(),
        });
        nodes.collect()
    }

    pub(super) fn items(&self, query: &ItemQuery) -> Result<ItemPage, ReadError> {
        let items = self.0.get(&query.node).map(|kept| kept.items.as_slice());
        let items = items.unwrap_or_default();
        let end = match &query.after {
            None => items.len(),
            Some(id) => {
                let found = items.iter().position(|item| item.id == *id);
                found.ok_or(ReadError::UnknownId)?
            }
        };
        let wanted = |item: &&Item| query.ids.is_empty() || query.ids.contains(&item.id);
        let (mut page, mut bytes) = (ItemPage::default(), 0);
        for item in items.iter().take(end).rev().filter(wanted) {
            if page.items.len() >= query.max as usize || bytes >= query.bytes_max {
                return Ok(page);
            }
            bytes += item.payload.len();
            page.items.push(item.clone());
        }
        page.complete = true;
        Ok(page)
    }

    /// Makes one change; a refused one changes nothing.
    pub(super) fn change(&mut self, node: &str, change: NodeChange) -> Result<(), ChangeError> {
        match change {
            NodeChange::Save { config, keep } => {
                let kept = self.0.entry(node.to_owned()).or_default();
                kept.config = config;
                kept.trim(keep);
            }
            NodeChange::Publish {
                config,
                items,
                keep,
                evict,
                bytes_max,
            } => {
                let mut kept = self.0.get(node).cloned().unwrap_or_default();
                kept.config = config;
                for item in items {
                    kept.items.retain(|other| other.id != item.id);
                    kept.items.push(item);
                }
                if kept.trim(keep) && !evict {
                    return Err(ChangeError::Full);
                }
                let others = self.0.iter().filter(|(name, _)| *name != node);
                let others: u64 = others.map(|(_, other)| other.bytes()).sum();
                if others + kept.bytes() > bytes_max {
                    return Err(ChangeError::Full);
                }
                self.0.insert(node.to_owned(), kept);
            }
            NodeChange::Retract { ids } => {
                let kept = self.0.get_mut(node).ok_or(ChangeError::NoItem)?;
                let before = kept.items.len();
                kept.items.retain(|item| !ids.contains(&item.id));
                if kept.items.len() == before {
                    return Err(ChangeError::NoItem);
                }
            }
            NodeChange::Purge => {
                if let Some(kept) = self.0.get_mut(node) {
                    kept.items.clear();
                }
            }
            NodeChange::Delete => {
                self.0.remove(node);
            }
        }
        Ok(())
    }
}

impl Kept {
    /// Removes the oldest items until only so many are left; tells whether there were more.
    fn trim(&mut self, keep: u32) -> bool {
        let over = self.items.len().saturating_sub(keep as usize);
        self.items.drain(..over);
        over > 0
    }

    fn bytes(&self) -> u64 {
        self.items.iter().map(item_bytes).sum()
    }
}
