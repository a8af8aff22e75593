//! `cargo xtask serve`: from a fresh clone to a running server.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    artifact::{self, Wanted},
    web,
};

/// Builds client and server as one works on them, and runs the server in the caller's folder.
///
/// # Errors
/// When something does not compile, or the server ends with an error.
pub(crate) fn run(demo: bool, rest: &[String]) -> Result<()> {
    web::run(false)?;
    let program = artifact::build(&["--package", "gateway"], Wanted::Program("balcony"))?;
    let mut server = Command::new(program);
    server
        .arg("serve")
        .args(demo.then_some("--demo"))
        .args(rest);
    become_or_run(server)
}

/// Lets the server take the place of this program, so that signals reach it and no other.
#[cfg(unix)]
fn become_or_run(mut server: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;

    bail!("starting the server: {}", server.exec())
}

#[cfg(not(unix))]
fn become_or_run(mut server: Command) -> Result<()> {
    let status = server.status()?;
    if !status.success() {
        bail!("the server ended with {status}");
    }
    Ok(())
}
