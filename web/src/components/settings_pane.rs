//! What a person can choose.

use client_core::Intent;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;

use super::avatar::Avatar;
use super::device_facts::DeviceFacts;
use super::icon::Icon;
use super::profile::Profile;
use crate::settings::{self, SendKey, Theme};
use crate::state::AppState;
use crate::texts::{self, LANGUAGES};
use crate::{browser, format, language, route};

/// All choices, by what they are about.
#[component]
pub(crate) fn SettingsPane(signing_out: RwSignal<bool>, helping: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let leave = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            route::go(&state.back.get_untracked());
            browser::focus("menu-open");
        }
    };
    let title = NodeRef::<html::H1>::new();
    Effect::new(move || {
        if let Some(title) = title.get() {
            let _ = title.focus();
        }
    });
    view! {
        <div class="pane" data-testid="settings" on:keydown=leave>
            <header class="chat-header">
                <a
                    class="icon-button"
                    data-testid="settings-back"
                    href=move || state.back.get()
                    aria-label=texts::go_back()
                >
                    {Icon::Back}
                </a>
                <h1 node_ref=title tabindex="-1">{texts::settings()}</h1>
            </header>
            <div class="pane-scroll">
                <You signing_out/>
                <Look/>
                <Writing helping/>
                <Privacy/>
                <Developer/>
                <DeviceFacts/>
            </div>
        </div>
    }
}

#[component]
fn You(signing_out: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let who = move || {
        let account = state.account.get();
        account.map(|account| texts::signed_in_as(&format::short_name(&account)))
    };
    let address = move || {
        let jid = state.jid.get().filter(|_| state.developer.get());
        jid.map(|jid| view! { <p class="hint address">{jid.to_string()}</p> })
    };
    view! {
        <section class="choices" aria-labelledby="settings-you">
            <h2 id="settings-you">{texts::you()}</h2>
            <Profile/>
            <p>{who}</p>
            {address}
            <p class="hint">{move || texts::device(&state.slot.get())}</p>
            <button
                class="quiet outlined"
                data-testid="settings-devices"
                on:click=move |_| route::go(route::DEVICES)
            >
                {Icon::Devices}
                {texts::devices()}
            </button>
            <button
                class="danger outlined"
                data-testid="settings-sign-out"
                on:click=move |_| signing_out.set(true)
            >
                {texts::sign_out()}
            </button>
        </section>
    }
}

#[component]
fn Look() -> impl IntoView {
    let theme = RwSignal::new(Theme::current());
    let choose = move |choice: Theme| {
        theme.set(choice);
        choice.choose();
    };
    let choice = move |choice: Theme| {
        let (label, name) = match choice {
            Theme::System => (texts::theme_system(), "theme-system"),
            Theme::Light => (texts::theme_light(), "theme-light"),
            Theme::Dark => (texts::theme_dark(), "theme-dark"),
            Theme::Contrast => (texts::theme_contrast(), "theme-contrast"),
        };
        let is_chosen = Signal::derive(move || theme.get() == choice);
        view! { <Choice group="theme" name label is_chosen choose=move |()| choose(choice)/> }
    };
    view! {
        <section class="choices" aria-labelledby="settings-look">
            <h2 id="settings-look">{texts::look()}</h2>
            <fieldset class="segments">
                <legend>{texts::theme()}</legend>
                {Theme::ALL.map(choice)}
            </fieldset>
            <LanguageChoice/>
        </section>
    }
}

/// One of a group of choices.
#[component]
fn Choice(
    group: &'static str,
    name: &'static str,
    label: &'static str,
    is_chosen: Signal<bool>,
    #[prop(into)] choose: Callback<()>,
) -> impl IntoView {
    view! {
        <label>
            <input
                type="radio"
                name=group
                data-testid=name
                prop:checked=is_chosen
                on:change=move |_| choose.run(())
            />
            <span>{label}</span>
        </label>
    }
}

/// All languages, each by the name it gives itself.
#[component]
fn LanguageChoice() -> impl IntoView {
    let state = expect_context::<AppState>();
    let chosen = language::chosen();
    let options = LANGUAGES.iter().map(|known| {
        let is_chosen = chosen.as_deref() == Some(known.tag);
        let spoken = Some(known.tag).filter(|tag| !tag.starts_with("x-"));
        view! {
            <option value=known.tag lang=spoken selected=is_chosen>{known.name}</option>
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
                    // All is drawn anew, but the focus stays where it was.
                    browser::after_layout(|| browser::focus("language"));
                }
            >
                <option value="">{texts::language_of_browser()}</option>
                {options.collect_view()}
            </select>
        </label>
    }
}

#[component]
fn Writing(helping: RwSignal<bool>) -> impl IntoView {
    let key = RwSignal::new(SendKey::current());
    let choose = move |choice: SendKey| {
        key.set(choice);
        choice.choose();
    };
    let choice = move |choice: SendKey| {
        let (label, name) = match choice {
            SendKey::Enter => (texts::send_by_enter(), "send-by-enter"),
            SendKey::WithControl => (texts::send_by_control(), "send-by-control"),
        };
        let is_chosen = Signal::derive(move || key.get() == choice);
        view! { <Choice group="send-key" name label is_chosen choose=move |()| choose(choice)/> }
    };
    view! {
        <section class="choices" aria-labelledby="settings-writing">
            <h2 id="settings-writing">{texts::typing_title()}</h2>
            <fieldset class="segments">
                <legend>{texts::send_key()}</legend>
                {SendKey::ALL.map(choice)}
            </fieldset>
            <Check
                name="letters"
                label=texts::letters()
                checked=settings::has_letters()
                choose=settings::allow_letters
            />
            <button
                class="quiet outlined"
                data-testid="shortcuts-open"
                on:click=move |_| helping.set(true)
            >
                {texts::shortcuts()}
            </button>
        </section>
    }
}

#[component]
fn Privacy() -> impl IntoView {
    let state = expect_context::<AppState>();
    let none = move || {
        let is_empty = state.blocked.with(Vec::is_empty);
        is_empty.then(|| view! { <p class="hint">{texts::blocked_nobody()}</p> })
    };
    view! {
        <section class="choices" aria-labelledby="settings-privacy">
            <h2 id="settings-privacy">{texts::privacy()}</h2>
            <Check
                name="share-reading"
                label=texts::share_reading()
                checked=settings::shares_reading()
                choose=move |shares| settings::share_reading(state, shares)
            />
            <Check
                name="share-typing"
                label=texts::share_typing()
                checked=settings::shares_typing()
                choose=move |shares| settings::share_typing(state, shares)
            />
            <h3 id="settings-blocked">{texts::blocked_people()}</h3>
            {none}
            <ul class="people" aria-labelledby="settings-blocked" data-testid="blocked-list">
                <For each=move || state.blocked.get() key=Clone::clone let:jid>
                    <BlockedPerson jid/>
                </For>
            </ul>
        </section>
    }
}

/// Somebody who is blocked, or all of a domain.
#[component]
fn BlockedPerson(jid: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let name = state.name_of(Some(&jid));
    let label = texts::unblock_person(&name);
    let unblocked = jid.clone();
    view! {
        <li>
            <Avatar peer=jid name=name.clone()/>
            <span dir="auto">{name}</span>
            <button
                class="quiet outlined small"
                data-testid="unblock-listed"
                aria-label=label
                on:click=move |_| state.send(Intent::Unblock(unblocked.clone()))
            >
                {texts::unblock()}
            </button>
        </li>
    }
}

#[component]
fn Developer() -> impl IntoView {
    let state = expect_context::<AppState>();
    view! {
        <section class="choices" aria-labelledby="settings-developer">
            <h2 id="settings-developer">{texts::for_developers()}</h2>
            <Check
                name="developer-mode"
                label=texts::developer()
                checked=state.developer.get_untracked()
                choose=move |on| settings::set_developer(state, on)
            />
        </section>
    }
}

/// Something that is so or not.
#[component]
fn Check(
    name: &'static str,
    label: &'static str,
    checked: bool,
    #[prop(into)] choose: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid=name
                prop:checked=checked
                on:change:target=move |event| choose.run(event.target().checked())
            />
            <span>{label}</span>
        </label>
    }
}
