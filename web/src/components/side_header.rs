//! Head of the list: who is signed in, the menu, and the way to a new conversation.

use leptos::prelude::*;

use super::icon::Icon;
use crate::state::AppState;
use crate::{format, route, texts};

/// Title, new conversation, menu.
#[component]
pub(crate) fn SideHeader(
    adding: RwSignal<bool>,
    signing_out: RwSignal<bool>,
    inviting: RwSignal<bool>,
) -> impl IntoView {
    let state = expect_context::<AppState>();
    // Where the list is all there is, it has the page's name.
    let title = move || match state.is_list_only() {
        true => view! { <h1 class="side-title">{texts::chats()}</h1> }.into_any(),
        false => view! { <h2 class="side-title">{texts::chats()}</h2> }.into_any(),
    };
    view! {
        <div class="side-header">
            <button
                class="icon-button"
                popovertarget="menu"
                aria-label=texts::menu()
                id="menu-open"
                data-testid="menu-open"
            >
                {Icon::Menu}
            </button>
            {title}
            <button
                class="primary small"
                data-testid="add-contact-open"
                on:click=move |_| adding.set(true)
            >
                {Icon::Plus}
                {texts::new_chat()}
            </button>
            <Menu signing_out inviting/>
        </div>
    }
}

#[component]
fn Menu(signing_out: RwSignal<bool>, inviting: RwSignal<bool>) -> impl IntoView {
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
        <div class="menu" id="menu" popover="auto">
            <p class="menu-who">{who}</p>
            {address}
            <p class="hint">{move || texts::device(&state.slot.get())}</p>
            <button
                class="quiet"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="invite-open"
                on:click=move |_| inviting.set(true)
            >
                {Icon::Plus}
                {texts::invite_friend()}
            </button>
            <button
                class="quiet"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="devices-open"
                on:click=move |_| route::go(route::DEVICES)
            >
                {Icon::Devices}
                {texts::devices()}
            </button>
            <button
                class="quiet"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="settings-open"
                on:click=move |_| route::go(route::SETTINGS)
            >
                {Icon::Settings}
                {texts::settings()}
            </button>
            <button
                class="quiet danger-text"
                popovertarget="menu"
                popovertargetaction="hide"
                data-testid="sign-out"
                on:click=move |_| signing_out.set(true)
            >
                {Icon::Leave}
                {texts::sign_out()}
            </button>
        </div>
    }
}
