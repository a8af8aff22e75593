//! Who the open conversation is with.

use leptos::prelude::*;
use protocol::BareJid;

use super::avatar::Avatar;
use super::contact::ContactMenu;
use super::icon::Icon;
use crate::state::AppState;
use crate::{route, texts};

/// Name, picture and presence of the other person, and the way back to the list.
#[component]
pub(crate) fn ChatHeader(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let (named, found) = (peer.clone(), peer.clone());
    let name = Memo::new(move |_| state.name_of(Some(&named)));
    let chat = Memo::new(move |_| state.chat_of.with(|chats| chats.get(&found).cloned()));
    let address = peer.to_string();
    let with_menu = peer.clone();
    let detail = move || {
        if state.developer.get() {
            return address.clone();
        }
        chat.with(|chat| match chat {
            Some(chat) if chat.blocked => texts::blocked().to_owned(),
            Some(chat) if chat.composing => texts::writing().to_owned(),
            Some(chat) if chat.asked => texts::asked().to_owned(),
            Some(chat) if chat.online => texts::online().to_owned(),
            Some(_) | None => String::new(),
        })
    };
    view! {
        <header class="chat-header">
            <a class="icon-button back" href=route::LIST aria-label=texts::back()>{Icon::Back}</a>
            {move || view! { <Avatar peer=peer.clone() name=name.get()/> }}
            <div class="chat-who">
                <h1 dir="auto">{name}</h1>
                <p role="status" data-testid="chat-detail">{detail}</p>
            </div>
            <ContactMenu peer=with_menu name chat/>
        </header>
    }
}
