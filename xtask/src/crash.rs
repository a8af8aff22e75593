//! `cargo xtask crash`: rounds of kills and cuts against the release build.

use std::env;

use anyhow::{Context as _, Result, bail};

use crate::{
    artifact::{self, Wanted},
    home,
};

/// Builds the server as it is shipped, without its client where there is none, and plays rounds on it.
///
/// # Errors
/// When something does not compile, or a round breaks a promise; the run tells which and how.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    // A server that the caller names is taken as it is.
    let program = match env::var_os("BALCONY_BIN") {
        Some(named) => named.into(),
        None => artifact::build(
            &["--release", "--package", "gateway"],
            Wanted::Program("balcony"),
        )?,
    };
    let status = home::cargo()
        .args(["run", "--quiet", "--release", "--package", "crash", "--"])
        .args(arguments)
        .env("BALCONY_BIN", program)
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("a promise was broken");
    }
    Ok(())
}
