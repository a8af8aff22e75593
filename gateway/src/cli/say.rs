//! The only place that writes to standard output and standard error.
//!
//! Other programs read these lines, so their wording is part of what the program promises.

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};

/// Writes a line to standard output at once; a reader that is gone does not matter.
pub(super) fn line(text: impl Display) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Tells what went wrong.
pub(super) fn complain(error: impl Display) {
    let _ = writeln!(stderr().lock(), "balcony: {error}");
}
