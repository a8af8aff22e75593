//! What was typed and not sent, per device and chat; survives a reload.

use protocol::BareJid;

use crate::browser;

/// The draft of a chat; empty if there is none.
pub fn read(account: &BareJid, slot: &str, peer: &BareJid) -> String {
    browser::profile_storage()
        .and_then(|storage| storage.get_item(&key(account, slot, peer)).ok().flatten())
        .unwrap_or_default()
}

/// Keeps the draft of a chat; an empty one is forgotten.
pub fn write(account: &BareJid, slot: &str, peer: &BareJid, text: &str) {
    let Some(storage) = browser::profile_storage() else {
        return;
    };
    let key = key(account, slot, peer);
    let _ = if text.is_empty() {
        storage.remove_item(&key)
    } else {
        storage.set_item(&key, text)
    };
}

/// Forgets all drafts of a device.
pub fn wipe(account: &BareJid, slot: &str) {
    browser::forget_under(&prefix(account, slot));
}

/// Forgets all drafts of an account.
pub fn wipe_all(account: &BareJid) {
    browser::forget_under(&format!("balcony:draft:{account}:"));
}

fn prefix(account: &BareJid, slot: &str) -> String {
    format!("balcony:draft:{account}:{slot}:")
}

fn key(account: &BareJid, slot: &str, peer: &BareJid) -> String {
    format!("{}{peer}", prefix(account, slot))
}
