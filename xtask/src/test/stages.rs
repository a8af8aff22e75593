//! What is checked and tested, in this order: what fails fast comes first.

use std::{env, fs, process::Command};

use anyhow::{Context, Result};

use super::{tally::Tally, tools};
use crate::{home, wasm};

/// Whether a stage counts as one, or by the tests in it.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Counts as one.
    Check,
    /// Counts as many as the programs say.
    Tests,
}

impl Kind {
    /// Counts a failed stage: at least one failure, also when no program lived to tell.
    pub(super) fn failed(self, told: Tally) -> Tally {
        match self {
            Self::Check => Tally::FAILURE,
            Self::Tests => Tally {
                failed: told.failed.max(1),
                ..told
            },
        }
    }
}

/// One stage of the test run.
pub(super) struct Stage {
    /// Heading, and what the command line may pick it by.
    pub(super) name: &'static str,
    /// How it is counted.
    pub(super) kind: Kind,
    /// After so long it is ended and has failed.
    pub(super) minutes: u64,
    /// What is run, one after the other; nothing when there is nothing to do.
    pub(super) commands: fn() -> Result<Vec<Command>>,
}

const fn check(name: &'static str, minutes: u64, commands: fn() -> Result<Vec<Command>>) -> Stage {
    Stage {
        name,
        kind: Kind::Check,
        minutes,
        commands,
    }
}

const fn tests(name: &'static str, minutes: u64, commands: fn() -> Result<Vec<Command>>) -> Stage {
    Stage {
        name,
        kind: Kind::Tests,
        minutes,
        commands,
    }
}

/// The simulation plays the seeds below this one.
const SIMULATED: &str = "1000";

/// All stages.
pub(super) const STAGES: &[Stage] = &[
    check("format", 2, || {
        Ok(vec![cargo(&["fmt", "--all", "--check"])])
    }),
    check("tidy", 2, || Ok(vec![xtask(&["tidy"])?])),
    check("docs", 2, || Ok(vec![xtask(&["docs", "--check"])?])),
    check("tools", 15, tools::install),
    check("dependencies", 15, tools::deny),
    check("clippy", 20, || {
        Ok(vec![cargo(&[
            "clippy",
            "--workspace",
            "--exclude",
            "web",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])])
    }),
    check("clippy for wasm", 15, || {
        wasm::ensure_target()?;
        Ok(vec![cargo(&[
            "clippy",
            "--package",
            "web",
            "--all-targets",
            "--target",
            wasm::TARGET,
            "--",
            "-D",
            "warnings",
        ])])
    }),
    check("client", 15, || Ok(vec![xtask(&["web"])?])),
    check("server", 15, || {
        Ok(vec![cargo(&["build", "--package", "gateway"])])
    }),
    tests("native tests", 25, || {
        Ok(vec![cargo(&[
            "test",
            "--workspace",
            "--exclude",
            "web",
            "--exclude",
            "e2e",
            "--exclude",
            "crash",
            "--exclude",
            "sim",
            "--no-fail-fast",
        ])])
    }),
    // Many times faster than in a development build, for three minutes and 350 MB more to build.
    tests("simulation", 15, || {
        let sim = ["--profile", "sim", "--package", "sim"];
        Ok(vec![
            cargo(&[&["test"], &sim[..], &["--no-fail-fast"]].concat()),
            cargo(&[&["run"], &sim[..], &["--", "seeds", "0", SIMULATED]].concat()),
        ])
    }),
    tests("crash", 10, || {
        let mut command = cargo(&["test", "--package", "crash"]);
        command.env("BALCONY_BIN", home::target().join("debug/balcony"));
        Ok(vec![command])
    }),
    tests("client tests in a browser", 20, client_tests),
    tests("ordinary clients", 10, ordinary_clients),
    tests("browser journeys", 20, || {
        let journeys = cargo(&["test", "--package", "e2e", "--no-fail-fast"]);
        Ok(vec![packages("tests/e2e"), with_tools(journeys)?])
    }),
];

fn cargo(arguments: &[&str]) -> Command {
    let mut command = home::cargo();
    command.args(arguments);
    command
}

/// Runs another chore of this program as a process, so that its deadline can be kept.
fn xtask(arguments: &[&str]) -> Result<Command> {
    // A build on the way may have replaced this program's file by an equal one under the same name.
    let own = env::current_exe().context("finding this program")?;
    let name = own.to_string_lossy();
    let mut command = Command::new(name.trim_end_matches(" (deleted)"));
    command.args(arguments).current_dir(home::root());
    Ok(command)
}

/// Tells tests where the server and the browser's driver are.
fn with_tools(mut command: Command) -> Result<Command> {
    command
        .env("BALCONY_BIN", home::target().join("debug/balcony"))
        .env("CHROMEDRIVER", tools::chromedriver()?);
    Ok(command)
}

fn client_tests() -> Result<Vec<Command>> {
    let mut has_tests = false;
    for file in home::files(&home::root().join("web"))? {
        let is_rust = file.extension().is_some_and(|ending| ending == "rs");
        has_tests |= is_rust && fs::read_to_string(&file)?.contains("#[wasm_bindgen_test");
    }
    if !has_tests {
        return Ok(Vec::new());
    }
    let mut command = cargo(&[
        "test",
        "--package",
        "web",
        "--profile",
        "web-dev",
        "--target",
        wasm::TARGET,
    ]);
    command
        .arg("--no-fail-fast")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120");
    Ok(vec![with_tools(command)?])
}

fn ordinary_clients() -> Result<Vec<Command>> {
    let folder = home::root().join("tests/clients");
    if !folder.join("package.json").exists() {
        return Ok(Vec::new());
    }
    let mut run = Command::new("node");
    run.args(["--test", "--test-reporter=tap"])
        .current_dir(&folder);
    Ok(vec![packages("tests/clients"), with_tools(run)?])
}

/// Fetches the npm packages that a folder names.
fn packages(folder: &str) -> Command {
    let mut fetch = Command::new("npm");
    fetch
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(home::root().join(folder));
    fetch
}
