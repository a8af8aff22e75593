//! The conversations: list on one side, the open one on the other.

use leptos::prelude::*;
use protocol::BareJid;
use web_sys::HtmlElement;

use crate::components::{
    AddContact, Announcer, BlockedNote, ChatHeader, ChatList, Composer, DeleteDialog, DevicesPane,
    EarlierDialog, EmojiPicker, Inspector, InviteDialog, LineMenu, LinkDeviceDialog, NoChatOpen,
    Requests, SettingsPane, ShortcutsDialog, SideHeader, SignOutDialog, StatusStrip, Switcher,
    Timeline, shortcuts,
};
use crate::state::{AppState, Pane};
use crate::{browser, texts};

/// Ids of the two panes.
const LIST: &str = "list";
const CONVERSATION: &str = "conversation";

/// Two panes where there is room, one where there is not.
#[component]
pub(crate) fn ChatPage() -> impl IntoView {
    let state = expect_context::<AppState>();
    let adding = RwSignal::new(false);
    let signing_out = RwSignal::new(false);
    let switching = RwSignal::new(false);
    let helping = RwSignal::new(false);
    let inviting = RwSignal::new(false);
    let linking = RwSignal::new(false);
    let is_open =
        Memo::new(move |_| state.route.with(Option::is_some) || state.pane.with(Option::is_some));
    shortcuts::listen(state, switching, helping);
    let unread = Memo::new(move |_| -> u32 {
        state
            .chats
            .with(|chats| chats.iter().map(|c| c.unread).sum())
    });
    Effect::new(move || {
        let title = match unread.get() {
            0 => texts::app().to_owned(),
            n => format!("({n}) {}", texts::app()),
        };
        browser::document().set_title(&title);
    });
    let start = move || {
        if state.is_list_only() {
            LIST
        } else {
            CONVERSATION
        }
    };
    let skip = move |event| skip(event, untrack(start));
    view! {
        <div class="app" class:chat-open=is_open>
            <a class="skip" href=move || format!("#{}", start()) on:click=skip>{texts::skip()}</a>
            <StatusStrip/>
            <div
                class="side"
                id=LIST
                tabindex="-1"
                role=move || if state.is_list_only() { "main" } else { "navigation" }
                aria-label=texts::chats_label()
            >
                <SideHeader adding signing_out inviting/>
                <div class="side-scroll">
                    <Requests/>
                    <ChatList adding inviting linking/>
                </div>
            </div>
            <main class="conversation" id=CONVERSATION tabindex="-1">
                {move || match (state.pane.get(), state.route.get()) {
                    (Some(Pane::Settings), _) => {
                        view! { <SettingsPane signing_out helping/> }.into_any()
                    }
                    (Some(Pane::Devices), _) => view! { <DevicesPane linking/> }.into_any(),
                    (None, Some(peer)) => view! {
                        <ChatHeader peer=peer.clone()/>
                        <Timeline peer=peer.clone()/>
                        <Writing peer/>
                    }.into_any(),
                    (None, None) => view! { <NoChatOpen adding inviting linking/> }.into_any(),
                }}
                <LineMenu/>
                <EmojiPicker/>
            </main>
            <Inspector/>
            <Announcer/>
            <DeleteDialog/>
            <EarlierDialog/>
            <AddContact open=adding/>
            <SignOutDialog open=signing_out/>
            <InviteDialog open=inviting/>
            <LinkDeviceDialog open=linking/>
            <Switcher open=switching/>
            <ShortcutsDialog open=helping/>
        </div>
    }
}

/// The composer, or why there is none.
#[component]
fn Writing(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let of_peer = peer.clone();
    let is_blocked = Memo::new(move |_| {
        let chats = state.chat_of;
        chats.with(|chats| chats.get(&of_peer).is_some_and(|chat| chat.blocked))
    });
    move || match is_blocked.get() {
        true => view! { <BlockedNote peer=peer.clone()/> }.into_any(),
        false => view! { <Composer peer=peer.clone()/> }.into_any(),
    }
}

/// Moves the focus without touching the fragment, which names the conversation.
fn skip(event: leptos::ev::MouseEvent, start: &str) {
    event.prevent_default();
    let composer = browser::element::<HtmlElement>("composer");
    match composer {
        Some(composer) => drop(composer.focus()),
        None => browser::focus(start),
    }
}
