//! The tokens with which devices log in.

use protocol::BareJid;
use protocol::fast::{MECHANISM, TokenKeys};
use protocol::time::Stamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use server_core::records::ChangeError;
use server_core::tokens::{
    DeviceId, DeviceRecord, DeviceTokens, LINKS_MAX, Proof, StoredToken, TokenUse,
};

use super::change::ChangeFault;
use super::{accounts, sql};
use crate::StoreError;
use crate::limits::{LINK_MEMORY_MS, TOKEN_MEMORY_MS, TOKENS_PER_ACCOUNT};

/// Reads what a login by token is checked against; `None` if there is no such account.
pub(super) fn of_device(
    tx: &Connection,
    account: &BareJid,
    device: DeviceId,
) -> Result<Option<DeviceTokens>, StoreError> {
    let login = accounts::login(tx, account)?;
    let mut query = tx.prepare_cached(sql::TOKENS)?;
    let tokens = query.query_map(params![login.user, device.0, MECHANISM], stored)?;
    let tokens = tokens.collect::<Result<_, _>>()?;
    let mut query = tx.prepare_cached(sql::DEVICE_LINKS)?;
    let links = query.query_map([login.user], stored)?;
    let links = links.collect::<Result<_, _>>()?;
    Ok(login.is_known().then_some(DeviceTokens {
        tokens,
        links,
        epoch: login.epoch,
        disabled: login.disabled,
    }))
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredToken> {
    Ok(StoredToken {
        keys: TokenKeys {
            verifier: row.get(0)?,
            answer: row.get(1)?,
        },
        made: Stamp(row.get(2)?),
        expires: Stamp(row.get(3)?),
        used: row.get(4)?,
    })
}

/// Reads what is known of the devices of an account; none if there is no such account.
pub(super) fn devices(tx: &Connection, account: &BareJid) -> Result<Vec<DeviceRecord>, StoreError> {
    let mut query = tx.prepare_cached(sql::DEVICES)?;
    let mut rows = query.query([account.as_str()])?;
    let mut devices = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(expires) = row.get(4)? else {
            continue; // its tokens are forgotten
        };
        devices.push(DeviceRecord {
            device: DeviceId(row.get(0)?),
            name: row.get(1)?,
            first: Stamp(row.get(2)?),
            last: Stamp(row.get(3)?),
            expires: Stamp(expires),
        });
    }
    devices.sort_unstable_by_key(|record| record.device);
    Ok(devices)
}

/// Keeps a link; forgets those that expired, and the oldest of too many.
pub(super) fn link(
    tx: &Connection,
    now: Stamp,
    user: i64,
    link: &StoredToken,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM device_link WHERE user = ?1 AND expires < ?2";
    tx.execute(delete, params![user, now.0.saturating_sub(LINK_MEMORY_MS)])?;
    tx.execute(
        "INSERT INTO device_link (user, verifier, answer, made, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            user,
            link.keys.verifier,
            link.keys.answer,
            link.made.0,
            link.expires.0
        ],
    )?;
    tx.execute(
        "DELETE FROM device_link WHERE user = ?1 AND verifier IN \
         (SELECT verifier FROM device_link WHERE user = ?1 ORDER BY made DESC, verifier \
          LIMIT -1 OFFSET ?2)",
        params![user, LINKS_MAX as i64],
    )?;
    Ok(())
}

/// Calls a device something else.
pub(super) fn name(
    tx: &Connection,
    user: i64,
    device: DeviceId,
    name: &str,
) -> Result<(), ChangeFault> {
    let update = "UPDATE device SET name = ?3 WHERE user = ?1 AND device = ?2";
    match tx.execute(update, params![user, device.0, name])? {
        0 => Err(ChangeFault::Refused(ChangeError::NoItem)),
        _ => Ok(()),
    }
}

/// Something was heard of a device.
pub(super) fn see(
    tx: &Connection,
    now: Stamp,
    user: i64,
    device: DeviceId,
) -> Result<(), StoreError> {
    tx.prepare_cached(sql::SEE_DEVICE)?
        .execute(params![user, device.0, now.0])?;
    Ok(())
}

/// Does what a login means for the tokens of its device.
pub(super) fn make_use(
    tx: &Connection,
    now: Stamp,
    user: i64,
    token_use: &TokenUse,
) -> Result<(), ChangeFault> {
    let device = token_use.device.0;
    match &token_use.proof {
        Proof::Password(stored_key) => {
            let query =
                "SELECT EXISTS (SELECT 1 FROM credential WHERE user = ?1 AND stored_key = ?2)";
            let holds = tx.query_row(query, params![user, stored_key], |row| row.get(0))?;
            refuse_unless(holds)?;
        }
        Proof::Token(verifier) => {
            let query = "SELECT used FROM token WHERE user = ?1 AND device = ?2 AND verifier = ?3";
            let used = tx.query_row(query, params![user, device, verifier], |row| row.get(0));
            let used: Option<bool> = used.optional()?;
            refuse_unless(used.is_some())?;
            if used == Some(false) {
                forget_slot(tx, user, token_use.device, true)?;
                let update = "UPDATE token SET used = 1 WHERE user = ?1 AND device = ?2";
                tx.execute(update, params![user, device])?;
            }
        }
        Proof::Link(verifier) => {
            let delete = "DELETE FROM device_link WHERE user = ?1 AND verifier = ?2";
            refuse_unless(tx.execute(delete, params![user, verifier])? > 0)?;
        }
    }
    see(tx, now, user, token_use.device)?;
    if token_use.invalidate {
        revoke(tx, user, Some(token_use.device))?;
    }
    if let Some(token) = &token_use.issue {
        forget_slot(tx, user, token_use.device, token.used)?;
        insert(tx, user, token_use.device, token)?;
        let meet = "INSERT INTO device (user, device, name, first, last) \
                    VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING";
        tx.execute(meet, params![user, device, token_use.name, now.0])?;
        prune(tx, now, user)?;
    }
    Ok(())
}

/// Makes the tokens of a device, or of all devices of a user, worthless, and all links.
pub(super) fn revoke(
    tx: &Connection,
    user: i64,
    device: Option<DeviceId>,
) -> Result<(), StoreError> {
    for table in ["token", "device"] {
        let delete = format!("DELETE FROM {table} WHERE user = ?1");
        match device {
            Some(device) => {
                let delete = format!("{delete} AND device = ?2");
                tx.execute(&delete, params![user, device.0])?
            }
            None => tx.execute(&delete, [user])?,
        };
    }
    // Whoever is signed out may have made one.
    tx.execute("DELETE FROM device_link WHERE user = ?1", [user])?;
    Ok(())
}

fn refuse_unless(holds: bool) -> Result<(), ChangeFault> {
    if holds {
        Ok(())
    } else {
        Err(ChangeFault::Refused(ChangeError::Token))
    }
}

fn forget_slot(tx: &Connection, user: i64, device: DeviceId, used: bool) -> Result<(), StoreError> {
    let delete = "DELETE FROM token WHERE user = ?1 AND device = ?2 AND used = ?3";
    tx.execute(delete, params![user, device.0, used])?;
    Ok(())
}

fn insert(
    tx: &Connection,
    user: i64,
    device: DeviceId,
    token: &StoredToken,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO token (user, device, used, mechanism, verifier, answer, made, expires) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            user,
            device.0,
            token.used,
            MECHANISM,
            token.keys.verifier,
            token.keys.answer,
            token.made.0,
            token.expires.0,
        ],
    )?;
    Ok(())
}

/// Forgets what expired long ago, and the oldest tokens of somebody who has too many.
fn prune(tx: &Connection, now: Stamp, user: i64) -> Result<(), StoreError> {
    let long_ago = now.0.saturating_sub(TOKEN_MEMORY_MS);
    let delete = "DELETE FROM token WHERE user = ?1 AND expires < ?2";
    tx.execute(delete, params![user, long_ago])?;
    tx.execute(
        "DELETE FROM token WHERE user = ?1 AND (device, used) IN \
         (SELECT device, used FROM token WHERE user = ?1 ORDER BY made DESC LIMIT -1 OFFSET ?2)",
        params![user, TOKENS_PER_ACCOUNT as i64],
    )?;
    tx.execute(
        "DELETE FROM device WHERE user = ?1 \
         AND device NOT IN (SELECT device FROM token WHERE user = ?1)",
        [user],
    )?;
    Ok(())
}
