//! `docs/specifications.md`: what is followed, in which version, and what is missing.

use std::fmt::Write;

use protocol::spec::{SPECS, Spec};

const HEAD: &str = "\
# Specifications

Made by `cargo xtask docs` from `protocol/src/spec.rs`; not edited by hand.

| specification | title | version | missing |
|---|---|---|---|
";

/// Writes the page.
pub(super) fn page() -> String {
    SPECS.iter().fold(HEAD.to_owned(), |mut page, spec| {
        let Spec {
            number,
            title,
            version,
            missing,
        } = spec;
        // Writing to a string does not fail.
        let _ = writeln!(page, "| {number} | {title} | {version} | {missing} |");
        page
    })
}
