//! The server, and what befalls it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use support::server::{Options, TestServer};
use tokio::time::sleep;

use crate::{
    check::{self, Finding},
    plan::Blow,
    records::{self, Logs, Parsed},
    round::Tally,
};

/// How long after a freeze the server is left in peace before it is killed.
const AWAKE: Duration = Duration::from_millis(150);

/// A server that is killed now and then.
pub(crate) struct Victim {
    pub(crate) server: TestServer,
    /// Since when times are counted.
    pub(crate) started: Instant,
    /// The logs as they were after the last crash.
    pub(crate) former: Logs,
    parsed: Parsed,
    /// What befell it, and when in milliseconds.
    pub(crate) events: Vec<(u128, String)>,
}

impl Victim {
    pub(crate) async fn start(program: Option<&Path>) -> Result<Self> {
        let options = match program {
            // The server runs in its data folder.
            Some(program) => Options::default().program(program.canonicalize()?),
            None => Options::default(),
        };
        // The bots have not met, and some only talk.
        let options = options.env("BALCONY_LIMITS__ARCHIVE_STRANGER_BYTES", "1000000000");
        Ok(Self {
            server: options.start().await?,
            started: Instant::now(),
            former: Logs::new(),
            parsed: Parsed::default(),
            events: Vec::new(),
        })
    }

    /// Writes down what befell it.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        let at_ms = self.started.elapsed().as_millis();
        self.events.push((at_ms, what.into()));
    }

    /// Reads the database while the server uses it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(&mut self) -> Result<Logs> {
        records::read(self.server.folder(), &mut self.parsed)
    }

    /// Strikes, and starts it again on the same data and port.
    ///
    /// # Errors
    /// When it does not come back, or its database is not whole.
    pub(crate) async fn strike(&mut self, blow: Blow, tally: &mut Tally) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        match blow {
            Blow::Kill => found.extend(self.kill(tally).await?),
            Blow::KillStarting(after) => {
                found.extend(self.kill(tally).await?);
                self.server.start_and_kill9(after).await?;
                self.note(format!("killed {after:?} after its start"));
                tally.kills += 1;
                tally.restarts += 1;
                found.extend(self.look()?);
            }
            Blow::KillReconnecting(after) => {
                found.extend(self.kill(tally).await?);
                self.restart(tally).await?;
                sleep(after).await;
                found.extend(self.kill(tally).await?);
            }
            Blow::Freeze(time) => {
                self.note(format!("frozen for {time:?}"));
                self.server.freeze()?;
                sleep(time).await;
                self.server.thaw()?;
                tally.freezes += 1;
                self.note("thawed");
                sleep(AWAKE).await;
                found.extend(self.kill(tally).await?);
            }
            Blow::Terminate => {
                let status = self.server.terminate().await?;
                ensure!(status.success(), "the server ended with {status}");
                tally.terminations += 1;
                self.note("ended orderly");
                found.extend(self.look()?);
            }
        }
        self.restart(tally).await?;
        Ok(found)
    }

    async fn kill(&mut self, tally: &mut Tally) -> Result<Vec<Finding>> {
        self.server.kill9().await?;
        self.note("killed");
        tally.kills += 1;
        self.look()
    }

    async fn restart(&mut self, tally: &mut Tally) -> Result<()> {
        self.server.restart().await?;
        self.note("started again");
        tally.restarts += 1;
        Ok(())
    }

    /// Looks at the database while nobody uses it (INV-03, INV-32).
    fn look(&mut self) -> Result<Vec<Finding>> {
        let logs = records::read_copy(self.server.folder(), &mut self.parsed)?;
        let found = check::extends(&self.former, &logs);
        self.former = logs;
        Ok(found)
    }
}
