//! Builds by cargo, and where cargo put the result.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::home;

/// What to take from a build.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// The executable of this name.
    Program(&'static str),
    /// The wasm module of the library of this name.
    Module(&'static str),
}

/// Runs `cargo build` with `arguments` and returns the file that was wanted.
///
/// The path comes from cargo's own messages, so it is right wherever the target folder lies.
///
/// # Errors
/// When the build fails, or makes no such file.
pub(crate) fn build(arguments: &[&str], wanted: Wanted) -> Result<PathBuf> {
    let mut child = home::cargo()
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo")?;
    let messages = child.stdout.take().context("reading from cargo")?;
    let mut found = None;
    for line in BufReader::new(messages).lines() {
        let message: Value = serde_json::from_str(&line?).unwrap_or_default();
        found = file_of(&message, wanted).or(found);
    }
    if !child.wait()?.success() {
        bail!("cargo build {} failed", arguments.join(" "));
    }
    found.with_context(|| format!("cargo build {} made no such file", arguments.join(" ")))
}

fn file_of(message: &Value, wanted: Wanted) -> Option<PathBuf> {
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let name = message.get("target")?.get("name")?;
    match wanted {
        Wanted::Program(program) if name == program => {
            Some(message.get("executable")?.as_str()?.into())
        }
        Wanted::Module(module) if name == module => message
            .get("filenames")?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .find(|file| file.ends_with(".wasm"))
            .map(PathBuf::from),
        Wanted::Program(_) | Wanted::Module(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_library_that_is_also_linked_natively_is_not_taken_for_the_module() {
        let message = json!({
            "reason": "compiler-artifact", "target": { "name": "web" },
            "filenames": ["/t/web.wasm", "/t/libweb.rlib"], "executable": null,
        });
        assert_eq!(
            file_of(&message, Wanted::Module("web")),
            Some("/t/web.wasm".into())
        );
        assert_eq!(file_of(&message, Wanted::Program("web")), None);
        assert_eq!(file_of(&message, Wanted::Module("other")), None);
    }
}
