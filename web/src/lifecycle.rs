//! What the browser tells a page about itself: hidden, shown, back on the network.
//!
//! A page that goes away says nothing to the server: its stream is to be resumed (WS-19).

use client_core::Input;
use leptos::prelude::Set as _;

use crate::browser::{self, listen_forever};
use crate::settings;
use crate::state::AppState;

/// Screens with room for one pane; the style sheet knows the same width.
const NARROW: &str = "(width < 900px)";

/// Tells the engine of whichever device is at work; for the life of the page.
pub fn watch(state: AppState) {
    listen_forever(&browser::document(), "visibilitychange", move |_| {
        let visible = browser::is_visible();
        state.push(Input::Visible(visible));
        state.look();
        if visible {
            state.push(Input::Online);
        }
    });
    // The window of another program may have the focus while this page is in full view.
    for name in ["focus", "blur"] {
        listen_forever(&browser::window(), name, move |_| state.look());
    }
    state.look();
    if let Ok(Some(narrow)) = browser::window().match_media(NARROW) {
        state.is_narrow.set(narrow.matches());
        let media = narrow.clone();
        listen_forever(&media, "change", move |_| {
            state.is_narrow.set(narrow.matches())
        });
    }
    // Another tab changed what the profile keeps (IM-06).
    listen_forever(&browser::window(), "storage", move |event| {
        settings::adopt(state, browser::changed_key(&event).as_deref());
    });
    // `pageshow` also comes when a page returns from the back-forward cache.
    for name in ["online", "pageshow"] {
        listen_forever(&browser::window(), name, move |_| {
            state.push(Input::Online);
        });
    }
}
