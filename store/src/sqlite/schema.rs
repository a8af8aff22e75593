//! The database's tables and keys, and its connections.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::backup;
use crate::StoreError;
use crate::ids::Ids;

/// Each brings the schema one version further; `user_version` counts those that were made.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("tokens.sql"),
    include_str!("spool.sql"),
    include_str!("retention.sql"),
    include_str!("nodes.sql"),
    include_str!("sessions.sql"),
    include_str!("epoch.sql"),
    include_str!("devices.sql"),
    include_str!("blocked.sql"),
    include_str!("strangers.sql"),
    include_str!("known_devices.sql"),
];

/// What a database keeps about itself.
pub(super) struct Keys {
    /// Under which archive ids are made.
    pub(super) ids: Ids,
    /// For salts of names that do not exist.
    pub(super) secret: [u8; 32],
}

/// Makes directory and file, for their owner only.
pub(super) fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let fail = |cause: io::Error| StoreError::File {
        path: path.to_owned(),
        cause,
    };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    if let Some(dir) = dir.filter(|dir| !dir.exists()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(fail)?;
    }
    let opened = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    // SQLite gives its side files the mode of this one.
    let restricted = opened.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)));
    restricted.map_err(fail)
}

/// Opens a connection that may write.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens a connection that may only read.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cache_size", -8_192)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Brings the schema up to date and reads the keys, which the first opening makes.
pub(super) fn migrate(conn: &mut Connection) -> Result<Keys, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(migration)?;
    }
    if found < known {
        tx.pragma_update(None, "user_version", known)?;
    }
    backup::take_over(&tx)?;
    let keys = Keys {
        ids: Ids::new(key(&tx, "id key")?),
        secret: key(&tx, "secret")?,
    };
    tx.commit()?;
    Ok(keys)
}

/// A key by its name; the first to ask makes it.
pub(super) fn key<const N: usize>(
    conn: &Connection,
    name: &'static str,
) -> Result<[u8; N], StoreError> {
    let mut fresh = [0; N];
    getrandom::fill(&mut fresh)?;
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![name, fresh],
    )?;
    let query = "SELECT value FROM meta WHERE key = ?1";
    let kept: Vec<u8> = conn.query_row(query, [name], |row| row.get(0))?;
    kept.try_into().map_err(|_| StoreError::malformed("key"))
}
