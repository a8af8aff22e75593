//! Signing out: of a tab, of a browser, of everything.

use anyhow::{Result, ensure};
use e2e::people::{PASSWORD, serve};
use e2e::{Tab, journey, wait_until};
use support::server::Options;

/// Waits until a tab asks for name and password.
async fn wait_until_out(tab: &Tab) -> Result<()> {
    wait_until(&format!("{} is signed out", tab.name()), async || {
        let fields = tab.texts("[data-testid=sign-in-password]").await?;
        ensure!(fields.len() == 1, "it asks for no password");
        Ok(())
    })
    .await
}

// proves: AU-29 AU-32
#[tokio::test]
async fn signing_out_everywhere_ends_every_device_and_none_comes_back_by_itself() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("sign-out", async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let phone = here.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        let beside = here.open_beside("beside", &phone).await?;
        beside.wait_for_status("live").await?;
        // A device of a tab that nobody has open.
        let closed = here.open_beside("closed", &phone).await?;
        closed.wait_for_status("live").await?;
        closed.close().await?;
        let desk = there.open("desk", server.addr()).await?;
        desk.sign_in("romeo", PASSWORD).await?;

        // Without a connection it cannot be promised, so it is not offered.
        phone.proxy().cut().await;
        phone.wait_for_status("offline").await?;
        phone.click("[data-testid=menu-open]").await?;
        phone.click("[data-testid=sign-out]").await?;
        let button = "const button = document.querySelector('[data-testid=sign-out-all-devices]');
            return [button.textContent, button.disabled,
                document.getElementById(button.getAttribute('aria-describedby')).textContent]";
        let offered = phone.script(button, vec![]).await?;
        ensure!(
            offered
                == serde_json::json!([
                    "Sign out everywhere",
                    true,
                    "Everywhere needs a connection to the server."
                ]),
            "{offered}"
        );
        phone.proxy().heal();
        phone.wait_for_status("live").await?;
        phone.pictures("sign-out").await?;
        phone.click("[data-testid=sign-out-all-devices]").await?;
        for tab in [&phone, &beside, &desk] {
            wait_until_out(tab).await?;
        }
        desk.screenshot("signed-out-elsewhere").await?;
        for tab in [&phone, &beside, &desk] {
            tab.reload().await?;
            wait_until_out(tab).await?;
        }
        // Nor does a tab that is opened now: this browser has kept nothing of the account.
        let fresh = here.open_beside("fresh", &phone).await?;
        wait_until_out(&fresh).await?;
        wait_until("no device is left in this browser", async || {
            let kept = "return indexedDB.databases().then(all => all.map(one => one.name)
                .filter(name => name.startsWith('balcony:romeo')))";
            let kept = fresh.script(kept, vec![]).await?;
            ensure!(kept == serde_json::json!([]), "it keeps {kept}");
            Ok(())
        })
        .await?;
        desk.sign_in("romeo", PASSWORD).await
    })
    .await
}
