//! Who may know whom: the picture of `docs/architecture.md` §3, compared with the manifests.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::home;

/// Each package of ours with those it may know. Whatever is not listed here knows nobody, and is reported.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("server-core", &["protocol"]),
    ("client-core", &["protocol"]),
    ("store", &["server-core", "protocol"]),
    ("gateway", &["store", "server-core", "protocol"]),
    ("web", &["client-core", "protocol", "texts-gen"]),
    ("texts-gen", &[]),
    (
        "support",
        &["gateway", "store", "server-core", "client-core", "protocol"],
    ),
    ("sim", &["store", "server-core", "client-core", "protocol"]),
    (
        "dialogues",
        &[
            "support",
            "gateway",
            "store",
            "server-core",
            "client-core",
            "protocol",
        ],
    ),
    (
        "sim",
        &["support", "store", "server-core", "client-core", "protocol"],
    ),
    ("crash", &["support", "client-core", "protocol"]),
    ("load", &["support", "gateway", "client-core", "protocol"]),
    ("e2e", &["support", "protocol"]),
    ("vfs", &["store", "server-core", "protocol"]),
    ("wasm-runner", &[]),
    ("xtask", &["protocol"]),
];

/// The crates that hold no sockets, disks, threads or clocks, so that the simulation runs what ships.
const PURE: [&str; 3] = ["protocol", "server-core", "client-core"];

/// What a pure crate does not use, by the start of the name; tests of it may.
const IMPURE: [&str; 13] = [
    "async-",
    "axum",
    "futures",
    "gloo",
    "hyper",
    "js-sys",
    "leptos",
    "mio",
    "rusqlite",
    "tokio",
    "tower",
    "wasm-bindgen",
    "web-sys",
];

/// Returns a line for each dependency that points where it may not.
///
/// # Errors
/// When cargo cannot read the manifests.
pub(super) fn check() -> Result<Vec<String>> {
    let output = home::cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("starting cargo")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(findings(&serde_json::from_slice(&output.stdout)?))
}

fn findings(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = list(metadata, "packages").collect();
    let ours: Vec<&str> = packages
        .iter()
        .map(|package| text(package, "name"))
        .collect();
    let mut wrong = Vec::new();
    for (package, name) in packages.iter().zip(&ours) {
        let Some((_, known)) = MAY_KNOW.iter().find(|(listed, _)| listed == name) else {
            wrong.push(format!(
                "{name} is not in the picture of crates (xtask/src/tidy/crates.rs)"
            ));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let other = text(dependency, "name");
            if ours.contains(&other) && !known.contains(&other) {
                wrong.push(format!("{name} may not know {other}"));
            }
            let for_tests = text(dependency, "kind") == "dev";
            if PURE.contains(name)
                && !for_tests
                && IMPURE.iter().any(|start| other.starts_with(start))
            {
                wrong.push(format!("{name} is pure and may not use {other}"));
            }
        }
    }
    wrong
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arrows_that_point_up_or_out_are_found() {
        let package =
            |name: &str, dependencies: Value| json!({ "name": name, "dependencies": dependencies });
        let metadata = json!({ "packages": [
            package("protocol", json!([{ "name": "tokio", "kind": "dev" }, { "name": "jid", "kind": null }])),
            package("client-core", json!([{ "name": "protocol", "kind": null }, { "name": "tokio", "kind": null }])),
            package("server-core", json!([{ "name": "client-core", "kind": "dev" }])),
            package("stranger", json!([])),
        ] });
        let wrong = findings(&metadata);
        assert_eq!(wrong[0], "client-core is pure and may not use tokio");
        assert_eq!(wrong[1], "server-core may not know client-core");
        assert!(wrong[2].starts_with("stranger is not in the picture"));
        assert_eq!(wrong.len(), 3);
    }
}
