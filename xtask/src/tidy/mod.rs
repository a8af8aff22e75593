//! `cargo xtask tidy`: what neither compiler nor linter looks for.

mod crates;
mod sources;

use anyhow::{Result, bail};

/// Checks the directions between crates and the words that no source may contain.
///
/// # Errors
/// When something is out of place; each finding is printed.
pub(crate) fn run() -> Result<()> {
    let mut wrong = crates::check()?;
    let looked = sources::check()?;
    wrong.extend(looked.wrong);
    for advice in &looked.advice {
        println!("note: {advice}");
    }
    for finding in &wrong {
        eprintln!("{finding}");
    }
    if !wrong.is_empty() {
        bail!("{} out of place", wrong.len());
    }
    println!("{} files, all in place", looked.files);
    Ok(())
}
