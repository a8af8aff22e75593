//! What can go wrong between the engine and the browser.

use thiserror::Error;
use wasm_bindgen::{JsCast as _, JsValue};

/// A browser facility did not do what it was asked for.
#[derive(Debug, Error)]
pub enum WebError {
    /// The device's database cannot be opened, read or written.
    #[error("this browser's storage failed: {0}")]
    Storage(String),
    /// The browser refused a call; the text is its own.
    #[error("the browser refused: {0}")]
    Browser(String),
    /// Every slot of the account is taken by another tab.
    #[error("all devices of this account are open in other tabs")]
    NoFreeSlot,
}

impl WebError {
    /// What a call of a browser function threw.
    pub fn thrown(value: &JsValue) -> Self {
        Self::Browser(describe(value))
    }
}

impl From<indexed_db_futures::error::Error> for WebError {
    fn from(error: indexed_db_futures::error::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<indexed_db_futures::error::OpenDbError> for WebError {
    fn from(error: indexed_db_futures::error::OpenDbError) -> Self {
        Self::Storage(error.to_string())
    }
}

fn describe(value: &JsValue) -> String {
    value
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| value.as_string())
        .unwrap_or_else(|| format!("{value:?}"))
}
