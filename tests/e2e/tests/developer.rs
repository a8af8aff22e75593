//! Developer mode: what goes over the wire, and what the device keeps.

use anyhow::{Result, ensure};
use e2e::people::{JULIET, ROMEO, befriend, serve};
use e2e::{journey, wait_until};
use support::server::Options;

const CONTENTS: &str = "But soft, what light";

#[tokio::test]
async fn one_message_is_followed_over_frames_acks_and_ids_without_its_contents() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("inspector", async |browser| {
        let (mine, theirs) = (browser.profile().await?, browser.profile().await?);
        let romeo = mine.open("romeo", server.addr()).await?;
        romeo.script("localStorage.setItem('balcony:developer', 'on')", vec![]).await?;
        romeo.reload().await?;
        let juliet = theirs.open("juliet", server.addr()).await?;
        befriend(&romeo, &juliet).await?;
        romeo.open_chat(JULIET).await?;
        juliet.open_chat(ROMEO).await?;
        romeo.click("[data-testid=inspector-open]").await?;
        romeo.say(CONTENTS).await?;
        let shown = romeo.wait_for_lines(&[CONTENTS]).await?;
        juliet.wait_for_line(CONTENTS).await?;
        let archive_id = shown.first().map(|line| line.archive_id.clone()).unwrap_or_default();
        ensure!(!archive_id.is_empty(), "no archive id");
        // Read: the other person has answered by then.
        romeo.wait_for_text("[data-kind=became]", "read").await?;
        romeo.click("[data-kind=became] [data-testid=follow]").await?;
        romeo.wait_for_text("[data-testid=followed]", archive_id.rsplit('.').next().unwrap_or_default()).await?;
        let kinds = "return [...document.querySelectorAll('.frame')].map(f => f.dataset.kind).reverse().join(' ')";
        wait_until("frame, outbox, ack, archive and an answer are told", async || {
            let kinds = romeo.script(kinds, vec![]).await?;
            let kinds = kinds.as_str().unwrap_or_default();
            ensure!(kinds.starts_with("sent became came became came"), "it is {kinds}");
            Ok(())
        })
        .await?;
        let frames = romeo.texts(".frame code").await?;
        ensure!(frames.iter().any(|frame| frame.contains(&archive_id)), "no archive id: {frames:?}");
        ensure!(!frames.iter().any(|frame| frame.contains(CONTENTS)), "contents are shown");
        romeo.pictures("inspector").await?;
        romeo.click("[data-testid=inspector-hides]").await?;
        romeo.wait_for_text(".frame[data-kind=sent] code", CONTENTS).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_device_tells_what_it_keeps_and_fetches_it_anew() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("device-facts", async |browser| {
        let (mine, theirs) = (browser.profile().await?, browser.profile().await?);
        let romeo = mine.open("romeo", server.addr()).await?;
        let juliet = theirs.open("juliet", server.addr()).await?;
        befriend(&romeo, &juliet).await?;
        romeo.open_chat(JULIET).await?;
        juliet.open_chat(ROMEO).await?;
        let said = ["But soft", "what light", "through yonder window breaks"];
        for line in said {
            romeo.say(line).await?;
        }
        // Receipts and markers are entries, too: the last word is hers.
        juliet.wait_for_lines(&said).await?;
        let before = romeo.wait_for_lines(&said).await?;
        romeo.goto("#/settings").await?;
        romeo.click("[data-testid=developer-mode]").await?;
        wait_until("all is told that is kept", async || {
            romeo.click("[data-testid=facts-look]").await?;
            let facts = romeo.texts("[data-testid=facts] dd").await?;
            let rows = facts.get(7).and_then(|rows| rows.parse::<usize>().ok());
            ensure!(
                rows.is_some_and(|rows| rows >= said.len()),
                "rows: {facts:?}"
            );
            ensure!(
                facts.get(8).is_some_and(|outbox| outbox == "0"),
                "outbox: {facts:?}"
            );
            Ok(())
        })
        .await?;
        romeo.is_for_everybody("page-device-facts").await?;
        romeo.script("window.isOld = true", vec![]).await?;
        romeo.click("[data-testid=facts-repair]").await?;
        wait_until("the page is another one", async || {
            let is_old = romeo.script("return window.isOld === true", vec![]).await?;
            ensure!(is_old == false, "it is the old one");
            Ok(())
        })
        .await?;
        romeo.wait_for_status("live").await?;
        romeo.open_chat(JULIET).await?;
        let after = romeo.wait_for_lines(&said).await?;
        let ids = |lines: &[e2e::Shown]| -> Vec<String> {
            lines.iter().map(|line| line.archive_id.clone()).collect()
        };
        ensure!(
            ids(&before) == ids(&after),
            "{:?} is not {:?}",
            ids(&after),
            ids(&before)
        );
        Ok(())
    })
    .await
}
