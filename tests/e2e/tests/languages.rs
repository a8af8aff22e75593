//! The client's languages: each complete, chosen at once, and nothing on a page that comes from no file of texts.

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, befriend, serve};
use e2e::{Tab, journey, wait_until};
use serde_json::json;
use support::server::Options;

/// The language that nobody speaks: every text of the files stands in brackets.
const NOBODYS: &str = "x-rtl";

/// All words on the page that stand in no brackets, but for what people wrote, times, addresses and names of languages and keys.
const STRANGE: &str = "
    const theirs = '[dir=auto], time, .affix, .avatar, .address, option, kbd, [data-testid=device-slot], script';
    const is_strange = text => /\\p{L}/u.test(text) && !text.includes('⟦');
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (is_strange(node.data) && !node.parentElement.closest(theirs)) found.push(node.data);
    }
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
        for (const element of document.querySelectorAll(`[${name}]`)) {
            const text = element.getAttribute(name);
            if (is_strange(text) && !element.closest(theirs)) found.push(`${name}=${text}`);
        }
    }
    return found";

/// The page speaks as a language does that was chosen before it was loaded.
async fn speak(tab: &Tab, language: &str) -> Result<()> {
    let keep = "localStorage.setItem('balcony:language', arguments[0])";
    tab.script(keep, vec![json!(language)]).await?;
    tab.reload().await
}

async fn says_nothing_strange(tab: &Tab, at: &str) -> Result<()> {
    wait_until(&format!("all of {at} comes from the files"), async || {
        let shown = tab.texts("main").await?.join(" ");
        ensure!(shown.contains('⟦'), "there is nothing yet: {shown}");
        let strange = tab.script(STRANGE, vec![]).await?;
        let strange = strange.as_array().context("a list")?.clone();
        ensure!(strange.is_empty(), "strange: {strange:?}");
        Ok(())
    })
    .await
}

async fn root(tab: &Tab) -> Result<String> {
    let script = "const root = document.documentElement; return root.lang + ' ' + root.dir";
    let seen = tab.script(script, vec![]).await?;
    Ok(seen.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_text_comes_from_the_files_and_mirrors() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("nobodys-language", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        speak(&phone, NOBODYS).await?;
        says_nothing_strange(&phone, "the sign-in page").await?;
        ensure!(root(&phone).await? == "x-rtl rtl");
        phone.pictures("rtl-sign-in").await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        says_nothing_strange(&phone, "the list").await?;
        phone.open_chat(JULIET).await?;
        phone.say("But soft").await?;
        phone.wait_for_lines(&["But soft"]).await?;
        says_nothing_strange(&phone, "the conversation").await?;
        phone.pictures("rtl-chat").await?;
        phone.click("[data-testid=menu-open]").await?;
        says_nothing_strange(&phone, "the menu").await?;
        phone.click("[data-testid=settings-open]").await?;
        phone.wait_for_text("h1", "⟦Séttíngs⟧").await?;
        says_nothing_strange(&phone, "the settings").await?;
        phone.click("[data-testid=shortcuts-open]").await?;
        says_nothing_strange(&phone, "the shortcuts").await?;
        phone.pictures("rtl-shortcuts").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn another_language_is_spoken_at_once_and_kept() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("languages", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server.addr()).await?;
        let hall = juliet.open("hall", server.addr()).await?;
        befriend(&phone, &hall).await?;
        ensure!(root(&phone).await? == "en ltr");
        phone.open_chat(JULIET).await?;
        phone.say("But soft").await?;
        phone.wait_for_lines(&["But soft"]).await?;
        phone.fill("[data-testid=composer]", "what light").await?;
        phone.goto("/#/settings").await?;
        let german = "[data-testid=language] option[value=de]";
        phone.click(german).await?;
        phone.wait_for_text("h1", "Einstellungen").await?;
        phone.wait_for_focus("[data-testid=language]").await?;
        phone.pictures("german-settings").await?;
        phone.open_chat(JULIET).await?;
        for again in [false, true] {
            if again {
                phone.reload().await?;
            }
            phone.wait_for_text("#list", "Neuer Chat").await?;
            ensure!(root(&phone).await? == "de ltr");
            phone.wait_for_lines(&["But soft"]).await?;
            let field = "return document.querySelector('[data-testid=composer]').value";
            let draft = phone.script(field, vec![]).await?;
            ensure!(draft == "what light", "the draft is {draft}");
        }
        phone.pictures("german").await?;
        Ok(())
    })
    .await
}
