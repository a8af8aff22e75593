//! Every file of `scripts/` is one test.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Trial};

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut trials = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .context("a file has a name")?
            .to_string_lossy()
            .into_owned();
        trials.push(Trial::test(name, move || {
            let script = fs::read_to_string(&path)?;
            dialogues::run(&script).map_err(|error| format!("{error:#}").into())
        }));
    }
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}
