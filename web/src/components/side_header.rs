//! Head of the list: who is signed in, the menu, and the way to a new conversation.

use leptos::prelude::*;

use super::icon::Icon;
use crate::settings::{self, Theme};
use crate::state::AppState;
use crate::{format, texts};

/// Title, new conversation, menu.
#[component]
pub(crate) fn SideHeader(adding: RwSignal<bool>, signing_out: RwSignal<bool>) -> impl IntoView {
    view! {
        <header class="side-header">
            <button
                class="icon-button"
                popovertarget="menu"
                aria-label=texts::MENU
                data-testid="menu-open"
            >
                {Icon::Menu}
            </button>
            <h2>{texts::CHATS}</h2>
            <button
                class="primary small"
                data-testid="add-contact-open"
                on:click=move |_| adding.set(true)
            >
                {Icon::Plus}
                {texts::NEW_CHAT}
            </button>
            <Menu signing_out/>
        </header>
    }
}

#[component]
fn Menu(signing_out: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let theme = RwSignal::new(Theme::current());
    let who = move || {
        let account = state.account.get();
        account.map(|account| texts::signed_in_as(&format::short_name(&account)))
    };
    let address = move || {
        let jid = state.jid.get().filter(|_| state.developer.get());
        jid.map(|jid| view! { <p class="hint address">{jid.to_string()}</p> })
    };
    view! {
        <div class="menu" id="menu" popover="auto">
            <p class="menu-who">{who}</p>
            {address}
            <p class="hint">{move || texts::device(&state.slot.get())}</p>
            <fieldset class="segments">
                <legend>{texts::THEME}</legend>
                {Theme::ALL.map(|choice| view! { <ThemeChoice choice theme/> })}
            </fieldset>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="share-reading"
                    prop:checked=settings::shares_reading()
                    on:change:target=move |event| {
                        settings::share_reading(state, event.target().checked());
                    }
                />
                <span>{texts::SHARE_READING}</span>
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="developer-mode"
                    prop:checked=state.developer
                    on:change:target=move |event| {
                        settings::set_developer(state, event.target().checked());
                    }
                />
                <span>{texts::DEVELOPER}</span>
            </label>
            <button
                class="quiet danger-text"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="sign-out"
                on:click=move |_| signing_out.set(true)
            >
                {texts::SIGN_OUT}
            </button>
        </div>
    }
}

#[component]
fn ThemeChoice(choice: Theme, theme: RwSignal<Theme>) -> impl IntoView {
    let label = match choice {
        Theme::System => texts::THEME_SYSTEM,
        Theme::Light => texts::THEME_LIGHT,
        Theme::Dark => texts::THEME_DARK,
    };
    view! {
        <label>
            <input
                type="radio"
                name="theme"
                prop:checked=move || theme.get() == choice
                on:change=move |_| {
                    theme.set(choice);
                    choice.choose();
                }
            />
            <span>{label}</span>
        </label>
    }
}
