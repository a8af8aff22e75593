//! Where somebody comes to stand who opens a conversation: where the new lines begin, else where they stopped reading,
//! else at the end.

use std::sync::Arc;

use client_core::Intent;
use client_core::view::Line;
use leptos::prelude::*;
use protocol::BareJid;

use super::line::is_gap;
use super::scroll::Scroll;
use crate::browser;
use crate::places::{self, Stopped};
use crate::state::AppState;

/// So often rows of this device are asked for to find the place.
const TRIES_MAX: u32 = 20;

/// Whether the reader has landed in the conversation, and on which line: the first unread one.
pub(crate) type Landed = RwSignal<Option<Option<String>>>;

/// Where to land.
#[derive(Clone)]
enum Goal {
    /// Before the newest so many lines that somebody else wrote.
    Unread(u32),
    Stopped(Stopped),
    End,
}

impl Goal {
    fn of(state: AppState, peer: &BareJid, unread: u32) -> Self {
        if unread > 0 {
            return Self::Unread(unread);
        }
        let account = state.account.get_untracked();
        let slot = state.slot.get_untracked();
        let stopped = account.and_then(|account| places::read(&account, &slot, peer));
        stopped.map_or(Self::End, Self::Stopped)
    }

    /// Whether all lines are there that are needed to know the place.
    fn is_loaded(&self, lines: &[Arc<Line>]) -> bool {
        match self {
            Self::Unread(unread) => news(lines).count() >= count(*unread),
            Self::Stopped(stopped) => {
                let first = lines.first();
                first.is_none_or(|first| first.stamp < stopped.stamp || first.key == stopped.key)
            }
            Self::End => true,
        }
    }

    /// Goes there; gives the first unread line.
    fn land(&self, scroll: Scroll, lines: &[Arc<Line>]) -> Option<String> {
        match self {
            Self::Unread(unread) => {
                let first = first_of(lines, *unread);
                if let Some(key) = &first {
                    scroll.to_line(key);
                }
                first
            }
            Self::Stopped(stopped) => {
                scroll.to_place(&stopped.key, stopped.top);
                None
            }
            Self::End => None,
        }
    }
}

/// Lands in the conversation; where that is stays for the visit. Where somebody stops is kept.
pub(super) fn land(
    state: AppState,
    scroll: Scroll,
    is_here: Memo<bool>,
    landed: Landed,
    (peer, unread): (&BareJid, u32),
) {
    let goal = StoredValue::new(Goal::of(state, peer, unread));
    let tries = StoredValue::new(0);
    Effect::new(move || {
        scroll.rested.track();
        let is_loading = state.loading_older.get();
        let has_more = state.has_older.get() && !state.searching_archive.get();
        let is_empty = state.lines.with(Vec::is_empty);
        if !is_here.get() || is_empty || landed.with_untracked(Option::is_some) {
            return;
        }
        let is_loaded = state
            .lines
            .with_untracked(|lines| goal.with_value(|g| g.is_loaded(lines)));
        let searches = !is_loaded && has_more && tries.get_value() < TRIES_MAX;
        // Whoever scrolls meanwhile stays where they are.
        if searches && !scroll.is_touched() {
            if !is_loading {
                tries.update_value(|tries| *tries += 1);
                state.send(Intent::Older);
            }
            return;
        }
        let lines = state.lines.get_untracked();
        let first = match scroll.is_touched() {
            true => first_of(&lines, unread),
            false => goal.with_value(|goal| goal.land(scroll, &lines)),
        };
        landed.set(Some(first));
    });
    keep_place(state, scroll, landed, peer.clone());
}

/// Keeps where somebody stops who leaves the conversation, or the page.
fn keep_place(state: AppState, scroll: Scroll, landed: Landed, peer: BareJid) {
    let keep = move || {
        let has_landed = landed.try_get_untracked().flatten().is_some();
        let account = state.account.get_untracked().filter(|_| has_landed);
        let stopped = scroll.stopped();
        if let (Some(account), Some(stopped)) = (account, stopped) {
            places::write(
                &account,
                &state.slot.get_untracked(),
                &peer,
                stopped.as_ref(),
            );
        }
    };
    let at_leaving = window_event_listener_untyped("pagehide", {
        let keep = keep.clone();
        move |_| keep()
    });
    on_cleanup(move || {
        at_leaving.remove();
        keep();
    });
}

/// The lines that somebody else wrote, newest first.
fn news(lines: &[Arc<Line>]) -> impl Iterator<Item = &Arc<Line>> {
    let newest_first = lines.iter().rev();
    newest_first.filter(|line| !line.own && !is_gap(&line.mark))
}

/// The first of the newest so many lines that somebody else wrote.
fn first_of(lines: &[Arc<Line>], unread: u32) -> Option<String> {
    let news = news(lines).take(count(unread));
    news.last().map(|line| line.key.clone())
}

fn count(unread: u32) -> usize {
    usize::try_from(unread).unwrap_or(usize::MAX)
}

/// Lines came that the reader, at the end of all, did not see come: they are new for a new visit.
pub(super) fn divide_again(state: AppState, scroll: Scroll, landed: Landed, unread: Memo<u32>) {
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
