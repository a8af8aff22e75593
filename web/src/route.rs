//! What the address bar names: a conversation (`#/chat/<address>`), or what is shown in its place (`#/settings`).

use leptos::prelude::*;
use protocol::BareJid;

use crate::browser::{self, listen_forever};
use crate::state::{AppState, Pane};

/// Address of the list without a conversation.
pub const LIST: &str = "#/";
/// Address of the settings.
pub const SETTINGS: &str = "#/settings";

/// Address of the list of devices.
pub const DEVICES: &str = "#/devices";

/// What a link brought along, or where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The link that makes the first account.
    SetUp(String),
    /// The link that a friend sent; perhaps it says who that is.
    Invite(String, Option<BareJid>),
    /// The link of another device, and its account.
    Device(String, BareJid),
    /// A conversation.
    Chat(BareJid),
    /// What stands in place of a conversation.
    Pane(Pane),
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
        if let Some(link) = fragment.strip_prefix("invite=") {
            let (token, inviter) = secret_and_address(link, "&from=");
            return Self::Invite(token, inviter);
        }
        if let Some(link) = fragment.strip_prefix("device=") {
            return match secret_and_address(link, "&as=") {
                (token, Some(account)) => Self::Device(token, account),
                (_, None) => Self::List,
            };
        }
        if DEVICES.strip_prefix('#') == Some(fragment) {
            return Self::Pane(Pane::Devices);
        }
        if SETTINGS.strip_prefix('#') == Some(fragment) {
            return Self::Pane(Pane::Settings);
        }
        fragment
            .strip_prefix("/chat/")
            .and_then(decoded)
            .map_or(Self::List, Self::Chat)
    }
}

/// The fragment of a conversation, with its `#`.
pub fn chat(peer: &BareJid) -> String {
    format!("#/chat/{}", encoded(peer))
}

/// What stands before a mark, and the address behind it.
fn secret_and_address(link: &str, mark: &str) -> (String, Option<BareJid>) {
    match link.split_once(mark) {
        Some((token, address)) => (token.to_owned(), decoded(address)),
        None => (link.to_owned(), None),
    }
}

fn decoded(address: &str) -> Option<BareJid> {
    let address = js_sys::decode_uri_component(address).ok()?;
    BareJid::new(&String::from(address)).ok()
}

fn encoded(address: &BareJid) -> String {
    js_sys::encode_uri_component(address.as_str()).into()
}

/// The link of an invitation, where the server does not know its own address.
pub fn invitation(token: &str, inviter: &BareJid) -> String {
    let page = browser::page_url();
    format!("{page}#invite={token}&from={}", encoded(inviter))
}

/// The link by which one more device signs in, likewise.
pub fn device_link(token: &str, account: &BareJid) -> String {
    let page = browser::page_url();
    format!("{page}#device={token}&as={}", encoded(account))
}

/// Lets the state follow the address bar; for the life of the page.
pub fn follow(state: AppState) {
    let read = move |fragment| match fragment {
        Fragment::Chat(peer) => show(state, Some(peer), None),
        Fragment::List => show(state, None, None),
        Fragment::Pane(pane) => {
            let open = state.route.get_untracked();
            if state.pane.get_untracked().is_none() {
                let back = open.map_or_else(|| LIST.to_owned(), |peer| chat(&peer));
                state.back.set(back);
            }
            show(state, None, Some(pane));
        }
        // A link opened in a tab that is at work: start over with it.
        Fragment::SetUp(_) | Fragment::Invite(..) | Fragment::Device(..) => {
            let _ = browser::window().location().reload();
        }
    };
    match Fragment::current() {
        Fragment::SetUp(_) | Fragment::Invite(..) | Fragment::Device(..) => {}
        fragment @ (Fragment::Chat(_) | Fragment::Pane(_) | Fragment::List) => read(fragment),
    }
    listen_forever(&browser::window(), "hashchange", move |_| {
        read(Fragment::current());
    });
}

fn show(state: AppState, peer: Option<BareJid>, pane: Option<Pane>) {
    state.pane.set(pane);
    state.route.set(peer);
}

/// Goes where a fragment leads, so that Back works.
pub fn go(fragment: &str) {
    let _ = browser::window().location().set_hash(fragment);
}
