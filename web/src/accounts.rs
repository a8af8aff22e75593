//! Which accounts are signed in in this browser profile: their names, no secrets.

use protocol::BareJid;

use crate::browser;

const LIST: &str = "balcony:accounts";
const MINE: &str = "balcony:account";
const NOBODY: &str = "";

/// The account of this tab: the one it had, else the one signed in last; none where this tab signed out.
pub fn current() -> Option<BareJid> {
    let all = all();
    let mine = browser::tab_storage().and_then(|storage| storage.get_item(MINE).ok().flatten());
    if mine.as_deref() == Some(NOBODY) {
        return None;
    }
    let mine = mine.and_then(|text| BareJid::new(&text).ok());
    mine.filter(|account| all.contains(account))
        .or_else(|| all.into_iter().next())
}

/// Every account signed in here, the latest first.
pub fn all() -> Vec<BareJid> {
    browser::profile_storage()
        .and_then(|storage| storage.get_item(LIST).ok().flatten())
        .unwrap_or_default()
        .lines()
        .filter_map(|line| BareJid::new(line).ok())
        .collect()
}

/// Notes that an account is signed in, and that this tab is of it.
pub fn remember(account: &BareJid) {
    let mut accounts = all();
    accounts.retain(|known| known != account);
    accounts.insert(0, account.clone());
    write(&accounts);
    if let Some(storage) = browser::tab_storage() {
        let _ = storage.set_item(MINE, account.as_str());
    }
}

/// Notes that this tab is nobody's, though other tabs may be signed in.
pub fn leave() {
    if let Some(storage) = browser::tab_storage() {
        let _ = storage.set_item(MINE, NOBODY);
    }
}

/// Notes that an account is signed out.
pub fn forget(account: &BareJid) {
    let mut accounts = all();
    accounts.retain(|known| known != account);
    write(&accounts);
    if let Some(storage) = browser::tab_storage() {
        let _ = storage.remove_item(MINE);
    }
}

fn write(accounts: &[BareJid]) {
    let lines: Vec<_> = accounts.iter().map(|account| account.as_str()).collect();
    let Some(storage) = browser::profile_storage() else {
        return;
    };
    let _ = if lines.is_empty() {
        storage.remove_item(LIST)
    } else {
        storage.set_item(LIST, &lines.join("\n"))
    };
}
