//! Kills the server under load, again and again, and checks that nothing is lost.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program speaks on standard output"
)]

use std::{path::PathBuf, process::ExitCode, time::SystemTime};

use anyhow::{Context as _, Result};
use clap::Parser;
use crash::Settings;

/// Kills the server under load, again and again, and checks that nothing is lost.
#[derive(Debug, Parser)]
#[command(name = "crash")]
struct Arguments {
    /// How many rounds
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// The first round's seed; the next round has the next number [default: from the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds that share a database
    #[arg(long, default_value_t = 20)]
    per_database: u64,
    /// Lines of a device in a round, about
    #[arg(long, default_value_t = 24)]
    lines: u32,
    /// The server's program [default: what a development build leaves]
    #[arg(long, env = "BALCONY_BIN")]
    program: Option<PathBuf>,
    /// Instead of rounds, traces the system calls of so many messages: no ack and no copy before its sync (needs strace)
    #[arg(long, value_name = "MESSAGES", num_args = 0..=1, default_missing_value = "200", requires = "program")]
    trace: Option<usize>,
    /// Prints the report as JSON, on the last line
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().context("starting");
    match runtime.and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether no promise was broken.
async fn run(arguments: Arguments) -> Result<bool> {
    if let (Some(messages), Some(program)) = (arguments.trace, &arguments.program) {
        let traced = crash::trace(program, messages).await?;
        println!("{traced:?}");
        return Ok(traced.before_sync == 0);
    }
    let settings = Settings {
        rounds: arguments.rounds,
        seed: arguments.seed.map_or_else(seed_of_clock, Ok)?,
        per_database: arguments.per_database,
        lines: arguments.lines,
        program: arguments.program,
    };
    let report = crash::run(&settings).await?;
    println!("{report}");
    if arguments.json {
        println!("{}", report.to_json()?);
    }
    Ok(report.is_good())
}

fn seed_of_clock() -> Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(since.as_secs())
}
