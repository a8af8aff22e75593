//! What a tab keeps for the next one and for itself, and what it reads out or lets in.

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, ROMEO, befriend, serve};
use e2e::thirtyfour::Key;
use e2e::{Tab, journey, wait_until};
use serde_json::json;
use support::server::Options;

/// Both look at their conversation, and Romeo sees that she is there.
async fn meet(romeo: &Tab, juliet: &Tab) -> Result<()> {
    befriend(romeo, juliet).await?;
    romeo.open_chat(JULIET).await?;
    juliet.open_chat(ROMEO).await?;
    wait_for_online(romeo).await
}

async fn wait_for_online(tab: &Tab) -> Result<()> {
    wait_until(
        &format!("{} sees its contact online", tab.name()),
        async || {
            let seen = tab
                .script("return document.querySelectorAll('.online').length", vec![])
                .await?;
            ensure!(seen == 1, "it sees {seen} online");
            Ok(())
        },
    )
    .await
}

// proves: INV-17 INV-27 AU-19
#[tokio::test]
async fn a_line_that_waits_in_a_closed_tab_goes_out_from_the_next_one() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("waiting-slot", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let first = romeo.open("first", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        meet(&first, &hall).await?;
        let second = romeo.open_beside("second", &first).await?;
        second.wait_for_status("live").await?;
        let third = romeo.open_beside("third", &first).await?;
        third.wait_for_status("live").await?;
        third.open_chat(JULIET).await?;
        let device = third.device().await?;
        first.proxy().cut().await;
        third.wait_for_status("offline").await?;
        third.say("closed before it was sent").await?;
        third.wait_for_line("closed before it was sent").await?;
        third.close().await?;
        second.close().await?;
        first.proxy().heal();
        let next = romeo.open_beside("next", &first).await?;
        next.wait_for_status("live").await?;
        let taken = next.device().await?;
        ensure!(
            taken == device,
            "it is {taken}, and the line waits in {device}"
        );
        hall.wait_for_line("closed before it was sent").await
    })
    .await
}

// proves: SM-20
#[tokio::test]
async fn contacts_are_online_after_a_reload_without_being_asked_again() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("online", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        meet(&phone, &hall).await?;
        // What came is on the disk a moment later.
        hall.say("Ay me").await?;
        phone.wait_for_line("Ay me").await?;
        let note_sent = "globalThis.sent = [];
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (text) { sent.push(text); send.call(this, text); };";
        phone.on_every_page(note_sent).await?;
        for _ in 0..2 {
            phone.reload().await?;
            phone.wait_for_status("live").await?;
            let asked = "return [sent.some(text => text.includes('<resume ')),
                sent.some(text => text.startsWith('<presence'))]";
            let asked = phone.script(asked, vec![]).await?;
            ensure!(asked == json!([true, false]), "{asked}");
            wait_for_online(&phone).await?;
        }
        Ok(())
    })
    .await
}

/// What assistive technology was given to read.
async fn wait_for_read_out(tab: &Tab, wanted: &[&str]) -> Result<()> {
    wait_until(
        &format!("{} reads out {wanted:?}", tab.name()),
        async || {
            let read =
                "return [...document.querySelectorAll('[role=log] p')].map(p => p.textContent)";
            let read = tab.script(read, vec![]).await?;
            ensure!(read == json!(wanted), "it reads {read}");
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn new_lines_are_read_out_though_a_refused_one_stands_below_and_a_catch_up_is_summed_up()
-> Result<()> {
    let server = serve(Options::default()).await?;
    journey("read-out", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        meet(&phone, &hall).await?;
        hall.say("one").await?;
        phone.wait_for_line("one").await?;
        wait_for_read_out(&phone, &[]).await?;
        let long = "x".repeat(40_001);
        let fill = "const field = document.getElementById('composer');
            field.value = arguments[0];
            field.dispatchEvent(new Event('input', { bubbles: true }))";
        phone.script(fill, vec![json!(long)]).await?;
        phone.press("[data-testid=composer]", Key::Enter).await?;
        phone
            .wait_for_text("[data-testid=line] .failed", "too long")
            .await?;
        hall.say("two").await?;
        phone.wait_for_line("two").await?;
        wait_for_read_out(&phone, &["juliet: two"]).await?;
        phone
            .wait_for_text("[data-testid=chat-item]", "two")
            .await?;
        // Who wrote it can make it shorter.
        phone.click("[data-testid=retry]").await?;
        wait_until("the text is in the composer again", async || {
            let length = "return document.getElementById('composer').value.length";
            let length = phone.script(length, vec![]).await?;
            ensure!(length == 40_001, "it has {length} characters");
            Ok(())
        })
        .await?;
        phone.wait_for_lines(&["one", "two"]).await?;
        // What was missed is not read out line by line.
        phone.proxy().cut().await;
        phone.wait_for_status("offline").await?;
        for line in ["three", "four"] {
            hall.say(line).await?;
            hall.wait_for_line(line).await?;
        }
        phone.proxy().heal();
        phone.wait_for_line("four").await?;
        wait_for_read_out(&phone, &["juliet: two", "juliet: 2 unread messages"]).await?;
        hall.say("five").await?;
        let read = ["juliet: two", "juliet: 2 unread messages", "juliet: five"];
        wait_for_read_out(&phone, &read).await
    })
    .await
}

/// Where the focus is: the text of its line.
async fn focused(tab: &Tab) -> Result<String> {
    let focused = "return document.activeElement?.closest('li.line')?.querySelector('p')?.textContent ?? 'none'";
    let text = tab.script(focused, vec![]).await?;
    text.as_str().map(str::to_owned).context("a text")
}

#[tokio::test]
async fn keys_go_through_the_lines_one_by_one_and_by_the_page() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("line-keys", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        meet(&phone, &hall).await?;
        let lines: Vec<_> = (0..12).map(|n| format!("line {n}")).collect();
        for line in &lines {
            phone.say(line).await?;
        }
        let wanted: Vec<&str> = lines.iter().map(String::as_str).collect();
        phone.wait_for_lines(&wanted).await?;
        phone.show_as(1000, 420).await?;
        let press = async |key: Key| -> Result<String> {
            let active =
                "[data-testid=timeline] li:focus, [data-testid=timeline]:not(:focus-within)";
            phone.press(active, key).await?;
            focused(&phone).await
        };
        ensure!(press(Key::Up).await? == "line 11");
        ensure!(press(Key::Up).await? == "line 10");
        let paged = press(Key::PageUp).await?;
        let number = |text: &str| {
            text.rsplit(' ')
                .next()
                .and_then(|n| n.parse::<usize>().ok())
        };
        let up = number(&paged).context("a number")?;
        ensure!((1..9).contains(&up), "a page up is {paged}");
        ensure!(press(Key::Home).await? == "line 0");
        let paged = press(Key::PageDown).await?;
        let down = number(&paged).context("a number")?;
        ensure!((2..11).contains(&down), "a page down is {paged}");
        ensure!(press(Key::End).await? == "line 11");
        ensure!(press(Key::Down).await? == "line 11");
        Ok(())
    })
    .await
}

// proves: SEC-63
#[tokio::test]
async fn a_page_runs_no_script_but_its_own_and_breaks_no_rule_of_its_policy() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("policy", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        let note = "globalThis.broken = [];
            addEventListener('securitypolicyviolation', event => broken.push(event.violatedDirective));";
        phone.on_every_page(note).await?;
        phone.reload().await?;
        meet(&phone, &hall).await?;
        let hostile = "<img src=x onerror='globalThis.pwned = 1'><script>globalThis.pwned = 1</script>";
        hall.say(hostile).await?;
        phone.wait_for_line(hostile).await?;
        let state = "return [globalThis.pwned ?? null, broken]";
        let seen = phone.script(state, vec![]).await?;
        ensure!(seen == json!([null, []]), "{seen}");
        let inject = "try {
                const script = document.createElement('script');
                script.append('globalThis.pwned = 1');
                document.body.append(script);
            } catch {}
            try { document.body.innerHTML += '<p>'; } catch {}";
        phone.script(inject, vec![]).await?;
        wait_until("the policy has spoken", async || {
            let seen = phone.script(state, vec![]).await?;
            ensure!(seen.get(0) == Some(&json!(null)), "it ran");
            let broken = seen.get(1).and_then(|broken| broken.as_array());
            ensure!(broken.is_some_and(|broken| broken.len() >= 2), "{seen}");
            Ok(())
        })
        .await
    })
    .await
}
