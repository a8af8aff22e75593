//! What a link asks somebody who is signed in already, or a device that is to become theirs.

use client_core::SignIn;
use leptos::prelude::*;
use protocol::BareJid;

use crate::components::{ErrorLine, Mark};
use crate::state::{AppState, Page};
use crate::{accounts, browser, format, route, session, texts};

/// Asks whether to become a contact of whoever sent the link.
#[component]
pub(crate) fn FollowPage(token: String, inviter: BareJid, account: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let is_own = inviter == account;
    let (friend, own) = (format::short_name(&inviter), format::short_name(&account));
    let (title, lead) = if is_own {
        (
            texts::invite_own_title().to_owned(),
            texts::invite_own_lead().to_owned(),
        )
    } else {
        (
            texts::invited_by(&friend),
            texts::follow_lead(&friend, &own),
        )
    };
    let to_make = (token.clone(), inviter.clone());
    let accept = (!is_own).then(|| {
        let (token, inviter) = (token.clone(), inviter.clone());
        view! {
            <button
                class="primary"
                data-testid="follow-accept"
                on:click=move |_| session::follow_invitation(state, inviter.clone(), token.clone())
            >
                {texts::follow_accept(&friend)}
            </button>
        }
    });
    let other = move |_| {
        let (token, inviter) = to_make.clone();
        let inviter = Some(inviter);
        let invited = true;
        state.page.set(Page::SetUp {
            token,
            invited,
            inviter,
        });
    };
    let decline = move |_| go_in(state);
    view! {
        <main class="gate">
            <div class="gate-card">
                <Mark/>
                <h1>{title}</h1>
                <p class="hint address" dir="ltr">{inviter.to_string()}</p>
                <p class="lead">{lead}</p>
                {accept}
                <button class="quiet outlined" data-testid="follow-decline" on:click=decline>
                    {texts::to_my_chats()}
                </button>
                <button class="quiet" data-testid="follow-other" on:click=other>
                    {texts::other_account()}
                </button>
            </div>
        </main>
    }
}

/// Asks whether this device is to be one more of the account.
#[component]
pub(crate) fn DeviceLinkPage(token: String, account: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let trying = Memo::new(move |_| state.sign_in.with(|s| *s == SignIn::Trying));
    let name = format::short_name(&account);
    let is_in = accounts::all().contains(&account);
    let (title, lead) = if is_in {
        (
            texts::device_in_title().to_owned(),
            texts::device_in_lead(&name),
        )
    } else {
        (
            texts::device_link_title(&name),
            texts::device_link_lead().to_owned(),
        )
    };
    let address = account.to_string();
    let sign_in = (!is_in).then(|| {
        let (account, token) = (account.clone(), token.clone());
        let follow = move |_| {
            if !trying.get_untracked() {
                session::sign_in_by_link(state, account.clone(), token.clone());
            }
        };
        view! {
            <button
                class="primary"
                data-testid="device-link-accept"
                aria-busy=move || trying.get().to_string()
                on:click=follow
            >
                {move || if trying.get() { texts::signing_in() } else { texts::sign_in() }}
            </button>
        }
    });
    let decline = move |_| go_in(state);
    view! {
        <main class="gate">
            <div class="gate-card">
                <Mark/>
                <h1>{title}</h1>
                <p class="hint address" dir="ltr">{address}</p>
                <p class="lead">{lead}</p>
                <ErrorLine/>
                {sign_in}
                <button class="quiet" data-testid="device-link-decline" on:click=decline>
                    {if is_in { texts::to_my_chats() } else { texts::cancel() }}
                </button>
            </div>
        </main>
    }
}

/// Forgets the link and goes on as without it.
fn go_in(state: AppState) {
    browser::replace_fragment(route::LIST.trim_start_matches('#'));
    state.trouble.set(None);
    state.page.set(Page::Loading);
    wasm_bindgen_futures::spawn_local(session::begin(state));
}
