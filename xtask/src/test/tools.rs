//! What tests need beside the compiler, installed when missing.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::home;

/// Programs, and the Debian packages that hold them.
const PROGRAMS: [(&str, &str); 5] = [
    // A page without a font is a page of boxes.
    ("chromium", "chromium fonts-liberation"),
    ("chromedriver", "chromium-driver"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("strace", "strace"),
];

/// The version of cargo-deny that is used; it builds with the compiler that the project asks for.
const DENY: &str = "0.20.2";

/// Returns what installs the missing programs: nothing when all are there.
///
/// # Errors
/// Never; who may not install packages is told so by the commands themselves.
pub(super) fn install() -> Result<Vec<Command>> {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .flat_map(|(_, packages)| packages.split(' '))
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    println!(
        "missing: {}; installing needs root on Debian or one of its kin",
        missing.join(", ")
    );
    let mut update = Command::new("apt-get");
    update.arg("update");
    let mut install = Command::new("apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    Ok(vec![update, install])
}

/// Returns the browser's driver: the one that `CHROMEDRIVER` names, or the one on the path.
///
/// # Errors
/// When there is none.
pub(crate) fn chromedriver() -> Result<PathBuf> {
    env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| find("chromedriver"))
        .context("there is no chromedriver; on Debian it is in the package chromium-driver")
}

/// Returns what checks licences, sources and versions of all dependencies, after building the checker if it is missing.
///
/// Without its default features cargo-deny fetches no advisories and needs no TLS; unoptimised it builds in about a
/// minute and still answers within seconds.
///
/// # Errors
/// Never.
pub(super) fn deny() -> Result<Vec<Command>> {
    let folder = home::target().join(format!("tools/cargo-deny-{DENY}"));
    let program = folder
        .join("bin")
        .join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    let mut install = home::cargo();
    install
        .args([
            "install",
            &format!("cargo-deny@{DENY}"),
            "--locked",
            "--no-default-features",
            "--debug",
            "--root",
        ])
        .arg(&folder)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let mut check = Command::new(&program);
    check
        .args(["--all-features", "check", "bans", "licenses", "sources"])
        .current_dir(home::root());
    Ok(if program.exists() {
        vec![check]
    } else {
        vec![install, check]
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
