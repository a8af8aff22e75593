//! INV-33: what the server asks of the system, in order: nothing that says "archived" is written to a socket before
//! the rows are on the disk.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use protocol::{BareJid, scram::Secret};
use support::{
    bot::{Bot, Habits, Settings},
    server::Options,
};
use tokio::{sync::watch, time::timeout};

use crate::{ledger::Ledger, plan::choices, world::PASSWORD};

use rand::Rng as _;

/// How long the messages may take; a traced server is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Lines of one device that wait to be archived.
const WINDOW: usize = 8;

/// What a trace shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traced {
    /// Messages that were sent.
    pub messages: usize,
    /// Acks and copies that were written to sockets, each after the sync that covers its rows.
    pub after_sync: usize,
    /// Those that were written before: each is a broken promise.
    pub before_sync: usize,
    /// Syncs of the log.
    pub syncs: usize,
}

/// A call that a trace tells: begun at one line, ended at another.
#[derive(Debug)]
struct Call {
    begun: usize,
    ended: usize,
    text: String,
}

/// Sends so many messages through a server whose system calls are traced, and reads the trace.
///
/// # Errors
/// When there is no strace or it may not trace, or the messages do not arrive.
pub async fn trace(program: &Path, messages: usize) -> Result<Traced> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trace");
    let wrapper = wrap(folder.path(), &program.canonicalize()?, &file)?;
    let mut server = Options::default()
        .program(wrapper)
        .start()
        .await
        .context("no server under strace: is it installed, and may it trace?")?;
    let names = ["romeo", "juliet"].map(|name| BareJid::new(&format!("{name}@localhost")));
    let [romeo, juliet] = names;
    let pairs = {
        let (romeo, juliet) = (romeo?, juliet?);
        [(romeo.clone(), juliet.clone()), (juliet, romeo)]
    };
    for (account, _) in &pairs {
        server.add_user(account.as_str(), PASSWORD).await?;
    }
    let mut talkers = Vec::new();
    for (account, peer) in pairs {
        talkers.push(Talker::start(server.addr(), account, peer)?);
    }
    let [one, other] = talkers.as_slice() else {
        bail!("two talk");
    };
    let all = async {
        tokio::try_join!(one.talk(messages / 2), other.talk(messages / 2))?;
        for talker in [one, other] {
            let all_rows = messages / 2 * 2;
            talker
                .bot
                .until(|s| s.is_at_rest() && s.rows >= all_rows)
                .await?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, all)
        .await
        .context("the messages do not arrive")??;
    for talker in [one, other] {
        let lost = talker.ledger.book().counts.disconnected;
        ensure!(lost == 0, "{} lost its connection", talker.name);
    }
    let status = server.terminate().await?;
    ensure!(status.success(), "the server ended with {status}");
    let calls = calls(&fs::read_to_string(&file).context("strace wrote nothing")?);
    let mut traced = judge(&calls, &[one, other])?;
    traced.messages = messages / 2 * 2;
    Ok(traced)
}

/// Writes a program that is the server under strace; the server keeps the process id that its parent knows.
fn wrap(folder: &Path, program: &Path, file: &Path) -> Result<PathBuf> {
    let wrapper = folder.join("balcony");
    let (program, file) = (program.display(), file.display());
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = serve ] || exec '{program}' \"$@\"\n\
         exec strace -D -f -qq -yy -s 70000 -o '{file}' \
         -e trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg '{program}' \"$@\"\n"
    );
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(wrapper)
}

/// A device that writes.
struct Talker {
    name: &'static str,
    peer: BareJid,
    bot: Bot,
    ledger: Ledger,
}

impl Talker {
    fn start(addr: SocketAddr, account: BareJid, peer: BareJid) -> Result<Self> {
        let is_one = account < peer;
        let mut seed = [0; 32];
        choices(0, u64::from(is_one)).fill_bytes(&mut seed);
        let ledger = Ledger::new(&account, std::time::Instant::now(), watch::Sender::new(0));
        let settings = Settings {
            account,
            secret: Secret::Password(PASSWORD.to_owned()),
            addr,
            seed,
            habits: Habits {
                commit_ms: 0..1,
                retry_ms: None,
            },
        };
        Ok(Self {
            name: if is_one { "one" } else { "other" },
            peer,
            bot: Bot::start(settings, ledger.clone()),
            ledger,
        })
    }

    async fn talk(&self, lines: usize) -> Result<()> {
        self.bot.until(|standing| standing.is_at_rest()).await?;
        for number in 0..lines {
            self.bot.until(|standing| standing.waiting < WINDOW).await?;
            let body = format!("traced/{}/{number}.", self.name);
            self.bot.send(&self.peer, body).await?;
        }
        Ok(())
    }
}

/// Puts calls that others interrupted together again.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((pid, text)) = line.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if text.starts_with("<... ") {
            if let Some(call) = open.remove(pid).and_then(|at| calls.get_mut(at)) {
                call.ended = number;
            }
            continue;
        }
        let is_open = text.ends_with("<unfinished ...>");
        if is_open {
            open.insert(pid, calls.len());
        }
        calls.push(Call {
            begun: number,
            ended: if is_open { usize::MAX } else { number },
            text: text.to_owned(),
        });
    }
    calls
}

/// Holds every ack and every copy against the sync that covers its rows.
fn judge(calls: &[Call], talkers: &[&Talker]) -> Result<Traced> {
    let is_of = |call: &Call, names: &[&str]| names.iter().any(|name| call.text.starts_with(name));
    let is_wal = |call: &&Call| call.text.contains("balcony.db-wal>");
    let rows: Vec<_> = calls
        .iter()
        .filter(|call| is_of(call, &["pwrite64(", "write("]))
        .filter(is_wal)
        .collect();
    let syncs: Vec<_> = calls
        .iter()
        .filter(|call| is_of(call, &["fdatasync(", "fsync("]))
        .filter(is_wal)
        .collect();
    let said: Vec<_> = calls
        .iter()
        .filter(|call| is_of(call, &["write(", "writev(", "sendto(", "sendmsg("]))
        .filter(|call| call.text.contains("<TCP:["))
        .collect();
    let mut traced = Traced {
        syncs: syncs.len(),
        ..Traced::default()
    };
    for talker in talkers {
        let book = talker.ledger.book();
        let own = book.own_end.context("never connected")?;
        let own = format!("->{own}]>");
        for line in book.lines.values() {
            let written = rows.iter().find(|call| call.text.contains(&line.body));
            let written = written.with_context(|| format!("{} was never written", line.body))?;
            let synced = syncs.iter().find(|sync| sync.begun > written.ended);
            let synced = synced.with_context(|| format!("{} was never synced", line.body))?;
            let copies = said.iter().filter(|call| call.text.contains(&line.body));
            let acks = said.iter().filter(|call| call.text.contains(&own));
            let acks = acks.filter(|call| highest_ack(&call.text) >= Some(line.number));
            let (copies, acks): (Vec<_>, Vec<_>) = (copies.collect(), acks.collect());
            ensure!(
                !copies.is_empty(),
                "no copy of {} is in the trace",
                line.body
            );
            ensure!(!acks.is_empty(), "no ack of {} is in the trace", line.body);
            // Later acks cover the line too, but say nothing new of it.
            for call in copies.into_iter().chain(acks.into_iter().take(1)) {
                if call.begun > synced.ended {
                    traced.after_sync += 1;
                } else {
                    traced.before_sync += 1;
                    println!("{} before its sync: {:.300}", line.body, call.text);
                }
            }
        }
    }
    Ok(traced)
}

/// The highest `h` of an `<a/>` in what was written at once.
fn highest_ack(text: &str) -> Option<u32> {
    let acks = text.split("<a xmlns='urn:xmpp:sm:3' h='").skip(1);
    acks.filter_map(|ack| ack.split('\'').next()?.parse().ok())
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_calls_are_put_together() {
        let trace = "7 pwrite64(3</d/balcony.db-wal>, \"x\", 1, 0) = 1\n\
            7 fdatasync(3</d/balcony.db-wal> <unfinished ...>\n\
            12 sendto(9<TCP:[a->b]>, \"<a xmlns='urn:xmpp:sm:3' h='4'/>\", 9, 0, NULL, 0) = 9\n\
            7 <... fdatasync resumed>) = 0\n";
        let calls = calls(trace);
        let spans: Vec<_> = calls.iter().map(|call| (call.begun, call.ended)).collect();
        assert_eq!(spans, [(0, 0), (1, 3), (2, 2)]);
        assert_eq!(highest_ack(&calls[2].text), Some(4));
    }
}
