//! `cargo xtask bench`: whether what is shipped holds its budgets.

use anyhow::{Context as _, Result, ensure};

use crate::{
    artifact::{self, Wanted},
    home, test, web,
};

/// Builds the client as it is shipped, which has a budget of bytes, and measures it in a browser, which has budgets of
/// milliseconds; or builds it as one works on it, and only looks.
///
/// The server is a development build: what is measured runs in the browser.
///
/// # Errors
/// When something does not compile, or a budget does not hold.
pub(crate) fn web(dev: bool, rest: &[String]) -> Result<()> {
    web::run(!dev)?;
    let server = artifact::build(&["--package", "gateway"], Wanted::Program("balcony"))?;
    let status = home::cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "e2e",
            "--example",
            "budgets",
            "--",
        ])
        .args(dev.then_some("--only-look"))
        .args(rest)
        .env("BALCONY_BIN", server)
        .env("CHROMEDRIVER", test::chromedriver()?)
        .status()
        .context("starting cargo")?;
    ensure!(
        status.success(),
        "the client was not measured, or is over a budget"
    );
    Ok(())
}
