//! How a running server hears that another program changed a password or removed an account.
//!
//! `balcony user passwd` and `delete` work on the database beside a running server. They then add a
//! line to a file in the data folder, and the server looks every second whether it has grown. The
//! line only says whose streams to end; what is true stands in the database.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::BareJid;
use server_core::Input;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::data_dir::open_private;
use crate::shard::Call;

const LOOK_EVERY: Duration = Duration::from_secs(1);

fn file(data: &Path) -> PathBuf {
    data.join("revoked")
}

/// Tells a server that may be running that an account's streams must end.
pub(crate) fn tell(data: &Path, account: &BareJid) -> io::Result<()> {
    let mut file = open_private(&file(data))?;
    file.seek(SeekFrom::End(0))?;
    // One write, so that two programs do not mix their lines.
    file.write_all(format!("{account}\n").as_bytes())
}

/// Follows the file from where it ends at the start of the server.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    read: u64,
}

impl Follower {
    /// Forgets what was told before.
    pub(crate) fn start(data: &Path) -> io::Result<Self> {
        let path = file(data);
        open_private(&path)?.set_len(0)?;
        Ok(Self { path, read: 0 })
    }

    /// The accounts that were told of since the last look; a line still being written is left.
    fn look(&mut self) -> io::Result<Vec<BareJid>> {
        let mut file = open_private(&self.path)?;
        let len = file.metadata()?.len();
        if len < self.read {
            self.read = 0;
        }
        if len == self.read {
            return Ok(Vec::new());
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.take(len - self.read).read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        let lines = text.get(..whole).unwrap_or_default().lines();
        Ok(lines.filter_map(|line| BareJid::new(line).ok()).collect())
    }

    /// Tells the shard until the server stops.
    pub(crate) async fn run(mut self, shard: mpsc::Sender<Call>, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            let accounts = self.look().unwrap_or_else(|cause| {
                warn!(error = %cause, "cannot look for removed accounts");
                Vec::new()
            });
            for account in accounts {
                info!("an account was removed or its password changed; its streams end");
                debug!(%account, "revoked");
                let revoked = Call::Input(Input::Revoked { account });
                if shard.send(revoked).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_heard_once_and_what_was_told_before_the_start_is_not() {
        let data = tempfile::tempdir().unwrap();
        let jid = |text: &str| BareJid::new(text).unwrap();
        tell(data.path(), &jid("mercutio@localhost")).unwrap();
        let mut follower = Follower::start(data.path()).unwrap();
        assert!(follower.look().unwrap().is_empty());
        tell(data.path(), &jid("romeo@localhost")).unwrap();
        tell(data.path(), &jid("juliet@localhost")).unwrap();
        let heard = follower.look().unwrap();
        assert_eq!(heard, [jid("romeo@localhost"), jid("juliet@localhost")]);
        assert!(follower.look().unwrap().is_empty());
    }
}
