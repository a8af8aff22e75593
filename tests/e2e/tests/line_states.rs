//! What becomes of a line, what is read, and what a hidden tab misses: as people see it in their tabs.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::people::{JULIET, PASSWORD, ROMEO, befriend, serve};
use e2e::{Tab, journey, wait_until, wait_until_within};
use support::server::Options;

/// Longer than it takes until a hidden page is inactive.
const HIDDEN: Duration = Duration::from_secs(30);

async fn wait_for_marks(tab: &Tab, wanted: &[&str]) -> Result<()> {
    wait_until_within(
        HIDDEN,
        &format!("{} shows the marks {wanted:?}", tab.name()),
        async || {
            let lines = tab.lines().await?;
            let seen: Vec<_> = lines.iter().map(|line| line.mark.as_str()).collect();
            ensure!(seen == wanted, "it shows {lines:?}");
            Ok(())
        },
    )
    .await
}

/// What the list says of the last line to those who do not see its picture.
async fn wait_for_last(tab: &Tab, wanted: &str) -> Result<()> {
    tab.wait_for_texts("[data-testid=last-sign]", &[wanted])
        .await
}

/// The badge beside a conversation; nothing where nothing is unread.
async fn wait_for_badge(tab: &Tab, wanted: &[&str]) -> Result<()> {
    tab.wait_for_texts("[data-testid=unread] > :first-child", wanted)
        .await
}

// proves: IM-03 IM-05 IM-07 IM-22
#[tokio::test]
async fn a_line_is_waiting_then_sent_then_received_then_read_on_both_tabs() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("states", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let desk = romeo.open("desk", server.addr()).await?;
        desk.sign_in("romeo", PASSWORD).await?;
        phone.open_chat(JULIET).await?;
        desk.open_chat(JULIET).await?;
        hall.close().await?;
        phone.proxy().cut().await;
        phone.say("But soft").await?;
        wait_for_marks(&phone, &["waiting"]).await?;
        wait_for_last(&phone, "You (Waiting):").await?;
        phone.proxy().heal();
        for tab in [&phone, &desk] {
            wait_for_marks(tab, &["archived"]).await?;
            wait_for_last(tab, "You (Sent):").await?;
        }
        // A device has it, but nobody looks at it.
        let tower = juliet.open_beside("tower", &hall).await?;
        tower.wait_for_status("live").await?;
        for tab in [&phone, &desk] {
            wait_for_marks(tab, &["received"]).await?;
        }
        phone.say("what light").await?;
        for tab in [&phone, &desk] {
            wait_for_marks(tab, &["received", "received"]).await?;
        }
        tower.open_chat(ROMEO).await?;
        for tab in [&phone, &desk] {
            wait_for_marks(tab, &["read", "read"]).await?;
            wait_for_last(tab, "You (Read):").await?;
        }
        tower.proxy().cut().await;
        phone.say("It is the east").await?;
        wait_for_marks(&phone, &["read", "read", "archived"]).await?;
        phone.proxy().cut().await;
        phone.say("and Juliet is the sun").await?;
        wait_for_marks(&phone, &["read", "read", "archived", "waiting"]).await?;
        phone.pictures("states").await?;
        phone.proxy().heal();
        tower.proxy().heal();
        wait_for_marks(&desk, &["read", "read", "read", "read"]).await
    })
    .await
}

// proves: MD-02 MD-03
#[tokio::test]
async fn what_is_read_in_one_tab_is_read_in_the_other() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("read-state", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let tower = juliet.open("tower", server.addr()).await?;
        tower.sign_in("juliet", PASSWORD).await?;
        phone.open_chat(JULIET).await?;
        // Accepting somebody opens the conversation.
        hall.script("location.hash = ''", vec![]).await?;
        for line in ["one", "two", "three"] {
            phone.say(line).await?;
        }
        for tab in [&hall, &tower] {
            wait_for_badge(tab, &["3"]).await?;
        }
        let title = hall.script("return document.title", vec![]).await?;
        ensure!(title == "(3) Balcony", "the title is {title}");
        hall.pictures("unread").await?;
        hall.show_as(1280, 800).await?;
        hall.open_chat(ROMEO).await?;
        for tab in [&hall, &tower] {
            wait_for_badge(tab, &[]).await?;
        }
        // A device that comes later finds what was read, and what was not.
        hall.close().await?;
        phone.say("four").await?;
        wait_for_badge(&tower, &["1"]).await?;
        let fresh = juliet.open("fresh", server.addr()).await?;
        fresh.sign_in("juliet", PASSWORD).await?;
        wait_for_badge(&fresh, &["1"]).await
    })
    .await
}

// proves: MD-03 IM-07
#[tokio::test]
async fn what_comes_while_another_window_has_the_focus_is_not_read() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("focus", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        phone.open_chat(JULIET).await?;
        hall.open_chat(ROMEO).await?;
        phone.say("one").await?;
        wait_for_marks(&phone, &["read"]).await?;
        let turn = "document.hasFocus = () => arguments[0];
            dispatchEvent(new Event(arguments[0] ? 'focus' : 'blur'))";
        hall.script(turn, vec![false.into()]).await?;
        phone.say("two").await?;
        phone.say("three").await?;
        wait_for_badge(&hall, &["2"]).await?;
        wait_for_marks(&phone, &["read", "received", "received"]).await?;
        hall.wait_for_texts("[data-testid=divider]", &["New messages"])
            .await?;
        hall.pictures("new-while-away").await?;
        hall.script(turn, vec![true.into()]).await?;
        wait_for_badge(&hall, &[]).await?;
        wait_for_marks(&phone, &["read", "read", "read"]).await
    })
    .await
}

/// Notes what a page sends, and lets a journey say whether it is shown.
const OBSERVED: &str = "globalThis.sent = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) { sent.push(text); return send.call(this, text); };
    let shown = 'visible';
    Object.defineProperty(Document.prototype, 'visibilityState', { get: () => shown });
    globalThis.turn = state => { shown = state; document.dispatchEvent(new Event('visibilitychange')); }";

// proves: CS-08
#[tokio::test]
async fn a_hidden_tab_becomes_inactive_and_comes_back_complete() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("hidden", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        phone.on_every_page(OBSERVED).await?;
        phone.reload().await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        let desk = romeo.open("desk", server.addr()).await?;
        desk.sign_in("romeo", PASSWORD).await?;
        phone.open_chat(JULIET).await?;
        desk.open_chat(JULIET).await?;
        phone.script("turn('hidden')", vec![]).await?;
        wait_until_within(HIDDEN, "the phone is inactive", async || {
            let told = "return sent.filter(text => text.startsWith('<inactive')).length";
            let told = phone.script(told, vec![]).await?;
            ensure!(told == 1, "it said so {told} times");
            Ok(())
        })
        .await?;
        for line in ["one", "two", "three"] {
            desk.say(line).await?;
        }
        // Nobody reads at the desk any more what comes now.
        desk.wait_for_lines(&["one", "two", "three"]).await?;
        desk.goto("/").await?;
        hall.open_chat(ROMEO).await?;
        hall.say("four").await?;
        wait_for_badge(&desk, &["1"]).await?;
        wait_for_badge(&phone, &["1"]).await?;
        phone.script("turn('visible')", vec![]).await?;
        phone
            .wait_for_lines(&["one", "two", "three", "four"])
            .await?;
        let active = "return sent.filter(text => text.startsWith('<active')).length";
        ensure!(phone.script(active, vec![]).await? == 1, "not active");
        wait_for_badge(&phone, &[]).await
    })
    .await
}

// proves: S11-32 S11-33 S11-37 IM-20
#[tokio::test]
async fn a_line_that_could_not_be_saved_says_so_and_stays() -> Result<()> {
    let options = Options::default().env("BALCONY_LIMITS__ARCHIVE_BYTES", "3000");
    let server = serve(options).await?;
    journey("not-saved", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        phone.open_chat(JULIET).await?;
        hall.open_chat(ROMEO).await?;
        phone.say("short").await?;
        phone.wait_for_lines(&["short"]).await?;
        let long = "O, she doth teach the torches to burn bright! ".repeat(70);
        phone.say(long.trim()).await?;
        wait_until("the line is not saved", async || {
            let lines = phone.lines().await?;
            let last = lines.last().map(|line| line.mark.clone());
            ensure!(last.as_deref() == Some("notsaved"), "it shows {lines:?}");
            Ok(())
        })
        .await?;
        // It was delivered all the same.
        hall.wait_for_line(long.trim()).await?;
        phone
            .wait_for_text("[data-mark=notsaved] .sign", "Delivered, not saved")
            .await?;
        phone.reload().await?;
        phone.wait_for_line(long.trim()).await?;
        let marks = phone.lines().await?;
        ensure!(
            marks.last().is_some_and(|line| line.mark == "notsaved"),
            "after a reload it shows {marks:?}"
        );
        phone.pictures("not-saved").await
    })
    .await
}

// proves: IM-03 S11-36
#[tokio::test]
async fn a_line_to_nobody_fails_and_goes_out_once_there_is_somebody() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("failed", async |browser| {
        let profile = browser.profile().await?;
        let phone = profile.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.add_contact("mercutio").await?;
        phone.open_chat("mercutio@localhost").await?;
        phone.say("Where are you?").await?;
        wait_for_marks(&phone, &["failed"]).await?;
        wait_for_last(&phone, "You (Not sent):").await?;
        phone
            .wait_for_text(
                "[data-testid=line] .failed",
                "There is nobody with this address.",
            )
            .await?;
        phone.pictures("failed").await?;
        phone.show_as(1280, 800).await?;
        server.add_user("mercutio@localhost", PASSWORD).await?;
        let note = "globalThis.copied = '';
            navigator.clipboard.writeText = async text => { copied = text; }";
        phone.script(note, vec![]).await?;
        phone.click("[data-testid=copy]").await?;
        phone
            .wait_for_texts("[data-testid=copied]", &["Copied"])
            .await?;
        let copied = phone.script("return copied", vec![]).await?;
        ensure!(copied == "Where are you?", "it copied {copied}");
        phone.click("[data-testid=retry]").await?;
        wait_for_marks(&phone, &["failed", "archived"]).await?;
        let focus = "return document.activeElement?.id";
        ensure!(
            phone.script(focus, vec![]).await? == "composer",
            "the focus is lost"
        );
        let lines = phone.lines().await?;
        ensure!(
            lines.iter().all(|line| line.text == "Where are you?"),
            "it shows {lines:?}"
        );
        Ok(())
    })
    .await
}
