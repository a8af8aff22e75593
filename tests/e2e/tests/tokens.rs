//! What a browser keeps to sign in again, and how it does.

use anyhow::{Context as _, Result, ensure};
use e2e::people::{PASSWORD, serve};
use e2e::{Tab, journey};
use support::server::Options;

/// Everything that the origin keeps, as text.
const KEPT: &str = r"
return (async () => {
  const done = (request) => new Promise((ok, no) => {
    request.onsuccess = () => ok(request.result);
    request.onerror = () => no(request.error);
  });
  const show = (_, value) => {
    if (value instanceof CryptoKey) return `key, extractable: ${value.extractable}`;
    if (value instanceof Uint8Array) return new TextDecoder().decode(value);
    return value;
  };
  const kept = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const db = await done(indexedDB.open(name));
    for (const store of db.objectStoreNames) {
      const rows = await done(db.transaction(store).objectStore(store).getAll());
      kept.push(`${name} ${store} ${JSON.stringify(rows, show)}`);
    }
    db.close();
  }
  return kept.join('\n');
})();";

/// Lets every page note the frames that it sends.
const NOTE_FRAMES: &str = r"
window.sentFrames = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (frame) {
  window.sentFrames.push(String(frame));
  return send.call(this, frame);
};";

async fn kept(tab: &Tab) -> Result<String> {
    let kept = tab.script(KEPT, vec![]).await?;
    Ok(kept.as_str().context("nothing is kept")?.to_owned())
}

async fn sent(tab: &Tab) -> Result<Vec<String>> {
    let frames = tab.script("return window.sentFrames", vec![]).await?;
    Ok(serde_json::from_value(frames)?)
}

// proves: AU-03 AU-32 WS-12 WS-19
#[tokio::test]
async fn a_reload_signs_in_by_token_in_one_exchange_and_no_password_is_kept() -> Result<()> {
    let server = serve(Options::default()).await?;
    journey("tokens", async |browser| {
        let profile = browser.profile().await?;
        let tab = profile.open("first", server.addr()).await?;
        tab.sign_in("romeo", PASSWORD).await?;
        let at_rest = kept(&tab).await?;
        ensure!(!at_rest.contains(PASSWORD), "the password is kept");
        ensure!(
            at_rest.contains("\"token\":{\"secret\":"),
            "no token: {at_rest}"
        );
        ensure!(
            at_rest.contains("key, extractable: false"),
            "no key for new tabs"
        );
        ensure!(
            !at_rest.contains("extractable: true"),
            "a key can be read out"
        );

        tab.on_every_page(NOTE_FRAMES).await?;
        tab.reload().await?;
        tab.wait_for_status("live").await?;
        let frames = sent(&tab).await?;
        let [open, login, ..] = frames.as_slice() else {
            anyhow::bail!("only {frames:?}")
        };
        ensure!(open.starts_with("<open "), "{open}");
        ensure!(login.contains("mechanism='HT-SHA-256-NONE'"), "{login}");
        ensure!(login.contains("<resume "), "{login}");
        let more = frames.iter().skip(2);
        let more = more.filter(|frame| frame.starts_with("<auth") || frame.contains("<response"));
        ensure!(more.count() == 0, "more than one exchange: {frames:?}");

        // A new tab of the same browser has the key, and from then on a token of its own.
        let beside = profile.open_beside("second", &tab).await?;
        beside.wait_for_status("live").await?;
        let at_rest = kept(&beside).await?;
        let tokens = at_rest.matches("\"token\":{\"secret\":").count();
        ensure!(tokens == 2, "{tokens} tokens of two devices: {at_rest}");
        Ok(())
    })
    .await
}
