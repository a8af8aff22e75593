//! Runs plain-text dialogues against the server core: what each device sends, and what it must
//! receive, frame by frame. `README.md` beside this crate says what a script may contain.

mod login;
mod pattern;
mod script;
mod world;

pub use crate::script::{Stage, run};
