//! What is shown where nothing is: never only a sentence, always a way on.

use leptos::prelude::*;

use super::icon::{Icon, Mark};
use crate::texts;

/// No conversation is open.
#[component]
pub(crate) fn NoChatOpen(adding: RwSignal<bool>) -> impl IntoView {
    view! {
        <section class="empty">
            <Mark/>
            <h1>{texts::NO_CHAT_OPEN_TITLE}</h1>
            <p>{texts::NO_CHAT_OPEN}</p>
            <button class="primary" on:click=move |_| adding.set(true)>
                {Icon::Plus}
                {texts::NEW_CHAT}
            </button>
        </section>
    }
}
