//! The harness itself, on a page of its own: tabs, profiles, networks and pictures are what they promise to be.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use e2e::{journey, wait_until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A list that grows by a line, kept in the storage of its origin.
const PAGE: &str = "<!doctype html><title>Verona</title><ul></ul><form><input><button>Say</button></form><script>
    const show = () => document.querySelector('ul').innerHTML =
        (localStorage.lines || '').split('|').filter(Boolean).map(line => `<li>${line}</li>`).join('');
    document.querySelector('form').onsubmit = event => {
        event.preventDefault();
        localStorage.lines = (localStorage.lines || '') + document.querySelector('input').value + '|';
        document.querySelector('input').value = '';
        show();
    };
    addEventListener('storage', show);
    show();
</script>";

async fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = peer.read(&mut request).await;
                let len = PAGE.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{PAGE}"
                );
                let _ = peer.write_all(answer.as_bytes()).await;
            });
        }
    });
    Ok(addr)
}

#[tokio::test]
async fn tabs_have_storage_and_network_of_their_own() -> Result<()> {
    let server = serve().await?;
    journey("harness", async |browser| {
        let romeo = browser.profile().await?;
        let phone = romeo.open("phone", server).await?;
        let hall = romeo.open("hall", server).await?;
        phone.enter("input", "Ay me").await?;
        phone.fill("input", "She speaks").await?;
        phone.click("button").await?;
        phone.wait_for_texts("li", &["Ay me", "She speaks"]).await?;
        hall.wait_for_texts("li", &[""; 0]).await?;
        let beside = romeo.open_beside("beside", &phone).await?;
        beside
            .wait_for_texts("li", &["Ay me", "She speaks"])
            .await?;

        phone.proxy().cut().await;
        let fetches = "return fetch('/').then(() => true, () => false)";
        ensure!(
            phone.script(fetches, vec![]).await? == false,
            "fetched through a cut network"
        );
        ensure!(
            hall.script(fetches, vec![]).await? == true,
            "cut the network of another tab"
        );
        phone.proxy().heal();
        wait_until("the network is back", async || {
            ensure!(phone.script(fetches, vec![]).await? == true, "not yet");
            Ok(())
        })
        .await?;
        phone.reload().await?;
        phone.wait_for_texts("li", &["Ay me", "She speaks"]).await?;

        phone
            .script("sessionStorage.device = 'one'", vec![])
            .await?;
        let twin = romeo.duplicate("twin", &phone).await?;
        ensure!(
            twin.script("return sessionStorage.device", vec![]).await? == "one",
            "no duplicate"
        );
        twin.close().await?;
        ensure!(
            twin.texts("li").await.is_err(),
            "a closed tab shows something"
        );
        phone.resize(400, 800).await?;
        let picture = std::fs::read(phone.screenshot("harness").await?)?;
        ensure!(picture.starts_with(b"\x89PNG"), "no picture");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn profiles_share_nothing_even_behind_one_network() -> Result<()> {
    let server = serve().await?;
    journey("profiles", async |browser| {
        let (romeo, juliet) = (browser.profile().await?, browser.profile().await?);
        let phone = romeo.open("phone", server).await?;
        phone.enter("input", "Ay me").await?;
        phone.wait_for_text("li", "Ay").await?;
        let hall = juliet.open_beside("hall", &phone).await?;
        hall.wait_for_texts("li", &[""; 0]).await
    })
    .await
}

#[tokio::test]
async fn a_journey_that_fails_leaves_pictures_and_says_what_it_saw() -> Result<()> {
    let server = serve().await?;
    let outcome = journey("failing", async |browser| {
        let phone = browser.profile().await?.open("phone", server).await?;
        let short = std::time::Duration::from_millis(50);
        e2e::wait_until_within(short, "juliet answers", async || {
            let seen = phone.texts("li").await?;
            ensure!(seen.len() == 1, "it shows {seen:?}");
            Ok(())
        })
        .await
    })
    .await;
    let failure = format!("{:#}", outcome.expect_err("nobody answers"));
    ensure!(
        failure.contains("until juliet answers: it shows []"),
        "{failure}"
    );
    let picture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/e2e/failing-failed-phone.png"
    );
    ensure!(std::path::Path::new(picture).exists(), "no picture");
    Ok(())
}
