//! The way from an answer to the line that it answers.

use client_core::Intent;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::scroll::Scroll;
use crate::browser;
use crate::state::AppState;

/// So long the line stands out.
const FLASH_MS: u32 = 2_000;

/// Leads to the answered line, however much of the conversation must be loaded for that.
pub(crate) fn serve(state: AppState, scroll: Scroll, is_here: Memo<bool>) {
    let saying = state.saying;
    Effect::new(move || {
        let Some(answer) = saying.jumping.get() else {
            return;
        };
        let is_loading = state.loading_older.get();
        let reply = state.lines.with(|lines| {
            let line = lines.iter().find(|line| line.key == answer)?;
            line.reply.clone()
        });
        let Some(reply) = reply.filter(|_| is_here.get()) else {
            return saying.jumping.set(None);
        };
        if let Some(key) = reply.key {
            saying.jumping.set(None);
            return browser::after_layout(move || land(state, scroll, &key));
        }
        if !state.has_older.get_untracked() {
            saying.jumping.set(None);
        } else if !is_loading {
            state.send(Intent::Older);
        }
    });
}

fn land(state: AppState, scroll: Scroll, key: &str) {
    let flashed = state.saying.flashed;
    scroll.touch();
    scroll.to_line(key);
    let at = scroll
        .part
        .extents
        .with_value(|extents| extents.index_of(key));
    if let Some(at) = at {
        scroll.focus(at);
    }
    flashed.set(Some(key.to_owned()));
    Timeout::new(FLASH_MS, move || {
        let _ = flashed.try_set(None);
    })
    .forget();
}
