//! Nodes and their items.

use protocol::pubsub::{Config, Item};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use server_core::nodes::{ItemPage, ItemQuery, Node, NodeChange, item_bytes};
use server_core::records::ChangeError;

use super::change::ChangeFault;
use super::page::PageFault;
use super::user_of;
use crate::StoreError;

/// Reads the nodes of an account.
pub(super) fn load(tx: &Connection, user: i64) -> Result<Vec<Node>, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT name, config FROM node WHERE user = ?1 ORDER BY name")?;
    let mut rows = query.query([user])?;
    let mut nodes = Vec::new();
    while let Some(row) = rows.next()? {
        let config = serde_json::from_str(&row.get::<_, String>(1)?);
        nodes.push(Node {
            name: row.get(0)?,
            config: config.map_err(|_| StoreError::malformed("configuration of a node"))?,
        });
    }
    Ok(nodes)
}

/// Reads items, the newest first; none of an account that does not exist.
pub(super) fn items(tx: &Connection, query: &ItemQuery) -> Result<ItemPage, PageFault> {
    let Some(user) = user_of(tx, &query.account).map_err(StoreError::from)? else {
        return Ok(ItemPage {
            complete: true,
            ..ItemPage::default()
        });
    };
    let before = match &query.after {
        None => i64::MAX,
        Some(id) => seq_of(tx, user, &query.node, id)?.ok_or(PageFault::UnknownId)?,
    };
    Ok(read_items(tx, user, before, query)?)
}

fn read_items(
    tx: &Connection,
    user: i64,
    before: i64,
    query: &ItemQuery,
) -> Result<ItemPage, StoreError> {
    let mut select = tx.prepare_cached(
        "SELECT id, payload FROM item WHERE user = ?1 AND node = ?2 AND seq < ?3 ORDER BY seq DESC",
    )?;
    let mut rows = select.query(params![user, query.node, before])?;
    let (mut page, mut bytes) = (ItemPage::default(), 0);
    while let Some(row) = rows.next()? {
        let item = item(row)?;
        if !query.ids.is_empty() && !query.ids.contains(&item.id) {
            continue;
        }
        if page.items.len() >= query.max as usize || bytes >= query.bytes_max {
            return Ok(page);
        }
        bytes += item.payload.len();
        page.items.push(item);
    }
    page.complete = true;
    Ok(page)
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        payload: row.get::<_, String>(1)?.into(),
    })
}

fn seq_of(tx: &Connection, user: i64, node: &str, id: &str) -> Result<Option<i64>, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT seq FROM item WHERE user = ?1 AND node = ?2 AND id = ?3")?;
    let seq = query.query_row(params![user, node, id], |row| row.get(0));
    Ok(seq.optional()?)
}

/// Makes one change of a node.
pub(super) fn change(
    tx: &Connection,
    user: i64,
    node: &str,
    change: &NodeChange,
) -> Result<(), ChangeFault> {
    let node = NodeRows { tx, user, node };
    match change {
        NodeChange::Save { config, keep } => {
            node.save(config)?;
            let freed = node.trim(*keep)?;
            node.weigh(-freed)?;
        }
        NodeChange::Publish {
            config,
            items,
            keep,
            evict,
            bytes_max,
        } => {
            node.save(config)?;
            let mut bytes = 0;
            for item in items {
                bytes += node.put(item)?;
            }
            let freed = node.trim(*keep)?;
            if freed > 0 && !evict {
                return Err(ChangeFault::Refused(ChangeError::Full));
            }
            node.weigh(bytes - freed)?;
            if node.bytes_of_account()? > *bytes_max {
                return Err(ChangeFault::Refused(ChangeError::Full));
            }
        }
        NodeChange::Retract { ids } => {
            let removed = ids.iter().map(|id| node.remove(id));
            let removed: Vec<i64> = removed.collect::<Result<_, _>>()?;
            let bytes = removed.iter().sum::<i64>();
            if bytes == 0 {
                return Err(ChangeFault::Refused(ChangeError::NoItem));
            }
            node.weigh(-bytes)?;
        }
        NodeChange::Purge => {
            let freed = node.trim(0)?;
            node.weigh(-freed)?;
        }
        NodeChange::Delete => {
            node.trim(0)?;
            tx.prepare_cached("DELETE FROM node WHERE user = ?1 AND name = ?2")?
                .execute(params![user, node.node])?;
        }
    }
    Ok(())
}

/// Removes all nodes of an account.
pub(super) fn delete_all(tx: &Connection, user: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM item WHERE user = ?1", [user])?;
    tx.execute("DELETE FROM node WHERE user = ?1", [user])?;
    Ok(())
}

/// The rows of one node.
struct NodeRows<'a> {
    tx: &'a Connection,
    user: i64,
    node: &'a str,
}

impl NodeRows<'_> {
    fn save(&self, config: &Config) -> Result<(), StoreError> {
        let config = serde_json::to_string(config);
        let config = config.map_err(|_| StoreError::malformed("configuration of a node"))?;
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO node (user, name, config) VALUES (?1, ?2, ?3) \
             ON CONFLICT (user, name) DO UPDATE SET config = excluded.config",
        )?;
        insert.execute(params![self.user, self.node, config])?;
        Ok(())
    }

    /// Writes an item; gives by how many bytes the node grew.
    fn put(&self, item: &Item) -> Result<i64, StoreError> {
        let replaced = self.remove(&item.id)?;
        let bytes = i64::try_from(item_bytes(item)).unwrap_or(i64::MAX);
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO item (user, node, id, seq, bytes, payload) VALUES (?1, ?2, ?3, \
             (SELECT coalesce(max(seq), 0) + 1 FROM item WHERE user = ?1 AND node = ?2), ?4, ?5)",
        )?;
        insert.execute(params![
            self.user,
            self.node,
            item.id,
            bytes,
            &*item.payload
        ])?;
        Ok(bytes - replaced)
    }

    /// Removes an item; gives its bytes, 0 if there is none.
    fn remove(&self, id: &str) -> Result<i64, StoreError> {
        let mut delete = self.tx.prepare_cached(
            "DELETE FROM item WHERE user = ?1 AND node = ?2 AND id = ?3 RETURNING bytes",
        )?;
        let bytes = delete.query_row(params![self.user, self.node, id], |row| row.get(0));
        Ok(bytes.optional()?.unwrap_or(0))
    }

    /// Removes the oldest items until only so many are left; gives their bytes.
    fn trim(&self, keep: u32) -> Result<i64, StoreError> {
        let mut delete = self.tx.prepare_cached(
            "DELETE FROM item WHERE user = ?1 AND node = ?2 AND seq <= \
             (SELECT seq FROM item WHERE user = ?1 AND node = ?2 \
              ORDER BY seq DESC LIMIT 1 OFFSET ?3) RETURNING bytes",
        )?;
        let mut rows = delete.query(params![self.user, self.node, keep])?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            bytes += row.get::<_, i64>(0)?;
        }
        Ok(bytes)
    }

    fn weigh(&self, bytes: i64) -> Result<(), StoreError> {
        let mut update = self
            .tx
            .prepare_cached("UPDATE node SET bytes = bytes + ?3 WHERE user = ?1 AND name = ?2")?;
        update.execute(params![self.user, self.node, bytes])?;
        Ok(())
    }

    fn bytes_of_account(&self) -> Result<u64, StoreError> {
        let mut query = self
            .tx
            .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM node WHERE user = ?1")?;
        let bytes: i64 = query.query_row([self.user], |row| row.get(0))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }
}
