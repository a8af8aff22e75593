//! For developers: what goes over the wire, and the way of one message.

use leptos::prelude::*;

use super::icon::Icon;
use crate::inspector::{Record, What, message_id};
use crate::state::AppState;
use crate::{browser, format, texts};

/// The frames of this device, the newest first, below the conversations.
#[component]
pub(crate) fn Inspector() -> impl IntoView {
    let state = expect_context::<AppState>();
    move || {
        let is_open = state.developer.get() && state.wire.is_open.get();
        is_open.then(|| view! { <Panel/> })
    }
}

#[component]
fn Panel() -> impl IntoView {
    let wire = expect_context::<AppState>().wire;
    let filter = RwSignal::new(String::new());
    let hides = RwSignal::new(true);
    let export = move |_| {
        let text = untrack(|| filter.with(|filter| wire.export(filter, hides.get())));
        browser::download("balcony-frames.jsonl", &text);
    };
    let followed = move || {
        wire.followed.get().map(|id| {
            view! {
                <p class="followed" data-testid="followed">
                    <span>{texts::inspector_follows(&id)}</span>
                    <button class="quiet small" on:click=move |_| wire.followed.set(None)>
                        {texts::inspector_all()}
                    </button>
                </p>
            }
        })
    };
    view! {
        <aside class="inspector" aria-label=texts::inspector() data-testid="inspector">
            <header class="inspector-tools">
                <h2>{texts::inspector()}</h2>
                <input
                    type="search"
                    data-testid="inspector-filter"
                    aria-label=texts::inspector_filter()
                    placeholder=texts::inspector_filter()
                    bind:value=filter
                />
                <label class="check">
                    <input type="checkbox" data-testid="inspector-hides" bind:checked=hides/>
                    <span>{texts::inspector_hides()}</span>
                </label>
                <button class="quiet small" on:click=move |_| wire.clear()>
                    {texts::inspector_clear()}
                </button>
                <button class="quiet small" data-testid="inspector-export" on:click=export>
                    {texts::inspector_export()}
                </button>
                <button class="quiet small" on:click=move |_| wire.is_open.set(false)>
                    {texts::inspector_close()}
                </button>
            </header>
            {followed}
            <ol class="frames" tabindex="0" aria-label=texts::inspector_frames()>
                <For
                    each=move || filter.with(|filter| wire.shown(filter))
                    key=|record| record.number
                    let:record
                >
                    <Frame record hides/>
                </For>
            </ol>
        </aside>
    }
}

#[component]
fn Frame(record: Record, hides: RwSignal<bool>) -> impl IntoView {
    let wire = expect_context::<AppState>().wire;
    let id = match &record.what {
        What::Became { key, .. } => Some(key.to_string()),
        What::Sent(frame) | What::Came(frame) => message_id(frame).map(str::to_owned),
        What::Link(_) => None,
    };
    let follow = id.map(|id| {
        view! {
            <button
                class="quiet small"
                data-testid="follow"
                aria-label=texts::inspector_follow_one(&record.number.to_string())
                on:click=move |_| wire.follow(&id)
            >
                {Icon::Down}
                {texts::inspector_follow()}
            </button>
        }
    });
    let (kind, at, word) = (record.kind(), record.at, word(&record.what));
    view! {
        <li class="frame" data-kind=kind>
            <span class="frame-what">
                <time>{format::precise(at)}</time>
                " "
                {word}
            </span>
            <code dir="ltr">{move || record.written(hides.get())}</code>
            {follow}
        </li>
    }
}

fn word(what: &What) -> &'static str {
    match what {
        What::Sent(_) => texts::inspector_sent(),
        What::Came(_) => texts::inspector_came(),
        What::Link(_) => texts::inspector_link(),
        What::Became { .. } => texts::inspector_became(),
    }
}
