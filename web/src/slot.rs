//! Which device of this browser a tab is.
//!
//! A slot is a database, a resource and a cursor of its own. A tab holds its slot by a Web Lock for
//! as long as its document lives, so a duplicated tab, which copies the remembered number, still
//! gets another one.

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, Object, Promise, Reflect};
use protocol::BareJid;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::browser;
use crate::error::WebError;

/// How many devices one browser profile can be for one account.
pub const SLOTS_MAX: u32 = 8;
/// How long the document that is being replaced by a reload may take to let go of its slot.
const RELOAD_WAIT_MS: u32 = 1_500;

#[wasm_bindgen]
extern "C" {
    // web-sys has it only among its unstable interfaces.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, options: &JsValue, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// A held slot. Dropping it frees the slot for another tab.
#[derive(Debug)]
pub struct Slot {
    account: BareJid,
    label: String,
    release: Option<Function>,
}

impl Slot {
    /// Takes a slot: the one this tab had before its reload, else a free one in which lines wait to be
    /// sent, as they go out from there only; else the lowest free one.
    ///
    /// # Errors
    /// [`WebError::NoFreeSlot`] if other tabs hold all of them.
    pub async fn take(account: &BareJid) -> Result<Self, WebError> {
        let slot = if browser::navigator_has("locks") {
            Self::take_locked(account).await?
        } else {
            Self::take_unlocked(account)
        };
        remember(account, &slot.label);
        Ok(slot)
    }

    /// Takes a place in the lab, which the tab need not remember: the page's address names it.
    ///
    /// # Errors
    /// [`WebError::NoFreeSlot`] if somebody else holds it.
    pub async fn take_place(account: &BareJid, place: &str) -> Result<Self, WebError> {
        let slot = Self::try_lock(account, place, Patience::Reload).await?;
        slot.ok_or(WebError::NoFreeSlot)
    }

    async fn take_locked(account: &BareJid) -> Result<Self, WebError> {
        let remembered = remembered(account);
        if let Some(label) = &remembered
            && let Some(slot) = Self::try_lock(account, label, Patience::Reload).await?
        {
            return Ok(slot);
        }
        let labels = (1..=SLOTS_MAX).map(|number| number.to_string());
        let (waiting, idle): (Vec<_>, Vec<_>) = labels.partition(|l| has_waiting(account, l));
        for label in waiting.into_iter().chain(idle) {
            if let Some(slot) = Self::try_lock(account, &label, Patience::None).await? {
                return Ok(slot);
            }
        }
        Err(WebError::NoFreeSlot)
    }

    /// Without locks tabs cannot see each other, so each makes up its own name.
    fn take_unlocked(account: &BareJid) -> Self {
        let label = remembered(account)
            .unwrap_or_else(|| format!("{:08x}", u32::from_le_bytes(browser::random())));
        Self {
            account: account.clone(),
            label,
            release: None,
        }
    }

    async fn try_lock(
        account: &BareJid,
        label: &str,
        patience: Patience,
    ) -> Result<Option<Self>, WebError> {
        let name = database_name(account, label);
        let held = lock(&name, patience).await?;
        Ok(held.map(|release| Self {
            account: account.clone(),
            label: label.to_owned(),
            release: Some(release),
        }))
    }

    /// What the slot is called: a number from 1, or random text where tabs cannot be told apart.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name of the slot's database.
    pub fn database(&self) -> String {
        database_name(&self.account, &self.label)
    }

    /// Makes the tab forget which slot it had.
    pub fn forget(self) {
        if let Some(storage) = browser::tab_storage() {
            let _ = storage.remove_item(&memory_key(&self.account));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Whether a tab other than the one of this slot is a device of the account. Without locks tabs cannot see
/// each other: then nobody else is taken to be there.
///
/// # Errors
/// [`WebError`] if the browser does not say.
pub async fn is_another_held(account: &BareJid, own: &str) -> Result<bool, WebError> {
    if !browser::navigator_has("locks") {
        return Ok(false);
    }
    for number in 1..=SLOTS_MAX {
        let label = number.to_string();
        let is_other = label != own;
        if is_other
            && Slot::try_lock(account, &label, Patience::None)
                .await?
                .is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes whether lines wait in a slot, for tabs that choose one.
pub fn note_waiting(account: &BareJid, label: &str, has_waiting: bool) {
    let Some(storage) = browser::profile_storage() else {
        return;
    };
    let key = waiting_key(account, label);
    let _ = if has_waiting {
        storage.set_item(&key, "1")
    } else {
        storage.remove_item(&key)
    };
}

fn has_waiting(account: &BareJid, label: &str) -> bool {
    let storage = browser::profile_storage();
    let noted = storage.and_then(|storage| storage.get_item(&waiting_key(account, label)).ok());
    noted.flatten().is_some()
}

fn waiting_key(account: &BareJid, label: &str) -> String {
    format!("balcony:waiting:{account}:{label}")
}

/// Forgets in which slots lines wait.
pub fn forget_waiting(account: &BareJid) {
    browser::forget_under(&waiting_key(account, ""));
}

/// The names of all databases that an account can have here, beside those of unlocked tabs.
pub fn databases(account: &BareJid) -> impl Iterator<Item = String> {
    (1..=SLOTS_MAX).map(|number| database_name(account, &number.to_string()))
}

/// The name of a slot's database.
pub fn database_name(account: &BareJid, label: &str) -> String {
    format!("balcony:{account}:{label}")
}

fn memory_key(account: &BareJid) -> String {
    format!("balcony:slot:{account}")
}

fn remembered(account: &BareJid) -> Option<String> {
    let storage = browser::tab_storage()?;
    storage.get_item(&memory_key(account)).ok().flatten()
}

fn remember(account: &BareJid, label: &str) {
    if let Some(storage) = browser::tab_storage() {
        let _ = storage.set_item(&memory_key(account), label);
    }
}

/// How long to wait for a lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Not at all.
    None,
    /// As long as a reload may need.
    Reload,
}

/// Asks for a lock; gives the function that releases it, or `None` if somebody else keeps it.
async fn lock(name: &str, patience: Patience) -> Result<Option<Function>, WebError> {
    let options = Object::new();
    match patience {
        Patience::None => set(&options, "ifAvailable", &JsValue::TRUE)?,
        Patience::Reload => set(
            &options,
            "signal",
            &AbortSignal::timeout_with_u32(RELOAD_WAIT_MS),
        )?,
    }
    let (sender, answer) = oneshot::channel();
    let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            return JsValue::UNDEFINED;
        }
        // The lock is held until the promise that is returned here settles.
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let _ = release.map(|release| sender.send(release));
        held.into()
    });
    let request = request_lock(name, &options, &granted).map_err(|e| WebError::thrown(&e))?;
    // A request that times out rejects, one that is refused resolves; both drop `sender`. A granted
    // one settles only after its release, so its answer is what counts.
    let refused = JsFuture::from(request);
    Ok(match select(answer, refused).await {
        Either::Left((release, _)) => release.ok(),
        Either::Right((_, mut answer)) => answer.try_recv().ok().flatten(),
    })
}

fn set(options: &Object, key: &str, value: &JsValue) -> Result<(), WebError> {
    Reflect::set(options, &key.into(), value)
        .map(|_| ())
        .map_err(|error| WebError::thrown(&error))
}
