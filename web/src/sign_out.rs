//! Signing out of the whole browser: every tab of the account, and every slot that none holds.

use futures::future::{join_all, select};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::BareJid;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::driver::{Reach, report};
use crate::history::IndexedDb;
use crate::state::AppState;
use crate::{drafts, places, saying, slot};

const CHANNEL: &str = "balcony:sign-out";
/// How long other tabs may take to close their databases; they wipe them themselves anyway.
const OTHERS_MS: u32 = 3_000;

/// Lets this tab sign out when another one asks for it; for the life of the page.
pub fn listen(state: AppState) {
    let Ok(channel) = BroadcastChannel::new(CHANNEL) else {
        return;
    };
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let meant = event.data().as_string();
        let own = state.account.get_untracked();
        if meant.is_some()
            && meant.as_deref() == own.as_ref().map(|account| account.as_str())
            && let Some(inbox) = state.inbox()
        {
            inbox.sign_out(Reach::ThisTab);
        }
    });
    channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget();
    // The channel works only as long as somebody holds it.
    std::mem::forget(channel);
}

/// Asks every other tab of the account to sign out.
pub fn tell_other_tabs(account: &BareJid) {
    if let Ok(channel) = BroadcastChannel::new(CHANNEL) {
        let _ = channel.post_message(&account.as_str().into());
        channel.close();
    }
}

/// Deletes every database and draft of the account, and what is noted of them.
pub async fn wipe_all_slots(account: &BareJid) {
    drafts::wipe_all(account);
    places::wipe_all(account);
    saying::forget_recent(account);
    slot::forget_waiting(account);
    let names: Vec<_> = slot::databases(account).collect();
    let deletions = names
        .iter()
        .map(|name| async move { report(IndexedDb::delete(name).await) });
    select(join_all(deletions), TimeoutFuture::new(OTHERS_MS)).await;
}
