//! Makes functions of the texts (`texts/*.ftl`): see `texts-gen`.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use texts_gen::File;

/// The language that the others are measured by.
const FIRST: &str = "en.ftl";

fn main() {
    let folder = Path::new("texts");
    println!("cargo::rerun-if-changed={}", folder.display());
    if let Err(problems) = run(folder) {
        for problem in problems {
            println!("cargo::error=texts/{problem}");
        }
        process::exit(1);
    }
}

fn run(folder: &Path) -> Result<(), Vec<String>> {
    let failed = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(".ftl"));
    names.sort_by_key(|name| (name != FIRST, name.clone()));
    let mut texts = Vec::new();
    for name in &names {
        texts.push(fs::read_to_string(folder.join(name)).map_err(|error| failed(&error))?);
    }
    let files = names.iter().zip(&texts);
    let files: Vec<_> = files.map(|(name, text)| File { name, text }).collect();
    let module = texts_gen::generate(&files)?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| failed(&"cargo names no OUT_DIR"))?;
    let out = PathBuf::from(out).join("texts.rs");
    fs::write(out, module).map_err(|error| failed(&error))
}
