//! Every chore of the project as `cargo xtask …`.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program speaks on standard output"
)]

mod artifact;
mod bench;
mod build;
mod crash;
mod docs;
mod home;
mod serve;
mod sim;
mod site;
mod test;
mod tidy;
mod wasm;
mod web;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The chores of Balcony.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Compiles the web client into target/site
    Web {
        /// For shipping: smallest size, compressed once
        #[arg(long)]
        release: bool,
    },
    /// Builds what is needed and runs the server on this machine
    Serve {
        /// With the accounts romeo and juliet; their passwords are printed
        #[arg(long)]
        demo: bool,
        /// Handed on to `balcony serve`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Leaves one self-contained release binary at target/release/balcony
    Build,
    /// Runs every check and test; this is what continuous integration runs
    Test {
        /// Only stages whose name contains one of these words
        only: Vec<String>,
    },
    /// Plays many seeded worlds of servers and devices with faults
    Sim {
        /// Seeds from the first to the one before the last, written A..B
        #[arg(long, conflicts_with = "seed", default_value = "0..1000")]
        seeds: String,
        /// One seed, with all that happens
        #[arg(long)]
        seed: Option<u64>,
        /// The plan in this file, with all that happens
        #[arg(long, conflicts_with_all = ["seed", "seeds"])]
        replay: Option<PathBuf>,
        /// Of the runs with faults at chosen moments, one of so many; 1 is all of them, some hours
        #[arg(long, conflicts_with_all = ["seed", "seeds", "replay"])]
        patterns: Option<u64>,
        /// Plants faults, one after the other; each must be found
        #[arg(long, conflicts_with_all = ["seed", "seeds", "replay", "patterns"])]
        mutants: bool,
    },
    /// Kills the release server under load, again and again, and checks that nothing is lost
    #[command(disable_help_flag = true)]
    Crash {
        /// Handed on: --rounds N, --seed S, --json and others that --help tells
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures what is shipped and fails when a budget does not hold
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Checks who may know whom, and what the compiler does not look for
    Tidy,
    /// Writes the generated pages of docs/
    Docs {
        /// Writes nothing; fails when a page is stale
        #[arg(long)]
        check: bool,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// The web client in a browser, with ten thousand lines
    Web {
        /// Only looks, at the client as one works on it
        #[arg(long)]
        dev: bool,
        /// Handed on: --rounds=N, --only-look
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Web { release } => web::run(release),
        Chore::Serve { demo, rest } => serve::run(demo, &rest),
        Chore::Build => build::run(),
        Chore::Test { only } => test::run(&only),
        Chore::Sim { mutants: true, .. } => sim::mutants(),
        Chore::Sim {
            replay: Some(file), ..
        } => sim::replay(&file),
        Chore::Sim {
            patterns: Some(every),
            ..
        } => sim::patterns(every),
        Chore::Sim {
            seed: Some(seed), ..
        } => sim::one(seed),
        Chore::Sim { seeds, .. } => sim::run(&seeds),
        Chore::Crash { arguments } => crash::run(&arguments),
        Chore::Bench {
            what: Bench::Web { dev, rest },
        } => bench::web(dev, &rest),
        Chore::Tidy => tidy::run(),
        Chore::Docs { check } => docs::run(check),
    }
}
