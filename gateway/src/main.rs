//! `balcony`: the server and what its operator does with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::cli::run()
}
