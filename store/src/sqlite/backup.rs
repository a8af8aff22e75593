//! Copies of a database: how one is made beside a running server, and what becomes of it when a
//! server opens it.

use std::ffi::c_int;
use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Transaction};

use super::schema;
use crate::StoreError;
use crate::ids::Ids;

/// So many pages (4 KiB each) are copied between two pauses, so that the server's flushes come first.
const PAGES_AT_ONCE: c_int = 256;
const PAUSE: Duration = Duration::from_millis(2);

/// Copies the database at `from`, as it is at this moment, to the new file `to`; a server may go on
/// writing meanwhile (PT-15). The copy is for its owner's eyes only, and bears a mark by which whoever
/// opens it knows what it is.
///
/// # Errors
/// [`StoreError::File`] if `to` is there already or cannot be made, [`StoreError::Sqlite`] if there is
/// no database at `from` or copying failed; then `to` is not made.
pub fn back_up(from: &Path, to: &Path) -> Result<(), StoreError> {
    let fail = |cause| StoreError::File {
        path: to.to_owned(),
        cause,
    };
    if to.try_exists().map_err(fail)? {
        return Err(fail(Error::from(ErrorKind::AlreadyExists)));
    }
    let source = schema::reader(from)?;
    let unfinished = beside(to);
    remove(&unfinished).map_err(fail)?;
    schema::prepare_file(&unfinished)?;
    let done = copy(&source, &unfinished)
        .and_then(|()| fs::rename(&unfinished, to).map_err(fail))
        .and_then(|()| flush_folder(to).map_err(fail));
    if done.is_err() {
        // What failed is told; a rest that cannot be removed is overwritten next time.
        let _ = remove(&unfinished);
    }
    done
}

/// If this database is a copy, makes it one that devices can trust: what the original did since then
/// is not known here. So its entries keep their ids and later ones get others than the original gave
/// (INV-05), versions of rosters that devices know mean nothing any more, and no token, session or
/// invitation holds, since it may have been revoked or used.
pub(super) fn take_over(tx: &Transaction<'_>) -> Result<(), StoreError> {
    if tx.execute("DELETE FROM meta WHERE key = 'copy'", [])? == 0 {
        return Ok(());
    }
    let ids = Ids::new(schema::key(tx, "id key")?);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    tx.create_scalar_function("archive_id", 2, flags, move |row| {
        let (user, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(ids
            .id_of(user as u64, seq as u64)
            .as_str()
            .as_bytes()
            .to_vec())
    })?;
    tx.execute_batch(
        "UPDATE arch SET id = archive_id(user, seq) WHERE id IS NULL;
         DELETE FROM meta WHERE key IN ('id key', 'secret');
         UPDATE account SET roster_ver = ((abs(random() % 1048576) + 1) << 32) | (roster_ver & 0xffffffff);
         DELETE FROM token;
         DELETE FROM device;
         DELETE FROM device_link;
         DELETE FROM session;
         DELETE FROM invite;",
    )?;
    tx.remove_function("archive_id", 2)?;
    tracing::info!("this database is a backup: every device has to log in with its password");
    Ok(())
}

fn copy(source: &Connection, to: &Path) -> Result<(), StoreError> {
    // Reading holds on to one state of the database, whatever is written meanwhile.
    source.execute_batch("BEGIN; SELECT count(*) FROM meta;")?;
    let mut copy = schema::writer(to)?;
    Backup::new(source, &mut copy)?.run_to_completion(PAGES_AT_ONCE, PAUSE, None)?;
    let mark = "INSERT INTO meta (key, value) VALUES ('copy', '') ON CONFLICT DO NOTHING";
    copy.execute(mark, [])?;
    // One file, and told if there is no room for it; closing would not say.
    let mode: String =
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Unavailable);
    }
    copy.close().map_err(|(_, cause)| cause)?;
    Ok(())
}

/// Where a copy grows until it is whole.
fn beside(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The name of a file is durable when its folder is flushed.
fn flush_folder(of: &Path) -> Result<(), Error> {
    let folder = of.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
