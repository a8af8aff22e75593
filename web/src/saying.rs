//! What the person is about to say of a line of the open conversation.

use std::sync::Arc;

use client_core::Intent;
use client_core::view::{Line, Mark};
use leptos::prelude::*;
use protocol::BareJid;

use crate::settings::{keep, read};
use crate::state::AppState;

/// So many emojis are remembered.
const RECENT_MAX: usize = 8;

/// What the next text is, beside a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The answer to this line.
    Reply(Arc<Line>),
    /// What this own line reads from then on.
    Edit(Arc<Line>),
}

/// For what an emoji is picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picking {
    /// For the text that is being written.
    Text,
    /// To react to this line.
    Line(Arc<Line>),
}

/// The line whose menu is open, and where that was asked for, in pixels of the window.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The line.
    pub line: Arc<Line>,
    /// From the left and from the top.
    pub at: (f64, f64),
}

/// What is open of all that can be said of lines.
#[derive(Clone, Copy)]
pub struct Saying {
    /// What the next text is.
    pub about: RwSignal<Option<About>>,
    /// The menu.
    pub menu: RwSignal<Option<Opened>>,
    /// The emojis.
    pub picking: RwSignal<Option<Picking>>,
    /// An emoji on its way into the text.
    pub picked: RwSignal<Option<String>>,
    /// The line that a dialog is about.
    pub target: RwSignal<Option<Arc<Line>>>,
    /// Whether the person is asked if that is to be deleted.
    pub deleting: RwSignal<bool>,
    /// Whether its earlier texts are shown.
    pub earlier: RwSignal<bool>,
    /// The key of the line whose answered line is looked for.
    pub jumping: RwSignal<Option<String>>,
    /// The key of the line that was jumped to.
    pub flashed: RwSignal<Option<String>>,
}

impl Saying {
    /// Nothing.
    pub fn new() -> Self {
        Self {
            about: RwSignal::new(None),
            menu: RwSignal::new(None),
            picking: RwSignal::new(None),
            picked: RwSignal::new(None),
            target: RwSignal::new(None),
            deleting: RwSignal::new(false),
            earlier: RwSignal::new(false),
            jumping: RwSignal::new(None),
            flashed: RwSignal::new(None),
        }
    }

    /// Another conversation is open.
    pub fn reset(self) {
        self.about.set(None);
        self.jumping.set(None);
    }
}

impl Default for Saying {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether anything can be said of a line.
pub fn is_there(line: &Line) -> bool {
    let is_none = matches!(line.mark, Mark::Failed(_) | Mark::Gap | Mark::Filling);
    !line.is_retracted && !is_none
}

/// The own line that can be corrected: the last one (IM-11).
pub fn last_own(state: AppState) -> Option<Arc<Line>> {
    state.lines.with_untracked(|lines| {
        let last = lines.iter().rev().find(|line| line.own);
        last.filter(|line| is_there(line)).cloned()
    })
}

/// Adds a reaction to a line, or takes it back.
pub fn toggle(state: AppState, line: &Line, emoji: &str) {
    let own = line.reactions.iter().filter(|reaction| reaction.own);
    let mut emojis: Vec<_> = own.map(|reaction| reaction.emoji.clone()).collect();
    match emojis.iter().position(|known| known == emoji) {
        Some(at) => drop(emojis.remove(at)),
        None => emojis.push(emoji.to_owned()),
    }
    let key = line.key.clone();
    state.send(Intent::React { key, emojis });
}

/// The emojis that were used last, the newest first.
pub fn recent(state: AppState) -> Vec<String> {
    let kept = key(state).and_then(|key| read(&key)).unwrap_or_default();
    let emojis = kept.split(' ').filter(|emoji| !emoji.is_empty());
    emojis.map(str::to_owned).collect()
}

/// Remembers an emoji that was used.
pub fn remember(state: AppState, emoji: &str) {
    let mut emojis = recent(state);
    emojis.retain(|known| known != emoji);
    emojis.insert(0, emoji.to_owned());
    emojis.truncate(RECENT_MAX);
    if let Some(key) = key(state) {
        keep(&key, Some(&emojis.join(" ")));
    }
}

/// Forgets what an account used.
pub fn forget_recent(account: &BareJid) {
    keep(&format!("balcony:emojis:{account}"), None);
}

fn key(state: AppState) -> Option<String> {
    let account = state.account.get_untracked()?;
    Some(format!("balcony:emojis:{account}"))
}
