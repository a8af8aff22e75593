//! What a person chose about the look of this browser profile.

use client_core::Intent;
use leptos::prelude::*;

use crate::browser;
use crate::state::AppState;

const THEME: &str = "balcony:theme";
const SILENT: &str = "balcony:silent";
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
}

impl Theme {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name under which it is kept, and which the style sheet knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
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

/// Whether that is kept under this key of the profile's storage; no key stands for all.
pub fn is_of_sharing(key: Option<&str>) -> bool {
    key.is_none_or(|key| key == SILENT)
}

/// Chooses whether other people are told what was received and read.
pub fn share_reading(state: AppState, shares: bool) {
    state.send(Intent::ShareReading(shares));
    keep(SILENT, (!shares).then_some("on"));
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
