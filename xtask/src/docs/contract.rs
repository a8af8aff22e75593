//! The requirements themselves: rows of tables in `docs/` that begin with an id.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

use super::id::Id;
use crate::home;

/// Every requirement with the page it stands on.
pub(super) type Contract = BTreeMap<Id, String>;

/// The folders' pages that are made by this program and so are no source of it.
const MADE: [&str; 2] = ["docs/requirements.md", "docs/specifications.md"];

/// Reads all pages of `docs/`.
///
/// # Errors
/// When a page cannot be read.
pub(super) fn read() -> Result<Contract> {
    let folder = home::root().join("docs");
    let mut contract = Contract::new();
    if !folder.exists() {
        return Ok(contract);
    }
    for path in home::files(&folder)? {
        let name = home::shown(&path);
        if !name.ends_with(".md") || MADE.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
        for id in text.lines().filter_map(id_of_row) {
            contract.entry(id).or_insert_with(|| name.clone());
        }
    }
    Ok(contract)
}

fn id_of_row(line: &str) -> Option<Id> {
    let cell = line.trim().strip_prefix('|')?.split('|').next()?;
    Id::parse(cell.trim().trim_matches('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_begins_with_an_id_is_a_requirement() {
        let id = |line| id_of_row(line).map(|id| id.to_string());
        assert_eq!(
            id("| WS-02 | server | selects `xmpp` |"),
            Some("WS-02".into())
        );
        assert_eq!(id("| **S11-41** | server | … |"), Some("S11-41".into()));
        assert_eq!(id("| see WS-02 | server |"), None);
        assert_eq!(id("WS-02 says so"), None);
    }
}
