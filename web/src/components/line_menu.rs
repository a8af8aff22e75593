//! What can be done with a line: one menu for all of them.

use std::sync::Arc;

use client_core::Intent;
use client_core::view::{Line, Version};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::HIDDEN;
use super::dialog::Dialog;
use super::emoji::QUICK;
use super::icon::Icon;
use crate::saying::{self, About, Opened, Picking, Saying};
use crate::state::AppState;
use crate::{browser, format, texts};

/// Its id.
const MENU: &str = "line-menu";
/// So far from the edges of the window.
const MARGIN_PX: f64 = 8.0;

/// The menu, where it was asked for.
#[component]
pub(crate) fn LineMenu() -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    let menu = NodeRef::<html::Div>::new();
    Effect::new(move || {
        let Some(menu) = menu.get() else { return };
        let Some(opened) = saying.menu.get() else {
            return;
        };
        let _ = menu.show_popover();
        browser::after_layout(move || {
            place(&menu, opened.at);
            let first = menu.query_selector("button").ok().flatten();
            if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
                let _ = first.focus();
            }
        });
    });
    let resized = window_event_listener_untyped("resize", move |_| {
        let opened = saying.menu.get_untracked();
        if let Some((menu, opened)) = menu.get_untracked().zip(opened) {
            place(&menu, opened.at);
        }
    });
    on_cleanup(move || resized.remove());
    let closed = move |_| {
        let is_open = menu
            .get_untracked()
            .is_some_and(|m| browser::is_popover_open(&m));
        if !is_open {
            saying.menu.set(None);
        }
    };
    view! {
        <div
            class="popup line-menu"
            id=MENU
            node_ref=menu
            popover="auto"
            role="menu"
            aria-label=texts::line_menu()
            data-testid="line-menu"
            on:keydown=walk
            on:toggle=closed
        >
            {move || saying.menu.get().map(|Opened { line, .. }| view! { <Items line/> })}
        </div>
    }
}

/// What there is to do with this line.
#[component]
fn Items(line: Arc<Line>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    let is_last_own = saying::last_own(state).is_some_and(|own| own.key == line.key);
    let item = move |icon: Icon, test: &'static str, words: &'static str, act: Box<dyn Fn()>| {
        let chosen = move |_| {
            browser::hide_popover(MENU);
            act();
        };
        view! {
            <button type="button" role="menuitem" tabindex="-1" data-testid=test on:click=chosen>
                {icon}
                <span>{words}</span>
            </button>
        }
    };
    let kept = |act: fn(Saying, Arc<Line>)| -> Box<dyn Fn()> {
        let line = line.clone();
        Box::new(move || act(saying, line.clone()))
    };
    let mut items = vec![item(Icon::Reply, "menu-reply", texts::reply(), kept(reply))];
    if is_last_own {
        items.push(item(Icon::Edit, "menu-edit", texts::edit(), kept(edit)));
    }
    items.push(item(
        Icon::Copy,
        "menu-copy",
        texts::copy_text(),
        kept(copy),
    ));
    if line.reply.is_some() {
        items.push(item(
            Icon::Up,
            "menu-jump",
            texts::go_to_quote(),
            kept(jump),
        ));
    }
    if !line.edits.is_empty() {
        items.push(item(
            Icon::Clock,
            "menu-earlier",
            texts::show_edits(),
            kept(show_earlier),
        ));
    }
    if line.own {
        items.push(item(
            Icon::Bin,
            "menu-delete",
            texts::delete(),
            kept(delete),
        ));
    }
    view! {
        <Quick line/>
        {items}
    }
}

fn reply(saying: Saying, line: Arc<Line>) {
    saying.about.set(Some(About::Reply(line)));
}

fn edit(saying: Saying, line: Arc<Line>) {
    saying.about.set(Some(About::Edit(line)));
}

fn copy(_: Saying, line: Arc<Line>) {
    browser::copy(&line.text);
}

fn jump(saying: Saying, line: Arc<Line>) {
    saying.jumping.set(Some(line.key.clone()));
}

fn show_earlier(saying: Saying, line: Arc<Line>) {
    saying.target.set(Some(line));
    saying.earlier.set(true);
}

fn delete(saying: Saying, line: Arc<Line>) {
    saying.target.set(Some(line));
    saying.deleting.set(true);
}

/// The reactions that are used most, and the way to all.
#[component]
fn Quick(line: Arc<Line>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    let quick = QUICK.map(|emoji| {
        let line = line.clone();
        let mut own = line.reactions.iter().filter(|reaction| reaction.own);
        let is_chosen = own.any(|reaction| reaction.emoji == emoji);
        let chosen = move |_| {
            browser::hide_popover(MENU);
            saying::toggle(state, &line, emoji);
        };
        view! {
            <button
                type="button"
                role="menuitemcheckbox"
                tabindex="-1"
                aria-checked=is_chosen.to_string()
                data-testid="menu-react"
                on:click=chosen
            >
                {emoji}
            </button>
        }
    });
    let more = move |_| {
        browser::hide_popover(MENU);
        saying.picking.set(Some(Picking::Line(line.clone())));
    };
    view! {
        <div class="quick" role="group" aria-label=texts::react()>
            {quick}
            <button
                type="button"
                role="menuitem"
                tabindex="-1"
                aria-label=texts::more_emojis()
                data-testid="menu-emojis"
                on:click=more
            >
                {Icon::Plus}
            </button>
        </div>
    }
}

/// Puts the menu where it was asked for, as far as there is room.
fn place(menu: &HtmlElement, (x, y): (f64, f64)) {
    let window = browser::window();
    let size = |value: Result<wasm_bindgen::JsValue, _>| {
        let value = value.ok().and_then(|value| value.as_f64());
        value.unwrap_or_default()
    };
    let (width, height) = (size(window.inner_width()), size(window.inner_height()));
    let own = menu.get_bounding_client_rect();
    let fit = |at: f64, own: f64, all: f64| at.min(all - own - MARGIN_PX).max(MARGIN_PX);
    let left = fit(x, own.width(), width);
    let top = fit(y, own.height(), height);
    browser::move_to(menu, left, top);
}

/// Moves the focus from item to item.
fn walk(event: KeyboardEvent) {
    let step = |at: usize, len: usize| match event.key().as_str() {
        "ArrowDown" | "ArrowRight" => Some((at + 1) % len.max(1)),
        "ArrowUp" | "ArrowLeft" => Some(at.checked_sub(1).unwrap_or(len)),
        "Home" => Some(0),
        "End" => Some(len),
        _ => None,
    };
    browser::walk_buttons(&event, step);
}

/// Asks before a line is deleted for everybody.
#[component]
pub(crate) fn DeleteDialog() -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    let delete = move |_| {
        saying.deleting.set(false);
        if let Some(line) = saying.target.get_untracked() {
            let key = line.key.clone();
            state.send(Intent::Retract { key });
        }
    };
    view! {
        <Dialog open=saying.deleting labelled_by="delete-title">
            <div class="dialog-body">
                <h2 id="delete-title">{texts::delete_title()}</h2>
                <p>{texts::delete_lead()}</p>
                <div class="dialog-actions">
                    <button type="button" class="quiet" on:click=move |_| saying.deleting.set(false)>
                        {texts::cancel()}
                    </button>
                    <button type="button" class="danger" data-testid="delete-confirm" on:click=delete>
                        {texts::delete()}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}

/// How a line read before.
#[component]
pub(crate) fn EarlierDialog() -> impl IntoView {
    let saying = expect_context::<AppState>().saying;
    let versions = move || {
        let line = saying.target.get()?;
        let versions = line.edits.iter().map(|Version { text, stamp }| {
            view! {
                <li>
                    <time datetime=stamp.to_string()>{format::full(*stamp)}</time>
                    <p dir="auto">{text.clone()}</p>
                </li>
            }
        });
        let versions: Vec<_> = versions.collect();
        let now = line.text.clone();
        Some(view! {
            <ol class="versions" data-testid="versions">
                {versions}
                <li><span>{texts::reads_now()}</span><p dir="auto">{now}</p></li>
            </ol>
        })
    };
    view! {
        <Dialog open=saying.earlier labelled_by="earlier-title">
            <div class="dialog-body">
                <h2 id="earlier-title">{texts::earlier_title()}</h2>
                {versions}
                <div class="dialog-actions">
                    <button type="button" class="quiet" on:click=move |_| saying.earlier.set(false)>
                        {texts::close()}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}

/// Opens the menu of a line, below its bubble or where the pointer is.
pub(crate) fn open(saying: Saying, line: Arc<Line>, pointer: Option<(f64, f64)>) {
    if !saying::is_there(&line) {
        return;
    }
    let bubble = browser::line(&line.key);
    let bubble = bubble.and_then(|line| line.query_selector(".bubble").ok().flatten());
    let below = bubble.map(|bubble| {
        let rect = bubble.get_bounding_client_rect();
        (rect.left(), rect.bottom())
    });
    let at = pointer.or(below).unwrap_or_default();
    saying.menu.set(Some(Opened { line, at }));
}

/// The button of a line that opens its menu, for those who have a mouse.
#[component]
pub(crate) fn MoreButton(line: Memo<Arc<Line>>) -> impl IntoView {
    let saying = expect_context::<AppState>().saying;
    let is_there = move || line.with(|line| saying::is_there(line));
    move || {
        is_there().then(|| {
            view! {
                <button
                    type="button"
                    class="line-more"
                    tabindex="-1"
                    aria-haspopup="menu"
                    aria-label=texts::line_menu()
                    data-testid="line-more"
                    on:click=move |_| open(saying, line.get_untracked(), None)
                >
                    <span aria-hidden=HIDDEN>{Icon::Dots}</span>
                </button>
            }
        })
    }
}
