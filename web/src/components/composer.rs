//! Where a line is written. It never waits for the network.

use client_core::{Connection, Intent};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;

use super::icon::Icon;
use super::saying_bar::SayingBar;
use crate::saying::{self, About, Picking};
use crate::settings::SendKey;
use crate::state::AppState;
use crate::{browser, texts};

/// The text field and its buttons; a draft stays with its conversation.
#[component]
pub(crate) fn Composer(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    saying.reset();
    let field = NodeRef::<html::Textarea>::new();
    let named = peer.clone();
    let name = Memo::new(move |_| state.name_of(Some(&named)));
    let peer = StoredValue::new(peer);
    // What an own line is to read; the draft waits meanwhile.
    let edited = RwSignal::new(None::<String>);
    let text = Memo::new(move |_| {
        state.drafts.track();
        edited
            .get()
            .unwrap_or_else(|| peer.with_value(|peer| state.draft(peer)))
    });
    let is_broken = move || state.connection.get() == Connection::Broken;
    let is_empty = Memo::new(move |_| text.with(|t| t.trim().is_empty()));
    let write = move |value: String| match edited.with_untracked(Option::is_some) {
        true => edited.set(Some(value)),
        false => peer.with_value(|peer| state.set_draft(peer, &value)),
    };
    let focus = move || {
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let compose = move |is_composing| {
        let to = peer.get_value();
        state.send(Intent::Composing { to, is_composing });
    };
    let cancel = move || {
        saying.about.set(None);
        focus();
    };
    Effect::new(move || {
        let about = saying.about.get();
        if about.is_some() {
            browser::after_layout(focus);
        }
        edited.set(match about {
            Some(About::Edit(line)) => Some(line.text.clone()),
            Some(About::Reply(_)) | None => None,
        });
    });
    Effect::new(move || {
        let Some(emoji) = saying.picked.get() else {
            return;
        };
        saying.picked.set(None);
        if let Some(field) = field.get_untracked() {
            browser::insert(&field, &emoji);
            write(field.value());
            browser::after_layout(focus);
        }
    });
    let send = move || {
        let body = text.get_untracked().trim().to_owned();
        // What cannot be kept stays where it was written.
        if body.is_empty() || untrack(is_broken) {
            return;
        }
        let about = saying.about.get_untracked();
        if let Some(About::Edit(line)) = about {
            let key = line.key.clone();
            state.send(Intent::Edit { key, body });
            return cancel();
        }
        let reply_to = match about {
            Some(About::Reply(line)) => Some(line.key.clone()),
            Some(About::Edit(_)) | None => None,
        };
        let to = peer.get_value();
        state.send(Intent::Send { to, body, reply_to });
        browser::keep_storage();
        write(String::new());
        saying.about.set(None);
        state.sent.update(|count| *count = count.wrapping_add(1));
        focus();
    };
    let on_key = move |event: KeyboardEvent| {
        // 229 is what browsers report for a key that an input method takes.
        let composing = event.is_composing() || event.key_code() == 229;
        match event.key().as_str() {
            _ if composing => {}
            _ if SendKey::current().is_pressed(&event) => {
                event.prevent_default();
                send();
            }
            "Escape" if saying.about.with_untracked(Option::is_some) => {
                event.prevent_default();
                cancel();
            }
            "ArrowUp" if text.with_untracked(String::is_empty) => {
                if let Some(line) = saying::last_own(state) {
                    event.prevent_default();
                    saying.about.set(Some(About::Edit(line)));
                }
            }
            _ => {}
        }
    };
    Effect::new(move || {
        if let Some(field) = field.get().filter(|_| has_keyboard()) {
            let _ = field.focus();
        }
    });
    view! {
        <SayingBar name cancel=Callback::new(move |()| cancel())/>
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            <button
                class="icon-button"
                type="button"
                data-testid="emojis"
                aria-haspopup="dialog"
                aria-label=texts::emojis()
                on:click=move |_| saying.picking.set(Some(Picking::Text))
            >
                {Icon::Smile}
            </button>
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
                on:input:target=move |event| {
                    let value = event.target().value();
                    compose(!value.is_empty());
                    write(value);
                }
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
