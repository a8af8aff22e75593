//! One line of a conversation, and what is known of its fate.

use std::sync::Arc;

use client_core::Intent;
use client_core::view::{Line, Mark};
use gloo_timers::callback::Timeout;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::HIDDEN;
use super::cells::Cell;
use super::icon::Icon;
use super::landing::Landed;
use super::line_menu::{self, MoreButton};
use super::quote::QuoteBox;
use super::reactions::{self, Reactions};
use super::rich::Said;
use crate::saying::Saying;
use crate::state::AppState;
use crate::{browser, format, texts};

/// So long a finger stays on a line to open its menu.
const LONG_PRESS_MS: u32 = 500;

/// A line with the heading of its day, if it is the day's first.
#[component]
pub(crate) fn LineItem(cell: Cell, name: Memo<String>, first_unread: Landed) -> impl IntoView {
    let state = expect_context::<AppState>();
    let Cell { key, line, shape } = cell;
    let line = Memo::new(move |_| line.get());
    let shape = Memo::new(move |_| shape.get());
    let own = move || line.with(|l| l.own);
    let is_gap = Memo::new(move |_| line.with(|l| is_gap(&l.mark)));
    let mark = Memo::new(move |_| line.with(|l| l.mark.clone()));
    let day = move || {
        let day = shape.with(|shape| shape.day.clone())?;
        Some(view! { <li class="day"><h2>{day}</h2></li> })
    };
    let own_key = key.clone();
    let is_first_unread = Memo::new(move |_| {
        first_unread.with(|f| f.as_ref().is_some_and(|f| f.as_ref() == Some(&own_key)))
    });
    let divider = move || {
        is_first_unread.get().then(|| {
            view! { <li class="divider" data-testid="divider"><h2>{texts::unread_from_here()}</h2></li> }
        })
    };
    let saying = state.saying;
    let flashed_key = key.clone();
    let is_flashed = Memo::new(move |_| saying.flashed.with(|f| f.as_ref() == Some(&flashed_key)));
    let press = LongPress::new();
    let archive_id = move || line.with(|l| l.id.as_ref().map(ToString::to_string));
    let body = move || {
        if is_gap.get() {
            return view! { <GapRow mark/> }.into_any();
        }
        view! {
            <article
                class="bubble"
                title=move || state.developer.get().then(archive_id)
                aria-label=move || label(&line.get(), &name.get())
            >
                <QuoteBox line name/>
                <Said line name/>
                <Edited line/>
                <Meta line mark/>
                <MoreButton line/>
            </article>
            <Reactions line name/>
            <FailedActions line mark/>
        }
        .into_any()
    };
    view! {
        {day}
        {divider}
        <li
            class="line"
            class:own=own
            class:first=move || shape.with(|s| s.first)
            class:last=move || shape.with(|s| s.last)
            class:tells=move || shape.with(|s| s.tells)
            data-testid="line"
            data-key=key
            data-mark=move || mark.with(mark_name)
            data-own=move || own().to_string()
            data-archive-id=archive_id
            class:flashed=move || is_flashed.get()
            tabindex="-1"
            on:keydown=move |event| open_by_key(saying, line, &event)
            on:contextmenu=move |event| open_by_pointer(saying, line, &event)
            on:pointerdown=move |event| {
                if event.pointer_type() == "touch" {
                    press.start(saying, line);
                }
            }
            on:pointercancel=move |_| press.end()
            on:pointerup=move |_| press.end()
        >
            {body}
        </li>
    }
}

/// Enter on a line opens its menu; on what is inside it, it does what that does.
fn open_by_key(saying: Saying, line: Memo<Arc<Line>>, event: &KeyboardEvent) {
    if event.key() == "Enter" && event.target() == event.current_target() {
        event.prevent_default();
        line_menu::open(saying, line.get_untracked(), None);
    }
}

/// The other mouse button opens the menu, and so do the menu key and a long press where browsers say so;
/// on a link or a selected text the browser's own has more to offer.
fn open_by_pointer(saying: Saying, line: Memo<Arc<Line>>, event: &MouseEvent) {
    let target = event.target();
    let target = target.and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_on = |css: &str| {
        let found = target.as_ref().map(|target| target.closest(css));
        matches!(found, Some(Ok(Some(_))))
    };
    let is_free = is_on(".bubble") && !is_on("a") && !browser::has_selection();
    let is_by_key = event.target() == event.current_target();
    if is_free || is_by_key {
        event.prevent_default();
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        line_menu::open(
            saying,
            line.get_untracked(),
            Some(at).filter(|_| !is_by_key),
        );
    }
}

/// A finger that stays where it is opens the menu.
#[derive(Clone, Copy)]
struct LongPress(StoredValue<Option<Timeout>, LocalStorage>);

impl LongPress {
    fn new() -> Self {
        Self(StoredValue::new_local(None))
    }

    fn start(self, saying: Saying, line: Memo<Arc<Line>>) {
        let open = move || line_menu::open(saying, line.get_untracked(), None);
        self.0.set_value(Some(Timeout::new(LONG_PRESS_MS, open)));
    }

    fn end(self) {
        self.0.set_value(None);
    }
}

/// Whether the line reads otherwise than it did; a click tells how.
#[component]
fn Edited(line: Memo<Arc<Line>>) -> impl IntoView {
    let saying = expect_context::<AppState>().saying;
    let is_edited = Memo::new(move |_| line.with(|line| !line.edits.is_empty()));
    let show = move |_| {
        saying.target.set(Some(line.get_untracked()));
        saying.earlier.set(true);
    };
    move || {
        is_edited.get().then(|| {
            view! {
                // A word of the text, and no target for a thumb: the menu has the same.
                <span
                    role="button"
                    class="edited"
                    tabindex="-1"
                    data-testid="edited"
                    title=texts::show_edits()
                    on:click=show
                >
                    {texts::edited()}
                </span>
            }
        })
    }
}

/// Whether the line stands for lines that are missing.
pub(crate) fn is_gap(mark: &Mark) -> bool {
    matches!(mark, Mark::Gap | Mark::Filling)
}

#[component]
fn GapRow(mark: Memo<Mark>) -> impl IntoView {
    let state = expect_context::<AppState>();
    move || {
        let is_filling = mark.with(|mark| *mark == Mark::Filling);
        if is_filling && !state.is_connected.get() {
            return view! {
                <div class="gap" role="note">
                    {Icon::Gap}
                    <strong>{texts::filling_later()}</strong>
                </div>
            }
            .into_any();
        }
        if is_filling {
            return view! {
                <div class="gap filling" role="note">
                    <span class="spinner" aria-hidden=HIDDEN></span>
                    <strong>{texts::filling()}</strong>
                    <span data-testid="filled">{move || texts::found(state.filled.get())}</span>
                </div>
            }
            .into_any();
        }
        view! {
            <div class="gap" role="note">
                {Icon::Gap}
                <strong>{texts::gap()}</strong>
                <span>{texts::gap_why()}</span>
            </div>
        }
        .into_any()
    }
}

/// Time and state, on the last line of a group or where there is something to say.
#[component]
fn Meta(line: Memo<Arc<Line>>, mark: Memo<Mark>) -> impl IntoView {
    let time = move || {
        let stamp = line.with(|l| l.stamp);
        view! {
            <time datetime=stamp.to_string() title=format::full(stamp)>{format::time(stamp)}</time>
        }
    };
    let sign = move || {
        let own = line.with(|l| l.own);
        let (icon, class, word, why) = mark.with(|mark| sign(mark, own))?;
        Some(view! {
            <span class=format!("sign {class}") title=why>
                {icon}
                <span class="sign-word">{word}</span>
            </span>
        })
    };
    view! { <span class="meta">{time}{sign}</span> }
}

#[component]
fn FailedActions(line: Memo<Arc<Line>>, mark: Memo<Mark>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let key = move || line.with(|l| l.key.clone());
    move || {
        let Mark::Failed(why) = mark.get() else {
            return None;
        };
        // What the archive has cannot be dropped here.
        let discard = line.with(|l| l.id.is_none()).then(|| {
            let discard = move |_| {
                browser::focus("composer");
                state.send(Intent::Discard { key: key() });
            };
            view! {
                <button class="link" data-testid="discard" on:click=discard>
                    {texts::discard()}
                </button>
            }
        });
        Some(view! {
            <div class="failed">
                <span class="failed-word">
                    {Icon::Failed}
                    <span>{texts::failed_because(texts::failure(why))}</span>
                </span>
                <button
                    class="link"
                    data-testid="retry"
                    on:click=move |_| {
                        // The button goes away with what it says; the focus must not go with it.
                        browser::focus("composer");
                        state.send(Intent::Retry { key: key() });
                    }
                >
                    {texts::retry()}
                </button>
                <CopyButton line/>
                {discard}
            </div>
        })
    }
}

/// Puts the text where it can be pasted from, and says so for good: a word that went away when
/// another button is pressed would move that button from under the pointer.
#[component]
fn CopyButton(line: Memo<Arc<Line>>) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        browser::copy(&line.with_untracked(|l| l.text.clone()));
        copied.set(true);
    };
    view! {
        <button class="link" data-testid="copy" on:click=copy>
            {texts::copy()}
        </button>
        <span role="status" data-testid="copied">
            {move || copied.get().then_some(texts::copied())}
        </span>
    }
}

/// Picture, class, word and explanation of a mark; nothing where there is nothing to say.
pub(crate) fn sign(
    mark: &Mark,
    own: bool,
) -> Option<(Icon, &'static str, &'static str, &'static str)> {
    match mark {
        Mark::Waiting => Some((
            Icon::Clock,
            "waiting",
            texts::mark_waiting(),
            texts::mark_waiting_why(),
        )),
        Mark::Archived if own => Some((
            Icon::Tick,
            "archived",
            texts::mark_archived(),
            texts::mark_archived_why(),
        )),
        Mark::Received => Some((
            Icon::Ticks,
            "received",
            texts::mark_received(),
            texts::mark_received_why(),
        )),
        Mark::Read => Some((
            Icon::Ticks,
            "read",
            texts::mark_read(),
            texts::mark_read_why(),
        )),
        Mark::NotSaved => Some((
            Icon::Warning,
            "not-saved",
            texts::mark_not_saved(),
            texts::mark_not_saved_why(),
        )),
        Mark::NotKept => Some((
            Icon::Warning,
            "not-kept",
            texts::mark_not_kept(),
            texts::mark_not_kept_why(),
        )),
        Mark::Archived | Mark::Failed(_) | Mark::Filling | Mark::Gap => None,
    }
}

/// The name under which tests and style sheet know a mark.
pub(crate) fn mark_name(mark: &Mark) -> &'static str {
    match mark {
        Mark::Waiting => "waiting",
        Mark::Archived => "archived",
        Mark::Received => "received",
        Mark::Read => "read",
        Mark::NotSaved => "notsaved",
        Mark::NotKept => "notkept",
        Mark::Failed(_) => "failed",
        Mark::Filling => "filling",
        Mark::Gap => "gap",
    }
}

/// What a screen reader says of a line: who, what, when, and how it fared.
fn label(line: &Line, name: &str) -> String {
    let who = if line.own { texts::you() } else { name };
    let state = match (&line.mark, sign(&line.mark, line.own)) {
        (Mark::Failed(_), _) => texts::mark_failed(),
        (_, Some((_, _, word, _))) => word,
        (_, None) => "",
    };
    let text = match line.is_retracted {
        true => texts::retracted(),
        false => line.text.as_str(),
    };
    let mut label = format!("{who}: {text}, {} {state}", format::time(line.stamp));
    if !line.edits.is_empty() {
        label.extend([", ", texts::edited()]);
    }
    for reaction in &line.reactions {
        let who = reactions::who(reaction, name);
        label.extend([", ", &reaction.emoji, " ", &who]);
    }
    label
}
