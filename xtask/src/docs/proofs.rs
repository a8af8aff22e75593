//! Which test claims to prove what: comments `proves: ID ID …` in tests of every kind.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};

use super::id::Id;
use crate::home;

/// What every such comment begins with.
const PROVES: &str = "proves:";

/// The endings of files in which tests are written.
const KINDS: [&str; 4] = ["rs", "txt", "mjs", "js"];

/// Each proven requirement with the tests, as `file` or `file: name`.
pub(super) type Proofs = BTreeMap<Id, BTreeSet<String>>;

/// Reads all tests of the repository.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn read() -> Result<Proofs> {
    let mut proofs = Proofs::new();
    for path in home::files(&home::root())? {
        let name = home::shown(&path);
        let is_test = path
            .extension()
            .is_some_and(|ending| KINDS.iter().any(|kind| ending == *kind));
        // This program's own sources speak about such comments.
        if !is_test || name.starts_with("xtask/") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
        for (id, test) in claims(&name, &text) {
            proofs.entry(id).or_default().insert(test);
        }
    }
    Ok(proofs)
}

fn claims(file: &str, text: &str) -> Vec<(Id, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut claims = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(ids) = ids_in_comment(line) else {
            continue;
        };
        let whole_file = line.trim_start().starts_with("//!") || file.ends_with(".txt");
        let after = lines.get(number + 1..).unwrap_or_default();
        let test = after
            .iter()
            .find_map(|line| test_name(line))
            .filter(|_| !whole_file);
        let place = test.map_or_else(|| file.to_owned(), |test| format!("{file}: {test}"));
        claims.extend(ids.into_iter().map(|id| (id, place.clone())));
    }
    claims
}

fn ids_in_comment(line: &str) -> Option<Vec<Id>> {
    let comment = line.trim_start();
    let comment = comment
        .strip_prefix("//")
        .or_else(|| comment.strip_prefix('#'))
        .or_else(|| comment.split_once("//").map(|(_, comment)| comment))?;
    let (_, list) = comment.split_once(PROVES)?;
    Some(Id::parse_list(list))
}

/// Returns the name of the test that begins on this line: of a function, or of `test("…"`, `it('…'`.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some((before, rest)) = line.split_once("fn ")
        && before
            .split(' ')
            .all(|word| ["", "pub", "async", "pub(super)", "pub(crate)"].contains(&word))
    {
        return rest.split(['(', '<', ' ']).next();
    }
    let call = ["test(", "it(", "await t.test("]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
    let quote = call.chars().next()?;
    call.get(quote.len_utf8()..)?.split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: &str, text: &str) -> Vec<String> {
        claims(file, text)
            .into_iter()
            .map(|(id, test)| format!("{id} {test}"))
            .collect()
    }

    #[test]
    fn a_claim_belongs_to_the_test_that_follows() {
        let rust = "// proves: SM-07 SM-08\n#[tokio::test]\nasync fn acks_at_once() {\n// proves: SM-09\n}\nfn next() {}";
        assert_eq!(
            shown("a.rs", rust),
            [
                "SM-07 a.rs: acks_at_once",
                "SM-08 a.rs: acks_at_once",
                "SM-09 a.rs: next",
            ]
        );
        let script = "// proves: WS-01\ntest('signs in', async () => {";
        assert_eq!(shown("a.mjs", script), ["WS-01 a.mjs: signs in"]);
    }

    #[test]
    fn a_claim_at_the_head_belongs_to_the_file() {
        assert_eq!(
            shown("a.rs", "//! proves: CO-01\nfn first() {}"),
            ["CO-01 a.rs"]
        );
        assert_eq!(
            shown("s11-41.txt", "# proves: S11-41\njuliet connects"),
            ["S11-41 s11-41.txt"]
        );
        assert_eq!(shown("a.rs", "let proves: u8 = 1;"), [""; 0]);
    }
}
