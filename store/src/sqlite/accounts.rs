//! Reading what is kept of accounts beside their logs.

use protocol::roster::{Item, Subscription};
use protocol::scram::{ScramHash, StoredKeys};
use protocol::time::Stamp;
use protocol::{BareJid, Text};
use rusqlite::{Connection, OptionalExtension as _, Row};
use server_core::records::{AccountRecord, Contact, Credentials, Invite, KeyEpoch};

use super::{blocked, nodes, sessions, sql};
use crate::StoreError;

/// Reads the keys of an account.
pub(super) fn credentials(
    tx: &Connection,
    account: &BareJid,
) -> Result<Option<Credentials>, StoreError> {
    let login = login(tx, account)?;
    let mut query = tx.prepare_cached(sql::KEYS)?;
    let mut rows = query.query([login.user])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let hash = ScramHash::of_mechanism(&row.get::<_, String>(0)?);
        keys.push(StoredKeys {
            hash: hash.ok_or(StoreError::malformed("mechanism"))?,
            salt: row.get(1)?,
            iterations: row.get(2)?,
            stored_key: row.get(3)?,
            server_key: row.get(4)?,
        });
    }
    Ok(login.is_known().then_some(Credentials {
        keys,
        epoch: login.epoch,
        disabled: login.disabled,
    }))
}

/// What a login finds of an account before it looks for keys.
#[derive(Default)]
pub(super) struct Login {
    /// 0 if there is no such account. Keys are looked for all the same, so that it takes no less time
    /// to find none (AU-08, SEC-25).
    pub(super) user: i64,
    pub(super) epoch: KeyEpoch,
    pub(super) disabled: bool,
}

impl Login {
    pub(super) fn is_known(&self) -> bool {
        self.user != 0
    }
}

/// Reads the account that somebody wants to log in to.
pub(super) fn login(tx: &Connection, account: &BareJid) -> rusqlite::Result<Login> {
    let mut query = tx.prepare_cached(sql::LOGIN)?;
    let found = query.query_row([account.as_str()], |row| {
        Ok(Login {
            user: row.get(0)?,
            epoch: KeyEpoch(row.get(1)?),
            disabled: row.get(2)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Reads what a session needs of an account, but for the newest entry of its log.
pub(super) fn load(
    tx: &Connection,
    account: &BareJid,
) -> Result<Option<AccountRecord>, StoreError> {
    let query = "SELECT a.user, l.head, a.roster_ver FROM account a \
         JOIN log l ON l.user = a.user WHERE a.jid = ?1";
    let found = tx
        .prepare_cached(query)?
        .query_row([account.as_str()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
            ))
        });
    let Some((user, head, roster_ver)) = found.optional()? else {
        return Ok(None);
    };
    let mut query = tx.prepare_cached(
        "SELECT jid, name, subscription, ask, approved, groups, listed, request, ver \
         FROM contact WHERE user = ?1 ORDER BY jid",
    )?;
    let mut rows = query.query([user])?;
    let mut contacts = Vec::new();
    while let Some(row) = rows.next()? {
        contacts.push(contact(row)?);
    }
    let has_spool = tx.prepare_cached(sql::HAS_SPOOL)?.exists([user])?;
    Ok(Some(AccountRecord {
        head: head as u64,
        newest: None,
        has_spool,
        contacts,
        roster_ver: roster_ver as u64,
        blocked: blocked::load(tx, user)?,
        nodes: nodes::load(tx, user)?,
        sessions: sessions::load(tx, user)?,
    }))
}

/// Reads one contact.
pub(super) fn contact(row: &Row<'_>) -> Result<Contact, StoreError> {
    let subscription = Subscription::parse(&row.get::<_, String>(2)?);
    let groups = serde_json::from_str(&row.get::<_, String>(5)?);
    Ok(Contact {
        item: Item {
            jid: jid(&row.get::<_, String>(0)?)?,
            name: row.get(1)?,
            subscription: subscription.ok_or(StoreError::malformed("subscription"))?,
            ask: row.get(3)?,
            approved: row.get(4)?,
            groups: groups.map_err(|_| StoreError::malformed("list of groups"))?,
        },
        listed: row.get(6)?,
        request: row.get::<_, Option<String>>(7)?.map(Text::from),
        ver: row.get::<_, i64>(8)? as u64,
    })
}

/// Reads the addresses of all accounts.
pub(super) fn list(tx: &Connection) -> Result<Vec<BareJid>, StoreError> {
    let mut query = tx.prepare_cached("SELECT jid FROM account ORDER BY jid")?;
    let mut rows = query.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push(jid(&row.get::<_, String>(0)?)?);
    }
    Ok(accounts)
}

/// Whether there is no account.
pub(super) fn is_empty(tx: &Connection) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM account)")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Reads the invitation of a token, whether or not it has expired; a set-up token only while there
/// is no account.
pub(super) fn invite(tx: &Connection, token: [u8; 32]) -> Result<Option<Invite>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT expires, reserved, inviter, setup FROM invite \
         WHERE token = ?1 AND NOT (setup AND EXISTS (SELECT 1 FROM account))",
    )?;
    let mut rows = query.query([token])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let inviter = row.get::<_, Option<String>>(2)?;
    Ok(Some(Invite {
        token,
        expires: Stamp(row.get(0)?),
        reserved: row.get(1)?,
        inviter: inviter.map(|text| jid(&text)).transpose()?,
        setup: row.get(3)?,
    }))
}

fn jid(text: &str) -> Result<BareJid, StoreError> {
    BareJid::new(text).map_err(|_| StoreError::malformed("address"))
}
