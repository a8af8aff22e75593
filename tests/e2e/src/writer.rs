//! Juliet without a screen, who writes more than anybody could type.

use anyhow::Result;
use protocol::{BareJid, scram::Secret};
use support::bot::{Bot, Habits, Settings};
use support::server::{Options, TestServer};

use crate::people::{JULIET, PASSWORD, ROMEO, serve};

/// A server with Romeo and Juliet that takes lines as fast as they come, and forgets a session at once, so that who
/// comes back fetches what was missed by pages.
///
/// # Errors
/// If it does not start, or refuses them.
pub async fn serve_writer(options: Options) -> Result<TestServer> {
    let mut options = options.env("BALCONY_LIMITS__RESUME_S", "0");
    for limit in [
        "MESSAGES_PER_S",
        "MESSAGES_BURST",
        "BYTES_PER_S",
        "BYTES_BURST",
        // Juliet is a stranger to Romeo.
        "ARCHIVE_STRANGER_BYTES",
    ] {
        options = options.env(format!("BALCONY_LIMITS__{limit}"), "100000000");
    }
    serve(options).await
}

/// Juliet, who writes to Romeo.
#[derive(Debug)]
pub struct Writer {
    bot: Bot,
    romeo: BareJid,
}

impl Writer {
    /// Signs her in.
    ///
    /// # Errors
    /// If the server refuses her, or takes too long.
    pub async fn start(server: &TestServer) -> Result<Self> {
        let settings = Settings {
            account: JULIET.parse()?,
            secret: Secret::Password(PASSWORD.to_owned()),
            addr: server.addr(),
            seed: [7; 32],
            habits: Habits {
                commit_ms: 0..1,
                retry_ms: Some(10..50),
            },
        };
        let bot = Bot::start(settings, ());
        bot.until(|standing| standing.is_at_rest()).await?;
        let romeo = ROMEO.parse()?;
        Ok(Self { bot, romeo })
    }

    /// Writes `line FROM` to the one before `line TO`; all of them are archived then.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn write(&self, from: usize, to: usize) -> Result<()> {
        self.write_all(lines(from, to)).await
    }

    /// Writes these lines; all of them are archived then.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn write_all(&self, lines: Vec<String>) -> Result<()> {
        // Romeo is no contact who would answer with receipts: what comes to be held is what is written.
        let held = self.bot.standing().rows + lines.len();
        for line in lines {
            self.bot.send(&self.romeo, line).await?;
        }
        self.bot
            .until(|standing| standing.is_at_rest() && standing.rows >= held)
            .await
    }
}

/// `line FROM` to the one before `line TO`.
#[must_use]
pub fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("line {n}")).collect()
}
