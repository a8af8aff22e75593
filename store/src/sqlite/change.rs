//! Changing accounts inside an open transaction.

use protocol::BareJid;
use protocol::roster::{Item, Subscription};
use protocol::scram::StoredKeys;
use protocol::time::Stamp;
use rusqlite::{Connection, params};
use server_core::records::{Change, ChangeError, Contact, Invite};

use super::{accounts, append, blocked, nodes, sessions, sql, strangers, tokens, user_of};
use crate::StoreError;

/// Why a change is rolled back.
pub(super) enum ChangeFault {
    /// It is not allowed.
    Refused(ChangeError),
    /// The store failed.
    Store(StoreError),
}

impl ChangeFault {
    /// The failure of work that nothing can refuse.
    pub(super) fn into_cause(self) -> StoreError {
        match self {
            Self::Store(cause) => cause,
            Self::Refused(_) => StoreError::Unavailable,
        }
    }
}

impl<E: Into<StoreError>> From<E> for ChangeFault {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Makes one change.
pub(super) fn make(tx: &Connection, now: Stamp, change: &Change) -> Result<(), ChangeFault> {
    match change {
        Change::Contact { account, contact } => {
            Ok(write_contact(tx, existing(tx, account)?, contact)?)
        }
        Change::Block { account, jids, max } => {
            blocked::block(tx, existing(tx, account)?, jids, *max)
        }
        Change::Unblock { account, jids } => {
            Ok(blocked::unblock(tx, existing(tx, account)?, jids)?)
        }
        Change::UnblockAll { account } => Ok(blocked::unblock_all(tx, existing(tx, account)?)?),
        Change::Node {
            account,
            node,
            change,
        } => nodes::change(tx, existing(tx, account)?, node, change),
        Change::Invite { invite, max } => invite_friend(tx, now, invite, *max),
        Change::Accept {
            account,
            contact,
            token,
        } => accept(tx, now, account, contact, *token),
        Change::Register {
            account,
            keys,
            token,
        } => register(tx, now, account, keys, *token),
        Change::SetKeys { account, keys } => {
            let user = existing(tx, account)?;
            write_keys(tx, user, keys)?;
            begin_epoch(tx, user)?;
            Ok(tokens::revoke(tx, user, None)?)
        }
        Change::Spool { account, spans } => Ok(spool(tx, existing(tx, account)?, spans)?),
        Change::Unspool {
            account,
            first,
            last,
        } => {
            let span = [existing(tx, account)?, position(*first), position(*last)];
            tx.prepare_cached(sql::CLEAR_SPOOL)?.execute(span)?;
            Ok(())
        }
        Change::Session { account, record } => {
            let user = existing(tx, account)?;
            if let Some(device) = record.device {
                tokens::see(tx, now, user, device)?;
            }
            Ok(sessions::write(tx, now, user, record)?)
        }
        Change::Delete { account } => Ok(delete(tx, existing(tx, account)?, account)?),
        Change::UseToken(token_use) => {
            let user = existing(tx, &token_use.account)?;
            tokens::make_use(tx, now, user, token_use)
        }
        Change::LinkDevice { account, link } => {
            Ok(tokens::link(tx, now, existing(tx, account)?, link)?)
        }
        Change::NameDevice {
            account,
            device,
            name,
        } => tokens::name(tx, existing(tx, account)?, *device, name),
        Change::RevokeTokens { account, device } => {
            let user = existing(tx, account)?;
            begin_epoch(tx, user)?;
            Ok(tokens::revoke(tx, user, *device)?)
        }
    }
}

/// Keeps an invitation.
pub(super) fn save_invite(tx: &Connection, invite: &Invite) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached(
        "INSERT OR REPLACE INTO invite (token, expires, reserved, inviter, setup) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![
        invite.token,
        invite.expires.0,
        invite.reserved,
        invite.inviter.as_ref().map(|jid| jid.as_str()),
        invite.setup,
    ])?;
    Ok(())
}

/// Keeps an invitation of an account that has few enough.
fn invite_friend(
    tx: &Connection,
    now: Stamp,
    invite: &Invite,
    max: usize,
) -> Result<(), ChangeFault> {
    let inviter = invite.inviter.as_ref();
    let inviter = inviter.ok_or(ChangeFault::Refused(ChangeError::NoAccount))?;
    existing(tx, inviter)?;
    let query = "SELECT count(*) FROM invite WHERE inviter = ?1 AND expires >= ?2";
    let open: i64 = tx.query_row(query, params![inviter.as_str(), now.0], |row| row.get(0))?;
    if usize::try_from(open).is_ok_and(|open| open >= max) {
        return Err(ChangeFault::Refused(ChangeError::Full));
    }
    Ok(save_invite(tx, invite)?)
}

/// Writes a contact who came with an invitation of the account (RG-09).
fn accept(
    tx: &Connection,
    now: Stamp,
    account: &BareJid,
    contact: &Contact,
    token: [u8; 32],
) -> Result<(), ChangeFault> {
    let user = existing(tx, account)?;
    let delete = "DELETE FROM invite WHERE token = ?1 AND inviter = ?2 AND expires >= ?3";
    let used = tx.execute(delete, params![token, account.as_str(), now.0])?;
    if used == 0 {
        return Err(ChangeFault::Refused(ChangeError::Token));
    }
    Ok(write_contact(tx, user, contact)?)
}

fn existing(tx: &Connection, account: &BareJid) -> Result<i64, ChangeFault> {
    user_of(tx, account)?.ok_or(ChangeFault::Refused(ChangeError::NoAccount))
}

fn register(
    tx: &Connection,
    now: Stamp,
    account: &BareJid,
    keys: &[StoredKeys],
    token: Option<[u8; 32]>,
) -> Result<(), ChangeFault> {
    let name = account.node().map(|node| node.as_str());
    // The token first: only who holds one learns which names are taken (RG-04).
    let inviter = match token {
        None => None,
        Some(token) => {
            let invite = accounts::invite(tx, token)?;
            let fits =
                |invite: &Invite| invite.reserved.is_none() || invite.reserved.as_deref() == name;
            let invite = invite.filter(fits);
            let invite = invite.ok_or(ChangeFault::Refused(ChangeError::Token))?;
            tx.execute("DELETE FROM invite WHERE token = ?1", [token])?;
            invite.inviter
        }
    };
    let reserved: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM invite WHERE reserved = ?1 AND expires >= ?2)",
        params![name, now.0],
        |row| row.get(0),
    )?;
    if reserved || user_of(tx, account)?.is_some() {
        return Err(ChangeFault::Refused(ChangeError::Exists));
    }
    let user = append::new_party(tx, account)?;
    let insert = "INSERT INTO account (user, jid, epoch) VALUES (?1, ?2, random())";
    tx.execute(insert, params![user, account.as_str()])?;
    tx.execute("INSERT INTO log (user) VALUES (?1)", [user])?;
    write_keys(tx, user, keys)?;
    tx.execute("DELETE FROM invite WHERE setup", [])?;
    if let Some(inviter) = inviter
        && let Some(inviting) = user_of(tx, &inviter)?
    {
        befriend(tx, user, &inviter)?;
        befriend(tx, inviting, account)?;
    }
    Ok(())
}

/// Makes somebody a contact with subscription `both`; what the user wrote about them stays.
fn befriend(tx: &Connection, user: i64, jid: &BareJid) -> Result<(), StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT jid, name, subscription, ask, approved, groups, listed, request, ver \
         FROM contact WHERE user = ?1 AND jid = ?2",
    )?;
    let mut rows = query.query(params![user, jid.as_str()])?;
    let item = match rows.next()? {
        Some(row) => accounts::contact(row)?.item,
        None => Item::new(jid.clone()),
    };
    let ver: i64 = tx.query_row(
        "SELECT roster_ver FROM account WHERE user = ?1",
        [user],
        |row| row.get(0),
    )?;
    let contact = Contact {
        item: Item {
            subscription: Subscription::Both,
            ask: false,
            ..item
        },
        listed: true,
        request: None,
        ver: ver as u64 + 1,
    };
    write_contact(tx, user, &contact)
}

fn write_contact(tx: &Connection, user: i64, contact: &Contact) -> Result<(), StoreError> {
    let item = &contact.item;
    let groups = serde_json::to_string(&item.groups);
    let ver = contact.ver as i64;
    let mut insert = tx.prepare_cached(
        "INSERT OR REPLACE INTO contact \
         (user, jid, name, subscription, ask, approved, groups, listed, request, ver) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        user,
        item.jid.as_str(),
        item.name,
        item.subscription.name(),
        item.ask,
        item.approved,
        groups.map_err(|_| StoreError::malformed("list of groups"))?,
        contact.listed,
        contact.request.as_deref(),
        ver,
    ])?;
    let mut update =
        tx.prepare_cached("UPDATE account SET roster_ver = max(roster_ver, ?2) WHERE user = ?1")?;
    update.execute([user, ver])?;
    if contact.listed {
        strangers::accept(tx, user, &item.jid)?;
    }
    Ok(())
}

fn write_keys(tx: &Connection, user: i64, keys: &[StoredKeys]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM credential WHERE user = ?1", [user])?;
    for key in keys {
        tx.execute(
            "INSERT INTO credential (user, mechanism, salt, iterations, stored_key, server_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                user,
                key.hash.mechanism(),
                key.salt,
                key.iterations,
                key.stored_key,
                key.server_key
            ],
        )?;
    }
    Ok(())
}

/// Logins that are under way do not hold any more.
fn begin_epoch(tx: &Connection, user: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE account SET epoch = random() WHERE user = ?1",
        [user],
    )?;
    Ok(())
}

/// Flags entries to wait for an ordinary client.
fn spool(tx: &Connection, user: i64, spans: &[(u64, u64)]) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached(sql::NEW_SPOOLS)?;
    for (first, last) in spans {
        insert.execute([user, position(*first), position(*last)])?;
    }
    Ok(())
}

fn position(pos: u64) -> i64 {
    i64::try_from(pos).unwrap_or(i64::MAX)
}

/// Removes all but the log, which nobody can reach any more and which is cleared away later.
fn delete(tx: &Connection, user: i64, account: &BareJid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM account WHERE user = ?1", [user])?;
    tx.execute("DELETE FROM credential WHERE user = ?1", [user])?;
    tx.execute("DELETE FROM contact WHERE user = ?1", [user])?;
    blocked::unblock_all(tx, user)?;
    tokens::revoke(tx, user, None)?;
    tx.execute("DELETE FROM spool WHERE user = ?1", [user])?;
    nodes::delete_all(tx, user)?;
    tx.execute(sql::CLEAR_SESSIONS, [user])?;
    tx.execute("DELETE FROM invite WHERE inviter = ?1", [account.as_str()])?;
    tx.execute("INSERT INTO doomed (user) VALUES (?1)", [user])?;
    Ok(())
}
