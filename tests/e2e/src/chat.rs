//! What a person does and sees in Balcony's own pages.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Tab, wait_until, wait_until_within};

/// One line as a tab shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The text.
    pub text: String,
    /// `waiting`, `archived`, `received`, `read`, `notsaved`, `notkept`, `failed`, `filling` or `gap`.
    pub mark: String,
    /// Whether this account wrote it.
    pub own: bool,
    /// Its id in the account's archive; empty if it has none.
    pub archive_id: String,
}

/// Longest time for a page with compiled code to come up on a busy machine.
const START: std::time::Duration = std::time::Duration::from_secs(60);

const LINES: &str = "return [...document.querySelectorAll('[data-testid=line]')].map(line => [
    line.querySelector('p')?.textContent ?? '', line.dataset.mark,
    line.dataset.own === 'true', line.dataset.archiveId ?? ''])";

/// Goes from the start to the end, less than two screens a step, and gives every line that comes to the page, once each.
const EVERY_LINE: &str = "const done = arguments[arguments.length - 1];
    const box = document.querySelector('[data-testid=timeline]');
    const frames = async () => { for (let n = 0; n < 2; n += 1) await new Promise(requestAnimationFrame); };
    const seen = new Map();
    const look = () => {
        for (const line of document.querySelectorAll('[data-testid=line]')) {
            seen.set(line.dataset.key, [line.querySelector('p')?.textContent ?? '', line.dataset.mark,
                line.dataset.own === 'true', line.dataset.archiveId ?? '']);
        }
    };
    (async () => {
        // The line with the focus is on the page wherever the view is.
        document.activeElement.blur();
        box.scrollTop = 0;
        await frames();
        look();
        while (box.scrollTop + box.clientHeight < box.scrollHeight - 1) {
            box.scrollTop += 1.5 * box.clientHeight;
            await frames();
            look();
        }
        done([...seen.values()]);
    })();";

impl Tab {
    /// Signs in by name and password and waits until everything is known.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<()> {
        wait_until_within(START, "the app is up", async || {
            ensure!(
                !self.texts("[data-testid=sign-in-name]").await?.is_empty(),
                "no field for the name"
            );
            Ok(())
        })
        .await?;
        self.fill("[data-testid=sign-in-name]", name).await?;
        self.fill("[data-testid=sign-in-password]", password)
            .await?;
        self.click("[data-testid=sign-in-submit]").await?;
        self.wait_for_status("live").await
    }

    /// Waits until the status strip is in a state.
    ///
    /// # Errors
    /// When it does not get there: the state it was last in.
    pub async fn wait_for_status(&self, state: &str) -> Result<()> {
        let script =
            "return document.querySelector('[data-testid=status]')?.dataset.state ?? 'no strip'";
        wait_until_within(START, &format!("{} is {state}", self.name()), async || {
            let seen = self.script(script, vec![]).await?;
            ensure!(seen == state, "it is {seen}");
            Ok(())
        })
        .await
    }

    /// Asks a person to become a contact.
    ///
    /// # Errors
    /// When the form is not there.
    pub async fn add_contact(&self, name: &str) -> Result<()> {
        self.click("[data-testid=add-contact-open]").await?;
        self.fill("[data-testid=add-contact-input]", name).await?;
        self.click("[data-testid=add-contact-submit]").await
    }

    /// Accepts the request of a person.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn accept(&self, peer: &str) -> Result<()> {
        self.click(&format!("[data-testid=request-accept][data-peer='{peer}']"))
            .await
    }

    /// Opens the conversation with a person.
    ///
    /// # Errors
    /// When the list does not show it in time.
    pub async fn open_chat(&self, peer: &str) -> Result<()> {
        self.click(&format!("[data-testid=chat-item][data-peer='{peer}']"))
            .await?;
        wait_until("the composer is there", async || {
            ensure!(
                !self.texts("[data-testid=composer]").await?.is_empty(),
                "no composer"
            );
            Ok(())
        })
        .await
    }

    /// Writes a line and presses Enter.
    ///
    /// # Errors
    /// When there is no composer.
    pub async fn say(&self, line: &str) -> Result<()> {
        self.enter("[data-testid=composer]", line).await
    }

    /// The lines of the open conversation, as shown at one moment.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn lines(&self) -> Result<Vec<Shown>> {
        shown(self.script(LINES, vec![]).await?)
    }

    /// All loaded lines of the open conversation: of a long one only those near the view are on the page, so this
    /// goes from its start to its end.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn every_line(&self) -> Result<Vec<Shown>> {
        let seen = self
            .with(async |remote| {
                let answer = remote.execute_async(EVERY_LINE, vec![]).await?;
                Ok(answer.json().clone())
            })
            .await?;
        shown(seen)
    }

    /// Waits until the open conversation has these lines, no more and no less, in this order, each of
    /// them archived.
    ///
    /// # Errors
    /// When it does not: what was last seen.
    pub async fn wait_for_lines(&self, wanted: &[&str]) -> Result<Vec<Shown>> {
        wait_until_within(
            START,
            &format!("{} shows {wanted:?}", self.name()),
            async || {
                let seen = self.lines().await?;
                let texts: Vec<_> = seen.iter().map(|line| line.text.as_str()).collect();
                ensure!(texts == wanted, "it shows {texts:?}");
                let is_saved = |mark: &str| matches!(mark, "archived" | "received" | "read");
                let unsaved = seen.iter().find(|line| !is_saved(&line.mark));
                ensure!(unsaved.is_none(), "not archived: {unsaved:?}");
                Ok(seen)
            },
        )
        .await
    }

    /// Waits until a line is shown.
    ///
    /// # Errors
    /// When it is not: what was last seen.
    pub async fn wait_for_line(&self, text: &str) -> Result<()> {
        wait_until_within(
            START,
            &format!("{} shows {text:?}", self.name()),
            async || {
                let seen = self.lines().await?;
                ensure!(
                    seen.iter().any(|line| line.text == text),
                    "it shows {seen:?}"
                );
                Ok(())
            },
        )
        .await
    }

    /// Which device of its browser the tab says it is.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn device(&self) -> Result<String> {
        let script =
            "return document.querySelector('[data-testid=device-slot]')?.textContent ?? ''";
        let found = self.script(script, vec![json!(null)]).await?;
        Ok(found.as_str().unwrap_or_default().to_owned())
    }
}

fn shown(seen: Value) -> Result<Vec<Shown>> {
    let seen: Vec<(String, String, bool, String)> =
        serde_json::from_value(seen).context("lines of a page")?;
    let shown = |(text, mark, own, archive_id)| Shown {
        text,
        mark,
        own,
        archive_id,
    };
    Ok(seen.into_iter().map(shown).collect())
}
