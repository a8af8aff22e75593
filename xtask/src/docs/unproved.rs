//! `docs/unproved.json`: rows that no test proves, each with the reason.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};

use super::{contract::Contract, id::Id, proofs::Proofs};
use crate::home;

/// The areas in which every row has a test or a reason.
const COMPLETE: [&str; 8] = ["SM", "RT", "CC", "MR", "MAM", "SI", "CS", "S11"];

/// Why a row is proved by no test.
pub(super) type Reasons = BTreeMap<Id, String>;

/// Reads the reasons.
///
/// # Errors
/// When the file is no object of ids and texts.
pub(super) fn read() -> Result<Reasons> {
    let name = "docs/unproved.json";
    let path = home::root().join(name);
    let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let entries: BTreeMap<String, String> =
        serde_json::from_str(&text).with_context(|| format!("reading {name}"))?;
    entries
        .into_iter()
        .map(|(id, reason)| {
            let id = Id::parse(&id).with_context(|| format!("{name}: {id} is no id"))?;
            Ok((id, reason))
        })
        .collect()
}

/// Holds the reasons against what there is.
///
/// # Errors
/// When a row is unknown, or proved after all, or has neither test nor reason though its area is
/// complete.
pub(super) fn check(contract: &Contract, proofs: &Proofs, reasons: &Reasons) -> Result<()> {
    let mut wrong = Vec::new();
    for id in reasons.keys() {
        if proofs.contains_key(id) {
            wrong.push(format!("{id} is proved: take it out of docs/unproved.json"));
        } else if !contract.contains_key(id) {
            wrong.push(format!("docs/unproved.json: no table has {id}"));
        }
    }
    let is_complete = |id: &&Id| COMPLETE.contains(&id.area.as_str());
    for id in contract.keys().filter(is_complete) {
        if !proofs.contains_key(id) && !reasons.contains_key(id) {
            wrong.push(format!("{id} has neither a test nor a reason"));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[test]
    fn reasons_are_for_rows_that_nothing_proves() {
        let contract =
            Contract::from(["SM-01", "SM-02", "WS-01"].map(|text| (id(text), String::new())));
        let proofs = Proofs::from([(id("SM-01"), BTreeSet::from(["a.rs".to_owned()]))]);
        let verdict = |reasons: &[&str]| {
            let reasons = reasons.iter().map(|text| (id(text), "why".to_owned()));
            check(&contract, &proofs, &reasons.collect()).map_err(|error| error.to_string())
        };
        assert_eq!(verdict(&["SM-02"]), Ok(()));
        assert_eq!(verdict(&["SM-02", "WS-01"]), Ok(()));
        for (reasons, part) in [
            (&["SM-01", "SM-02"][..], "SM-01 is proved"),
            (&[], "SM-02 has neither"),
            (&["SM-02", "SM-09"], "no table has SM-09"),
        ] {
            assert!(verdict(reasons).unwrap_err().contains(part), "{part}");
        }
    }
}
