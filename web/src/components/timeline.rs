//! The open conversation, oldest line first.

use client_core::{Connection, Intent};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, NodeList};

use super::HIDDEN;
use super::icon::Icon;
use super::line::{LineItem, is_gap};
use super::scroll::Scroll;
use crate::state::{AppState, Cell};
use crate::{browser, texts};

/// The lines, and the ways to both ends.
#[component]
pub(crate) fn Timeline(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let frame = NodeRef::<html::Div>::new();
    let content = NodeRef::<html::Div>::new();
    let scroll = Scroll::new();
    let named = peer.clone();
    let name = Memo::new(move |_| state.name_of(Some(&named)));
    let of_peer = peer.clone();
    let unread = Memo::new(move |_| {
        let chats = state.chat_of;
        chats.with(|chats| chats.get(&of_peer).map_or(0, |chat| chat.unread))
    });
    // Until the engine has found the rows, `lines` may still be another conversation's.
    let is_here = Memo::new(move |_| state.peer.with(|p| p.as_ref() == Some(&peer)));
    let lines = move || {
        if is_here.get() {
            state.lines.get()
        } else {
            Vec::new()
        }
    };

    Effect::new(move || {
        if let (Some(frame), Some(content)) = (frame.get(), content.get()) {
            scroll.own(frame.unchecked_into(), content.unchecked_ref());
        }
    });
    Effect::new(move |former: Option<u32>| {
        let sent = state.sent.get();
        if former.is_some_and(|former| former != sent) {
            scroll.to_end();
        }
        sent
    });
    let is_watched =
        Memo::new(move |_| state.connection.get() == Connection::Live && state.looked_at.get());
    Effect::new(move || scroll.follow(is_watched));
    let first_unread = land(state, scroll, is_here, unread.get_untracked());
    divide_again(state, scroll, first_unread, unread);
    load_older_near_start(state, scroll, is_here);
    report_seen(state, scroll, is_here, first_unread);

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
                on:keydown=walk
            >
                <div class="timeline-content" node_ref=content>
                    <Start is_here/>
                    <ol class="lines">
                        <For each=lines key=|cell: &Cell| cell.key.clone() let:cell>
                            <LineItem cell name first_unread/>
                        </For>
                    </ol>
                    {move || is_empty().then(|| view! { <NoLines/> })}
                </div>
            </div>
            <ToLatest scroll unread/>
        </div>
    }
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

/// Whether the reader has landed in the conversation, and on which line: the first unread one.
pub(crate) type Landed = RwSignal<Option<Option<String>>>;

/// Lands on the first of so many unread lines, else at the end; where that is stays for the visit.
fn land(state: AppState, scroll: Scroll, is_here: Memo<bool>, unread: u32) -> Landed {
    let landed = Landed::new(None);
    Effect::new(move || {
        scroll.rested.track();
        if !is_here.get() || landed.with_untracked(Option::is_some) {
            return;
        }
        let first_unread = state.lines.with(|lines| first_of(lines, unread));
        if state.lines.with_untracked(Vec::is_empty) {
            return;
        }
        if let Some(key) = &first_unread {
            scroll.to_line(key);
        }
        landed.set(Some(first_unread));
    });
    landed
}

/// The first of the newest so many lines that somebody else wrote.
fn first_of(lines: &[Cell], unread: u32) -> Option<String> {
    let is_news = |cell: &&Cell| cell.line.with_untracked(|l| !l.own && !is_gap(&l.mark));
    let news = lines.iter().rev().filter(is_news);
    let news = news.take(usize::try_from(unread).unwrap_or(usize::MAX));
    news.last().map(|cell| cell.key.clone())
}

/// Lines came that the reader, at the end of all, did not see come: they are new for a new visit.
fn divide_again(state: AppState, scroll: Scroll, landed: Landed, unread: Memo<u32>) {
    Effect::new(move |former: Option<u32>| {
        let unread = unread.get();
        let is_new = former == Some(0) && unread > 0 && landed.with_untracked(Option::is_some);
        if is_new && !scroll.follows.get_untracked() && scroll.at_end.get_untracked() {
            let first = state.lines.with_untracked(|lines| first_of(lines, unread));
            landed.set(Some(first.clone()));
            browser::after_layout(move || {
                if let Some(key) = first {
                    scroll.to_line(&key);
                }
            });
        }
        unread
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
        if told.with_value(|told| *told != seen) {
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
        let any = state.lines.with(|lines| !lines.is_empty());
        any.then(|| view! { <p class="start">{texts::start()}</p> })
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
                on:click=move |_| scroll.to_end()
            >
                {badge}
                {Icon::Down}
            </button>
        })
    }
}

/// Moves the focus from line to line by the arrow keys, and by as many as fill the frame.
fn walk(event: KeyboardEvent) {
    let Some(frame) = event
        .current_target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok())
    else {
        return;
    };
    let Ok(lines) = frame.query_selector_all("li.line") else {
        return;
    };
    let active = browser::document().active_element();
    let active = active.as_ref().map(AsRef::<web_sys::Node>::as_ref);
    // A button of a line has the focus, too.
    let at = (0..lines.length()).find(|index| {
        let line = lines.get(*index);
        line.is_some_and(|line| line.contains(active))
    });
    let height = f64::from(frame.client_height());
    let end = lines.length().saturating_sub(1);
    let target = match (event.key().as_str(), at) {
        ("ArrowUp", Some(at)) => at.saturating_sub(1),
        ("ArrowUp", None) | ("End", Some(_)) => end,
        ("ArrowDown", Some(at)) => (at + 1).min(end),
        ("Home", Some(_)) => 0,
        ("PageUp", Some(at)) => (0..=at)
            .rev()
            .take_while(within(&lines, at, height))
            .last()
            .unwrap_or(at),
        ("PageDown", Some(at)) => (at..=end)
            .take_while(within(&lines, at, height))
            .last()
            .unwrap_or(at),
        _ => return,
    };
    if let Some(line) = lines.get(target)
        && let Ok(line) = line.dyn_into::<HtmlElement>()
    {
        event.prevent_default();
        let _ = line.focus();
    }
}

/// Whether a line stands at most so many pixels from the one at `at`; the next one always does.
fn within(lines: &NodeList, at: u32, height: f64) -> impl Fn(&u32) -> bool {
    let top = |index: u32| {
        let line = lines.get(index)?.dyn_into::<HtmlElement>().ok()?;
        Some(line.get_bounding_client_rect().top())
    };
    move |index| {
        let is_near = |(a, b): (f64, f64)| (a - b).abs() <= height;
        index.abs_diff(at) <= 1 || top(*index).zip(top(at)).is_some_and(is_near)
    }
}
