//! The real server as tests handle it: started, fed, killed, started again, ended, and with the client in it.

use anyhow::{Result, ensure};
use e2e::{journey, wait_until};
use support::server::TestServer;

#[tokio::test]
async fn the_real_server_shows_the_client_and_survives_a_kill() -> Result<()> {
    let mut server = TestServer::start().await?;
    let addr = server.addr();
    server
        .add_user("romeo@localhost", "a rose by any other name")
        .await?;
    ensure!(
        server
            .run(&["user", "list"], "")
            .await?
            .contains("romeo@localhost"),
        "no romeo"
    );
    journey("server", async |browser| {
        let tab = browser.profile().await?.open("first", addr).await?;
        wait_until("the client has started", async || {
            let started = tab
                .script("return !document.getElementById('shell')", vec![])
                .await?;
            ensure!(
                started == true,
                "the page still shows: {:?}",
                tab.texts("body").await?
            );
            Ok(())
        })
        .await?;
        tab.wait_for_text("body", "Sign in").await?;
        tab.screenshot("server-first").await?;
        let errors: Vec<String> = tab.console().await?;
        ensure!(
            !errors.iter().any(|line| line.contains("Content Security")),
            "{errors:?}"
        );
        Ok(())
    })
    .await?;
    server.kill9().await?;
    server.restart().await?;
    ensure!(server.addr() == addr, "another address");
    ensure!(
        server
            .run(&["user", "list"], "")
            .await?
            .contains("romeo@localhost"),
        "romeo was lost"
    );
    ensure!(
        server.terminate().await?.success(),
        "no orderly end:\n{}",
        server.log()
    );
    Ok(())
}
