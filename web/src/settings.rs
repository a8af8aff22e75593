//! What a person chose about the look of this browser profile.

use client_core::Intent;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::state::AppState;
use crate::{browser, language};

const THEME: &str = "balcony:theme";
const SILENT: &str = "balcony:silent";
const SEND_KEY: &str = "balcony:send-key";
const NO_LETTERS: &str = "balcony:no-letters";
const SECRETIVE: &str = "balcony:secretive";
const DEVELOPER: &str = "balcony:developer";

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
    /// Light or dark as the system has it, with the strongest contrast.
    Contrast,
}

impl Theme {
    /// All choices.
    pub const ALL: [Self; 4] = [Self::System, Self::Light, Self::Dark, Self::Contrast];

    /// The name under which it is kept, and which the style sheet knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Contrast => "contrast",
        }
    }

    /// The theme that was chosen.
    pub fn current() -> Self {
        let kept = read(THEME);
        Self::ALL
            .into_iter()
            .find(|theme| kept.as_deref() == Some(theme.name()))
            .unwrap_or_default()
    }

    /// Chooses a theme.
    pub fn choose(self) {
        keep(THEME, Some(self.name()));
        self.show();
    }

    fn show(self) {
        if let Some(root) = browser::document().document_element() {
            let _ = root.set_attribute("data-theme", self.name());
        }
    }
}

/// Which key sends what was written; the other one of the two makes a new line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendKey {
    /// Enter, and Shift+Enter makes a new line.
    #[default]
    Enter,
    /// Enter with Control or Command, and Enter makes a new line.
    WithControl,
}

impl SendKey {
    /// All choices.
    pub const ALL: [Self; 2] = [Self::Enter, Self::WithControl];

    /// The key that was chosen.
    pub fn current() -> Self {
        match read(SEND_KEY) {
            Some(_) => Self::WithControl,
            None => Self::Enter,
        }
    }

    /// Chooses a key.
    pub fn choose(self) {
        keep(SEND_KEY, (self == Self::WithControl).then_some("control"));
    }

    /// Whether this press sends.
    pub fn is_pressed(self, event: &KeyboardEvent) -> bool {
        let with_control = event.ctrl_key() || event.meta_key();
        event.key() == "Enter"
            && match self {
                Self::Enter => !event.shift_key(),
                Self::WithControl => with_control,
            }
    }
}

/// Whether single letters and signs are shortcuts.
pub fn has_letters() -> bool {
    read(NO_LETTERS).is_none()
}

/// Chooses whether single letters and signs are shortcuts.
pub fn allow_letters(allowed: bool) {
    keep(NO_LETTERS, (!allowed).then_some("on"));
}

/// Takes over what another tab keeps under this key of the profile's storage; no key stands for all.
pub(crate) fn adopt(state: AppState, key: Option<&str>) {
    let is = |known: &str| key.is_none_or(|key| key == known);
    if is(SILENT) {
        state.send(Intent::ShareReading(shares_reading()));
    }
    if is(SECRETIVE) {
        state.send(Intent::ShareTyping(shares_typing()));
    }
    if is(THEME) {
        Theme::current().show();
    }
    if is(language::KEPT) {
        language::adopt(state);
    }
}

/// Brings back what was chosen.
pub fn restore(state: AppState) {
    Theme::current().show();
    state.developer.set(read(DEVELOPER).is_some());
}

/// Turns developer mode on or off.
pub fn set_developer(state: AppState, on: bool) {
    state.developer.set(on);
    keep(DEVELOPER, on.then_some("on"));
}

/// Whether other people are told what was received and read.
pub fn shares_reading() -> bool {
    read(SILENT).is_none()
}

/// Chooses whether other people are told what was received and read.
pub fn share_reading(state: AppState, shares: bool) {
    state.send(Intent::ShareReading(shares));
    keep(SILENT, (!shares).then_some("on"));
}

/// Whether other people are told that somebody writes to them.
pub fn shares_typing() -> bool {
    read(SECRETIVE).is_none()
}

/// Chooses whether other people are told that somebody writes to them.
pub fn share_typing(state: AppState, shares: bool) {
    state.send(Intent::ShareTyping(shares));
    keep(SECRETIVE, (!shares).then_some("on"));
}

/// What is kept under a key of the profile's storage.
pub(crate) fn read(key: &str) -> Option<String> {
    browser::profile_storage()?.get_item(key).ok().flatten()
}

/// Keeps something under a key of the profile's storage, or nothing any more.
pub(crate) fn keep(key: &str, value: Option<&str>) {
    if let Some(storage) = browser::profile_storage() {
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
}
