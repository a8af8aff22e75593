//! Where somebody stopped reading in a chat, per device; survives a reload.

use protocol::BareJid;
use protocol::time::Stamp;

use crate::browser;

/// A line, and where it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// The key of the line.
    pub key: String,
    /// When it was written, so that nobody searches longer than for that.
    pub stamp: Stamp,
    /// How far it stood below the upper edge, in pixels.
    pub top: f64,
}

/// Where somebody stopped in a chat; nothing if that was the end.
pub fn read(account: &BareJid, slot: &str, peer: &BareJid) -> Option<Stopped> {
    let storage = browser::profile_storage()?;
    let text = storage.get_item(&key(account, slot, peer)).ok().flatten()?;
    let mut parts = text.splitn(3, ' ');
    Some(Stopped {
        stamp: Stamp(parts.next()?.parse().ok()?),
        top: parts.next()?.parse().ok()?,
        key: parts.next()?.to_owned(),
    })
}

/// Keeps where somebody stops in a chat, or forgets it if that is the end.
pub fn write(account: &BareJid, slot: &str, peer: &BareJid, stopped: Option<&Stopped>) {
    let Some(storage) = browser::profile_storage() else {
        return;
    };
    let key = key(account, slot, peer);
    let _ = match stopped {
        Some(Stopped {
            key: line,
            stamp,
            top,
        }) => storage.set_item(&key, &format!("{} {top:.1} {line}", stamp.0)),
        None => storage.remove_item(&key),
    };
}

/// Forgets all of a device.
pub fn wipe(account: &BareJid, slot: &str) {
    browser::forget_under(&prefix(account, slot));
}

/// Forgets all of an account.
pub fn wipe_all(account: &BareJid) {
    browser::forget_under(&format!("balcony:place:{account}:"));
}

fn prefix(account: &BareJid, slot: &str) -> String {
    format!("balcony:place:{account}:{slot}:")
}

fn key(account: &BareJid, slot: &str, peer: &BareJid) -> String {
    format!("{}{peer}", prefix(account, slot))
}
