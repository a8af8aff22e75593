//! Name and password of somebody who has an account.

use client_core::SignIn;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::{ErrorLine, Mark, NameField, PasswordField, address};
use crate::state::AppState;
use crate::{format, session, texts};

/// Asks for name and password.
#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    let state = expect_context::<AppState>();
    let known = state.account.get_untracked();
    let name = RwSignal::new(known.as_ref().map(format::short_name).unwrap_or_default());
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
        session::sign_in(state, account, password, None);
    };
    view! {
        <main class="gate">
            <form class="gate-card" on:submit=submit novalidate>
                <Mark/>
                <h1>{texts::sign_in_title()}</h1>
                <p class="lead">{texts::sign_in_lead()}</p>
                <NameField name testid="sign-in-name" autocomplete="username"/>
                <PasswordField
                    password
                    testid="sign-in-password"
                    autocomplete="current-password"
                />
                <ErrorLine/>
                <button
                    class="primary"
                    type="submit"
                    data-testid="sign-in-submit"
                    aria-busy=move || trying.get().to_string()
                >
                    {move || if trying.get() { texts::signing_in() } else { texts::sign_in() }}
                </button>
                <p class="hint">{texts::no_account()}</p>
            </form>
        </main>
    }
}
