//! The list of conversations.

use client_core::view::{ChatSummary, Mark};
use leptos::prelude::*;
use protocol::BareJid;

use super::HIDDEN;
use super::avatar::Avatar;
use super::empty::WaysOn;
use super::icon::Icon;
use super::line::sign;
use crate::state::AppState;
use crate::{format, route, texts};

/// All conversations, the most recent first.
#[component]
pub(crate) fn ChatList(
    adding: RwSignal<bool>,
    inviting: RwSignal<bool>,
    linking: RwSignal<bool>,
) -> impl IntoView {
    let state = expect_context::<AppState>();
    let is_empty = Memo::new(move |_| {
        state.is_list_known.get()
            && state.chats.with(Vec::is_empty)
            && state.requests.with(Vec::is_empty)
    });
    let peers = Memo::new(move |_| {
        state
            .chats
            .with(|chats| chats.iter().map(|c| c.peer.clone()).collect::<Vec<_>>())
    });
    view! {
        <ul class="chat-list" data-testid="chat-list">
            <For each=move || peers.get() key=Clone::clone let:peer>
                <ChatItem peer/>
            </For>
        </ul>
        {move || is_empty.get().then(|| view! {
            <div class="empty">
                <h2>{texts::no_chats_title()}</h2>
                <p>{texts::no_chats()}</p>
                <WaysOn adding inviting linking names=("list-invite", "list-add-device")/>
            </div>
        })}
    }
}

#[component]
fn ChatItem(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let own = peer.clone();
    let chat = Memo::new(move |_| state.chat_of.with(|chats| chats.get(&own).cloned()));
    let shown = peer.clone();
    let is_current = Memo::new(move |_| state.route.with(|open| open.as_ref() == Some(&shown)));
    let with_draft = peer.clone();
    let draft = Memo::new(move |_| {
        if is_current.get() {
            return String::new();
        }
        state.drafts.track();
        state.draft(&with_draft)
    });
    let (address, href) = (peer.to_string(), route::chat(&peer));
    let title = address.clone();
    view! {
        <li>
            <a
                class="chat-item"
                class:current=is_current
                href=href
                data-testid="chat-item"
                data-peer=address
                title=move || state.developer.get().then(|| title.clone())
                aria-current=move || is_current.get().then_some("page")
            >
                {move || chat.get().map(|chat| view! { <ChatRow chat draft/> })}
            </a>
        </li>
    }
}

#[component]
fn ChatRow(chat: ChatSummary, draft: Memo<String>) -> impl IntoView {
    let ChatSummary {
        peer,
        name,
        last_text,
        last_own,
        last_mark,
        last_stamp,
        unread,
        last_retracted,
        asked,
        online,
        composing,
        blocked,
        is_contact: _,
        picture: _,
        subscription: _,
    } = chat;
    let preview = move || {
        let draft = draft.get();
        if !draft.is_empty() {
            return view! {
                <span class="draft">{texts::draft()}</span>
                " "
                {draft}
            }
            .into_any();
        }
        if blocked {
            return view! { <em class="blocked">{Icon::Blocked} {texts::blocked()}</em> }
                .into_any();
        }
        if composing {
            return view! { <em class="writing">{texts::writing()}</em> }.into_any();
        }
        if last_retracted {
            return view! { <em>{texts::retracted()}</em> }.into_any();
        }
        if last_text.is_empty() && asked {
            return view! { <em>{texts::asked()}</em> }.into_any();
        }
        let own = last_own.then(|| view! { <OwnPrefix mark=last_mark.clone()/> " " });
        view! { {own}{last_text.clone()} }.into_any()
    };
    let time = last_stamp.map(|stamp| {
        view! { <time datetime=stamp.to_string()>{format::brief(stamp)}</time> }
    });
    let badge = (unread > 0).then(|| {
        view! {
            <span class="badge" data-testid="unread">
                <span aria-hidden=HIDDEN>{unread.min(999)}</span>
                <span class="unseen">{texts::unread(unread)}</span>
            </span>
        }
    });
    let dot = online.then(|| view! { <span class="online" title=texts::online()></span> });
    view! {
        <span class="avatar-box">
            <Avatar peer name=name.clone()/>
            {dot}
        </span>
        <span class="chat-name" dir="auto">{name}</span>
        <span class="chat-time">{time}</span>
        <span class="chat-preview" dir="auto">{preview}</span>
        {badge}
    }
}

/// Before an own line: what became of it; in words for those who do not see the picture.
#[component]
fn OwnPrefix(mark: Option<Mark>) -> impl IntoView {
    let known = mark.and_then(|mark| {
        if matches!(mark, Mark::Failed(_)) {
            Some((
                Icon::Failed,
                "failed",
                texts::mark_failed(),
                texts::mark_failed_why(),
            ))
        } else {
            sign(&mark, true)
        }
    });
    let Some((icon, class, word, why)) = known else {
        return view! { <span class="own-prefix">{texts::own_prefix()}</span> }.into_any();
    };
    view! {
        <span class=format!("sign {class}") title=why data-testid="last-sign">
            {icon}
            <span class="unseen">{texts::own_line(word)}</span>
        </span>
    }
    .into_any()
}
