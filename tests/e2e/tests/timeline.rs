//! A conversation longer than the page: where the reader stands whatever comes, by mouse and by keys.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, PASSWORD};
use e2e::thirtyfour::{By, Key};
use e2e::writer::{Writer, lines, serve_writer};
use e2e::{Profile, Tab, journey, wait_until, wait_until_within};
use serde_json::json;
use support::server::{Options, TestServer};

/// Longer than it takes to fetch a long history on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// Romeo's phone in the conversation with Juliet, of which it saw this many lines come.
async fn open(
    profile: &Profile<'_>,
    server: &TestServer,
    juliet: &Writer,
    count: usize,
) -> Result<Arc<Tab>> {
    juliet.write(0, 3).await?;
    let phone = profile.open("phone", server.addr()).await?;
    phone.sign_in("romeo", PASSWORD).await?;
    phone.open_chat(JULIET).await?;
    phone.wait_for_line("line 2").await?;
    juliet.write(3, count).await?;
    phone.wait_for_line(&format!("line {}", count - 1)).await?;
    Ok(phone)
}

/// The first line that is wholly in view, and how far below the upper edge.
async fn first_in_view(tab: &Tab) -> Result<(String, f64)> {
    let script = "const edge = document.querySelector('[data-testid=timeline]').getBoundingClientRect().top;
        const lines = [...document.querySelectorAll('[data-testid=line]')];
        const line = lines.find(line => line.getBoundingClientRect().top >= edge);
        return line ? [line.querySelector('p').textContent, line.getBoundingClientRect().top - edge] : null";
    let seen = tab.script(script, vec![]).await?;
    serde_json::from_value(seen).context("no line is in view")
}

/// How far below the upper edge of the timeline a line begins, and above the lower one it ends.
async fn place(tab: &Tab, text: &str) -> Result<(f64, f64)> {
    let script =
        "const box = document.querySelector('[data-testid=timeline]').getBoundingClientRect();
        const line = [...document.querySelectorAll('[data-testid=line]')]
            .find(line => line.querySelector('p')?.textContent === arguments[0]);
        if (!line) return null;
        const { top, bottom } = line.getBoundingClientRect();
        return [top - box.top, box.bottom - bottom]";
    let seen = tab.script(script, vec![json!(text)]).await?;
    serde_json::from_value(seen).with_context(|| format!("{text} is not on the page"))
}

async fn wait_in_view(tab: &Tab, text: &str) -> Result<()> {
    wait_until(&format!("{text} is in view"), async || {
        let (above, below) = place(tab, text).await?;
        ensure!(above >= -1.0 && below >= -1.0, "{above} and {below} px");
        Ok(())
    })
    .await
}

/// Whether a line stays where it is: after a few frames it stands there still.
async fn stays(tab: &Tab, (text, top): &(String, f64), why: &str) -> Result<()> {
    wait_until(&format!("{text} stands where it did: {why}"), async || {
        let (now, _) = place(tab, text).await?;
        ensure!((now - top).abs() <= 2.0, "it went from {top} to {now}");
        Ok(())
    })
    .await
}

async fn scroll_by(tab: &Tab, px: i32) -> Result<()> {
    let script = "document.querySelector('[data-testid=timeline]').scrollTop += arguments[0];
        const done = arguments[1];
        requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)))";
    tab.with(async |remote| {
        remote
            .execute_async(script, vec![json!(px)])
            .await
            .map(drop)
    })
    .await
}

async fn go(tab: &Tab, fragment: &str) -> Result<()> {
    let script = "location.hash = arguments[0]";
    tab.script(script, vec![json!(fragment)]).await.map(drop)
}

/// Waits until the badge at the way to the end says this.
async fn wait_for_new(tab: &Tab, count: &str) -> Result<()> {
    tab.wait_for_texts(".to-latest .badge", &[count]).await
}

#[tokio::test]
async fn whatever_comes_the_reader_stays_where_they_are_or_at_the_end() -> Result<()> {
    let server = serve_writer(Options::default()).await?;
    let juliet = Writer::start(&server).await?;
    journey("long-timeline", async |browser| {
        let profile = browser.profile().await?;
        let phone = open(&profile, &server, &juliet, 700).await?;
        // Whoever is at the end stays there, and only what is near is on the page.
        wait_in_view(&phone, "line 699").await?;
        wait_until("most lines are off the page", async || {
            let on_page = phone.lines().await?.len();
            ensure!(on_page < 200, "{on_page} of 700 are on it");
            Ok(())
        })
        .await?;
        // Whoever is elsewhere does not move when lines come, nor when the window changes.
        scroll_by(&phone, -6_000).await?;
        let reader = first_in_view(&phone).await?;
        juliet.write(700, 720).await?;
        wait_for_new(&phone, "20").await?;
        stays(&phone, &reader, "lines came at the end").await?;
        phone.pictures("long-timeline").await?;
        phone.show_as(700, 500).await?;
        stays(&phone, &reader, "the window is smaller").await?;
        phone.show_as(1280, 800).await?;
        stays(&phone, &reader, "the window is larger").await?;
        phone.click("[data-testid=to-latest]").await?;
        wait_in_view(&phone, "line 719").await?;
        phone
            .wait_for_texts("[data-testid=unread]", &[""; 0])
            .await?;
        // Whoever comes back stands where they stopped, also after a reload.
        scroll_by(&phone, -9_000).await?;
        let reader = first_in_view(&phone).await?;
        let chat = phone.script("return location.hash", vec![]).await?;
        let chat = chat.as_str().context("no address")?.to_owned();
        go(&phone, "#/").await?;
        go(&phone, &chat).await?;
        stays(&phone, &reader, "the conversation was left").await?;
        phone.reload().await?;
        stays(&phone, &reader, "the page was loaded again").await?;
        // But new lines come first.
        go(&phone, "#/").await?;
        juliet.write(720, 760).await?;
        phone.wait_for_text("[data-testid=unread]", "40").await?;
        go(&phone, &chat).await?;
        wait_in_view(&phone, "line 720").await?;
        phone
            .wait_for_texts("[data-testid=divider]", &["New messages"])
            .await?;
        phone.click("[data-testid=to-latest]").await?;
        wait_in_view(&phone, "line 759").await?;
        phone.pictures("to-unread").await?;
        phone.show_as(1280, 800).await?;
        phone.click("[data-testid=to-unread]").await?;
        wait_in_view(&phone, "line 720").await
    })
    .await
}

/// Where the focus is: the text of its line.
async fn wait_for_focus(tab: &Tab, wanted: &str) -> Result<()> {
    wait_until(&format!("{wanted} has the focus"), async || {
        let script = "return document.activeElement?.closest('li.line')?.querySelector('p')?.textContent ?? 'none'";
        let seen = tab.script(script, vec![]).await?;
        ensure!(seen == wanted, "it is at {seen}");
        Ok(())
    })
    .await?;
    wait_in_view(tab, wanted).await
}

/// Goes back by keys from the field that is written in until something has the focus.
async fn back_from_composer(tab: &Tab, to: &str) -> Result<()> {
    tab.with(async |remote| {
        let field = remote.find(By::Css("[data-testid=composer]")).await?;
        field.send_keys(Key::Shift + Key::Tab).await
    })
    .await?;
    let is_there = "return document.activeElement.matches(arguments[0])";
    for _ in 0..4 {
        if tab.script(is_there, vec![json!(to)]).await? == true {
            break;
        }
        tab.keys(Key::Shift + Key::Tab).await?;
    }
    tab.wait_for_focus(to).await
}

#[tokio::test]
async fn keys_reach_every_line_also_those_off_the_page() -> Result<()> {
    let server = serve_writer(Options::default()).await?;
    let juliet = Writer::start(&server).await?;
    journey("long-timeline-keys", async |browser| {
        let profile = browser.profile().await?;
        let phone = open(&profile, &server, &juliet, 700).await?;
        back_from_composer(&phone, "[data-testid=timeline]").await?;
        phone.keys(Key::Up).await?;
        wait_for_focus(&phone, "line 699").await?;
        phone.keys(Key::Home).await?;
        wait_for_focus(&phone, "line 0").await?;
        phone.keys(Key::Down).await?;
        wait_for_focus(&phone, "line 1").await?;
        phone.keys(Key::End).await?;
        wait_for_focus(&phone, "line 699").await?;
        let script = "return document.activeElement.querySelector('p').textContent";
        let mut number = 699;
        for _ in 0..5 {
            phone.keys(Key::PageUp).await?;
            let at = phone.script(script, vec![]).await?;
            let at = at.as_str().unwrap_or_default().to_owned();
            let now: usize = at.trim_start_matches("line ").parse()?;
            ensure!((5..60).contains(&(number - now)), "from {number} to {now}");
            wait_in_view(&phone, &at).await?;
            number = now;
        }
        // The line with the focus stays, wherever the wheel goes, and the keys go on from there.
        scroll_by(&phone, -12_000).await?;
        let far = first_in_view(&phone).await?;
        ensure!(far.0 != format!("line {number}"), "it did not move");
        let at = phone.script(script, vec![]).await?;
        ensure!(at == format!("line {number}"), "the focus went to {at}");
        stays(&phone, &far, "the wheel stopped").await?;
        phone.keys(Key::Down).await?;
        wait_for_focus(&phone, &format!("line {}", number + 1)).await
    })
    .await
}

// proves: S11-52
#[tokio::test]
async fn thousands_of_lines_missed_by_a_closed_tab_come_while_somebody_types() -> Result<()> {
    let server = serve_writer(Options::default()).await?;
    let juliet = Writer::start(&server).await?;
    journey("thousands", async |browser| {
        let profile = browser.profile().await?;
        let phone = open(&profile, &server, &juliet, 5).await?;
        let keeper = profile.open("keeper", server.addr()).await?;
        let chat = phone.script("return location.hash", vec![]).await?;
        let chat = chat.as_str().context("no address")?.to_owned();
        phone.close().await?;
        juliet.write(5, 6_005).await?;
        let again = profile.open_beside("again", &phone).await?;
        go(&again, &chat).await?;
        again.wait_for_status("catching-up").await?;
        again
            .wait_for_text("[data-testid=so-far]", "of 6,000 messages")
            .await?;
        again.screenshot("thousands").await?;
        again.say("typed meanwhile").await?;
        // Where more comes before it, it does not stay in view; the list tells of it.
        again
            .wait_for_text("[data-testid=chat-item]", "typed meanwhile")
            .await?;
        wait_until_within(LONG, "everything is known", async || {
            again.wait_for_status("live").await
        })
        .await?;
        back_from_composer(&again, "[data-testid=to-latest]").await?;
        again.keys(Key::Enter).await?;
        again.wait_for_focus("[data-testid=timeline]").await?;
        again.keys(Key::Up).await?;
        wait_for_focus(&again, "typed meanwhile").await?;
        let mut wanted = lines(0, 6_005);
        wanted.push("typed meanwhile".into());
        let all = again.every_line().await?;
        let seen: Vec<_> = all.into_iter().map(|line| line.text).collect();
        ensure!(
            wanted.ends_with(&seen),
            "it shows {} lines: {seen:?}",
            seen.len()
        );
        ensure!(seen.len() > 6_000, "only {} lines are there", seen.len());
        keeper.close().await
    })
    .await
}
