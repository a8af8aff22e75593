//! From an opened page to a device at work: which account, which slot, which way in.

use client_core::{Input, Intent, SignIn};
use leptos::prelude::*;
use protocol::BareJid;
use protocol::scram::Secret;
use wasm_bindgen_futures::spawn_local;

use crate::driver::{Driver, report};
use crate::error::WebError;
use crate::route::Fragment;
use crate::state::{AppState, Page};
use crate::{accounts, browser, keys, lab, lifecycle, route, sign_out, texts, typed};

/// Decides what a fresh page shows, and starts the device of an account that is signed in.
pub async fn begin(state: AppState) {
    if let Some((account, _)) = lab::seat() {
        return take_seat(state, &account).await;
    }
    match Fragment::current() {
        Fragment::SetUp(token) => {
            state.page.set(Page::SetUp {
                token,
                invited: false,
                inviter: None,
            });
        }
        Fragment::Invite(token, inviter) => {
            state.page.set(match (accounts::current(), inviter) {
                (Some(account), Some(inviter)) => Page::Follow {
                    token,
                    inviter,
                    account,
                },
                (_, inviter) => Page::SetUp {
                    token,
                    invited: true,
                    inviter,
                },
            });
        }
        Fragment::Device(token, account) => {
            state.page.set(Page::DeviceLink { token, account });
        }
        Fragment::Chat(_) | Fragment::Pane(_) | Fragment::List => match accounts::current() {
            Some(account) => go_on(state, account).await,
            None => state.page.set(Page::SignIn),
        },
    }
}

/// Goes on with an account of this browser: its rows first, then the network.
async fn go_on(state: AppState, account: BareJid) {
    let Some(device) = ensure_device(state, &account).await else {
        return;
    };
    if device.has_token {
        show_chats(state);
    }
    // A tab that is new in this browser has no token, and that of an old one may have expired.
    let keys = keys::load(&account).await.unwrap_or_else(|error| {
        report(Err(error));
        None
    });
    if keys.is_none() && !device.has_token {
        return state.page.set(Page::SignIn);
    }
    show_chats(state);
    sign_in_with(state, keys.map(Secret::Keys), None);
}

/// A device of the lab: its page brings the password.
async fn take_seat(state: AppState, account: &BareJid) {
    if ensure_device(state, account).await.is_some() {
        show_chats(state);
    }
}

/// Shows the conversations. A page that is shown stays as it is, with what is open on it.
fn show_chats(state: AppState) {
    if state.page.get_untracked() != Page::Chat {
        state.page.set(Page::Chat);
    }
}

/// Signs in with what a person typed; with a token, makes the account first.
pub fn sign_in(state: AppState, account: BareJid, password: String, register: Option<String>) {
    state.trouble.set(None);
    state.sign_in.set(SignIn::Trying);
    spawn_local(async move {
        if ensure_device(state, &account).await.is_some() {
            let password = typed::password(&password);
            sign_in_with(state, Some(Secret::Password(password)), register);
        }
    });
}

/// Signs in as one more device, by a link of another one.
pub fn sign_in_by_link(state: AppState, account: BareJid, token: String) {
    state.trouble.set(None);
    state.sign_in.set(SignIn::Trying);
    spawn_local(async move {
        if ensure_device(state, &account).await.is_some() {
            state.send(Intent::SignInByLink(token));
        }
    });
}

/// Goes on with the account that is signed in, and becomes a contact of whoever sent the link.
pub fn follow_invitation(state: AppState, inviter: BareJid, token: String) {
    let Some(account) = accounts::current() else {
        return;
    };
    open_chat(state, &inviter);
    spawn_local(async move {
        match state.inbox() {
            Some(_) => show_chats(state),
            None => go_on(state, account).await,
        }
        state.send(Intent::FollowInvitation { inviter, token });
    });
}

/// Puts a conversation in the place of the link that led to it.
fn open_chat(state: AppState, peer: &BareJid) {
    browser::replace_fragment(route::chat(peer).trim_start_matches('#'));
    state.route.set(Some(peer.clone()));
}

fn sign_in_with(state: AppState, secret: Option<Secret>, register: Option<String>) {
    state.send(Intent::SignIn { secret, register });
}

/// A device that works.
struct Ready {
    /// Whether it can log in by itself.
    has_token: bool,
}

/// Makes this tab a device of the account; says on the page why if it cannot be one.
async fn ensure_device(state: AppState, account: &BareJid) -> Option<Ready> {
    if state.account.get_untracked().as_ref() == Some(account) && state.inbox().is_some() {
        return Some(Ready { has_token: false });
    }
    if let Some(other) = state.inbox() {
        other.stop();
        state.attach(None);
    }
    match Driver::start(account.clone(), state).await {
        Ok(driver) => {
            state.account.set(Some(account.clone()));
            state.slot.set(driver.slot_label().to_owned());
            state.attach(Some(driver.inbox()));
            state.push(Input::Visible(browser::is_visible()));
            let has_token = driver.has_token();
            spawn_local(driver.run());
            Some(Ready { has_token })
        }
        Err(error) => {
            let text = match &error {
                WebError::NoFreeSlot => texts::no_free_slot().to_owned(),
                WebError::Storage(_) | WebError::Browser(_) => texts::no_storage().to_owned(),
            };
            report(Err(error));
            state.page.set(Page::Trouble(text));
            None
        }
    }
}

/// Lets the page follow what becomes of a sign-in; for the life of the page.
pub fn follow(state: AppState) {
    lifecycle::watch(state);
    sign_out::listen(state);
    Effect::new(move || match state.sign_in.get() {
        SignIn::In => arrive(state),
        SignIn::Refused(refusal) => {
            state.trouble.set(Some(texts::refused(refusal).to_owned()));
            let page = state.page.get_untracked();
            if matches!(page, Page::Chat | Page::Loading) {
                state.page.set(Page::SignIn);
            }
        }
        SignIn::Out | SignIn::Trying => {}
    });
    Effect::new(move || {
        let shown = state.page.with(|page| *page == Page::Chat);
        if shown {
            match state.route.get() {
                Some(peer) => state.send(Intent::OpenChat(peer)),
                None => state.send(Intent::CloseChat),
            }
        }
    });
}

/// Leaves the way in: notes the account, and takes the link's secret out of the address bar.
fn arrive(state: AppState) {
    let page = state.page.get_untracked();
    let Some(account) = state.account.get_untracked() else {
        return;
    };
    // Somebody with an account was invited, and has signed in to follow.
    if let (Page::SignIn, Fragment::Invite(token, Some(inviter))) = (&page, Fragment::current()) {
        accounts::remember(&account);
        state.trouble.set(None);
        return state.page.set(Page::Follow {
            token,
            inviter,
            account,
        });
    }
    match page {
        Page::SetUp {
            inviter: Some(inviter),
            ..
        } => open_chat(state, &inviter),
        Page::SetUp { .. } | Page::DeviceLink { .. } => browser::replace_fragment(""),
        Page::SignIn | Page::Chat | Page::Follow { .. } => {}
        Page::Loading | Page::Trouble(_) => return,
    }
    if lab::seat().is_none() {
        accounts::remember(&account);
    }
    state.trouble.set(None);
    show_chats(state);
}
