//! Developer mode: what goes over the wire.

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
