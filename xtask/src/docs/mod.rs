//! `cargo xtask docs`: the pages of `docs/` that are made from code, tests and the contract.

mod contract;
mod id;
mod proofs;
mod requirements;
mod specifications;
mod unproved;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::home;

/// Writes the generated pages, or with `check` only compares them.
///
/// # Errors
/// When a test claims to prove what the contract does not have, or a page is stale.
pub(crate) fn run(check: bool) -> Result<()> {
    let contract = contract::read()?;
    let proofs = proofs::read()?;
    let reasons = unproved::read()?;
    unproved::check(&contract, &proofs, &reasons)?;
    let pages = [
        (
            "docs/requirements.md",
            requirements::page(&contract, &proofs, &reasons)?,
        ),
        ("docs/specifications.md", specifications::page()),
    ];
    let mut stale = Vec::new();
    for (name, page) in pages {
        let path = home::root().join(name);
        if fs::read_to_string(&path).is_ok_and(|known| known.replace("\r\n", "\n") == page) {
            continue;
        }
        if check {
            stale.push(name);
            continue;
        }
        fs::create_dir_all(home::root().join("docs"))?;
        fs::write(&path, page).with_context(|| format!("writing {name}"))?;
        println!("wrote {name}");
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask docs`", stale.join(", "));
    }
    Ok(())
}
