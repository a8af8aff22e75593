//! `cargo xtask web`: the client, from Rust to the files a server hands out.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    artifact::{self, Wanted},
    home,
    site::Site,
    wasm,
};

/// Compiles the client and puts it with the files of `static/` into `target/site`.
///
/// # Errors
/// When something does not compile or cannot be written.
pub(crate) fn run(release: bool) -> Result<()> {
    wasm::ensure_target()?;
    let profile = if release { "web-release" } else { "web-dev" };
    let module = artifact::build(
        &[
            "--package",
            "web",
            "--lib",
            "--target",
            wasm::TARGET,
            "--profile",
            profile,
        ],
        Wanted::Module("web"),
    )?;
    let bound = home::root().join("target/bound").join(profile);
    if bound.exists() {
        fs::remove_dir_all(&bound).with_context(|| format!("emptying {}", bound.display()))?;
    }
    wasm::bind(&module, &bound)?;
    let mut site = Site::assemble(&bound, &home::root().join("static"))?;
    if release {
        site.compress(&home::site())?;
    }
    site.write(&home::site())?;
    site.report();
    Ok(())
}
