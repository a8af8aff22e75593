//! The one region that assistive technology reads new messages from.

use leptos::prelude::*;

use crate::state::AppState;
use crate::texts;

/// Holds the latest announcements, unseen.
#[component]
pub(crate) fn Announcer() -> impl IntoView {
    let state = expect_context::<AppState>();
    view! {
        <div class="unseen" role="log" aria-live="polite" aria-label=texts::new_messages_log()>
            <For each=move || state.announced.get() key=|(number, _)| *number let((_, text))>
                <p>{text}</p>
            </For>
        </div>
    }
}
