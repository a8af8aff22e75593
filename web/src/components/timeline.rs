//! The open conversation, oldest line first.

use client_core::{Connection, Intent};
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;
use wasm_bindgen::JsCast as _;

use super::HIDDEN;
use super::icon::Icon;
use super::jump;
use super::landing::{Landed, divide_again, land};
use super::line::LineItem;
use super::list::List;
use super::part::Slot;
use super::scroll::Scroll;
use super::walking::walk;
use crate::state::AppState;
use crate::{browser, texts};

/// The lines, and the ways to both ends.
#[component]
pub(crate) fn Timeline(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let frame = NodeRef::<html::Div>::new();
    let content = NodeRef::<html::Div>::new();
    let (above, below) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let list = NodeRef::<html::Ol>::new();
    let scroll = Scroll::new();
    let (named, left) = (peer.clone(), peer.clone());
    let name = Memo::new(move |_| state.name_of(Some(&named)));
    let of_peer = peer.clone();
    let unread = Memo::new(move |_| {
        let chats = state.chat_of;
        chats.with(|chats| chats.get(&of_peer).map_or(0, |chat| chat.unread))
    });
    let first_unread = Landed::new(None);
    let view_of = move |slot| match slot {
        Slot::Line(cell) => view! { <LineItem cell name first_unread/> }.into_any(),
        Slot::Room => view! { <Room scroll/> }.into_any(),
    };
    let owner = Owner::current().unwrap_or_default();
    // Until the engine has found the rows, `lines` may still be another conversation's.
    let is_here = Memo::new(move |_| state.peer.with(|p| p.as_ref() == Some(&peer)));
    Effect::new(move || {
        scroll.take(match is_here.get() {
            true => state.lines.get(),
            false => Vec::new(),
        });
    });

    Effect::new(move || {
        let boxes = frame.get().zip(content.get()).zip(list.get());
        let rooms = above.get().zip(below.get());
        if let (Some(((frame, content), list)), Some((above, below))) = (boxes, rooms) {
            let rooms = (above.unchecked_into(), below.unchecked_into());
            let list = List::new(owner.clone(), list.unchecked_into(), rooms, view_of);
            scroll.own(frame.unchecked_into(), content.unchecked_ref(), list);
        }
    });
    Effect::new(move |former: Option<u32>| {
        let sent = state.sent.get();
        if former.is_some_and(|former| former != sent) {
            scroll.to_own();
        }
        sent
    });
    let is_watched =
        Memo::new(move |_| state.connection.get() == Connection::Live && state.looked_at.get());
    Effect::new(move || scroll.follow(is_watched));
    land(
        state,
        scroll,
        is_here,
        first_unread,
        (&left, unread.get_untracked()),
    );
    divide_again(state, scroll, first_unread, unread);
    load_older_near_start(state, scroll, is_here);
    report_seen(state, scroll, is_here, first_unread);
    jump::serve(state, scroll, is_here);

    let is_empty = move || {
        is_here.get()
            && state.lines.with(Vec::is_empty)
            && !state.has_older.get()
            && !state.loading_older.get()
    };
    view! {
        <div class="timeline-box">
            <div
                class="timeline"
                node_ref=frame
                data-testid="timeline"
                tabindex="0"
                role="region"
                aria-label=texts::messages()
                on:scroll=move |_| scroll.scrolled()
                on:keydown=move |event| walk(scroll, &event)
                on:wheel=move |_| scroll.touch()
                on:pointerdown=move |_| scroll.touch()
            >
                <div class="timeline-content" node_ref=content>
                    <Start is_here/>
                    <div class="room" node_ref=above></div>
                    <ol class="lines" node_ref=list></ol>
                    <div class="room" node_ref=below></div>
                    {move || is_empty().then(|| view! { <NoLines/> })}
                </div>
            </div>
            <FloatingDay scroll/>
            <ToUnread scroll first_unread/>
            <ToLatest scroll unread/>
        </div>
    }
}

/// The day of what is at the upper edge, where its heading has gone out of view; to look at only, as the headings are
/// there for whoever listens.
#[component]
fn FloatingDay(scroll: Scroll) -> impl IntoView {
    move || {
        let day = scroll.day.get()?;
        Some(view! { <div class="day floating" aria-hidden=HIDDEN><span>{day}</span></div> })
    }
}

/// The room of lines that are not on the page.
#[component]
fn Room(scroll: Scroll) -> impl IntoView {
    view! {
        <li class="room" aria-hidden=HIDDEN style:height=move || px(scroll.part.between.get())></li>
    }
}

fn px(height: f64) -> String {
    format!("{height:.2}px")
}

/// Asks for older lines once per length of the list, however often the reader scrolls. Where there are none at all,
/// the archive is searched only if the reader asks.
fn load_older_near_start(state: AppState, scroll: Scroll, is_here: Memo<bool>) {
    let asked_at = StoredValue::new(usize::MAX);
    Effect::new(move || {
        // Only then is the position that of these lines, and not of those before.
        scroll.rested.track();
        let length = state.lines.with_untracked(Vec::len);
        let wanted = length > 0
            && is_here.get_untracked()
            && state.has_older.get_untracked()
            && !state.loading_older.get_untracked()
            && scroll.is_near_start();
        if wanted && asked_at.get_value() != length {
            asked_at.set_value(length);
            state.send(Intent::Older);
        }
    });
}

/// What the engine was told last of who looks at what.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Nobody,
    UpTo(String),
    End,
}

/// Tells the engine what of the conversation is in view of somebody, as often as that changes.
fn report_seen(state: AppState, scroll: Scroll, is_here: Memo<bool>, landed: Landed) {
    let told = StoredValue::new(Told::Nobody);
    Effect::new(move || {
        scroll.rested.track();
        let follows = scroll.follows.get();
        if !is_here.get() || landed.with(Option::is_none) {
            return;
        }
        let seen = if !state.looked_at.get() {
            Told::Nobody
        } else if follows && scroll.at_end.get_untracked() {
            Told::End
        } else {
            match scroll.newest_in_view() {
                Some(key) => Told::UpTo(key),
                None => return,
            }
        };
        // Whoever goes back to older lines sees nothing new.
        let is_news = told.with_value(|told| match (told, &seen) {
            (Told::UpTo(former), Told::UpTo(key)) => scroll.is_behind(key, former),
            (Told::Nobody | Told::End | Told::UpTo(_), _) => *told != seen,
        });
        if is_news {
            state.send(match seen.clone() {
                Told::Nobody => Intent::LookAway,
                Told::UpTo(key) => Intent::Seen { key: Some(key) },
                Told::End => Intent::Seen { key: None },
            });
            told.set_value(seen);
        }
    });
}

/// What stands before the oldest line: more, or the beginning.
#[component]
fn Start(is_here: Memo<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let any = Memo::new(move |_| state.lines.with(|lines| !lines.is_empty()));
    move || {
        if !is_here.get() {
            return ().into_any();
        }
        if state.loading_older.get() {
            let waits = state.searching_archive.get() && !state.is_connected.get();
            let words = match waits {
                true => texts::older_later(),
                false => texts::loading_older(),
            };
            return view! { <p class="start" aria-busy=(!waits).to_string()>{words}</p> }
                .into_any();
        }
        if state.has_older.get() {
            return view! {
                <p class="start">
                    <button
                        class="quiet small"
                        data-testid="older"
                        on:click=move |_| state.send(Intent::Older)
                    >
                        {texts::older()}
                    </button>
                </p>
            }
            .into_any();
        }
        any.get()
            .then(|| view! { <p class="start">{texts::start()}</p> })
            .into_any()
    }
}

#[component]
fn NoLines() -> impl IntoView {
    let write = move |_| {
        browser::focus("composer");
    };
    view! {
        <div class="empty">
            <h2>{texts::no_lines_title()}</h2>
            <p>{texts::no_lines()}</p>
            <button class="quiet" on:click=write>{texts::say_hello()}</button>
        </div>
    }
}

/// The way back to where the new lines begin, once that is out of view above.
#[component]
fn ToUnread(scroll: Scroll, first_unread: Landed) -> impl IntoView {
    let used = RwSignal::new(None);
    let key = Memo::new(move |_| {
        scroll.rested.track();
        let key = first_unread.get().flatten()?;
        let is_wanted = scroll.is_above(&key) && used.with(|used| used.as_ref() != Some(&key));
        is_wanted.then_some(key)
    });
    move || {
        let key = key.get()?;
        Some(view! {
            <button
                class="to-unread"
                data-testid="to-unread"
                on:click=move |_| {
                    scroll.to_line(&key);
                    used.set(Some(key.clone()));
                    scroll.take_focus();
                }
            >
                {Icon::Up}
                {texts::to_unread()}
            </button>
        })
    }
}

/// The way to the end, with what waits there unread.
#[component]
fn ToLatest(scroll: Scroll, unread: Memo<u32>) -> impl IntoView {
    move || {
        if scroll.at_end.get() {
            return None;
        }
        let new = unread.get();
        let badge =
            (new > 0).then(|| view! { <span class="badge" aria-hidden=HIDDEN>{new}</span> });
        Some(view! {
            <button
                class="to-latest"
                data-testid="to-latest"
                aria-label=texts::latest(new)
                on:click=move |_| {
                    scroll.to_end();
                    scroll.take_focus();
                }
            >
                {badge}
                {Icon::Down}
            </button>
        })
    }
}
