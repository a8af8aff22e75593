//! The Balcony client in a browser tab: runs one engine, and shows what it knows.
//!
//! Intent → engine → one IndexedDB transaction → signals → view. Components read [`AppState`] and
//! send intents; they never parse, await, or touch socket and database.

pub mod accounts;
pub mod browser;
mod components;
pub mod drafts;
pub mod driver;
pub mod error;
pub mod format;
pub mod history;
pub mod inspector;
pub mod keys;
pub mod lab;
mod language;
pub mod lifecycle;
mod pages;
mod pictures;
pub mod places;
mod qr;
pub mod route;
pub mod saying;
pub mod session;
pub mod settings;
pub mod sign_out;
pub mod slot;
pub mod socket;
pub mod state;
mod texts;
pub mod typed;

use leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use crate::pages::App;
use crate::state::AppState;

/// Starts the client in its page; called once by `boot.js`.
#[wasm_bindgen]
pub fn start() {
    console_error_panic_hook::set_once();
    if let Some(shell) = browser::document().get_element_by_id("shell") {
        shell.remove();
    }
    mount_to_body(|| {
        let state = AppState::new();
        provide_context(state);
        language::restore();
        settings::restore(state);
        route::follow(state);
        session::follow(state);
        spawn_local(session::begin(state));
        view! { <App/> }
    });
}
