//! What the account tells of itself to all contacts: a name and a picture.

use client_core::Intent;
use client_core::view::Saving;
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;

use super::avatar::Avatar;
use crate::state::AppState;
use crate::{format, pictures, texts};

/// The picture with its choices, and the name.
#[component]
pub(crate) fn Profile() -> impl IntoView {
    let state = expect_context::<AppState>();
    let is_unusable = RwSignal::new(false);
    let face = move || {
        let own = state.account.get()?;
        let name = state.own.with(|profile| profile.nick.clone());
        let name = name.unwrap_or_else(|| format::short_name(&own));
        Some(view! { <Avatar peer=own name/> })
    };
    let choose = move |input: HtmlInputElement| {
        let file = input.files().and_then(|files| files.get(0));
        // The same file can be chosen again.
        input.set_value("");
        let Some(file) = file else { return };
        is_unusable.set(false);
        spawn_local(async move {
            match pictures::of_file(file).await {
                Ok(bytes) => state.send(Intent::SetPicture(Some(bytes))),
                Err(_) => is_unusable.set(true),
            }
        });
    };
    let has_picture = Memo::new(move |_| state.own.with(|own| own.picture.is_some()));
    let remove = move || {
        has_picture.get().then(|| {
            view! {
                <button
                    class="quiet outlined"
                    data-testid="picture-remove"
                    on:click=move |_| state.send(Intent::SetPicture(None))
                >
                    {texts::picture_remove()}
                </button>
            }
        })
    };
    let became = move || {
        if is_unusable.get() {
            return Some(texts::picture_unusable());
        }
        match state.own.with(|own| own.saving) {
            Saving::Nothing => None,
            Saving::UnderWay => Some(texts::saving()),
            Saving::Done => Some(texts::saved()),
            Saving::Failed => Some(texts::not_saved()),
        }
    };
    view! {
        <div class="profile">
            {face}
            <div class="profile-picture">
                <label class="quiet outlined file">
                    <input
                        class="unseen"
                        type="file"
                        accept=pictures::KINDS
                        data-testid="picture"
                        on:change:target=move |event| choose(event.target())
                    />
                    {texts::picture_choose()}
                </label>
                {remove}
            </div>
        </div>
        <Nick/>
        <p class="hint" role="status" data-testid="profile-saving">{became}</p>
    }
}

#[component]
fn Nick() -> impl IntoView {
    let state = expect_context::<AppState>();
    let field = NodeRef::<html::Input>::new();
    let nick = Memo::new(move |_| state.own.with(|own| own.nick.clone().unwrap_or_default()));
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let name = field.get_untracked().map(|field| field.value());
        let name = name.map(|name| name.trim().to_owned());
        state.send(Intent::SetNick(name.filter(|name| !name.is_empty())));
    };
    view! {
        <form class="nick" on:submit=save>
            <label class="field">
                <span class="field-label">{texts::nick()}</span>
                <span class="field-box">
                    <input
                        node_ref=field
                        type="text"
                        data-testid="nick"
                        prop:value=nick
                        maxlength="100"
                        autocomplete="nickname"
                        dir="auto"
                    />
                </span>
            </label>
            <button
                class="primary"
                type="submit"
                data-testid="nick-save"
                disabled=move || !state.is_connected.get()
            >
                {texts::save()}
            </button>
        </form>
        <p class="hint">{texts::nick_why()}</p>
    }
}
