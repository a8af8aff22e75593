//! Romeo and Juliet, two tabs each, one complete conversation.

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, PASSWORD, ROMEO, serve};
use e2e::{Tab, journey, wait_until};
use support::server::{Options, TestServer};

/// All tabs show the same texts, and tabs of one account the same ids.
async fn all_show(tabs: &[&Tab], wanted: &[&str]) -> Result<()> {
    let mut ids: Vec<(bool, Vec<String>)> = Vec::new();
    for tab in tabs {
        let lines = tab.wait_for_lines(wanted).await?;
        let own_first = lines.first().is_some_and(|line| line.own);
        ids.push((
            own_first,
            lines.into_iter().map(|line| line.archive_id).collect(),
        ));
    }
    for (account, list) in &ids {
        ensure!(
            list.iter().all(|id| !id.is_empty()),
            "a line without an id: {list:?}"
        );
        let twin = ids
            .iter()
            .find(|(other, _)| other == account)
            .map(|(_, list)| list);
        ensure!(
            twin == Some(list),
            "two devices of one account disagree: {ids:?}"
        );
    }
    Ok(())
}

// proves: AU-19 S11-25 S11-50 S11-52 S11-53 S11-55 SM-10 SM-11 WS-19 MAM-28 AU-32
#[tokio::test]
async fn four_tabs_show_one_conversation_through_reloads_cuts_and_new_devices() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("first-light", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        hall.sign_in("juliet", PASSWORD).await?;
        phone.add_contact("juliet").await?;
        hall.accept(ROMEO).await?;

        // A second tab of the same browser needs no password, and is a device of its own.
        let desk = romeo.open_beside("desk", &phone).await?;
        desk.wait_for_status("live").await?;
        ensure!(
            phone.device().await? != desk.device().await?,
            "two tabs are one device"
        );
        let tower = juliet.open("tower", server.addr()).await?;
        tower.sign_in("juliet", PASSWORD).await?;

        // One answer makes both contacts: nobody is left to be answered.
        let requests = phone.texts("[data-testid=request-accept]").await?;
        ensure!(requests.is_empty(), "the one who asked is asked back");

        let tabs = [&*phone, &*desk, &*hall, &*tower];
        for tab in [&phone, &desk] {
            tab.open_chat(JULIET).await?;
        }
        for tab in [&hall, &tower] {
            tab.open_chat(ROMEO).await?;
        }
        phone.say("But soft, what light").await?;
        hall.wait_for_line("But soft, what light").await?;
        hall.say("Ay me").await?;
        desk.wait_for_line("Ay me").await?;
        desk.say("She speaks").await?;
        tower.wait_for_line("She speaks").await?;
        tower.say("O Romeo, Romeo").await?;
        let mut wanted = vec![
            "But soft, what light",
            "Ay me",
            "She speaks",
            "O Romeo, Romeo",
        ];
        all_show(&tabs, &wanted).await?;

        // One is cut from the network while the others talk, and writes meanwhile; one reloads.
        tower.proxy().cut().await;
        phone.say("Shall I hear more").await?;
        hall.wait_for_line("Shall I hear more").await?;
        tower.say("written while cut off").await?;
        tower.wait_for_line("written while cut off").await?;
        hall.reload().await?;
        hall.wait_for_line("Shall I hear more").await?;
        hall.say("What's in a name").await?;
        phone.wait_for_line("What's in a name").await?;
        tower.proxy().heal();
        phone.wait_for_line("written while cut off").await?;
        wanted.extend([
            "Shall I hear more",
            "What's in a name",
            "written while cut off",
        ]);
        all_show(&tabs, &wanted).await?;

        // One is closed, and a device that nobody knew signs in and finds everything.
        desk.close().await?;
        let fresh = romeo.open("fresh", server.addr()).await?;
        fresh.sign_in("romeo", PASSWORD).await?;
        fresh.open_chat(JULIET).await?;
        let tabs = [&*phone, &*fresh, &*hall, &*tower];
        all_show(&tabs, &wanted).await?;
        // The slot that was closed is opened again, with its history.
        let again = romeo.open_beside("again", &phone).await?;
        again.wait_for_status("live").await?;
        again.open_chat(JULIET).await?;
        all_show(&[&*phone, &*again], &wanted).await?;
        for tab in tabs {
            tab.screenshot(&format!("first-light-{}", tab.name()))
                .await?;
        }
        Ok(())
    })
    .await
}

// proves: S11-20 S11-25 SM-24 P6
#[tokio::test]
async fn a_server_that_dies_under_typing_loses_nothing_and_doubles_nothing() -> Result<()> {
    let mut server = serve(Options::default()).await?;
    let address = server.addr();
    journey("server-dies", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", address).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        let hall = juliet.open("hall", address).await?;
        hall.sign_in("juliet", PASSWORD).await?;
        phone.add_contact("juliet").await?;
        hall.accept(ROMEO).await?;
        phone.open_chat(JULIET).await?;
        hall.open_chat(ROMEO).await?;
        phone.say("one").await?;
        hall.wait_for_line("one").await?;
        phone.say("two").await?;
        server.kill9().await?;
        phone.say("three").await?;
        phone.wait_for_line("three").await?;
        server.restart().await?;
        all_show(&[&*phone, &*hall], &["one", "two", "three"]).await
    })
    .await
}

/// A page that can never connect: what it shows is what it kept.
const NO_SOCKET: &str =
    "if (sessionStorage.noSocket) globalThis.WebSocket = class extends EventTarget {
    constructor() { super(); this.readyState = 0; } close() {} send() {} }";

// proves: S11-50 SM-11
#[tokio::test]
async fn a_reload_shows_history_and_what_waits_before_any_socket_opens() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("reload", async |browser| {
        let profile = browser.profile().await?;
        let phone = profile.open("phone", server.addr()).await?;
        phone.on_every_page(NO_SOCKET).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.add_contact("juliet").await?;
        phone.open_chat(JULIET).await?;
        phone.say("archived").await?;
        phone.wait_for_lines(&["archived"]).await?;
        phone.script("sessionStorage.noSocket = 1", vec![]).await?;
        phone.reload().await?;
        phone.wait_for_line("archived").await?;
        phone.say("written without a network").await?;
        phone.reload().await?;
        phone.wait_for_line("written without a network").await?;
        let marks: Vec<_> = phone
            .lines()
            .await?
            .into_iter()
            .map(|line| line.mark)
            .collect();
        ensure!(marks == ["archived", "waiting"], "it shows {marks:?}");
        phone.screenshot("reload-offline").await?;
        phone
            .script("sessionStorage.removeItem('noSocket')", vec![])
            .await?;
        phone.reload().await?;
        phone
            .wait_for_lines(&["archived", "written without a network"])
            .await
            .map(drop)
    })
    .await
}

// proves: AU-19
#[tokio::test]
async fn a_duplicated_tab_is_a_device_of_its_own_and_a_reload_is_not() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("duplicate", async |browser| {
        let profile = browser.profile().await?;
        let phone = profile.open("phone", server.addr()).await?;
        phone.sign_in("romeo", PASSWORD).await?;
        phone.add_contact("juliet").await?;
        phone.open_chat(JULIET).await?;
        phone.say("before").await?;
        phone.wait_for_lines(&["before"]).await?;
        let twin = profile.duplicate("twin", &phone).await?;
        twin.wait_for_status("live").await?;
        let (first, second) = (phone.device().await?, twin.device().await?);
        ensure!(first != second, "both are device {first}");
        phone.reload().await?;
        phone.wait_for_status("live").await?;
        ensure!(
            phone.device().await? == first,
            "a reload made another device"
        );
        twin.wait_for_lines(&["before"]).await?;
        phone.say("after").await?;
        all_show(&[&*phone, &*twin], &["before", "after"]).await
    })
    .await
}

// proves: RG-02 RG-10 SEC-52
#[tokio::test]
async fn the_printed_link_makes_the_first_account_once() -> Result<()> {
    let server = TestServer::start().await?;
    // The link is printed behind the address that the server was waited for by.
    let token = wait_until("the set-up link is printed", async || {
        let log = server.log();
        let mut links = log.lines().filter_map(|line| line.split_once("/#setup="));
        let link = links.next().context("no link yet")?;
        Ok(link.1.trim().to_owned())
    })
    .await?;
    journey("set-up", async |browser| {
        let profile = browser.profile().await?;
        let tab = profile
            .open_path("first", server.addr(), &format!("/#setup={token}"))
            .await?;
        tab.fill("[data-testid=setup-name]", "benvolio").await?;
        tab.fill("[data-testid=setup-password]", PASSWORD).await?;
        tab.screenshot("set-up").await?;
        tab.click("[data-testid=setup-submit]").await?;
        tab.wait_for_status("live").await?;
        tab.screenshot("set-up-empty").await?;
        // The secret went nowhere but into the stream: not into the address, a request, or the server's log.
        let told = "return [location.href, document.referrer,
            ...performance.getEntries().map(entry => entry.name)].filter(text => text.includes(arguments[0])
            && !text.includes('/#setup='))";
        let told = tab.script(told, vec![serde_json::json!(token)]).await?;
        ensure!(told == serde_json::json!([]), "{told}");
        let address = tab.script("return location.href", vec![]).await?;
        ensure!(!address.to_string().contains(&token), "{address}");
        let logged = server.log().matches(&token).count();
        ensure!(logged == 1, "beside the printed link it is in the log {logged} times");
        let other = browser.profile().await?;
        let second = other
            .open_path("second", server.addr(), &format!("/#setup={token}"))
            .await?;
        second.fill("[data-testid=setup-name]", "tybalt").await?;
        second
            .fill("[data-testid=setup-password]", PASSWORD)
            .await?;
        second.click("[data-testid=setup-submit]").await?;
        second.wait_for_text("[data-testid=error]", "").await?;
        second.screenshot("set-up-used").await.map(drop)
    })
    .await
}
