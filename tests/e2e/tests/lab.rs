//! The lab: real devices side by side, scripts of accidents, and lights that say whether the promises hold.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Tab, journey, wait_until, wait_until_within};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::server::{Options, TestServer};

/// How long four devices may take to come up, and a script to be played, on a busy machine.
const START: Duration = Duration::from_secs(90);
const PLAYED: Duration = Duration::from_secs(180);

async fn server() -> Result<TestServer> {
    Options::default().arg("--demo").start().await
}

/// What the lab says of its lights: `good`, `waiting` or `bad`, and what is broken.
#[derive(Debug, Deserialize)]
struct Verdict {
    settled: bool,
    unsaved: usize,
    lights: BTreeMap<String, (String, Vec<String>)>,
}

const VERDICT: &str = "const verdict = lab.verdict();
    return { settled: verdict.isSettled, unsaved: verdict.unsaved.length,
        lights: Object.fromEntries(Object.entries(verdict.lights)
            .map(([name, light]) => [name, [light.state, light.broken]])) }";

/// The table as a person sees it: per line its text, and what stands in the columns.
const ROWS: &str = "return [...document.querySelectorAll('#table tbody tr')]
    .map(row => [...row.cells].map(cell => cell.textContent))";

async fn told<T: DeserializeOwned>(lab: &Tab, script: &str) -> Result<T> {
    let told = lab.script(script, vec![]).await?;
    serde_json::from_value(told).context("what the lab says")
}

async fn open(lab: &Tab) -> Result<()> {
    wait_until_within(START, "the lab is there", async || {
        let is_there = "return globalThis.lab?.verdict() != null";
        let is_there: bool = told(lab, is_there).await?;
        ensure!(is_there, "it is not");
        Ok(())
    })
    .await?;
    settles(lab).await
}

/// Every device is up to date, and every light is green.
async fn settles(lab: &Tab) -> Result<()> {
    wait_until_within(
        START,
        "the lab is calm and every light is green",
        async || {
            let seen: Verdict = told(lab, VERDICT).await?;
            ensure!(seen.settled, "it says {seen:?}");
            Ok(())
        },
    )
    .await
}

/// Chooses a ready-made script and plays it to its end.
async fn play(lab: &Tab, name: &str) -> Result<()> {
    let choose = "const select = document.getElementById('script');
        select.value = lab.scripts().indexOf(arguments[0]);
        select.dispatchEvent(new Event('change'))";
    lab.script(choose, vec![json!(name)]).await?;
    lab.click("#play").await?;
    ends(lab, name).await
}

async fn ends(lab: &Tab, name: &str) -> Result<()> {
    let state = "const chip = document.getElementById('run');
        return [chip.dataset.state, chip.textContent]";
    wait_until_within(PLAYED, &format!("“{name}” is played"), async || {
        let (state, text): (String, String) = told(lab, state).await?;
        ensure!(state != "running", "it says {text}");
        Ok((state, text))
    })
    .await
    .and_then(|(state, text)| {
        ensure!(state == "done", "{text}");
        Ok(())
    })
}

// proves: P1 P2 P5 P6 P8 S11-20 S11-60
#[tokio::test]
async fn every_ready_made_script_ends_with_every_promise_kept() -> Result<()> {
    let server = server().await?;
    journey("lab", async |browser| {
        let profile = browser.profile().await?;
        let lab = profile.open_path("lab", server.addr(), "/lab").await?;
        lab.show_as(1440, 900).await?;
        open(&lab).await?;
        let names: Vec<String> = told(&lab, "return lab.scripts()").await?;
        ensure!(names.len() >= 5, "only {names:?}");
        for name in &names {
            play(&lab, name).await?;
        }
        // The restart was one: the server printed its address again.
        let starts = server.log().matches("listening on").count();
        ensure!(starts == 2, "it started {starts} times");
        lab.screenshot("lab-played").await?;
        let complaints = lab.console().await?;
        let is_policy = |line: &&String| line.contains("Content Security");
        let broken = complaints.iter().find(is_policy);
        ensure!(broken.is_none(), "{broken:?}");
        Ok(())
    })
    .await
}

// proves: S11-32 S11-33 S11-34 S11-37
#[tokio::test]
async fn a_line_that_no_archive_took_is_shown_as_that_everywhere_and_breaks_no_promise()
-> Result<()> {
    let server = server().await?;
    journey("lab-unsaved", async |browser| {
        let profile = browser.profile().await?;
        let lab = profile.open_path("lab", server.addr(), "/lab").await?;
        lab.show_as(1440, 900).await?;
        open(&lab).await?;
        play(&lab, "Failed append").await?;
        let verdict: Verdict = told(&lab, VERDICT).await?;
        ensure!(
            verdict.settled && verdict.unsaved == 1,
            "it says {verdict:?}"
        );
        lab.wait_for_text("[data-light=saved]", "1 not saved")
            .await?;
        let rows: Vec<Vec<String>> = told(&lab, ROWS).await?;
        let is_unsaved =
            |row: &&Vec<String>| row.iter().any(|cell| cell.contains("and not saved."));
        let unsaved: Vec<_> = rows.iter().filter(is_unsaved).collect();
        ensure!(unsaved.len() == 1, "it stands in {unsaved:?}");
        let says = unsaved.iter().flat_map(|row| row.iter());
        let devices = says
            .clone()
            .filter(|cell| cell.contains("delivered, not saved"));
        ensure!(devices.count() == 4, "{unsaved:?}");
        ensure!(
            says.filter(|cell| cell.contains("storage")).count() == 2,
            "{unsaved:?}"
        );
        // The devices say it in their own words, each for itself.
        let signs =
            "return [...document.querySelectorAll('iframe')].map(frame => frame.contentDocument
            .querySelector('[data-mark=notsaved] .sign')?.textContent ?? 'nothing')";
        let signs: Vec<String> = told(&lab, signs).await?;
        let is_told = |sign: &String| sign.contains("Delivered, not saved");
        ensure!(signs.len() == 4 && signs.iter().all(is_told), "{signs:?}");
        lab.screenshot("lab-unsaved").await.map(drop)
    })
    .await
}

/// Three devices are away while all write, and Juliet's archive is full.
const FAULTS: &str = r#"{ "balcony-lab": 1, "name": "Cut, frozen and full", "seed": 7,
    "about": "Two devices lose their network, a third hears no acks, Juliet’s archive is full, and all go on writing.", "steps": [
    { "who": "romeo/1", "do": "write", "burst": 3, "every": [40, 90] },
    { "who": "juliet/1", "do": "write", "burst": 2, "every": [40, 90] },
    { "after": 900, "who": "romeo/2", "do": "cut", "value": true },
    { "who": "juliet/1", "do": "freeze", "value": true },
    { "who": "juliet/2", "do": "cut", "value": true },
    { "do": "fill", "value": { "of": "juliet", "on": true } },
    { "who": "romeo/1", "do": "write", "burst": 2, "every": 80 },
    { "who": "romeo/2", "do": "write" },
    { "who": "juliet/2", "do": "write" },
    { "after": 6000, "do": "fill", "value": { "of": "both", "on": false } },
    { "who": "juliet/2", "do": "cut", "value": false },
    { "who": "romeo/2", "do": "cut", "value": false },
    { "who": "juliet/1", "do": "freeze", "value": false }
] }"#;

#[tokio::test]
async fn an_imported_script_is_played_and_its_faults_are_to_be_seen() -> Result<()> {
    let server = server().await?;
    journey("lab-fault", async |browser| {
        let profile = browser.profile().await?;
        let lab = profile.open_path("lab", server.addr(), "/lab").await?;
        lab.show_as(1440, 900).await?;
        open(&lab).await?;
        lab.script("lab.play(arguments[0])", vec![json!(FAULTS)])
            .await?;
        wait_until_within(START, "devices are away and lines wait", async || {
            let rows: Vec<Vec<String>> = told(&lab, ROWS).await?;
            let is_waiting = |row: &&Vec<String>| row.iter().any(|cell| cell.ends_with("waiting"));
            let waiting = rows.iter().filter(is_waiting).count();
            // Lines wait for a moment at the start, too: the faults are on once two were not saved.
            let seen: Verdict = told(&lab, VERDICT).await?;
            ensure!(
                waiting == 2 && seen.unsaved == 2,
                "{waiting} lines wait, {seen:?}: {rows:?}"
            );
            Ok(())
        })
        .await?;
        let verdict: Verdict = told(&lab, VERDICT).await?;
        ensure!(!verdict.settled, "it says {verdict:?}");
        ensure!(
            verdict.lights.values().all(|(state, _)| state != "bad"),
            "it says {verdict:?}"
        );
        lab.wait_for_text("[data-light=complete]", "waiting")
            .await?;
        lab.wait_for_text("[data-light=saved]", "2 not saved")
            .await?;
        // What the server was asked later than the devices.
        for light in ["ids", "acked"] {
            lab.wait_for_text(&format!("[data-light={light}]"), "holds")
                .await?;
        }
        for look in ["light", "dark"] {
            lab.look(look).await?;
            lab.screenshot(&format!("lab-fault-{look}")).await?;
        }
        ends(&lab, "Cut, frozen and full").await?;
        let verdict: Verdict = told(&lab, VERDICT).await?;
        ensure!(verdict.unsaved == 2, "it says {verdict:?}");
        lab.is_for_everybody("lab").await?;
        let three = "const count = document.getElementById('count');
            count.value = 3;
            count.dispatchEvent(new Event('change'))";
        lab.script(three, vec![]).await?;
        wait_until_within(START, "six devices are there", async || {
            let shown = "return document.querySelectorAll('.device[data-state=live]').length";
            let shown: usize = told(&lab, shown).await?;
            ensure!(shown == 6, "only {shown}");
            Ok(())
        })
        .await?;
        settles(&lab).await?;
        lab.screenshot("lab-six").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_done_by_hand_is_a_script_that_plays_again() -> Result<()> {
    let server = server().await?;
    journey("lab-record", async |browser| {
        let profile = browser.profile().await?;
        let lab = profile.open_path("lab", server.addr(), "/lab").await?;
        lab.show_as(1440, 900).await?;
        open(&lab).await?;
        let cut = "[data-device='romeo/1'] .tools button";
        lab.click(cut).await?;
        lab.wait_for_text("[data-device='romeo/1'] .chip", "cut").await?;
        // Typed in the app itself, in its frame.
        let say = "const page = document.querySelector('[data-device=\"romeo/1\"] iframe').contentWindow;
            const field = page.document.querySelector('[data-testid=composer]');
            field.value = 'written by hand';
            field.dispatchEvent(new page.InputEvent('input', { bubbles: true }));
            field.dispatchEvent(new page.KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))";
        lab.script(say, vec![]).await?;
        wait_until("the line waits", async || {
            let rows: Vec<Vec<String>> = told(&lab, ROWS).await?;
            ensure!(rows.len() == 1, "it shows {rows:?}");
            Ok(())
        })
        .await?;
        lab.click(cut).await?;
        settles(&lab).await?;
        let recorded: Value = told(&lab, "return lab.recorded().steps.map(({ after, ...step }) => step)").await?;
        let wanted = json!([
            { "who": "romeo/1", "do": "cut", "value": true },
            { "who": "romeo/1", "do": "write", "value": "written by hand" },
            { "who": "romeo/1", "do": "cut", "value": false },
            { "do": "settle" },
        ]);
        ensure!(recorded == wanted, "it noted {recorded}");
        lab.click("#replay").await?;
        ends(&lab, "recorded").await?;
        let rows: Vec<Vec<String>> = told(&lab, ROWS).await?;
        ensure!(rows.len() == 2, "it shows {rows:?}");
        Ok(())
    })
    .await
}

/// A calm lab of one line on two devices of each, and what is done to it before it is judged.
const CALM: &str = "return import('/lab/promises.js').then(({ judge }) => {
    const entry = (pos, own, message) => ({ pos, own, message, id: own ? `P.${message}` : `x${pos}`,
        text: message, stamp: `2026-01-01T00:00:0${pos}Z` });
    const log = (account, own) => [account, { account, whole: true, entries: [entry(1, own, 'a'), entry(2, own, 'b')] }];
    const server = { isUp: true, accounts: [{ jid: 'r@x' }, { jid: 'j@x' }], unsaved: [], askedAt: 1e6, seenAt: new Map(),
        archives: new Map([log('r@x', true), log('j@x', false)]) };
    for (const [account, archive] of server.archives) {
        for (const { id } of archive.entries) server.seenAt.set(`${account} ${id}`, 0);
    }
    const device = (name, account, own) => ({ name, account, behind: '', freeSince: 0, reportedAt: 0,
        lines: ['a', 'b'].map((text, at) => ({ key: text, id: own ? `P.${text}` : `x${at + 1}`, mark: 'archived', own, text })) });
    const devices = [device('r/1', 'r@x', true), device('j/1', 'j@x', false)];
    const [romeo, juliet] = devices;
    const logs = { romeo: server.archives.get('r@x').entries, juliet: server.archives.get('j@x').entries };
    PLANTED;
    const { lights } = judge({ server, devices, now: 1e6 });
    return Object.entries(lights).filter(([, light]) => light.state === 'bad').map(([name]) => name);
})";

#[tokio::test]
async fn each_light_turns_red_for_a_broken_promise_and_for_nothing_else() -> Result<()> {
    let server = server().await?;
    journey("lab-lights", async |browser| {
        let profile = browser.profile().await?;
        let lab = profile
            .open_path("lab", server.addr(), "/nothing.txt")
            .await?;
        for (planted, red) in [
            ("", vec![]),
            // What is behind may lack a line, and what is not saved may be missing.
            ("juliet.lines.pop(); juliet.behind = 'cut'", vec![]),
            (
                "logs.juliet.pop(); juliet.lines[1].id = ''; juliet.lines[1].mark = 'notsaved';
                 server.unsaved.push({ account: 'j@x', message: 'b', reason: 'quota' })",
                vec![],
            ),
            // Nobody knows what lies before what was asked of an archive.
            (
                "server.archives.get('j@x').whole = false; logs.juliet.shift(); juliet.lines.shift()",
                vec![],
            ),
            ("juliet.lines.pop()", vec!["complete"]),
            ("romeo.lines.push({ ...romeo.lines[1] })", vec!["once"]),
            (
                "logs.juliet.push({ ...logs.juliet[0], pos: 3, id: 'x3' })",
                vec!["once"],
            ),
            ("juliet.lines.reverse()", vec!["order"]),
            (
                "[logs.juliet[0].pos, logs.juliet[1].pos] = [2, 1]; juliet.lines.reverse()",
                vec!["order"],
            ),
            ("romeo.lines[1].id = 'Q.b'", vec!["ids"]),
            (
                "logs.romeo[1].message = 'c'; logs.juliet[1].message = 'c'",
                vec!["ids"],
            ),
            ("logs.juliet.pop(); juliet.lines.pop()", vec!["acked"]),
            ("romeo.lines[1].mark = 'notsaved'", vec!["acked"]),
        ] {
            let seen = lab
                .script(&CALM.replace("PLANTED", planted), vec![])
                .await?;
            let seen: Vec<String> = serde_json::from_value(seen).context("red lights")?;
            ensure!(seen == red, "{planted}: {seen:?}");
        }
        Ok(())
    })
    .await
}
