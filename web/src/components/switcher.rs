//! The quick way to a conversation: a few letters of its name.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;

use super::avatar::Avatar;
use super::dialog::Dialog;
use crate::state::AppState;
use crate::{browser, texts};

/// How many are offered at once.
const OFFERED_MAX: usize = 8;

/// Asks for letters of a name, and opens the conversation that is picked.
#[component]
pub(crate) fn Switcher(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open labelled_by="switch-title">
            <Picking open/>
        </Dialog>
    }
}

#[component]
fn Picking(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let field = NodeRef::<html::Input>::new();
    let typed = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let offered = Memo::new(move |_| {
        let wanted = typed.with(|typed| typed.trim().to_lowercase());
        state.chats.with(|chats| {
            let fits = chats.iter().filter(|chat| {
                chat.name.to_lowercase().contains(&wanted) || chat.peer.as_str().contains(&wanted)
            });
            let named = fits.map(|chat| (chat.peer.clone(), chat.name.clone()));
            named.take(OFFERED_MAX).collect::<Vec<_>>()
        })
    });
    let pick = move |peer: &BareJid| {
        open.set(false);
        state.open(peer);
        // Once the dialog has given the focus back to whatever had it.
        browser::after_layout(|| browser::focus("composer"));
    };
    let on_key = move |event: KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        let last = offered.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => at.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => at.update(|at| *at = at.saturating_sub(1)),
            "Enter" => {
                let picked = offered.with_untracked(|all| all.get(at.get_untracked()).cloned());
                if let Some((peer, _)) = picked {
                    pick(&peer);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    Effect::new(move || {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let options = move || {
        let offered = offered.get().into_iter().enumerate();
        let options = offered.map(|(place, (peer, name))| {
            let (picked, is_picked) = (peer.clone(), move || at.get() == place);
            view! {
                <li
                    class="switch-option"
                    class:current=is_picked
                    id=format!("switch-{place}")
                    role="option"
                    data-testid="switch-option"
                    aria-selected=move || is_picked().to_string()
                    on:click=move |_| pick(&picked)
                >
                    <Avatar peer name=name.clone()/>
                    <span dir="auto">{name}</span>
                </li>
            }
        });
        options.collect_view()
    };
    view! {
        <div class="dialog-body">
            <h2 id="switch-title">{texts::switch_title()}</h2>
            <label class="field">
                <span class="unseen">{texts::add_label()}</span>
                <span class="field-box">
                    <input
                        node_ref=field
                        type="text"
                        role="combobox"
                        aria-expanded="true"
                        aria-controls="switch-list"
                        aria-activedescendant=move || format!("switch-{}", at.get())
                        data-testid="switch-input"
                        placeholder=texts::switch_placeholder()
                        autocomplete="off"
                        spellcheck="false"
                        dir="auto"
                        on:input:target=move |event| {
                            typed.set(event.target().value());
                            at.set(0);
                        }
                        on:keydown=on_key
                    />
                </span>
            </label>
            <ul id="switch-list" role="listbox" aria-label=texts::chats_label()>{options}</ul>
            <p class="hint" role="status">
                {move || offered.with(Vec::is_empty).then(texts::switch_none)}
            </p>
        </div>
    }
}
