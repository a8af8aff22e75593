//! A person's picture: initials on a colour of their own.

use leptos::prelude::*;
use protocol::BareJid;

use super::HIDDEN;
use crate::format;

/// Initials on the colour that every client shows for the address (XEP-0392).
#[component]
pub(crate) fn Avatar(peer: BareJid, #[prop(into)] name: String) -> impl IntoView {
    let hue = format::hue(&peer).to_string();
    view! {
        <span class="avatar" aria-hidden=HIDDEN style:--hue=hue>{format::initials(&name)}</span>
    }
}
