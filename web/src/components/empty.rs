//! What is shown where nothing is: never only a sentence, always a way on.

use leptos::prelude::*;

use super::icon::{Icon, Mark};
use crate::state::AppState;
use crate::texts;

/// No conversation is open.
#[component]
pub(crate) fn NoChatOpen(
    adding: RwSignal<bool>,
    inviting: RwSignal<bool>,
    linking: RwSignal<bool>,
) -> impl IntoView {
    let state = expect_context::<AppState>();
    let any = Memo::new(move |_| state.chats.with(|chats| !chats.is_empty()));
    let words = move || match (any.get(), state.is_list_known.get()) {
        (true, _) => (texts::no_chat_open_title(), texts::no_chat_open()),
        (false, true) => (texts::no_chats_title(), texts::no_chats()),
        (false, false) => (texts::app(), texts::list_unknown()),
    };
    view! {
        <section class="empty">
            <Mark/>
            <h1>{move || words().0}</h1>
            <p>{move || words().1}</p>
            <WaysOn adding inviting linking names=("empty-invite", "empty-add-device")/>
        </section>
    }
}

/// What can be done where there is no conversation.
#[component]
pub(crate) fn WaysOn(
    adding: RwSignal<bool>,
    inviting: RwSignal<bool>,
    linking: RwSignal<bool>,
    /// What tests call the second and the third.
    names: (&'static str, &'static str),
) -> impl IntoView {
    view! {
        <button class="primary" on:click=move |_| adding.set(true)>
            {Icon::Plus}
            {texts::new_chat()}
        </button>
        <button class="quiet outlined" data-testid=names.0 on:click=move |_| inviting.set(true)>
            {Icon::Plus}
            {texts::invite_friend()}
        </button>
        <button class="quiet outlined" data-testid=names.1 on:click=move |_| linking.set(true)>
            {Icon::Devices}
            {texts::add_device()}
        </button>
    }
}
