//! People's journeys through the real client in a real browser.
//!
//! A [`journey`] has a [`Browser`]; a [`Profile`] is a browser with storage of its own, as another person or machine has;
//! a [`Tab`] is one of its windows, with a [`support::proxy::Proxy`] of its own between page and server. As the page is
//! loaded through the proxy, each tab is an origin of its own, unless it was opened beside another.

mod browser;
mod chat;
mod driver;
mod everybody;
pub mod people;
mod tab;
mod wait;
pub mod writer;

pub use browser::{Browser, Profile, journey};
pub use chat::Shown;
pub use tab::Tab;
pub use thirtyfour;
pub use wait::{wait_until, wait_until_within};
