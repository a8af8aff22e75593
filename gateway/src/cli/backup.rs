//! `balcony backup`.

use std::path::Path;

use super::{CliError, say};
use crate::config::Config;

/// Copies the database to a new file.
pub(super) fn run(config: &Config, file: &Path) -> Result<(), CliError> {
    let copied = store::back_up(&config.database(), file);
    copied.map_err(|cause| CliError::failed(&cause))?;
    say::line(format_args!("the copy is in {}", file.display()));
    Ok(())
}
