//! `balcony invite`.

use super::{CliError, say};
use crate::config::Config;
use crate::data_dir::announced;
use crate::gateway::open_store;
use crate::invite::{Purpose, make};

/// Makes an invitation and prints its link.
pub(super) async fn run(config: Config) -> Result<(), CliError> {
    let public = config.settings()?.public.map(|origin| origin.to_string());
    let announced = public.or_else(|| announced(&config.data));
    let base_url = announced.unwrap_or_else(|| format!("http://{}", config.listen));
    let store = open_store(&config).map_err(|cause| CliError::failed(&cause))?;
    let link = make(&store, &base_url, Purpose::Join).await;
    say::line(link.map_err(|cause| CliError::failed(&cause))?);
    Ok(())
}
