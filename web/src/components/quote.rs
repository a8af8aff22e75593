//! The line that another one answers, and the way there.

use std::sync::Arc;

use client_core::view::{Line, Quote};
use leptos::prelude::*;

use crate::state::AppState;
use crate::texts;

/// What an answer shows of the line that it answers; a click leads there.
#[component]
pub(crate) fn QuoteBox(line: Memo<Arc<Line>>, name: Memo<String>) -> impl IntoView {
    let saying = expect_context::<AppState>().saying;
    let quote = Memo::new(move |_| line.with(|line| line.reply.clone()));
    move || {
        let Quote { own, text, key } = quote.get()?;
        let who = if own {
            texts::you().to_owned()
        } else {
            name.get()
        };
        let said = match (text, key) {
            (Some(text), _) => text,
            (None, Some(_)) => texts::retracted().to_owned(),
            (None, None) => texts::earlier_line().to_owned(),
        };
        let jump = move |_| {
            saying
                .jumping
                .set(Some(line.with_untracked(|line| line.key.clone())))
        };
        let label = texts::answers(&who, &said);
        Some(view! {
            <button
                type="button"
                class="quote"
                tabindex="-1"
                data-testid="quote"
                aria-label=label
                on:click=jump
            >
                <b><bdi>{who}</bdi></b>
                <span dir="auto">{said}</span>
            </button>
        })
    }
}
