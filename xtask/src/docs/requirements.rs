//! `docs/requirements.md`: which requirement is proved by which test, and how many are.

use std::{collections::BTreeSet, fmt::Write};

use anyhow::{Result, bail};

use super::{contract::Contract, id::Id, proofs::Proofs, unproved::Reasons};

const HEAD: &str = "\
# Requirements and the tests that prove them

Made by `cargo xtask docs` from the ids in the tables of this folder, the comments `proves: …` of the tests, and the
reasons of `unproved.json`; not edited by hand.
";

/// Writes the page.
///
/// # Errors
/// When a test claims to prove an id that no table has, while there are tables.
pub(super) fn page(contract: &Contract, proofs: &Proofs, reasons: &Reasons) -> Result<String> {
    let unknown: Vec<String> = proofs
        .iter()
        .filter(|(id, _)| !contract.is_empty() && !contract.contains_key(id))
        .map(|(id, tests)| format!("{id} ({})", tests.iter().next().map_or("", String::as_str)))
        .collect();
    if !unknown.is_empty() {
        bail!("no table of docs/ has: {}", unknown.join(", "));
    }
    let all: BTreeSet<&Id> = contract.keys().chain(proofs.keys()).collect();
    let areas: BTreeSet<&str> = all.iter().map(|id| id.area.as_str()).collect();
    let mut page = HEAD.to_owned();
    page.push_str("\n| area | proved | of |\n|---|---:|---:|\n");
    for area in &areas {
        count(
            &mut page,
            area,
            all.iter().filter(|id| id.area == *area),
            proofs,
        )?;
    }
    count(&mut page, "**all**", all.iter(), proofs)?;
    for area in &areas {
        write!(page, "\n## {area}\n\n")?;
        let (proved, open): (Vec<&Id>, Vec<&Id>) = all
            .iter()
            .filter(|id| id.area == *area)
            .partition(|id| proofs.contains_key(id));
        if !proved.is_empty() {
            page.push_str("| id | proved by |\n|---|---|\n");
        }
        for id in proved {
            let tests: Vec<String> = proofs
                .get(id)
                .into_iter()
                .flatten()
                .map(|test| format!("`{test}`"))
                .collect();
            writeln!(page, "| {id} | {} |", tests.join("<br>"))?;
        }
        let (explained, open): (Vec<&Id>, Vec<&Id>) =
            open.into_iter().partition(|id| reasons.contains_key(id));
        if !explained.is_empty() {
            page.push_str("\n| id | proved by no test, because |\n|---|---|\n");
        }
        for id in explained {
            let reason = reasons.get(id).map_or("", String::as_str);
            writeln!(page, "| {id} | {reason} |")?;
        }
        if !open.is_empty() {
            let open: Vec<String> = open.iter().map(ToString::to_string).collect();
            write!(page, "\nProved by no test: {}.\n", open.join(", "))?;
        }
    }
    Ok(page.replace("\n\n\n", "\n\n"))
}

fn count<'a>(
    page: &mut String,
    name: &str,
    ids: impl Iterator<Item = &'a &'a Id>,
    proofs: &Proofs,
) -> Result<()> {
    let (mut proved, mut total) = (0, 0);
    for id in ids {
        total += 1;
        proved += usize::from(proofs.contains_key(*id));
    }
    writeln!(page, "| {name} | {proved} | {total} |")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[test]
    fn the_page_counts_per_area_and_names_what_is_open() {
        let contract = Contract::from(
            ["WS-01", "WS-02", "WS-03", "SM-07"].map(|text| (id(text), "docs/p.md".to_owned())),
        );
        let proofs = Proofs::from([(
            id("WS-02"),
            BTreeSet::from(["b.rs: two".to_owned(), "a.txt".to_owned()]),
        )]);
        let reasons = Reasons::from([(id("WS-03"), "of the weather".to_owned())]);
        let page = page(&contract, &proofs, &reasons).unwrap();
        for part in [
            "| WS | 1 | 3 |",
            "| **all** | 1 | 4 |",
            "| WS-03 | of the weather |",
            "| WS-02 | `a.txt`<br>`b.rs: two` |",
            "Proved by no test: WS-01.",
            "## SM\n\nProved by no test: SM-07.",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn a_claim_about_an_id_that_nobody_wrote_down_is_refused() {
        let contract = Contract::from([(id("WS-01"), "docs/p.md".to_owned())]);
        let proofs = Proofs::from([(id("WS-10"), BTreeSet::from(["a.rs".to_owned()]))]);
        assert!(
            page(&contract, &proofs, &Reasons::new())
                .unwrap_err()
                .to_string()
                .contains("WS-10 (a.rs)")
        );
        assert!(
            page(&Contract::new(), &proofs, &Reasons::new())
                .unwrap()
                .contains("| WS | 1 | 1 |")
        );
    }
}
