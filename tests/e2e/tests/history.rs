//! What a device fetches of the archive, and what it shows meanwhile: older lines, a long absence, holes, and what is
//! no longer kept.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, PASSWORD, ROMEO};
use e2e::writer::{Writer, lines, serve_writer};
use e2e::{Profile, Tab, journey, wait_until, wait_until_within};
use serde_json::json;
use support::server::Options;

/// Longer than it takes to fetch a long history on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// Holds pages of the archive back and lets through as many as it is told, in order; counts what is asked for.
///
/// Acks pass by: without them the page would take the connection for dead.
const GATE: &str = "globalThis.asked = 0;
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        if (String(text).includes('<query xmlns=\\'urn:xmpp:mam:2\\'')) asked += 1;
        return send.call(this, text);
    };
    let passes = Infinity;
    const held = [];
    const flow = () => {
        while (held.length > 0 && (passes > 0 || !held[0].isPage)) {
            const { isPage, hear } = held.shift();
            if (isPage) passes -= 1;
            hear();
        }
    };
    globalThis.pass = count => { passes = count; flow(); };
    const heard = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
    Object.defineProperty(WebSocket.prototype, 'onmessage', { set(listener) {
        heard.set.call(this, listener && (event => {
            if (event.data.startsWith('<a ')) return listener.call(this, event);
            held.push({ isPage: event.data.includes('<fin '), hear: () => listener.call(this, event) });
            flow();
        }));
    } });";

/// Romeo's phone with the gate, in the conversation with Juliet.
async fn open_gated(profile: &Profile<'_>, address: SocketAddr) -> Result<Arc<Tab>> {
    let phone = profile.open("phone", address).await?;
    phone.on_every_page(GATE).await?;
    phone.reload().await?;
    phone.sign_in("romeo", PASSWORD).await?;
    phone.open_chat(JULIET).await?;
    Ok(phone)
}

async fn go_away(phone: &Tab) -> Result<()> {
    phone.proxy().cut().await;
    phone.wait_for_status("offline").await
}

async fn come_back(phone: &Tab) -> Result<()> {
    phone.proxy().heal();
    let online = "dispatchEvent(new Event('online'))";
    phone.script(online, vec![]).await?;
    Ok(())
}

/// Waits until the open conversation is these texts, once each and in this order; a hole has none.
async fn wait_for_texts(tab: &Tab, wanted: &[String]) -> Result<()> {
    let what = format!("{} shows {} lines", tab.name(), wanted.len());
    wait_until_within(LONG, &what, async || {
        let seen = texts(tab).await?;
        ensure!(seen == wanted, "it shows {} lines: {seen:?}", seen.len());
        Ok(())
    })
    .await
}

async fn texts(tab: &Tab) -> Result<Vec<String>> {
    let lines = tab.lines().await?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}

async fn wait_for_marks(tab: &Tab, mark: &str, count: usize) -> Result<()> {
    let what = format!("{} shows {count} lines marked {mark}", tab.name());
    wait_until_within(LONG, &what, async || {
        let lines = tab.lines().await?;
        let seen = lines.iter().filter(|line| line.mark == mark).count();
        ensure!(seen == count, "it shows {seen} in {} lines", lines.len());
        Ok(())
    })
    .await
}

/// Scrolls as a person does who wants to see the start.
async fn scroll_up(tab: &Tab) -> Result<()> {
    let script = "document.querySelector('[data-testid=timeline]').scrollTop = 0";
    tab.script(script, vec![]).await.map(drop)
}

/// How far below the edge of the window a line stands, once something was done.
async fn y_of(tab: &Tab, text: &str, act: &str) -> Result<f64> {
    let script = format!(
        "const timeline = document.querySelector('[data-testid=timeline]');
        {act};
        return [...document.querySelectorAll('[data-testid=line]')]
            .find(line => line.querySelector('p')?.textContent === arguments[0])?.getBoundingClientRect().top"
    );
    let y = tab.script(&script, vec![json!(text)]).await?;
    y.as_f64()
        .with_context(|| format!("{text} is not on the page"))
}

/// How much room is left for lines that are not on the page.
async fn room(tab: &Tab) -> Result<f64> {
    let script = "return [...document.querySelectorAll('.timeline .room')]
        .reduce((sum, room) => sum + room.getBoundingClientRect().height, 0)";
    tab.script(script, vec![])
        .await?
        .as_f64()
        .context("no room")
}

async fn pass(tab: &Tab, pages: &str) -> Result<()> {
    tab.script(&format!("pass({pages})"), vec![])
        .await
        .map(drop)
}

/// What the badge beside the conversation says.
async fn unread(tab: &Tab) -> Result<u32> {
    let badges = tab.texts("[data-testid=unread] > :first-child").await?;
    let badge = badges.first().context("there is no badge")?;
    badge.parse().context("what the badge says")
}

/// How many pages of the archive the page has asked for since it was loaded.
async fn asked(tab: &Tab) -> Result<u64> {
    let asked = tab.script("return asked", vec![]).await?;
    asked.as_u64().context("no count")
}

// proves: MAM-29
#[tokio::test]
async fn scrolling_up_fetches_what_this_device_never_had_and_shows_nothing_twice() -> Result<()> {
    let server = serve_writer(Options::default()).await?;
    Writer::start(&server).await?.write(0, 230).await?;
    journey("older", async |browser| {
        let profile = browser.profile().await?;
        let phone = open_gated(&profile, server.addr()).await?;
        phone.wait_for_line("line 229").await?;
        let all = lines(0, 230);
        wait_until("all that is loaded is on the page", async || {
            ensure!(room(&phone).await? == 0.0, "some is not");
            Ok(())
        })
        .await?;
        let mut known = texts(&phone).await?;
        ensure!(known.len() < all.len(), "nothing is left to be fetched");
        while known.len() < all.len() {
            let before = known.len();
            let first = known.first().context("no line")?.clone();
            let y = y_of(&phone, &first, "timeline.scrollTop = 0").await?;
            known = wait_until("older lines are there", async || {
                let seen = texts(&phone).await?;
                ensure!(seen.len() > before, "it shows {before} lines");
                ensure!(all.ends_with(&seen), "it shows {seen:?}");
                ensure!(room(&phone).await? == 0.0, "some are not on the page yet");
                Ok(seen)
            })
            .await?;
            let after = y_of(&phone, &first, "").await?;
            // A line that was the first of its group stands nearer to the one before it afterwards.
            ensure!(
                (after - y).abs() <= 12.0,
                "what was read moved from {y} to {after}"
            );
        }
        phone.wait_for_text(".start", "the beginning").await?;
        scroll_up(&phone).await?;
        phone.pictures("older").await?;
        let asked = asked(&phone).await?;
        ensure!((5..=8).contains(&asked), "{asked} pages for 230 lines");
        Ok(())
    })
    .await
}

// proves: S11-52 S11-53 MAM-29
#[tokio::test]
async fn a_long_absence_is_caught_up_in_view_while_the_chat_stays_usable() -> Result<()> {
    let server = serve_writer(Options::default()).await?;
    let juliet = Writer::start(&server).await?;
    juliet.write(0, 3).await?;
    journey("absence", async |browser| {
        let profile = browser.profile().await?;
        let phone = open_gated(&profile, server.addr()).await?;
        wait_for_texts(&phone, &lines(0, 3)).await?;
        go_away(&phone).await?;
        juliet.write(3, 1_203).await?;
        pass(&phone, "0").await?;
        come_back(&phone).await?;
        phone.wait_for_status("catching-up").await?;
        for (pages, far) in [("1", 50), ("3", 200)] {
            pass(&phone, pages).await?;
            let words = format!("{far} of 1,200 messages");
            phone.wait_for_text("[data-testid=so-far]", &words).await?;
            let bar = "const bar = document.querySelector('[data-testid=progress]');
                return bar.getAttribute('aria-label') + ' ' + bar.value + ' ' + bar.max";
            let bar = phone.script(bar, vec![]).await?;
            ensure!(
                bar == format!("Catching up… {far} 1200"),
                "the bar is at {bar}"
            );
        }
        wait_for_texts(&phone, &lines(0, 203)).await?;
        // The reader is led to where it goes on, and what was not on the screen is not read.
        phone
            .wait_for_texts("[data-testid=divider]", &["New messages"])
            .await?;
        let divider = "return document.querySelector('[data-testid=divider] + li').dataset.key ===
            [...document.querySelectorAll('[data-testid=line]')][3].dataset.key";
        ensure!(
            phone.script(divider, vec![]).await? == true,
            "it does not stand before the first new line"
        );
        let left = unread(&phone).await?;
        ensure!((150..200).contains(&left), "{left} of 200 are unread");
        phone.pictures("catching-up").await?;
        phone.say("written meanwhile").await?;
        phone.wait_for_line("written meanwhile").await?;
        pass(&phone, "Infinity").await?;
        phone.wait_for_status("live").await?;
        // Still nobody has seen what came; at the end it is.
        let left = unread(&phone).await?;
        ensure!(left > 900, "only {left} of 1200 are unread");
        phone.click("[data-testid=to-latest]").await?;
        phone
            .wait_for_texts("[data-testid=unread]", &[""; 0])
            .await?;
        wait_for_marks(&phone, "waiting", 0).await?;
        let on_page = phone.lines().await?.len();
        ensure!(on_page < 300, "{on_page} lines are on the page at once");
        let mut wanted = lines(0, 1_203);
        wanted.push("written meanwhile".into());
        let all = phone.every_line().await?;
        let seen: Vec<_> = all.iter().map(|line| line.text.clone()).collect();
        ensure!(seen == wanted, "it shows {} lines: {seen:?}", seen.len());
        let ids = all.into_iter().map(|line| line.archive_id);
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids.dedup();
        ensure!(ids.len() == wanted.len(), "an entry is shown twice");
        Ok(())
    })
    .await
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

// proves: S11-54
#[tokio::test]
async fn a_hole_is_drawn_then_filled_down_to_what_was_known() -> Result<()> {
    let mut server = serve_writer(Options::default()).await?;
    let address = server.addr();
    let backup = tempfile::tempdir()?;
    let juliet = Writer::start(&server).await?;
    juliet.write(0, 40).await?;
    journey("hole", async |browser| {
        let profile = browser.profile().await?;
        let phone = open_gated(&profile, address).await?;
        wait_for_texts(&phone, &lines(0, 40)).await?;
        // The data is saved, goes on for two lines, and is lost: the saved one takes its place, which has
        // never heard of what this device knows last.
        ensure!(server.terminate().await?.success(), "no orderly end");
        copy(server.folder(), backup.path())?;
        server.restart().await?;
        phone.wait_for_status("live").await?;
        let own = ["written after that", "and this too"].map(str::to_owned);
        for line in &own {
            phone.say(line).await?;
        }
        let known = [lines(0, 40), own.to_vec()].concat();
        wait_for_texts(&phone, &known).await?;
        wait_for_marks(&phone, "waiting", 0).await?;
        phone.proxy().cut().await;
        drop(juliet);
        server.terminate().await?;
        fs::remove_dir_all(server.folder())?;
        copy(backup.path(), server.folder())?;
        server.restart().await?;
        let juliet = Writer::start(&server).await?;
        juliet.write(40, 240).await?;

        pass(&phone, "0").await?;
        come_back(&phone).await?;
        phone.wait_for_status("catching-up").await?;
        // The newest page stands above a hole, which another one begins to fill.
        pass(&phone, "2").await?;
        phone
            .wait_for_text("[data-testid=filled]", "50 found so far")
            .await?;
        let hole = vec![String::new()];
        let seen = [known.clone(), hole, lines(140, 240)].concat();
        wait_for_texts(&phone, &seen).await?;
        wait_for_marks(&phone, "filling", 1).await?;
        let show =
            "document.querySelector('[data-mark=filling]').scrollIntoView({ block: 'center' })";
        phone.script(show, vec![]).await?;
        phone.pictures("hole-filling").await?;
        pass(&phone, "Infinity").await?;
        let all = [known, lines(40, 240)].concat();
        wait_for_texts(&phone, &all).await?;
        wait_for_marks(&phone, "filling", 0).await?;
        phone.wait_for_status("live").await?;
        phone.reload().await?;
        phone.wait_for_line("line 239").await?;
        wait_until("all of it is still there", async || {
            scroll_up(&phone).await?;
            let seen = texts(&phone).await?;
            ensure!(seen == all, "it shows {seen:?}");
            Ok(())
        })
        .await
    })
    .await
}

// proves: MAM-24 S11-54
#[tokio::test]
async fn what_is_no_longer_kept_stays_on_the_device_that_has_it_and_leaves_a_truthful_hole()
-> Result<()> {
    let options = Options::default()
        .env("BALCONY_RETENTION__MESSAGES", "120")
        .env("BALCONY_LIMITS__TEND_MS", "100");
    let server = serve_writer(options).await?;
    let juliet = Writer::start(&server).await?;
    juliet.write(0, 30).await?;
    journey("not-kept", async |browser| {
        let profile = browser.profile().await?;
        let phone = open_gated(&profile, server.addr()).await?;
        wait_for_texts(&phone, &lines(0, 30)).await?;
        go_away(&phone).await?;
        juliet.write(30, 330).await?;
        wait_until("the archive keeps 120", async || {
            let told = server.run(&["user", "show", ROMEO], "").await?;
            ensure!(told.contains("has 120 messages"), "{told}");
            Ok(())
        })
        .await?;
        let before = asked(&phone).await?;
        come_back(&phone).await?;
        let mut wanted = lines(0, 30);
        wanted.push(String::new());
        wanted.extend(lines(210, 330));
        wait_for_texts(&phone, &wanted).await?;
        wait_for_marks(&phone, "gap", 1).await?;
        phone.wait_for_status("live").await?;
        phone
            .wait_for_text(".gap", "Messages may be missing here")
            .await?;
        let fetched = asked(&phone).await?;
        ensure!(
            fetched - before <= 6,
            "{} pages for 120 lines",
            fetched - before
        );
        let show = "document.querySelector('[data-mark=gap]').scrollIntoView({ block: 'center' })";
        phone.script(show, vec![]).await?;
        phone.pictures("not-kept").await?;
        // Nobody asks again for what cannot be had: not at the hole, not at the start, not later.
        scroll_up(&phone).await?;
        juliet.write(330, 331).await?;
        phone.wait_for_line("line 330").await?;
        ensure!(asked(&phone).await? == fetched, "it asks again and again");
        phone.reload().await?;
        phone.wait_for_status("live").await?;
        scroll_up(&phone).await?;
        wanted.push("line 330".into());
        wait_until("all of it is still there", async || {
            scroll_up(&phone).await?;
            let seen = texts(&phone).await?;
            ensure!(seen == wanted, "it shows {seen:?}");
            Ok(())
        })
        .await?;
        wait_for_marks(&phone, "gap", 1).await?;
        // A device that comes later finds what is kept, and no hole.
        let fresh = profile.open("fresh", server.addr()).await?;
        fresh.sign_in("romeo", PASSWORD).await?;
        fresh.open_chat(JULIET).await?;
        wait_until("what is kept is there", async || {
            scroll_up(&fresh).await?;
            let seen = texts(&fresh).await?;
            ensure!(seen == lines(211, 331), "it shows {seen:?}");
            Ok(())
        })
        .await?;
        fresh
            .wait_for_text(".start", "the beginning of what is kept")
            .await
    })
    .await
}
