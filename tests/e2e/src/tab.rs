//! One tab: what a person sees and does in it, and the network it has.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::proxy::Proxy;
use thirtyfour::{By, Key, TypingData, WebDriver, WindowHandle, error::WebDriverResult};

use crate::{browser::Session, wait_until};

/// A window of a profile with the proxy that its page was loaded through.
pub struct Tab {
    name: String,
    window: WindowHandle,
    proxy: Arc<Proxy>,
    session: Arc<Session>,
}

impl Tab {
    pub(crate) fn new(
        name: &str,
        window: WindowHandle,
        proxy: Arc<Proxy>,
        session: Arc<Session>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            window,
            proxy,
            session,
        }
    }

    /// Returns the name it was opened under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the network between page and server.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    pub(crate) fn shared_proxy(&self) -> Arc<Proxy> {
        Arc::clone(&self.proxy)
    }

    /// Does something with the remote control while this tab is in its hand.
    ///
    /// # Errors
    /// When `act` fails, or the tab is closed.
    pub async fn with<T>(
        &self,
        act: impl AsyncFnOnce(&WebDriver) -> WebDriverResult<T>,
    ) -> Result<T> {
        let _turn = self.session.turn.lock().await;
        let remote = &self.session.remote;
        remote
            .switch_to_window(self.window.clone())
            .await
            .with_context(|| format!("turning to tab {}", self.name))?;
        act(remote)
            .await
            .with_context(|| format!("in tab {}", self.name))
    }

    /// Loads a path of the server, with query and fragment.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn goto(&self, path: &str) -> Result<()> {
        let url = format!("{}{path}", self.proxy.origin());
        self.with(async |remote| remote.goto(url).await).await
    }

    /// Loads the page again.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn reload(&self) -> Result<()> {
        self.with(async |remote| remote.refresh().await).await
    }

    /// Clicks the first element that the CSS selector finds, once it is there and can be clicked.
    ///
    /// # Errors
    /// When it is not there within the time of [`wait_until`].
    pub async fn click(&self, css: &str) -> Result<()> {
        wait_until(&format!("{css} can be clicked"), async || {
            self.with(async |remote| remote.find(By::Css(css)).await?.click().await)
                .await
        })
        .await
    }

    /// Replaces what stands in a field, once it is there.
    ///
    /// # Errors
    /// When it is not there in time.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        wait_until(&format!("{css} can be filled"), async || {
            self.with(async |remote| {
                let field = remote.find(By::Css(css)).await?;
                field.clear().await?;
                field.send_keys(text).await
            })
            .await
        })
        .await
    }

    /// Types a line into a field and presses Enter.
    ///
    /// # Errors
    /// When the field is not there in time.
    pub async fn enter(&self, css: &str, line: &str) -> Result<()> {
        self.fill(css, line).await?;
        self.press(css, Key::Enter).await
    }

    /// Presses a key in a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn press(&self, css: &str, key: Key) -> Result<()> {
        self.with(async |remote| remote.find(By::Css(css)).await?.send_keys(key).await)
            .await
    }

    /// Presses keys wherever the focus is.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn keys(&self, keys: impl Into<TypingData>) -> Result<()> {
        let keys = keys.into();
        self.with(async |remote| remote.active_element().await?.send_keys(keys).await)
            .await
    }

    /// Waits until an element has the focus that the CSS selector finds.
    ///
    /// # Errors
    /// When it does not get it: what has it.
    pub async fn wait_for_focus(&self, css: &str) -> Result<()> {
        let script = "const at = document.activeElement;
            return at.matches(arguments[0]) ? '' : at.outerHTML.slice(0, 120)";
        wait_until(&format!("{css} has the focus"), async || {
            let other = self.script(script, vec![json!(css)]).await?;
            ensure!(other == "", "{other} has it");
            Ok(())
        })
        .await
    }

    /// Returns the visible texts of all elements that the selector finds, at one moment.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let script =
            "return [...document.querySelectorAll(arguments[0])].map(found => found.innerText)";
        let texts = self.script(script, vec![json!(css)]).await?;
        serde_json::from_value(texts).context("texts of a page")
    }

    /// Waits until the visible texts are these, no more and no less, in this order.
    ///
    /// # Errors
    /// When they are others to the end: those that were last seen.
    pub async fn wait_for_texts(&self, css: &str, wanted: &[impl AsRef<str>]) -> Result<()> {
        let wanted: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
        wait_until(
            &format!("{} shows {css} as {wanted:?}", self.name),
            async || {
                let seen = self.texts(css).await?;
                ensure!(seen == wanted, "it shows {seen:?}");
                Ok(())
            },
        )
        .await
    }

    /// Waits until the first element that the selector finds contains this text.
    ///
    /// # Errors
    /// When it does not to the end: what was last seen.
    pub async fn wait_for_text(&self, css: &str, part: &str) -> Result<()> {
        wait_until(
            &format!("{} shows {part:?} in {css}", self.name),
            async || {
                let seen = self.texts(css).await?;
                ensure!(
                    seen.first().is_some_and(|text| text.contains(part)),
                    "it shows {seen:?}"
                );
                Ok(())
            },
        )
        .await
    }

    /// Runs a script in the page, with `arguments`, and returns what it returns.
    ///
    /// # Errors
    /// When the script throws.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.with(async |remote| Ok(remote.execute(script, arguments).await?.json().clone()))
            .await
    }

    /// Runs a script at the start of every page that this tab loads from now on.
    ///
    /// # Errors
    /// When the browser does not take it.
    pub async fn on_every_page(&self, script: &str) -> Result<()> {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.with(async |remote| {
            let source = json!({ "source": script });
            remote.cdp().send_raw(command, source).await.map(drop)
        })
        .await
    }

    /// Has the page believe that it has the focus, as if each tab had a screen and a person of its own.
    pub(crate) async fn give_focus(&self) -> Result<()> {
        let command = "Emulation.setFocusEmulationEnabled";
        let enabled = json!({ "enabled": true });
        self.with(async |remote| remote.cdp().send_raw(command, enabled).await.map(drop))
            .await
    }

    /// Sets the size of the window, in CSS pixels.
    ///
    /// # Errors
    /// When the window cannot have it.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.with(async |remote| remote.set_window_rect(0, 0, width, height).await.map(drop))
            .await
    }

    /// Shows the page as on a screen of this size, however small, in CSS pixels.
    ///
    /// # Errors
    /// When the browser does not do it.
    pub async fn show_as(&self, width: u32, height: u32) -> Result<()> {
        let command = "Emulation.setDeviceMetricsOverride";
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.with(async |remote| remote.cdp().send_raw(command, size).await.map(drop))
            .await
    }

    /// Writes a picture to `target/e2e/NAME.png` and returns where that is.
    ///
    /// # Errors
    /// When there is no picture, or no place for it.
    pub async fn screenshot(&self, name: &str) -> Result<PathBuf> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = own.ancestors().nth(2).unwrap_or(own).join("target/e2e");
        fs::create_dir_all(&folder).context("making a folder for pictures")?;
        let path = folder.join(format!("{name}.png"));
        let picture = self
            .with(async |remote| remote.screenshot_as_png().await)
            .await?;
        fs::write(&path, picture).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Writes pictures `NAME-WIDTH-LOOK` as on a phone and on a desk, light and dark; the page stays as the last one.
    ///
    /// # Errors
    /// When there is no picture, or no place for it.
    pub async fn pictures(&self, name: &str) -> Result<()> {
        for (width, height) in [(360, 740), (1440, 900)] {
            self.show_as(width, height).await?;
            for look in ["light", "dark"] {
                self.look(look).await?;
                self.screenshot(&format!("{name}-{width}-{look}")).await?;
            }
        }
        Ok(())
    }

    /// Returns what the browser's consoles of this profile have said since the last call.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.with(async |remote| remote.browser_log().await).await?;
        Ok(entries
            .into_iter()
            .map(|entry| format!("{:?} {}", entry.level, entry.message))
            .collect())
    }

    /// Closes the tab.
    ///
    /// # Errors
    /// When it is closed already.
    pub async fn close(&self) -> Result<()> {
        self.with(async |remote| remote.close_window().await).await
    }

    /// Opens the page once more from within, and returns the window.
    pub(crate) async fn open_copy(&self) -> Result<WindowHandle> {
        let before = self.with(async |remote| remote.windows().await).await?;
        self.script("window.open(location.href)", Vec::new())
            .await?;
        wait_until("another window opens", async || {
            let now = self.with(async |remote| remote.windows().await).await?;
            now.into_iter()
                .find(|window| !before.contains(window))
                .context("no window yet")
        })
        .await
    }
}
