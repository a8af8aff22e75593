//! `--demo`: romeo and juliet, ready to talk.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use protocol::BareJid;
use protocol::roster::{Item, Subscription};
use server_core::records::{Change, ChangeError, Contact};
use store::{Accounts, StoreError};
use thiserror::Error;

use crate::data_dir::open_private;
use crate::hasher::keys_of;
use crate::random::{self, NoRandomness};

const NAMES: [(&str, &str); 2] = [("romeo", "Romeo"), ("juliet", "Juliet")];
const FILE: &str = "demo-passwords";

/// An account made for trying out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// Its address.
    pub jid: BareJid,
    /// Its password; absent if somebody else made the account.
    pub password: Option<String>,
}

/// Why the demo cannot be set up.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The names make no addresses with this domain.
    #[error("there can be no romeo at this domain")]
    Address,
    /// The passwords cannot be kept.
    #[error("the demo passwords cannot be kept in the data folder")]
    File(#[from] io::Error),
    /// The accounts cannot be made.
    #[error("the demo accounts cannot be made")]
    Change(#[from] ChangeError),
    /// The accounts cannot be read.
    #[error("the demo accounts cannot be read")]
    Store(#[from] StoreError),
    /// No passwords can be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Makes those demo accounts that are missing, each in the other's contact list.
pub(crate) async fn set_up(
    store: &impl Accounts,
    data: &Path,
    domain: &str,
) -> Result<Vec<DemoAccount>, DemoError> {
    let mut accounts = Vec::new();
    for (name, _) in NAMES {
        let jid = format!("{name}@{domain}");
        let jid = BareJid::new(&jid).map_err(|_| DemoError::Address)?;
        let password = match store.credentials(&jid).await? {
            Some(_) => known_password(data, &jid),
            None => Some(register(store, data, &jid).await?),
        };
        accounts.push(DemoAccount { jid, password });
    }
    if let [romeo, juliet] = accounts.as_slice() {
        befriend(store, &romeo.jid, &juliet.jid, NAMES[1].1).await?;
        befriend(store, &juliet.jid, &romeo.jid, NAMES[0].1).await?;
    }
    Ok(accounts)
}

async fn register(
    store: &impl Accounts,
    data: &Path,
    account: &BareJid,
) -> Result<String, DemoError> {
    let password = random::password()?;
    keep_password(data, account, &password)?;
    let change = Change::Register {
        account: account.clone(),
        keys: keys_of(&password)?,
        token: None,
    };
    store.change(change).await?;
    Ok(password)
}

async fn befriend(
    store: &impl Accounts,
    account: &BareJid,
    friend: &BareJid,
    name: &str,
) -> Result<(), DemoError> {
    let Some(record) = store.load(account).await? else {
        return Ok(());
    };
    if record.contacts.iter().any(|c| c.item.jid == *friend) {
        return Ok(());
    }
    let mut item = Item::new(friend.clone());
    item.name = Some(name.to_owned());
    item.subscription = Subscription::Both;
    let contact = Contact {
        item,
        listed: true,
        request: None,
        ver: record.roster_ver + 1,
    };
    let account = account.clone();
    store.change(Change::Contact { account, contact }).await?;
    Ok(())
}

/// One line per account, the address and the password; the last line of an account counts.
fn known_password(data: &Path, account: &BareJid) -> Option<String> {
    let text = fs::read_to_string(data.join(FILE)).ok()?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    let mut of_account = pairs.filter(|(jid, _)| *jid == account.as_str());
    let (_, password) = of_account.next_back()?;
    Some(password.to_owned())
}

fn keep_password(data: &Path, account: &BareJid, password: &str) -> io::Result<()> {
    use std::io::Seek as _;

    let mut file = open_private(&data.join(FILE))?;
    file.seek(io::SeekFrom::End(0))?;
    writeln!(file, "{account} {password}")?;
    file.sync_all()
}
