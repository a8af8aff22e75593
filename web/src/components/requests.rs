//! People who ask to become contacts.

use client_core::Intent;
use leptos::prelude::*;
use protocol::BareJid;

use super::avatar::Avatar;
use crate::state::AppState;
use crate::{format, texts};

/// Each request with its two answers.
#[component]
pub(crate) fn Requests() -> impl IntoView {
    let state = expect_context::<AppState>();
    view! {
        <ul class="requests">
            <For each=move || state.requests.get() key=Clone::clone let:peer>
                <Request peer/>
            </For>
        </ul>
    }
}

#[component]
fn Request(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let name = format::short_name(&peer);
    let address = peer.to_string();
    let (accepted, refused) = (peer.clone(), peer.clone());
    let accept = move |_| {
        state.send(Intent::AcceptContact(accepted.clone()));
        state.open(&accepted);
    };
    let refuse = move |_| state.send(Intent::RefuseContact(refused.clone()));
    view! {
        <li class="request">
            <Avatar peer=peer name=name.clone()/>
            <div class="request-text">
                <strong dir="auto">{name.clone()}</strong>
                <span>{texts::requests()}</span>
            </div>
            <div class="request-actions">
                <button
                    class="primary small"
                    data-testid="request-accept"
                    data-peer=address.clone()
                    aria-label=texts::accept_person(&name)
                    on:click=accept
                >
                    {texts::accept()}
                </button>
                <button
                    class="quiet small"
                    data-testid="request-refuse"
                    data-peer=address
                    aria-label=texts::refuse_person(&name)
                    on:click=refuse
                >
                    {texts::refuse()}
                </button>
            </div>
        </li>
    }
}
