//! `cargo xtask web`: the client, from Rust to the files a server hands out.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{
    artifact::{self, Wanted},
    home,
    site::Site,
    wasm,
};

/// What the compiled client (module, script and style sheets, each by brotli) is to weigh in all.
const BUDGET: usize = 400 * 1024;
/// What it may weigh until then. This only ever gets smaller.
const CEILING: usize = 520 * 1024;

/// Compiles the client and puts it with the files of `static/` into `target/site`.
///
/// # Errors
/// When something does not compile or cannot be written, or what is to be shipped weighs too much.
pub(crate) fn run(release: bool) -> Result<()> {
    wasm::ensure_target()?;
    let profile = if release { "web-release" } else { "web-dev" };
    let mut arguments = vec!["--package", "web", "--lib", "--target", wasm::TARGET];
    arguments.extend(["--profile", profile]);
    let flags = wasm::release_flags()?;
    if release {
        arguments.extend(["--config", &flags]);
    }
    let module = artifact::build(&arguments, Wanted::Module("web"))?;
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
    if release {
        let bytes = site.compiled_bytes();
        println!("{bytes:>10} of {BUDGET} bytes that the compiled client is to have");
        ensure!(
            bytes <= CEILING,
            "the compiled client is larger than it may be"
        );
    }
    Ok(())
}
