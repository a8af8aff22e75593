//! The object stores of one slot's database, and how a database gets them.

use indexed_db_futures::KeyPath;
use indexed_db_futures::database::{Database, VersionChangeEvent};
use indexed_db_futures::prelude::*;

/// Version of the layout below; a higher one brings a migration in [`upgrade`].
pub(super) const VERSION: u8 = 3;
/// Rows of history, by [`Place::order`](client_core::Place::order).
pub(super) const ROWS: &str = "rows";
/// Index of [`ROWS`]: conversation, then order.
pub(super) const ROWS_BY_PEER: &str = "peer_order";
/// Orders of rows, by archive id; a row that moved or went away may leave one behind.
///
/// A store and not an index of [`ROWS`]: an upgrade can make stores only, as the library hands out
/// nothing of what is there.
pub(super) const ENTRIES: &str = "entries";
/// Own messages on their way, by number.
pub(super) const OUTBOX: &str = "outbox";
/// Conversations, by peer.
pub(super) const CHATS: &str = "chats";
/// Contacts, by address.
pub(super) const CONTACTS: &str = "contacts";
/// What people tell of themselves, by address.
pub(super) const PEOPLE: &str = "people";
/// Single values under a name.
pub(super) const META: &str = "meta";
/// Name in [`META`] of the device's state.
pub(super) const DEVICE: &str = "device";
/// Name in [`META`] that says that [`ENTRIES`] has all rows from before version 2.
pub(super) const HAS_ENTRIES: &str = "has-entries";
/// Every store: a batch may touch each of them.
pub(super) const ALL: [&str; 7] = [ROWS, ENTRIES, OUTBOX, CHATS, CONTACTS, PEOPLE, META];

/// Brings a database of any earlier version to [`VERSION`].
pub(super) fn upgrade(event: &VersionChangeEvent, db: &Database) -> indexed_db_futures::Result<()> {
    if event.old_version() < 1.0 {
        let rows = db
            .create_object_store(ROWS)
            .with_key_path("order".into())
            .build()?;
        rows.create_index(ROWS_BY_PEER, KeyPath::from(["peer", "order"]))
            .build()?;
        for (store, key) in [(OUTBOX, "seq"), (CHATS, "peer"), (CONTACTS, "jid")] {
            db.create_object_store(store)
                .with_key_path(key.into())
                .build()?;
        }
        db.create_object_store(META).build()?;
    }
    if event.old_version() < 2.0 {
        db.create_object_store(ENTRIES)
            .with_key_path("id".into())
            .build()?;
    }
    if event.old_version() < 3.0 {
        db.create_object_store(PEOPLE)
            .with_key_path("jid".into())
            .build()?;
    }
    Ok(())
}
