//! Which conversation the address bar names: `#/chat/<address>`.

use leptos::prelude::*;
use protocol::BareJid;

use crate::browser::{self, listen_forever};
use crate::state::AppState;

/// Address of the list without a conversation.
pub const LIST: &str = "#/";

/// What a link brought along, or where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The link that makes the first account.
    SetUp(String),
    /// The link that a friend sent.
    Invite(String),
    /// A conversation.
    Chat(BareJid),
    /// Nothing special.
    List,
}

impl Fragment {
    /// Reads the address bar.
    pub fn current() -> Self {
        Self::parse(&browser::fragment())
    }

    fn parse(fragment: &str) -> Self {
        if let Some(token) = fragment.strip_prefix("setup=") {
            return Self::SetUp(token.to_owned());
        }
        if let Some(token) = fragment.strip_prefix("invite=") {
            return Self::Invite(token.to_owned());
        }
        fragment
            .strip_prefix("/chat/")
            .and_then(|peer| js_sys::decode_uri_component(peer).ok())
            .and_then(|peer| BareJid::new(&String::from(peer)).ok())
            .map_or(Self::List, Self::Chat)
    }
}

/// The fragment of a conversation, with its `#`.
pub fn chat(peer: &BareJid) -> String {
    format!(
        "#/chat/{}",
        String::from(js_sys::encode_uri_component(peer.as_str()))
    )
}

/// Lets the state follow the address bar; for the life of the page.
pub fn follow(state: AppState) {
    let read = move || match Fragment::current() {
        Fragment::Chat(peer) => state.route.set(Some(peer)),
        Fragment::List => state.route.set(None),
        // A link opened in a tab that is at work: start over with it.
        Fragment::SetUp(_) | Fragment::Invite(_) => {
            let _ = browser::window().location().reload();
        }
    };
    if let Fragment::Chat(peer) = Fragment::current() {
        state.route.set(Some(peer));
    }
    listen_forever(&browser::window(), "hashchange", move |_| read());
}
