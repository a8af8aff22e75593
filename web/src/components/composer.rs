//! Where a line is written. It never waits for the network.

use client_core::{Connection, Intent};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;

use super::icon::Icon;
use crate::settings::SendKey;
use crate::state::AppState;
use crate::{browser, texts};

/// The text field and its button; a draft stays with its conversation.
#[component]
pub(crate) fn Composer(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let field = NodeRef::<html::Textarea>::new();
    let peer = StoredValue::new(peer);
    let text = Memo::new(move |_| {
        state.drafts.track();
        peer.with_value(|peer| state.draft(peer))
    });
    let is_broken = move || state.connection.get() == Connection::Broken;
    let is_empty = Memo::new(move |_| text.with(|t| t.trim().is_empty()));
    let write = move |value: String| peer.with_value(|peer| state.set_draft(peer, &value));
    let send = move || {
        let body = text.get_untracked();
        let body = body.trim();
        // What cannot be kept stays where it was written.
        if body.is_empty() || untrack(is_broken) {
            return;
        }
        state.send(Intent::Send {
            to: peer.get_value(),
            body: body.to_owned(),
            reply_to: None,
        });
        browser::keep_storage();
        write(String::new());
        state.sent.update(|count| *count = count.wrapping_add(1));
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let on_key = move |event: KeyboardEvent| {
        // 229 is what browsers report for a key that an input method takes.
        let composing = event.is_composing() || event.key_code() == 229;
        if SendKey::current().is_pressed(&event) && !composing {
            event.prevent_default();
            send();
        }
    };
    Effect::new(move || {
        if let Some(field) = field.get().filter(|_| has_keyboard()) {
            let _ = field.focus();
        }
    });
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            <label class="unseen" for="composer">{texts::composer_placeholder()}</label>
            <textarea
                id="composer"
                node_ref=field
                data-testid="composer"
                rows="1"
                dir="auto"
                enterkeyhint="send"
                placeholder=texts::composer_placeholder()
                prop:value=text
                on:input:target=move |event| write(event.target().value())
                on:keydown=on_key
            ></textarea>
            <button
                class="send"
                type="submit"
                data-testid="send"
                aria-label=texts::send()
                aria-disabled=move || (is_empty.get() || is_broken()).to_string()
            >
                {Icon::Send}
            </button>
        </form>
    }
}

/// Where a touch keyboard would cover the conversation, the focus waits for a finger.
fn has_keyboard() -> bool {
    browser::matches_media("(hover: hover) and (pointer: fine)")
}
