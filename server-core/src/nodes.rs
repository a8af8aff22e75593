//! What the store keeps of an account's personal eventing: nodes and the items in them.

use protocol::BareJid;
use protocol::pubsub::{Config, Item};

/// A node, as it is known while its account is in memory; its items stay in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// How it is kept.
    pub config: Config,
}

/// A change of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// Makes the node, or changes how it is kept.
    Save {
        /// How it is kept from now on.
        config: Config,
        /// Of its items only so many stay, the newest.
        keep: u32,
    },
    /// Puts items in; makes the node if there is none.
    Publish {
        /// How the node is kept.
        config: Config,
        /// The items, the newest last; one takes the place of another with the same id.
        items: Vec<Item>,
        /// So many items may be in it.
        keep: u32,
        /// Whether the oldest give way when there are more; else the change is refused.
        evict: bool,
        /// Bytes that all items of the account may have together (LIM-20).
        bytes_max: u64,
    },
    /// Takes items out.
    Retract {
        /// Their ids; those that are not there are passed over.
        ids: Vec<String>,
    },
    /// Takes all items out.
    Purge,
    /// Removes the node and its items.
    Delete,
}

/// A question for items of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemQuery {
    /// Whose node.
    pub account: BareJid,
    /// Which node.
    pub node: String,
    /// Only these; empty for no such filter.
    pub ids: Vec<String>,
    /// Only items older than this one.
    pub after: Option<String>,
    /// At most so many.
    pub max: u32,
    /// No further item once the answer has so many bytes of payload.
    pub bytes_max: usize,
}

/// Items of one node, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// Whether no older item is left that was asked for.
    pub complete: bool,
}

/// What an item weighs in an account's share of LIM-20.
pub fn item_bytes(item: &Item) -> u64 {
    (item.id.len() + item.payload.len()) as u64
}
