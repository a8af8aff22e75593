//! `balcony check-config`.

use super::{CliError, say};
use crate::config::Config;

/// Prints the settings, which are checked already.
pub(super) fn run(config: &Config) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(config).map_err(|cause| CliError::failed(&cause))?;
    say::line(text);
    say::line("the settings are fine");
    Ok(())
}
