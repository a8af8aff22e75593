//! To hear nothing of somebody: by mouse and by keyboard, on all devices, and back.

use anyhow::{Result, ensure};
use e2e::people::{JULIET, ROMEO, befriend, serve};
use e2e::thirtyfour::Key;
use e2e::{Tab, journey, wait_until};
use support::server::Options;

async fn is_gone(tab: &Tab, css: &str) -> Result<()> {
    wait_until(&format!("{css} is gone"), async || {
        let seen = tab.texts(css).await?;
        ensure!(seen.is_empty(), "it is there: {seen:?}");
        Ok(())
    })
    .await
}

// proves: BL-06
#[tokio::test]
async fn somebody_is_blocked_on_all_devices_and_heard_of_again() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("blocking", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let desk = romeo.open_beside("desk", &phone).await?;
        desk.wait_for_status("live").await?;
        for tab in [&phone, &desk] {
            tab.open_chat(JULIET).await?;
        }
        hall.open_chat(ROMEO).await?;
        phone.click("[data-testid=contact-menu-open]").await?;
        phone.pictures("contact-menu").await?;
        phone.click("[data-testid=block]").await?;
        phone.wait_for_text("dialog[open]", "Block juliet?").await?;
        phone.pictures("block").await?;
        phone.click("button[data-testid=block-confirm]").await?;
        for tab in [&phone, &desk] {
            tab.wait_for_text("[data-testid=blocked-note]", "You have blocked juliet")
                .await?;
            is_gone(tab, "[data-testid=composer]").await?;
            tab.wait_for_text("[data-testid=chat-item]", "Blocked")
                .await?;
        }
        phone.pictures("blocked").await?;
        // What she writes meanwhile reaches neither him nor his archive.
        hall.say("Ay me").await?;
        hall.wait_for_text("[data-mark=failed]", "Not sent").await?;
        phone.reload().await?;
        phone
            .wait_for_text("[data-testid=blocked-note]", "blocked")
            .await?;
        ensure!(phone.lines().await?.is_empty(), "a line of hers");

        phone.goto("/#/settings").await?;
        phone
            .wait_for_text("[data-testid=blocked-list]", "juliet")
            .await?;
        phone.click("[data-testid=unblock-listed]").await?;
        is_gone(&phone, "[data-testid=unblock-listed]").await?;
        is_gone(&desk, "[data-testid=blocked-note]").await?;
        desk.say("Speak again").await?;
        hall.wait_for_line("Speak again").await?;
        Ok(())
    })
    .await
}

// proves: BL-06
#[tokio::test]
async fn naming_blocking_and_removing_need_no_mouse() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("contact-by-keyboard", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let open_menu = async || {
            let focus = "document.querySelector('[data-testid=contact-menu-open]').focus()";
            phone.script(focus, vec![]).await?;
            phone.keys(Key::Enter).await?;
            phone.keys(Key::Tab).await?;
            phone.wait_for_focus("[data-testid=contact-info]").await
        };
        open_menu().await?;
        phone.keys(Key::Enter).await?;
        phone.wait_for_text("dialog[open]", "You both see").await?;
        phone.pictures("contact-info").await?;
        phone.fill("[data-testid=contact-name]", "My lady").await?;
        phone.keys(Key::Enter).await?;
        phone.wait_for_text("h1", "My lady").await?;
        phone
            .wait_for_text("[data-testid=chat-item]", "My lady")
            .await?;

        open_menu().await?;
        phone.keys(Key::Tab).await?;
        phone.wait_for_focus("[data-testid=block]").await?;
        phone.keys(Key::Enter).await?;
        phone
            .wait_for_text("dialog[open]", "Block My lady?")
            .await?;
        phone.keys(Key::Tab).await?;
        phone.wait_for_focus("[data-testid=block-confirm]").await?;
        phone.keys(Key::Enter).await?;
        phone
            .wait_for_text("[data-testid=blocked-note]", "My lady")
            .await?;
        open_menu().await?;
        phone.keys(Key::Tab).await?;
        phone.wait_for_focus("[data-testid=unblock]").await?;
        phone.keys(Key::Enter).await?;
        phone.wait_for_text(".composer", "").await?;

        open_menu().await?;
        phone.keys(Key::Tab).await?;
        phone.keys(Key::Tab).await?;
        phone.wait_for_focus("[data-testid=remove-contact]").await?;
        phone.keys(Key::Enter).await?;
        phone.keys(Key::Tab).await?;
        phone.keys(Key::Enter).await?;
        is_gone(&phone, "[data-testid=chat-item]").await?;
        Ok(())
    })
    .await
}
