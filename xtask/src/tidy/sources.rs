//! Words that no source may contain, and files that grew too long.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::home;

/// A file that is longer is probably two nouns.
const LINES_MAX: usize = 700;

/// A word, the files it is forbidden in (by the start of their path), and why. The words are written in two pieces so
/// that this file does not contain them.
const FORBIDDEN: [(&str, &str, &str); 4] = [
    (concat!("#[ig", "nore"), "", "a test runs or goes"),
    (concat!("to", "do!("), "", "unfinished code stays at home"),
    (
        concat!("unimple", "mented!("),
        "",
        "unfinished code stays at home",
    ),
    (
        concat!("inner", "_html"),
        "web/",
        "text from others becomes text nodes only",
    ),
];

/// What a look at the sources found.
#[derive(Default)]
pub(super) struct Looked {
    /// How many files were read.
    pub(super) files: usize,
    /// What has to change.
    pub(super) wrong: Vec<String>,
    /// What deserves a thought.
    pub(super) advice: Vec<String>,
}

/// Reads all Rust sources.
///
/// # Errors
/// When one cannot be read.
pub(super) fn check() -> Result<Looked> {
    let mut looked = Looked::default();
    for path in home::files(&home::root())? {
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        look_at(&home::shown(&path), &text, &mut looked);
    }
    Ok(looked)
}

fn look_at(name: &str, text: &str, looked: &mut Looked) {
    looked.files += 1;
    let length = text.lines().count();
    if length > LINES_MAX {
        looked
            .advice
            .push(format!("{name} has {length} lines: is it two files?"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for (word, start, reason) in FORBIDDEN {
            if Path::new(name).starts_with(start) && line.contains(word) {
                looked
                    .wrong
                    .push(format!("{name}:{number}: `{word}`: {reason}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_words_are_found_where_they_are_forbidden() {
        let mut looked = Looked::default();
        let html = concat!("view.set_inner", "_html(x)");
        look_at("web/src/a.rs", html, &mut looked);
        look_at("website/src/a.rs", html, &mut looked);
        look_at(
            "store/src/a.rs",
            concat!("fn a() {\n    to", "do!()\n}"),
            &mut looked,
        );
        look_at("store/src/b.rs", &"\n".repeat(LINES_MAX + 1), &mut looked);
        assert_eq!(looked.wrong.len(), 2, "{:?}", looked.wrong);
        assert!(looked.wrong[1].starts_with("store/src/a.rs:2: "));
        assert_eq!((looked.files, looked.advice.len()), (4, 1));
    }
}
