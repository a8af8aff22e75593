//! With what people reacted to a line.

use std::sync::Arc;

use client_core::view::{Line, Reaction};
use leptos::prelude::*;

use crate::state::AppState;
use crate::{saying, texts};

/// One button per emoji; pressing it adds the own reaction or takes it back.
#[component]
pub(crate) fn Reactions(line: Memo<Arc<Line>>, name: Memo<String>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let reactions = Memo::new(move |_| line.with(|line| line.reactions.clone()));
    let pill = move |reaction: Reaction| {
        let who = who(&reaction, &name.get());
        let count = u32::from(reaction.own) + u32::from(reaction.other);
        let count = (count > 1).then(|| view! { <span>{count}</span> });
        let emoji = reaction.emoji.clone();
        let toggle = move |_| saying::toggle(state, &line.get_untracked(), &emoji);
        view! {
            <button
                type="button"
                class="pill"
                class:waiting=reaction.is_waiting
                tabindex="-1"
                data-testid="reaction"
                aria-pressed=reaction.own.to_string()
                data-emoji=reaction.emoji.clone()
                aria-label=format!("{}: {who}", reaction.emoji)
                title=who
                on:click=toggle
            >
                <span class="face">
                    <span>{reaction.emoji.clone()}</span>
                    {count}
                </span>
            </button>
        }
    };
    move || {
        let reactions = reactions.get();
        (!reactions.is_empty()).then(|| {
            let pills: Vec<_> = reactions.into_iter().map(pill).collect();
            view! { <div class="pills" role="group" aria-label=texts::reactions()>{pills}</div> }
        })
    }
}

/// Who chose it.
pub(crate) fn who(reaction: &Reaction, name: &str) -> String {
    match (reaction.own, reaction.other) {
        (true, true) => texts::you_and(name),
        (true, false) => texts::you().to_owned(),
        (false, _) => name.to_owned(),
    }
}
