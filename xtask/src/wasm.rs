//! The compiler's WebAssembly target, and the glue that lets a browser load a module.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::home;

/// The target triple of the client.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Installs the wasm target when the compiler in use lacks it.
///
/// # Errors
/// When it is missing and rustup cannot add it.
pub(crate) fn ensure_target() -> Result<()> {
    if libdir()?.is_some_and(|folder| folder.exists()) {
        return Ok(());
    }
    println!("adding the target {TARGET}");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(home::root())
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!(
            "the compiler has no target {TARGET}; add it, e.g. by `rustup target add {TARGET}`"
        ),
    }
}

fn libdir() -> Result<Option<PathBuf>> {
    let answer = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(home::root())
        .output()
        .context("starting rustc")?;
    let text = String::from_utf8_lossy(&answer.stdout);
    Ok(answer.status.success().then(|| PathBuf::from(text.trim())))
}

/// Writes the browser's form of `module` into `folder`: `web.js`, `web_bg.wasm`, and what crates bring along.
///
/// # Errors
/// When the module was built by another version of wasm-bindgen, or the folder cannot be written.
pub(crate) fn bind(module: &Path, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name("web")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .context("making the browser's form of the client")
}
