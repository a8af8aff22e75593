//! `cargo xtask build`: the one file that is the product.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    artifact::{self, Wanted},
    web,
};

/// Builds the client for shipping and the server with the client in it.
///
/// # Errors
/// When something does not compile.
pub(crate) fn run() -> Result<()> {
    web::run(true)?;
    let program = artifact::build(
        &["--release", "--package", "gateway"],
        Wanted::Program("balcony"),
    )?;
    let size = fs::metadata(&program)
        .context("looking at the program")?
        .len();
    println!("{size:>10} bytes  {}", crate::home::shown(&program));
    Ok(())
}
