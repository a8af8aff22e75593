//! A person's picture: their own, or initials on a colour of their own.

use leptos::prelude::*;
use protocol::BareJid;

use super::HIDDEN;
use crate::state::AppState;
use crate::{format, pictures};

/// The picture that somebody chose, else initials on the colour that every client shows for the address (XEP-0392).
#[component]
pub(crate) fn Avatar(peer: BareJid, #[prop(into)] name: String) -> impl IntoView {
    let state = expect_context::<AppState>();
    let hue = format::hue(&peer).to_string();
    let picture = Memo::new(move |_| state.picture_of(&peer));
    let inside = move || {
        let url = picture.get().and_then(|picture| pictures::url(&picture));
        match url {
            Some(url) => view! { <img src=url alt=""/> }.into_any(),
            None => format::initials(&name).into_any(),
        }
    };
    view! {
        <span class="avatar" aria-hidden=HIDDEN style:--hue=hue>{inside}</span>
    }
}
