//! What the keyboard does everywhere, and the dialog that tells of it.

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::dialog::Dialog;
use crate::state::AppState;
use crate::{browser, settings, texts};

/// Listens to keys as long as the conversations are shown. `switching` and `helping` open dialogs.
pub(crate) fn listen(state: AppState, switching: RwSignal<bool>, helping: RwSignal<bool>) {
    let listening = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        if event.is_composing() || event.default_prevented() || is_dialog_open() {
            return;
        }
        let command = event.ctrl_key() || event.meta_key();
        match event.key().as_str() {
            "k" if command && !event.alt_key() && !event.shift_key() => switching.set(true),
            "ArrowUp" if event.alt_key() && !command => step(state, -1),
            "ArrowDown" if event.alt_key() && !command => step(state, 1),
            "?" if !command && !event.alt_key() && settings::has_letters() && !is_typing() => {
                helping.set(true);
            }
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listening.remove());
}

/// Opens the conversation that stands so many places below the open one.
fn step(state: AppState, by: isize) {
    let peers: Vec<_> = state
        .chats
        .with_untracked(|chats| chats.iter().map(|chat| chat.peer.clone()).collect());
    let open = state.route.get_untracked();
    let at = peers.iter().position(|peer| Some(peer) == open.as_ref());
    let next = match at {
        Some(at) => at.checked_add_signed(by),
        None => Some(0),
    };
    if let Some(peer) = next.and_then(|at| peers.get(at)) {
        state.open(peer);
    }
}

fn is_dialog_open() -> bool {
    let open = browser::document().query_selector("dialog[open]");
    open.is_ok_and(|open| open.is_some())
}

/// Whether what is typed goes into a field.
fn is_typing() -> bool {
    let focused = browser::document().active_element();
    let focused = focused.and_then(|focused| focused.dyn_into::<HtmlElement>().ok());
    focused.is_some_and(|focused| {
        let is_field =
            focused.matches("input:not([type=checkbox], [type=radio]), textarea, select");
        is_field.unwrap_or(false) || focused.is_content_editable()
    })
}

/// Every shortcut in words.
#[component]
pub(crate) fn ShortcutsDialog(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open labelled_by="shortcuts-title">
            <div class="dialog-body" data-testid="shortcuts">
                <h2 id="shortcuts-title">{texts::shortcuts()}</h2>
                <dl class="shortcuts">{rows()}</dl>
                <div class="dialog-actions">
                    <button class="primary" type="button" on:click=move |_| open.set(false)>
                        {texts::close()}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}

fn rows() -> impl IntoView {
    let (send, line) = match settings::SendKey::current() {
        settings::SendKey::Enter => ("Enter", "Shift + Enter"),
        settings::SendKey::WithControl => ("Ctrl + Enter", "Enter"),
    };
    let rows = [
        (send, texts::send()),
        (line, texts::shortcut_line()),
        ("Ctrl + K", texts::switch_title()),
        ("Alt + ↑ ↓", texts::shortcut_step()),
        ("↑ ↓", texts::shortcut_walk()),
        ("Enter", texts::shortcut_menu()),
        ("↑", texts::shortcut_edit()),
        ("Esc", texts::shortcut_escape()),
        ("?", texts::shortcuts()),
    ];
    rows.map(|(keys, what)| {
        view! {
            <div>
                <dt><kbd>{keys}</kbd></dt>
                <dd>{what}</dd>
            </div>
        }
    })
}
