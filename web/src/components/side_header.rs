//! Head of the list: who is signed in, the menu, and the way to a new conversation.

use leptos::prelude::*;

use super::icon::Icon;
use crate::settings::{self, Theme};
use crate::state::AppState;
use crate::texts::{self, LANGUAGES};
use crate::{format, language};

/// Title, new conversation, menu.
#[component]
pub(crate) fn SideHeader(adding: RwSignal<bool>, signing_out: RwSignal<bool>) -> impl IntoView {
    view! {
        <header class="side-header">
            <button
                class="icon-button"
                popovertarget="menu"
                aria-label=texts::menu()
                data-testid="menu-open"
            >
                {Icon::Menu}
            </button>
            <h2>{texts::chats()}</h2>
            <button
                class="primary small"
                data-testid="add-contact-open"
                on:click=move |_| adding.set(true)
            >
                {Icon::Plus}
                {texts::new_chat()}
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
                <legend>{texts::theme()}</legend>
                {Theme::ALL.map(|choice| view! { <ThemeChoice choice theme/> })}
            </fieldset>
            <LanguageChoice/>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="share-reading"
                    prop:checked=settings::shares_reading()
                    on:change:target=move |event| {
                        settings::share_reading(state, event.target().checked());
                    }
                />
                <span>{texts::share_reading()}</span>
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
                <span>{texts::developer()}</span>
            </label>
            <button
                class="quiet danger-text"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="sign-out"
                on:click=move |_| signing_out.set(true)
            >
                {texts::sign_out()}
            </button>
        </div>
    }
}

/// All languages, each by the name it gives itself.
#[component]
fn LanguageChoice() -> impl IntoView {
    let state = expect_context::<AppState>();
    let chosen = language::chosen();
    let options = LANGUAGES.iter().map(|known| {
        let is_chosen = chosen.as_deref() == Some(known.tag);
        view! {
            <option value=known.tag lang=known.tag selected=is_chosen>{known.name}</option>
        }
    });
    view! {
        <label class="choice">
            <span>{texts::language()}</span>
            <select
                id="language"
                data-testid="language"
                on:change:target=move |event| {
                    let tag = event.target().value();
                    language::choose(state, (!tag.is_empty()).then_some(tag.as_str()));
                }
            >
                <option value="">{texts::language_of_browser()}</option>
                {options.collect_view()}
            </select>
        </label>
    }
}

#[component]
fn ThemeChoice(choice: Theme, theme: RwSignal<Theme>) -> impl IntoView {
    let label = match choice {
        Theme::System => texts::theme_system(),
        Theme::Light => texts::theme_light(),
        Theme::Dark => texts::theme_dark(),
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
