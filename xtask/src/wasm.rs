//! The compiler's WebAssembly target, and the glue that lets a browser load a module.

use std::{
    env,
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

/// Returns the setting of cargo for the client as it is shipped: it keeps the folders of this machine out of a
/// module's messages, and views have one type (`erase_components`), which saves 11 kB of what is sent.
///
/// # Errors
/// When this machine's folders have no names that a setting could hold.
pub(crate) fn release_flags() -> Result<String> {
    let registry = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("there is no home folder")?;
    let flag = |folder: &Path, name: &str| {
        let folder = folder.to_str().context("a folder that is no Unicode")?;
        Ok(format!("'--remap-path-prefix={folder}={name}'"))
    };
    let flags: Vec<String> = [
        flag(&registry.join("registry/src"), "crates"),
        flag(&home::root(), "balcony"),
    ]
    .into_iter()
    .collect::<Result<_>>()?;
    let flags = flags.join(", ");
    Ok(format!(
        "target.{TARGET}.rustflags=[{flags}, '--cfg=erase_components']"
    ))
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
