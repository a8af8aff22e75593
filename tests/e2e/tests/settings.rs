//! What a person can choose: found by mouse and by keyboard, done at once, kept, and told to other tabs.

use anyhow::{Result, ensure};
use e2e::people::{JULIET, befriend, serve};
use e2e::thirtyfour::Key;
use e2e::{Tab, journey, wait_until};
use serde_json::{Value, json};
use support::server::Options;

async fn theme(tab: &Tab) -> Result<Value> {
    tab.script("return document.documentElement.dataset.theme", vec![])
        .await
}

async fn wait_for_theme(tab: &Tab, wanted: &str) -> Result<()> {
    wait_until(&format!("the theme is {wanted}"), async || {
        let seen = theme(tab).await?;
        ensure!(seen == wanted, "it is {seen}");
        Ok(())
    })
    .await
}

async fn address_ends(tab: &Tab, wanted: &str) -> Result<()> {
    wait_until(&format!("the address ends with {wanted}"), async || {
        let seen = tab.script("return location.hash", vec![]).await?;
        ensure!(seen == wanted, "it ends with {seen}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn settings_are_chosen_by_mouse_kept_and_told_to_other_tabs() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("settings", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let desk = romeo.open_beside("desk", &phone).await?;
        desk.wait_for_status("live").await?;
        phone.open_chat(JULIET).await?;
        phone.click("[data-testid=menu-open]").await?;
        phone.click("[data-testid=settings-open]").await?;
        address_ends(&phone, "#/settings").await?;
        for choice in ["dark", "contrast", "light"] {
            // The words stand over the button itself.
            phone
                .click(&format!("label:has([data-testid=theme-{choice}])"))
                .await?;
            wait_for_theme(&phone, choice).await?;
            wait_for_theme(&desk, choice).await?;
            phone.pictures(&format!("settings-{choice}")).await?;
        }
        phone.reload().await?;
        wait_for_theme(&phone, "light").await?;
        phone.click("[data-testid=developer-mode]").await?;
        phone
            .wait_for_text(".pane .address", "romeo@localhost/")
            .await?;

        // Enter makes a new line, and with Control it sends.
        phone
            .click("label:has([data-testid=send-by-control])")
            .await?;
        phone.open_chat(JULIET).await?;
        let composer = "[data-testid=composer]";
        phone.fill(composer, "But soft,").await?;
        phone.press(composer, Key::Enter).await?;
        let value = "return document.querySelector('[data-testid=composer]').value";
        let written = phone.script(value, vec![]).await?;
        ensure!(written == json!("But soft,\n"), "it is {written}");
        ensure!(phone.lines().await?.is_empty(), "it was sent");
        phone.keys(Key::Control + Key::Enter).await?;
        phone.wait_for_lines(&["But soft,"]).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn settings_shortcuts_and_the_switcher_need_no_mouse() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("settings-by-keyboard", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        // By a few letters to a conversation.
        phone.keys(Key::Control + "k").await?;
        phone.wait_for_focus("[data-testid=switch-input]").await?;
        phone.keys("jul").await?;
        phone.pictures("switcher").await?;
        phone.keys(Key::Enter).await?;
        address_ends(&phone, "#/chat/juliet%40localhost").await?;
        phone.wait_for_focus("[data-testid=composer]").await?;
        // A question mark is one in a field, and asks for help elsewhere.
        phone.keys("?").await?;
        ensure!(phone.texts("dialog[open]").await?.is_empty());

        // The menu, its entries one after the other, and back.
        let open = "document.querySelector('[data-testid=menu-open]').focus()";
        phone.script(open, vec![]).await?;
        phone.keys(Key::Enter).await?;
        for entry in ["invite-open", "devices-open", "settings-open"] {
            phone.keys(Key::Tab).await?;
            phone
                .wait_for_focus(&format!("[data-testid={entry}]"))
                .await?;
        }
        phone.keys(Key::Enter).await?;
        phone.wait_for_focus("h1").await?;
        phone.keys("?").await?;
        phone
            .wait_for_text("dialog[open]", "Keyboard shortcuts")
            .await?;
        phone.pictures("shortcuts").await?;
        phone.keys(Key::Escape).await?;
        phone.wait_for_focus("h1").await?;
        phone.keys(Key::Escape).await?;
        address_ends(&phone, "#/chat/juliet%40localhost").await?;

        // Who turns single letters off is not asked again.
        phone.goto("/#/settings").await?;
        phone.wait_for_focus("h1").await?;
        phone.click("[data-testid=letters]").await?;
        phone.keys("?").await?;
        ensure!(phone.texts("dialog[open]").await?.is_empty());
        phone.keys(Key::Control + "k").await?;
        phone.wait_for_focus("[data-testid=switch-input]").await?;
        Ok(())
    })
    .await
}
