//! What a line says: its text with styling and links, as elements and never as markup.

use std::sync::Arc;

use client_core::text::{self, Block, Span};
use client_core::view::Line;
use leptos::prelude::*;

use super::icon::Icon;
use crate::state::AppState;
use crate::{format, texts};

/// Longer texts are cut until somebody wants to see more (SEC-61).
const CHARS_MAX: usize = 1_500;
/// So are those with more lines.
const LINES_MAX: usize = 24;

/// The text of a line, an action, or what is left of a line that was retracted.
#[component]
pub(crate) fn Said(line: Memo<Arc<Line>>, name: Memo<String>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let open = RwSignal::new(false);
    let look = Memo::new(move |_| {
        line.with(|line| {
            (
                line.text.clone(),
                line.is_retracted,
                line.is_unstyled,
                line.own,
            )
        })
    });
    move || {
        let (text, is_retracted, is_unstyled, own) = look.get();
        if is_retracted {
            return view! { <p class="tombstone">{Icon::Bin}" "{texts::retracted()}</p> }
                .into_any();
        }
        if let Some(action) = text::action_of(&text).filter(|_| !is_unstyled) {
            let account = state.account.get_untracked();
            let who = match account.filter(|_| own) {
                Some(account) => format::short_name(&account),
                None => name.get(),
            };
            let blocks = blocks(text::styled(action));
            return view! {
                <div class="said action"><b>{format!("{who} ")}</b>{blocks}</div>
            }
            .into_any();
        }
        let is_long = text.len() > CHARS_MAX || text.lines().count() > LINES_MAX;
        let blocks = blocks(match is_unstyled {
            true => text::unstyled(&text),
            false => text::styled(&text),
        });
        let more = is_long.then(|| {
            let words = move || {
                if open.get() {
                    texts::show_less()
                } else {
                    texts::show_more()
                }
            };
            view! {
                <button
                    class="link"
                    data-testid="show-more"
                    aria-expanded=move || open.get().to_string()
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {words}
                </button>
            }
        });
        view! {
            <div class="said" class:clamped=move || is_long && !open.get()>{blocks}</div>
            {more}
        }
        .into_any()
    }
}

fn blocks(blocks: Vec<Block>) -> Vec<AnyView> {
    let each = blocks.into_iter().map(|block| match block {
        Block::Text(inner) => view! { <p dir="auto">{spans(inner)}</p> }.into_any(),
        Block::Code(code) => view! { <pre dir="auto"><code>{code}</code></pre> }.into_any(),
        Block::Quote(inner) => view! { <blockquote>{self::blocks(inner)}</blockquote> }.into_any(),
    });
    each.collect()
}

fn spans(spans: Vec<Span>) -> Vec<AnyView> {
    let each = spans.into_iter().map(|span| match span {
        Span::Text(text) => text.into_any(),
        Span::Strong(inner) => view! { <strong>{self::spans(inner)}</strong> }.into_any(),
        Span::Emphasis(inner) => view! { <em>{self::spans(inner)}</em> }.into_any(),
        Span::Strike(inner) => view! { <s>{self::spans(inner)}</s> }.into_any(),
        Span::Code(code) => view! { <code>{code}</code> }.into_any(),
        Span::Link(link) => anchor(&link),
    });
    each.collect()
}

/// A link says where it leads; one whose name can look like another one's says that in both ways.
fn anchor(link: &text::Link) -> AnyView {
    let href = link.href.clone();
    let host = web_sys::Url::new(&href).map(|url| url.hostname());
    let host = host.unwrap_or_default();
    let is_plain = host.is_empty() || href.to_lowercase().contains(&host);
    let other = (!is_plain).then(|| view! { <small class="host">{format!(" ({host})")}</small> });
    let target = link.is_web().then_some("_blank");
    view! {
        <a href=link.href.clone() target=target rel="noopener noreferrer"><bdi>{href}</bdi></a>
        {other}
    }
    .into_any()
}
