//! A name and a picture of one's own, which all contacts see.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, befriend, serve};
use e2e::thirtyfour::{By, Key};
use e2e::{Tab, journey, wait_until};
use serde_json::{Value, json};
use support::server::Options;

/// How many pixels wide the picture is that a tab shows there; none if there is none.
async fn width(tab: &Tab, css: &str) -> Result<Value> {
    let script = "return document.querySelector(arguments[0] + ' .avatar img')?.naturalWidth";
    tab.script(script, vec![json!(css)]).await
}

async fn wait_for_picture(tab: &Tab, css: &str, is_there: bool) -> Result<()> {
    wait_until(&format!("a picture in {css}: {is_there}"), async || {
        let seen = width(tab, css).await?;
        let sides = [64, 96, 128, 192];
        let has_one = seen.as_u64().is_some_and(|width| sides.contains(&width));
        ensure!(has_one == is_there, "its width is {seen}");
        Ok(())
    })
    .await
}

// proves: AV-01 SEC-62
#[tokio::test]
async fn contacts_see_the_name_and_picture_that_somebody_chose() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("profile", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        hall.goto("/#/settings").await?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
        let folder = std::fs::canonicalize(folder)?;
        let mut files = std::fs::read_dir(folder)?.filter_map(|file| Some(file.ok()?.path()));
        let png = files.find(|file| file.extension().is_some_and(|ending| ending == "png"));
        let png = png.context("a picture to choose")?;
        let png = png.to_str().context("a name")?.to_owned();
        hall.wait_for_text("[data-testid=settings]", "Choose a picture")
            .await?;
        hall.with(async |remote| {
            remote
                .find(By::Css("[data-testid=picture]"))
                .await?
                .send_keys(png)
                .await
        })
        .await?;
        wait_for_picture(&hall, ".profile", true).await?;
        hall.fill("[data-testid=nick]", "Juliet Capulet").await?;
        hall.keys(Key::Enter).await?;
        hall.wait_for_text("[data-testid=profile-saving]", "Saved.")
            .await?;
        hall.pictures("profile").await?;

        phone
            .wait_for_text("[data-testid=chat-item]", "Juliet Capulet")
            .await?;
        wait_for_picture(&phone, "[data-testid=chat-item]", true).await?;
        phone.open_chat(JULIET).await?;
        phone.wait_for_text("h1", "Juliet Capulet").await?;
        wait_for_picture(&phone, ".chat-header", true).await?;
        phone.pictures("picture").await?;
        // A reload finds both on the device, and another device of hers is told.
        phone.proxy().cut().await;
        let tower = juliet.open_beside("tower", &hall).await?;
        tower.wait_for_status("live").await?;
        tower.goto("/#/settings").await?;
        wait_for_picture(&tower, ".profile", true).await?;
        phone.proxy().heal();
        phone.reload().await?;
        wait_for_picture(&phone, "[data-testid=chat-item]", true).await?;
        tower.click("[data-testid=picture-remove]").await?;
        wait_for_picture(&phone, "[data-testid=chat-item]", false).await?;
        wait_for_picture(&hall, ".profile", false).await?;
        Ok(())
    })
    .await
}
