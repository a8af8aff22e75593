//! What people say of lines that are there already: by mouse and by keyboard, the same on every device.

#![allow(
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

use anyhow::{Context as _, Result, ensure};
use e2e::people::{JULIET, PASSWORD, ROMEO, befriend, serve};
use e2e::thirtyfour::{By, Key};
use e2e::{Browser, Profile, Tab, journey, wait_until};
use serde_json::json;
use support::server::Options;

/// Each line as `text`, then ` (edited)`, ` < answered` and ` + reactions` where there are.
const LOOKS: &str = "return [...document.querySelectorAll('[data-testid=line]')].map(line => {
    const one = css => line.querySelector(css)?.textContent.trim() ?? '';
    const all = [...line.querySelectorAll('[data-testid=reaction]')];
    const with_ = all.map(pill => pill.dataset.emoji).sort().join(' ');
    return one('.said, .tombstone')
        + (one('[data-testid=edited]') && ' (edited)')
        + (one('[data-testid=quote] span') && ' < ' + one('[data-testid=quote] span'))
        + (with_ && ' + ' + with_);
})";

async fn looks(tab: &Tab) -> Result<Vec<String>> {
    let looks = tab.script(LOOKS, vec![]).await?;
    serde_json::from_value(looks).context("lines of a page")
}

async fn wait_for_looks(tab: &Tab, wanted: &[&str]) -> Result<()> {
    wait_until(&format!("{} shows {wanted:?}", tab.name()), async || {
        let seen = looks(tab).await?;
        ensure!(seen == wanted, "it shows {seen:?}");
        Ok(())
    })
    .await
}

/// Moves the mouse over the line with this number and presses its button.
async fn open_menu(tab: &Tab, at: usize) -> Result<()> {
    wait_until("the menu of a line opens", async || {
        tab.with(async |remote| {
            let lines = remote.find_all(By::Css("[data-testid=line]")).await?;
            let bubble = lines[at].find(By::Css(".bubble")).await?;
            bubble.scroll_into_view().await?;
            let hover = remote.action_chain().move_to_element_center(&bubble);
            hover.perform().await?;
            let button = lines[at].find(By::Css("[data-testid=line-more]")).await?;
            button.click().await
        })
        .await
    })
    .await
}

async fn choose(tab: &Tab, at: usize, item: &str) -> Result<()> {
    open_menu(tab, at).await?;
    tab.click(&format!("[data-testid={item}]")).await
}

/// Presses keys on whatever has the focus.
async fn press(tab: &Tab, keys: &[&str]) -> Result<()> {
    for key in keys {
        tab.with(async |remote| remote.action_chain().send_keys(*key).perform().await)
            .await?;
    }
    Ok(())
}

fn key(key: Key) -> String {
    key.value().to_string()
}

/// What has the focus: its test id, or the number of the line.
async fn wait_for_focus(tab: &Tab, wanted: &str) -> Result<()> {
    let script = "const active = document.activeElement;
        const lines = [...document.querySelectorAll('[data-testid=line]')];
        const at = lines.indexOf(active);
        return at < 0 ? active.dataset.testid ?? active.textContent : 'line ' + at";
    wait_until(&format!("{wanted} has the focus"), async || {
        let seen = tab.script(script, vec![]).await?;
        ensure!(seen == wanted, "it is {seen}");
        Ok(())
    })
    .await
}

/// Romeo's phone, Juliet's hall, and her tower that was there and is not any more; both look at each other's lines.
async fn gather<'a>(
    browser: &'a Browser,
    addr: std::net::SocketAddr,
) -> Result<(Profile<'a>, Tabs)> {
    let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
    let phone = romeo.open("phone", addr).await?;
    let hall = juliet.open("hall", addr).await?;
    befriend(&phone, &hall).await?;
    let tower = juliet.open("tower", addr).await?;
    tower.sign_in("juliet", PASSWORD).await?;
    tower.open_chat(ROMEO).await?;
    phone.open_chat(JULIET).await?;
    hall.open_chat(ROMEO).await?;
    phone.say("But soft what light").await?;
    phone.say("It is the east").await?;
    wait_for_looks(&hall, &["But soft what light", "It is the east"]).await?;
    wait_for_looks(&tower, &["But soft what light", "It is the east"]).await?;
    tower.proxy().cut().await;
    hall.say("Ay me").await?;
    hall.say("*O* Romeo, see https://localhost/verona").await?;
    let said = [
        "But soft what light",
        "It is the east",
        "Ay me",
        "O Romeo, see https://localhost/verona",
    ];
    wait_for_looks(&phone, &said).await?;
    Ok((juliet, Tabs { phone, hall, tower }))
}

/// The network is there again, and the browser says so.
async fn come_back(tab: &Tab) -> Result<()> {
    tab.proxy().heal();
    tab.script("window.dispatchEvent(new Event('online'))", vec![])
        .await?;
    tab.wait_for_status("live").await
}

/// Who looks.
struct Tabs {
    phone: std::sync::Arc<Tab>,
    hall: std::sync::Arc<Tab>,
    tower: std::sync::Arc<Tab>,
}

// proves: IM-10 IM-11 IM-13 IM-14 IM-22
#[tokio::test]
async fn what_is_said_of_lines_by_mouse_is_the_same_on_a_device_that_was_away() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("saying", async |browser| {
        let (_juliet, Tabs { phone, hall, tower }) = gather(browser, server.addr()).await?;
        // Only the last own line is offered to be corrected.
        open_menu(&phone, 0).await?;
        ensure!(phone.texts("[data-testid=menu-edit]").await?.is_empty());
        phone.is_for_everybody("line-menu").await?;
        phone.script("document.querySelector('[data-testid=line-menu]').hidePopover()", vec![]).await?;
        choose(&phone, 1, "menu-edit").await?;
        phone.wait_for_text("[data-testid=saying-bar]", "Edit message").await?;
        phone.fill("[data-testid=composer]", "It is the east, and Juliet is the sun").await?;
        phone.press("[data-testid=composer]", Key::Enter).await?;
        choose(&hall, 0, "menu-react").await?;
        choose(&hall, 0, "menu-emojis").await?;
        hall.wait_for_text("[data-testid=emoji-picker]", "Faces").await?;
        hall.is_for_everybody("emoji-picker").await?;
        hall.click("[data-testid=emoji-picker] .emojis:last-of-type button:last-of-type").await?;
        choose(&hall, 1, "menu-reply").await?;
        hall.wait_for_text("[data-testid=saying-bar]", "It is the east").await?;
        hall.is_for_everybody("answering").await?;
        hall.say("Wherefore art thou Romeo?").await?;
        choose(&hall, 2, "menu-delete").await?;
        hall.is_for_everybody("deleting").await?;
        hall.click("[data-testid=delete-confirm]").await?;
        phone.click("[data-testid=reaction]").await?;
        let wanted = [
            "But soft what light + 👍 📣",
            "It is the east, and Juliet is the sun (edited)",
            "Message deleted",
            "O Romeo, see https://localhost/verona",
            "Wherefore art thou Romeo? < It is the east, and Juliet is the sun",
        ];
        for tab in [&phone, &hall] {
            wait_for_looks(tab, &wanted).await?;
        }
        let pressed = "[data-testid=reaction][aria-pressed=true]";
        phone.wait_for_texts(pressed, &["👍\n2"]).await?;
        come_back(&tower).await?;
        wait_for_looks(&tower, &wanted).await?;
        tower.wait_for_texts(pressed, &["👍\n2", "📣"]).await?;
        let label = tower
            .script("return document.querySelector('[data-testid=reaction]').getAttribute('aria-label')", vec![])
            .await?;
        ensure!(label == "👍: You and romeo", "it is called {label}");
        // The quote leads to the line, and the word to what it was.
        phone.click("[data-testid=quote]").await?;
        wait_for_focus(&phone, "line 1").await?;
        phone.pictures("jumped").await?;
        phone.show_as(1280, 800).await?;
        phone.click("[data-testid=edited]").await?;
        phone.wait_for_text("[data-testid=versions]", "It is the east\n").await?;
        phone.is_for_everybody("earlier-versions").await
    })
    .await
}

// proves: IM-10 IM-13 IM-14 IM-22
#[tokio::test]
async fn what_is_said_of_lines_by_keyboard_is_the_same_on_a_device_that_was_away() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("saying-by-keys", async |browser| {
        let (_juliet, Tabs { phone, hall, tower }) = gather(browser, server.addr()).await?;
        let [enter, up, down, end, escape, tab] = [
            Key::Enter,
            Key::Up,
            Key::Down,
            Key::End,
            Key::Escape,
            Key::Tab,
        ]
        .map(key);
        // The field has the focus; up edits the last own line, Escape leaves it as it was.
        hall.script(
            "document.querySelector('[data-testid=composer]').focus()",
            vec![],
        )
        .await?;
        press(&hall, &[&up]).await?;
        hall.wait_for_text("[data-testid=saying-bar]", "Edit message")
            .await?;
        press(&hall, &[&escape]).await?;
        hall.wait_for_texts("[data-testid=saying-bar]", &[""; 0])
            .await?;
        wait_for_focus(&hall, "composer").await?;
        press(&hall, &[&up]).await?;
        hall.wait_for_text("[data-testid=saying-bar]", "Edit message")
            .await?;
        press(&hall, &[&end, "!", &enter]).await?;
        // From line to line, and from item to item.
        hall.script(
            "document.querySelector('[data-testid=timeline]').focus()",
            vec![],
        )
        .await?;
        press(&hall, &[&up, &up, &up]).await?;
        wait_for_focus(&hall, "line 1").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "menu-react").await?;
        press(&hall, &[&down, &enter]).await?;
        wait_for_focus(&hall, "line 1").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "menu-react").await?;
        press(&hall, &[&escape]).await?;
        wait_for_focus(&hall, "line 1").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "menu-react").await?;
        press(&hall, &[&down; 7].map(String::as_str)).await?;
        wait_for_focus(&hall, "menu-reply").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "composer").await?;
        press(&hall, &["Wherefore art thou Romeo?", &enter]).await?;
        hall.script(
            "document.querySelector('[data-testid=timeline]').focus()",
            vec![],
        )
        .await?;
        press(&hall, &[&up, &up, &up]).await?;
        wait_for_focus(&hall, "line 2").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "menu-react").await?;
        press(&hall, &[&end]).await?;
        wait_for_focus(&hall, "menu-delete").await?;
        press(&hall, &[&enter]).await?;
        wait_for_focus(&hall, "Cancel").await?;
        press(&hall, &[&tab, &enter]).await?;
        wait_for_focus(&hall, "line 2").await?;
        let wanted = [
            "But soft what light",
            "It is the east + ❤️",
            "Message deleted",
            "O Romeo, see https://localhost/verona! (edited)",
            "Wherefore art thou Romeo? < It is the east",
        ];
        for tab in [&phone, &hall] {
            wait_for_looks(tab, &wanted).await?;
        }
        come_back(&tower).await?;
        wait_for_looks(&tower, &wanted).await
    })
    .await
}

// proves: IM-08 IM-09 IM-21 IM-18 SEC-60
#[tokio::test]
async fn texts_have_a_look_and_who_writes_is_seen_writing() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("texts", async |browser| {
        let (_juliet, Tabs { phone, hall, .. }) = gather(browser, server.addr()).await?;
        hall.fill("[data-testid=composer]", "I shall").await?;
        phone
            .wait_for_texts("[data-testid=chat-detail]", &["writing…"])
            .await?;
        hall.press("[data-testid=composer]", Key::Enter).await?;
        phone
            .wait_for_texts("[data-testid=chat-detail]", &["Online"])
            .await?;
        let script = "const field = document.querySelector('[data-testid=composer]');
            field.value = arguments[0];
            field.dispatchEvent(new InputEvent('input', { bubbles: true }))";
        for text in [
            "/me sighs",
            "> speak again, *bright* angel\n```\nfn main() {}\n```\n_so_ ~not~ `so`",
            "javascript:alert(1) https://xn--bcher-kva.example/ https://bücher.example/a",
            &"a very long line of words ".repeat(120),
        ] {
            hall.script(script, vec![json!(text)]).await?;
            hall.press("[data-testid=composer]", Key::Enter).await?;
        }
        phone
            .wait_for_text("[data-testid=show-more]", "Show more")
            .await?;
        let links = "return [...document.querySelectorAll('.said a')].map(link =>
            [link.getAttribute('href'), link.rel, link.target].join(' ')).slice(1)";
        let links = phone.script(links, vec![]).await?;
        let rest = "noopener noreferrer _blank";
        let wanted = [
            format!("https://xn--bcher-kva.example/ {rest}"),
            format!("https://bücher.example/a {rest}"),
        ];
        ensure!(links == json!(wanted), "they are {links}");
        phone
            .wait_for_texts(".host", &[" (xn--bcher-kva.example)"])
            .await?;
        phone.wait_for_texts(".action b", &["juliet "]).await?;
        phone.wait_for_texts(".action p", &["sighs"]).await?;
        phone
            .wait_for_texts(".said blockquote strong", &["bright"])
            .await?;
        phone.wait_for_texts(".said pre", &["fn main() {}"]).await?;
        phone.pictures("texts").await
    })
    .await
}
