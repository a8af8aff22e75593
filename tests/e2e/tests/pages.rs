//! Every page in every state: whether everybody can use it, and what it looks like.

use anyhow::Result;
use e2e::journey;
use e2e::people::{JULIET, PASSWORD, ROMEO, serve};
use support::server::{Options, TestServer};

#[tokio::test]
async fn the_way_in_is_for_everybody() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("page-sign-in", async |browser| {
        let profile = browser.profile().await?;
        let tab = profile.open("romeo", server.addr()).await?;
        tab.wait_for_text("h1", "Welcome").await?;
        tab.is_for_everybody("page-sign-in").await?;
        tab.fill("[data-testid=sign-in-name]", "romeo").await?;
        tab.fill("[data-testid=sign-in-password]", "rosaline")
            .await?;
        tab.click("[type=submit]").await?;
        tab.wait_for_text("[data-testid=error]", "do not fit")
            .await?;
        tab.is_for_everybody("page-sign-in-refused").await
    })
    .await
}

#[tokio::test]
async fn the_first_account_is_for_everybody() -> Result<()> {
    let server = TestServer::start().await?;
    journey("page-set-up", async |browser| {
        let profile = browser.profile().await?;
        let tab = profile
            .open_path("first", server.addr(), "#setup=token")
            .await?;
        tab.wait_for_text("h1", "Set up").await?;
        tab.is_for_everybody("page-set-up").await?;
        let friend = profile
            .open_path("friend", server.addr(), "#invite=token")
            .await?;
        friend.wait_for_text("h1", "invited").await?;
        friend.is_for_everybody("page-invited").await
    })
    .await
}

#[tokio::test]
async fn conversations_are_for_everybody() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("page-chat", async |browser| {
        let (mine, theirs) = (browser.profile().await?, browser.profile().await?);
        let romeo = mine.open("romeo", server.addr()).await?;
        romeo.sign_in("romeo", PASSWORD).await?;
        romeo.wait_for_text("main", "It is quiet").await?;
        romeo.is_for_everybody("page-empty").await?;
        let juliet = theirs.open("juliet", server.addr()).await?;
        juliet.sign_in("juliet", PASSWORD).await?;
        romeo.add_contact("juliet").await?;
        juliet.accept(ROMEO).await?;
        romeo.open_chat(JULIET).await?;
        romeo.wait_for_text("main", "No messages yet").await?;
        romeo.is_for_everybody("page-no-lines").await?;
        juliet.open_chat(ROMEO).await?;
        for line in [
            "But soft, what light through yonder window breaks?",
            "It is the east",
        ] {
            romeo.say(line).await?;
        }
        juliet.wait_for_line("It is the east").await?;
        juliet.say("Ay me!").await?;
        romeo.wait_for_line("Ay me!").await?;
        romeo.is_for_everybody("page-chat").await?;
        romeo.proxy().cut().await;
        romeo.say("O, speak again, bright angel").await?;
        romeo
            .wait_for_text("[data-testid=status]", "Offline")
            .await?;
        romeo.is_for_everybody("page-offline").await
    })
    .await
}

#[tokio::test]
async fn dialogs_are_for_everybody() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("page-dialogs", async |browser| {
        let profile = browser.profile().await?;
        let tab = profile.open("romeo", server.addr()).await?;
        tab.sign_in("romeo", PASSWORD).await?;
        tab.click("[data-testid=add-contact-open]").await?;
        tab.wait_for_text("dialog[open]", "Start a new chat")
            .await?;
        tab.is_for_everybody("dialog-new-chat").await?;
        tab.reload().await?;
        tab.wait_for_status("live").await?;
        tab.click("[data-testid=menu-open]").await?;
        tab.is_for_everybody("menu").await?;
        tab.click("[data-testid=sign-out]").await?;
        tab.wait_for_text("dialog[open]", "Sign out?").await?;
        tab.is_for_everybody("dialog-sign-out").await
    })
    .await
}
