//! The first five minutes: inviting a friend, adding a device, and signing a lost one out. Each by mouse and by
//! keyboard alone.

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, PASSWORD, ROMEO, serve};
use e2e::thirtyfour::Key;
use e2e::{Tab, journey, wait_until};
use serde_json::json;
use support::server::{Options, TestServer};

/// With what a person works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    Mouse,
    Keys,
}

impl Hand {
    fn name(self) -> &'static str {
        match self {
            Self::Mouse => "mouse",
            Self::Keys => "keys",
        }
    }

    /// Presses a button, or follows a link.
    async fn press(self, tab: &Tab, css: &str) -> Result<()> {
        match self {
            Self::Mouse => tab.click(css).await,
            Self::Keys => {
                walk_to(tab, css).await?;
                tab.keys(Key::Enter).await
            }
        }
    }

    /// Writes into a field.
    async fn fill(self, tab: &Tab, css: &str, text: &str) -> Result<()> {
        match self {
            Self::Mouse => tab.fill(css, text).await,
            Self::Keys => {
                walk_to(tab, css).await?;
                tab.keys(text).await
            }
        }
    }
}

/// Walks from element to element until this one has the focus.
async fn walk_to(tab: &Tab, css: &str) -> Result<()> {
    wait_until(&format!("{css} is there"), async || {
        ensure!(!tab.texts(css).await?.is_empty(), "it is not");
        Ok(())
    })
    .await?;
    let is_there = "return document.activeElement.matches(arguments[0])";
    for _ in 0..60 {
        if tab.script(is_there, vec![json!(css)]).await? == json!(true) {
            return Ok(());
        }
        tab.keys(Key::Tab).await?;
    }
    anyhow::bail!("{css} is not reached by the keyboard")
}

/// The path and fragment of the link that a dialog shows.
async fn link(tab: &Tab) -> Result<String> {
    let script = "return document.querySelector('[data-testid=link-text]').value";
    let mut link = String::new();
    wait_until("a link is shown", async || {
        let shown = tab.script(script, vec![]).await?;
        let shown = shown.as_str().context("no text")?;
        let (_, fragment) = shown.split_once('#').context("no fragment")?;
        link = format!("/#{fragment}");
        Ok(())
    })
    .await?;
    Ok(link)
}

/// Waits until a page has an element.
async fn wait_for(tab: &Tab, css: &str) -> Result<()> {
    wait_until(&format!("{} has {css}", tab.name()), async || {
        ensure!(!tab.texts(css).await?.is_empty(), "it has none");
        Ok(())
    })
    .await
}

/// The secret of a link is in no address, no request and no log of the server.
async fn is_told_nobody(tab: &Tab, server: &TestServer, link: &str) -> Result<()> {
    let secret = link.split(['=', '&']).nth(1).context("a secret")?;
    ensure!(secret.len() >= 22, "{secret} is short");
    let told = "return [location.href, document.referrer,
        ...performance.getEntries().map(entry => entry.name)].filter(text => text.includes(arguments[0])
        && !text.includes('/#'))";
    let told = tab.script(told, vec![json!(secret)]).await?;
    ensure!(told == json!([]), "{told}");
    let address = tab.script("return location.href", vec![]).await?;
    ensure!(!address.to_string().contains(secret), "{address}");
    ensure!(!server.log().contains(secret), "it is in the log");
    Ok(())
}

async fn a_friend_joins(hand: Hand) -> Result<()> {
    let server = serve(Options::default()).await?;
    journey(&format!("invite-{}", hand.name()), async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let phone = here.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        hand.press(&phone, "[data-testid=empty-invite]").await?;
        let link = link(&phone).await?;
        if hand == Hand::Mouse {
            phone.pictures("invite").await?;
            phone.click("[data-testid=link-copy]").await?;
            phone
                .wait_for_text("[data-testid=link-copy]", "Copied")
                .await?;
        }
        hand.press(&phone, "[data-testid=invite-close]").await?;
        phone.wait_for_focus("[data-testid=empty-invite]").await?;

        let hall = there.open_path("hall", server.addr(), &link).await?;
        hall.wait_for_text("h1", "romeo invites you").await?;
        hall.wait_for_text("[data-testid=setup-from]", ROMEO)
            .await?;
        hand.fill(&hall, "[data-testid=setup-name]", "tybalt")
            .await?;
        hand.fill(&hall, "[data-testid=setup-password]", PASSWORD)
            .await?;
        if hand == Hand::Mouse {
            hall.pictures("invited").await?;
        }
        hand.press(&hall, "[data-testid=setup-submit]").await?;
        // They land in the conversation, and both are contacts: nobody is left to be answered.
        hall.wait_for_status("live").await?;
        hand.fill(&hall, "[data-testid=composer]", "Thou art a villain")
            .await?;
        hall.keys(Key::Enter).await?;
        let tybalt = "[data-testid=chat-item][data-peer='tybalt@localhost']";
        hand.press(&phone, tybalt).await?;
        phone.wait_for_line("Thou art a villain").await?;
        let asked = phone.texts("[data-testid=request-accept]").await?;
        ensure!(asked.is_empty(), "somebody must still be answered");
        hand.fill(&phone, "[data-testid=composer]", "Villain am I none")
            .await?;
        phone.keys(Key::Enter).await?;
        hall.wait_for_line("Villain am I none").await?;
        is_told_nobody(&hall, &server, &link).await?;

        // The link is spent.
        let late = browser.profile().await?;
        let late = late.open_path("late", server.addr(), &link).await?;
        hand.fill(&late, "[data-testid=setup-name]", "paris")
            .await?;
        hand.fill(&late, "[data-testid=setup-password]", PASSWORD)
            .await?;
        hand.press(&late, "[data-testid=setup-submit]").await?;
        late.wait_for_text("[data-testid=error]", "used before")
            .await
    })
    .await
}

// proves: RG-06 RG-08 RG-10 SEC-53
#[tokio::test]
async fn a_friend_is_invited_by_mouse_and_both_chat() -> Result<()> {
    a_friend_joins(Hand::Mouse).await
}

// proves: RG-06 RG-08 RG-10
#[tokio::test]
async fn a_friend_is_invited_by_keyboard_alone_and_both_chat() -> Result<()> {
    a_friend_joins(Hand::Keys).await
}

// proves: RG-09
#[tokio::test]
async fn somebody_who_is_signed_in_follows_an_invitation() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("follow", async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let phone = here.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.click("[data-testid=menu-open]").await?;
        phone.click("[data-testid=invite-open]").await?;
        let link = link(&phone).await?;
        phone.click("[data-testid=invite-close]").await?;
        let hall = there.open("hall", server.addr()).await?;
        hall.sign_in("juliet", PASSWORD).await?;
        hall.goto(&link).await?;
        wait_for(&hall, "[data-testid=follow-accept]").await?;
        hall.pictures("follow").await?;
        hall.click("[data-testid=follow-accept]").await?;
        hall.wait_for_status("live").await?;
        hall.say("Art thou not Romeo").await?;
        phone.open_chat(JULIET).await?;
        phone.wait_for_line("Art thou not Romeo").await?;
        let asked = phone.texts("[data-testid=request-accept]").await?;
        ensure!(asked.is_empty(), "somebody must still be answered");
        wait_until("both are contacts", async || {
            for tab in [&phone, &hall] {
                let list = tab.texts("[data-testid=chat-item]").await?;
                ensure!(
                    !list.iter().any(|item| item.contains("no answer")),
                    "{list:?}"
                );
            }
            Ok(())
        })
        .await?;
        is_told_nobody(&hall, &server, &link).await
    })
    .await
}

// proves: RG-09
#[tokio::test]
async fn somebody_with_an_account_signs_in_and_follows_an_invitation() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("follow-later", async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let phone = here.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.click("[data-testid=empty-invite]").await?;
        let link = link(&phone).await?;
        phone.click("[data-testid=invite-close]").await?;
        let hall = there.open_path("hall", server.addr(), &link).await?;
        hall.click("[data-testid=setup-has-account]").await?;
        hall.fill("[data-testid=sign-in-name]", "juliet").await?;
        hall.fill("[data-testid=sign-in-password]", PASSWORD)
            .await?;
        hall.click("[data-testid=sign-in-submit]").await?;
        hall.click("[data-testid=follow-accept]").await?;
        hall.wait_for_status("live").await?;
        hall.say("Romeo").await?;
        phone.open_chat(JULIET).await?;
        phone.wait_for_line("Romeo").await?;
        let asked = phone.texts("[data-testid=request-accept]").await?;
        ensure!(asked.is_empty(), "somebody must still be answered");
        is_told_nobody(&hall, &server, &link).await
    })
    .await
}

async fn one_more_device(hand: Hand) -> Result<()> {
    let server = serve(Options::default()).await?;
    journey(&format!("device-{}", hand.name()), async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let phone = here.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.add_contact("juliet").await?;
        phone.open_chat(JULIET).await?;
        let lines: Vec<String> = (1..=8).map(|n| format!("line {n}")).collect();
        for line in &lines {
            phone.say(line).await?;
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        phone.wait_for_lines(&lines).await?;
        hand.press(&phone, "[data-testid=menu-open]").await?;
        hand.press(&phone, "[data-testid=devices-open]").await?;
        hand.press(&phone, "[data-testid=devices-add]").await?;
        let link = link(&phone).await?;
        phone.wait_for_text("[data-testid=link-left]", "9:").await?;
        if hand == Hand::Mouse {
            phone.pictures("add-device").await?;
        }
        hand.press(&phone, "[data-testid=link-close]").await?;
        phone.wait_for_focus("[data-testid=devices-add]").await?;

        let desk = there.open_path("desk", server.addr(), &link).await?;
        desk.wait_for_text("h1", "Sign in as romeo").await?;
        if hand == Hand::Mouse {
            desk.pictures("device-link").await?;
        }
        hand.press(&desk, "[data-testid=device-link-accept]")
            .await?;
        desk.wait_for_status("live").await?;
        hand.press(
            &desk,
            &format!("[data-testid=chat-item][data-peer='{JULIET}']"),
        )
        .await?;
        desk.wait_for_lines(&lines).await?;
        is_told_nobody(&desk, &server, &link).await?;
        // It is a device like any other: it comes back by itself.
        desk.reload().await?;
        desk.wait_for_status("live").await?;

        // The link is spent.
        let late = browser.profile().await?;
        let late = late.open_path("late", server.addr(), &link).await?;
        hand.press(&late, "[data-testid=device-link-accept]")
            .await?;
        late.wait_for_text("[data-testid=error]", "used before")
            .await?;

        // Both are listed. The new one gets a name, and then it is lost.
        phone.goto("/#/devices").await?;
        phone.reload().await?;
        wait_until("two devices are listed", async || {
            let devices = phone.texts("[data-testid=device]").await?;
            ensure!(devices.len() == 2, "{devices:?}");
            Ok(())
        })
        .await?;
        let when = "[data-testid=device]:not(.here) .device-when";
        phone.wait_for_text(when, "Connected").await?;
        if hand == Hand::Mouse {
            phone.pictures("devices").await?;
        }
        let other = "[data-testid=device]:not(.here) ";
        hand.press(&phone, &format!("{other}[data-testid=device-rename]"))
            .await?;
        phone
            .wait_for_focus("[data-testid=device-name-input]")
            .await?;
        phone.keys("Old desk").await?;
        phone.keys(Key::Enter).await?;
        let name = format!("{other}[data-testid=device-name]");
        phone.wait_for_text(&name, "Old desk").await?;
        hand.press(&phone, &format!("{other}[data-testid=device-sign-out]"))
            .await?;
        hand.press(&phone, "[data-testid=device-sign-out-confirm]")
            .await?;
        wait_for(&desk, "[data-testid=sign-in-password]").await?;
        desk.reload().await?;
        wait_for(&desk, "[data-testid=sign-in-password]").await?;
        desk.screenshot(&format!("device-lost-{}", hand.name()))
            .await?;
        wait_until("one device is left", async || {
            let devices = phone.texts("[data-testid=device]").await?;
            ensure!(devices.len() == 1, "{devices:?}");
            Ok(())
        })
        .await
    })
    .await
}

// proves: SEC-32 SEC-53 SEC-67 S11-70 S11-71 S11-72
#[tokio::test]
async fn a_device_is_added_and_signed_out_by_mouse() -> Result<()> {
    one_more_device(Hand::Mouse).await
}

// proves: SEC-32 SEC-67 S11-70 S11-72
#[tokio::test]
async fn a_device_is_added_and_signed_out_by_keyboard_alone() -> Result<()> {
    one_more_device(Hand::Keys).await
}

async fn a_fresh_server(hand: Hand) -> Result<()> {
    let server = TestServer::start().await?;
    let token = wait_until("the set-up link is printed", async || {
        let log = server.log();
        let mut links = log.lines().filter_map(|line| line.split_once("/#setup="));
        let link = links.next().context("no link yet")?;
        Ok(link.1.trim().to_owned())
    })
    .await?;
    journey(&format!("fresh-{}", hand.name()), async |browser| {
        let (here, there) = (browser.profile().await?, browser.profile().await?);
        let link = format!("/#setup={token}");
        let tab = here.open_path("first", server.addr(), &link).await?;
        hand.fill(&tab, "[data-testid=setup-name]", "benvolio")
            .await?;
        hand.fill(&tab, "[data-testid=setup-password]", PASSWORD)
            .await?;
        hand.press(&tab, "[data-testid=setup-submit]").await?;
        tab.wait_for_status("live").await?;
        // An empty list offers both ways on.
        wait_for(&tab, "[data-testid=empty-add-device]").await?;
        if hand == Hand::Mouse {
            tab.pictures("fresh").await?;
        }
        hand.press(&tab, "[data-testid=empty-invite]").await?;
        let link = self::link(&tab).await?;
        hand.press(&tab, "[data-testid=invite-close]").await?;
        let friend = there.open_path("friend", server.addr(), &link).await?;
        hand.fill(&friend, "[data-testid=setup-name]", "rosaline")
            .await?;
        hand.fill(&friend, "[data-testid=setup-password]", PASSWORD)
            .await?;
        hand.press(&friend, "[data-testid=setup-submit]").await?;
        friend.wait_for_status("live").await?;
        let rosaline = "[data-testid=chat-item][data-peer='rosaline@localhost']";
        hand.press(&tab, rosaline).await?;
        hand.fill(&tab, "[data-testid=composer]", "The first line")
            .await?;
        tab.keys(Key::Enter).await?;
        tab.wait_for_lines(&["The first line"]).await?;
        friend.wait_for_line("The first line").await
    })
    .await
}

// proves: SEC-52 RG-08
#[tokio::test]
async fn a_fresh_server_is_set_up_and_the_first_line_written_by_mouse() -> Result<()> {
    a_fresh_server(Hand::Mouse).await
}

// proves: SEC-52 RG-08
#[tokio::test]
async fn a_fresh_server_is_set_up_and_the_first_line_written_by_keyboard_alone() -> Result<()> {
    a_fresh_server(Hand::Keys).await
}
