//! The dialog that starts a conversation with somebody.

use client_core::Intent;
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

use super::dialog::Dialog;
use super::fields::address;
use crate::state::AppState;
use crate::texts;

/// Asks for a name, and asks that person.
#[component]
pub(crate) fn AddContact(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open labelled_by="add-title">
            <AddForm open/>
        </Dialog>
    }
}

#[component]
fn AddForm(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let input = NodeRef::<html::Input>::new();
    let trouble = RwSignal::new(None);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let name = input.get_untracked().map(|i| i.value()).unwrap_or_default();
        let Some(peer) = address(&name) else {
            return trouble.set(Some(texts::name_unusable()));
        };
        if state.account.get_untracked().as_ref() == Some(&peer) {
            return trouble.set(Some(texts::add_self()));
        }
        state.send(Intent::AddContact(peer.clone()));
        open.set(false);
        state.open(&peer);
    };
    Effect::new(move || {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    view! {
        <form class="dialog-body" on:submit=submit novalidate>
            <h2 id="add-title">{texts::add_title()}</h2>
            <p class="lead" id="add-lead">{texts::add_lead()}</p>
            <label class="field">
                <span class="field-label">{texts::add_label()}</span>
                <span class="field-box">
                    <input
                        node_ref=input
                        type="text"
                        data-testid="add-contact-input"
                        placeholder=texts::add_placeholder()
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        dir="ltr"
                    />
                </span>
            </label>
            <div role="alert" class="error-slot">
                {move || trouble.get().map(|text: &'static str| {
                    view! { <p class="error" data-testid="error">{text}</p> }
                })}
            </div>
            <div class="dialog-actions">
                <button class="quiet" type="button" on:click=move |_| open.set(false)>
                    {texts::cancel()}
                </button>
                <button class="primary" type="submit" data-testid="add-contact-submit">
                    {texts::add()}
                </button>
            </div>
        </form>
    }
}
