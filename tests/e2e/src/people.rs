//! Romeo and Juliet, who play most journeys.

use anyhow::{Result, ensure};
use support::server::{Options, TestServer};

use crate::{Tab, wait_until};

/// His address; he signs in as `romeo`.
pub const ROMEO: &str = "romeo@localhost";
/// Her address; she signs in as `juliet`.
pub const JULIET: &str = "juliet@localhost";
/// The password of both.
pub const PASSWORD: &str = "wherefore art thou";

/// Starts a server on which both have an account.
///
/// # Errors
/// If it does not start, or refuses them.
pub async fn serve(options: Options) -> Result<TestServer> {
    let server = options.start().await?;
    for address in [ROMEO, JULIET] {
        server.add_user(address, PASSWORD).await?;
    }
    Ok(server)
}

/// Both sign in and become contacts of each other.
///
/// # Errors
/// If that takes too long.
pub async fn befriend(romeo: &Tab, juliet: &Tab) -> Result<()> {
    romeo.sign_in("romeo", PASSWORD).await?;
    juliet.sign_in("juliet", PASSWORD).await?;
    romeo.add_contact("juliet").await?;
    juliet.accept(ROMEO).await?;
    wait_until("both are contacts", async || {
        let list = romeo.texts("[data-testid=chat-item]").await?;
        ensure!(
            list.iter().any(|item| !item.contains("no answer")),
            "it shows {list:?}"
        );
        Ok(())
    })
    .await
}
