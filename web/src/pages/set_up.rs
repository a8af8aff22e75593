//! A new account, by the link that a server or a friend gave.

use client_core::SignIn;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use protocol::BareJid;

use crate::components::{ErrorLine, Mark, NameField, PasswordField, address};
use crate::state::{AppState, Page};
use crate::{browser, format, session, texts};

/// Asks for the name and password of an account that is to be made.
#[component]
pub(crate) fn SetUpPage(token: String, invited: bool, inviter: Option<BareJid>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let trying = Memo::new(move |_| state.sign_in.with(|s| *s == SignIn::Trying));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if trying.get_untracked() {
            return;
        }
        let Some(account) = address(&name.get_untracked()) else {
            return state.trouble.set(Some(texts::name_unusable().to_owned()));
        };
        let password = password.get_untracked();
        if password.is_empty() {
            return state
                .trouble
                .set(Some(texts::password_missing().to_owned()));
        }
        session::sign_in(state, account, password, Some(token.clone()));
    };
    let is_from_somebody = inviter.is_some();
    let has_account = move |_| {
        if is_from_somebody {
            // The link stays where it is, and is followed once they are in.
            state.trouble.set(None);
            return state.page.set(Page::SignIn);
        }
        browser::replace_fragment("");
        state.trouble.set(None);
        state.page.set(Page::Loading);
        wasm_bindgen_futures::spawn_local(session::begin(state));
    };
    let (title, lead) = match &inviter {
        Some(inviter) => (
            texts::invited_by(&format::short_name(inviter)),
            texts::invite_lead(),
        ),
        None if invited => (texts::invite_title().to_owned(), texts::invite_lead()),
        None => (texts::set_up_title().to_owned(), texts::set_up_lead()),
    };
    let from = inviter.map(|inviter| {
        view! { <p class="hint address" dir="ltr" data-testid="setup-from">{inviter.to_string()}</p> }
    });
    view! {
        <main class="gate">
            <form class="gate-card" on:submit=submit novalidate>
                <Mark/>
                <h1>{title}</h1>
                {from}
                <p class="lead">{lead}</p>
                <NameField name testid="setup-name" autocomplete="username"/>
                <PasswordField password testid="setup-password" autocomplete="new-password"/>
                <p class="hint">{texts::password_hint()}</p>
                <ErrorLine/>
                <button
                    class="primary"
                    type="submit"
                    data-testid="setup-submit"
                    aria-busy=move || trying.get().to_string()
                >
                    {move || if trying.get() { texts::creating() } else { texts::create() }}
                </button>
                <button
                    class="quiet"
                    type="button"
                    data-testid="setup-has-account"
                    on:click=has_account
                >
                    {texts::have_account()}
                </button>
            </form>
        </main>
    }
}
