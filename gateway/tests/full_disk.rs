//! A disk that is really full, and the real program on it.
//!
//! The program runs in a mount namespace of its own with a small file system in memory, which ends
//! with it. Where the system allows no such thing the test counts as ignored and says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]
#![allow(clippy::print_stdout, reason = "says that a test cannot be run")]

mod tools;

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as Probe, ExitCode, Stdio};

use libtest_mimic::{Arguments, Trial};
use protocol::BareJid;
use store::{Archive as _, Sqlite};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use self::tools::{PATIENCE, Peer, get};

/// How a process gets a mount namespace: as root, or as the root of a user namespace.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
/// Mounts a small file system at `$0` and becomes what follows.
const MOUNT: &str = "mount -t tmpfs -o size=8m,mode=700 tmpfs \"$0\" && exec \"$@\"";

fn main() -> ExitCode {
    let way = WAYS.into_iter().find(|way| is_allowed(way));
    if way.is_none() {
        println!("full_disk: this system allows no mount, so the test is not run");
    }
    let name = "a_full_disk_stops_no_message_and_is_left_behind";
    let trial = Trial::test(name, move || {
        let way = way.ok_or("no way to mount a file system")?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(a_full_disk_stops_no_message_and_is_left_behind(way));
        Ok(())
    });
    let trials = vec![trial.with_ignored_flag(way.is_none())];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn is_allowed(way: &[&str]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = Probe::new("unshare");
    probe.args(way).args(["sh", "-c", MOUNT]).arg(folder.path());
    probe.arg("true").stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// The program on a file system of 8 MiB.
struct Program {
    child: Child,
    address: SocketAddr,
    passwords: Vec<String>,
    /// Its data folder, as this process sees it.
    data: PathBuf,
}

impl Program {
    async fn start(way: &[&str], folder: &Path) -> Self {
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-c", MOUNT]).arg(folder);
        command.arg(env!("CARGO_BIN_EXE_balcony"));
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.join("data"));
        let quick = ("BALCONY_LIMITS__BYTES_PER_S", "100000000");
        command.envs([quick, ("BALCONY_LIMITS__BYTES_BURST", "100000000")]);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = async || {
            let line = timeout(PATIENCE, lines.next_line()).await;
            line.expect("nothing is printed").unwrap().expect("ended")
        };
        let first = line().await;
        let address = first.strip_prefix("listening on http://").unwrap();
        let address = address.parse().unwrap();
        let mut passwords = Vec::new();
        while passwords.len() < 2 {
            let line = line().await;
            passwords.extend(line.split_once("password: ").map(|(_, p)| p.to_owned()));
        }
        let root = PathBuf::from(format!("/proc/{}/root", child.id().unwrap()));
        let inside = folder.join("data").strip_prefix("/").unwrap().to_owned();
        Self {
            child,
            address,
            passwords,
            data: root.join(inside),
        }
    }

    /// A session whose archive ids are known in advance, and its prefix.
    async fn session(&self, name: &str, password: &str) -> (Peer, String) {
        let mut peer = Peer::connect(self.address).await;
        peer.open().await;
        peer.log_in(name, password).await.unwrap();
        peer.say("<enable xmlns='urn:x-balcony:s11:0'/>").await;
        let enabled = peer.hear_of("<enabled").await;
        let (_, prefix) = enabled.split_once("prefix='").unwrap();
        let prefix = prefix.split('\'').next().unwrap().to_owned();
        peer.bind("phone").await;
        peer.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            .await;
        peer.hear_of("<enabled").await;
        (peer, prefix)
    }

    /// Leaves no byte of room; what is given back makes room again.
    fn fill(&self) -> PathBuf {
        let path = self.data.join("ballast");
        let mut file = File::create(&path).unwrap();
        for len in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; len]).is_ok() {}
        }
        path
    }

    /// Kills it and copies its database as it lies there; the file system is gone then.
    async fn kill(mut self) -> TempDir {
        let names = ["balcony.db", "balcony.db-wal"];
        let files = names.map(|name| File::open(self.data.join(name)).unwrap());
        self.child.kill().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, mut file) in names.iter().zip(files) {
            let mut copy = File::create(folder.path().join(name)).unwrap();
            std::io::copy(&mut file, &mut copy).unwrap();
        }
        folder
    }
}

/// The archive ids of an account, by position.
async fn archive(store: &Sqlite, name: &str) -> Vec<(u64, String)> {
    let account = BareJid::new(&format!("{name}@localhost")).unwrap();
    let entries = store.entries_after(&account, 0, 10_000).await;
    let entries = entries.unwrap().into_iter();
    entries
        .map(|entry| (entry.pos, entry.id.to_string()))
        .collect()
}

/// Two who talk, and what became of each message.
struct Talk {
    romeo: Peer,
    juliet: Peer,
    sent: u32,
    /// The messages that romeo was not told to be missing in his archive.
    romeo_has: Vec<String>,
    /// The archive ids of what juliet got.
    juliet_has: Vec<String>,
}

impl Talk {
    /// Says something and tells whether it is archived; checks that it arrived and was acknowledged.
    async fn say(&mut self, body_len: usize) -> bool {
        self.sent += 1;
        let (id, body) = (format!("m{}", self.sent), "x".repeat(body_len));
        self.romeo
            .say(format!(
                "<message xmlns='jabber:client' to='juliet@localhost' type='chat' id='{id}'>\
                 <body>{body}</body></message>"
            ))
            .await;
        let ack = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.sent);
        let mut notice = None;
        loop {
            let heard = self.romeo.hear().await;
            if heard == ack {
                break;
            }
            if heard.contains("<unarchived") {
                assert!(heard.contains(&format!("id='{id}'")), "{heard}");
                assert!(heard.contains("reason='storage'"), "{heard}");
                notice = Some(heard);
            }
        }
        let copy = self.juliet.hear_of(&format!("id='{id}'")).await;
        assert!(copy.contains(&body));
        let stanza_id = copy.split_once("<stanza-id ").map(|(_, rest)| rest);
        assert_eq!(stanza_id.is_none(), notice.is_some());
        assert_eq!(copy.contains("<unarchived"), notice.is_some());
        if let Some(stanza_id) = stanza_id {
            let (_, value) = stanza_id.split_once(" id='").unwrap();
            let value = value.split('\'').next().unwrap();
            self.juliet_has.push(value.to_owned());
            self.romeo_has.push(id);
        }
        notice.is_none()
    }
}

// proves: S11-31 S11-32 S11-33 S11-34 PT-05 MAM-05
async fn a_full_disk_stops_no_message_and_is_left_behind(way: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(way, folder.path()).await;
    let passwords = &program.passwords;
    let (romeo, prefix) = program.session("romeo", &passwords[0]).await;
    let (juliet, _) = program.session("juliet", &passwords[1]).await;
    let mut talk = Talk {
        romeo,
        juliet,
        sent: 0,
        romeo_has: Vec::new(),
        juliet_has: Vec::new(),
    };
    for round in 0..3 {
        for _ in 0..5 {
            assert!(talk.say(100).await);
        }
        let ready = get(program.address, "/readyz").await.text();
        assert_eq!(ready, "ready\n");
        let ballast = program.fill();
        // What the files have already may hold some more.
        let mut lost = 0;
        for _ in 0..60 {
            lost += u32::from(!talk.say(60_000).await);
            if lost == 5 {
                break;
            }
        }
        assert_eq!(lost, 5, "round {round}: the disk does not get full");
        let ready = get(program.address, "/readyz").await;
        assert_eq!(ready.status, 200);
        assert!(ready.text().contains("not saved"), "{}", ready.text());
        std::fs::remove_file(ballast).unwrap();
        assert!(talk.say(60_000).await, "round {round}");
    }
    let metrics = get(program.address, "/metrics").await.text();
    let counted = "balcony_entries_not_saved_total{reason=\"storage\"} 30\n";
    assert!(metrics.contains(counted), "{metrics}");
    let folder = program.kill().await;
    let path = folder.path().join("balcony.db");
    let store = Sqlite::open(path, store::Options::default()).unwrap();
    let romeo_has = talk.romeo_has.iter().map(|id| format!("{prefix}.{id}"));
    for (name, has) in [("romeo", romeo_has.collect()), ("juliet", talk.juliet_has)] {
        let dense: Vec<_> = (1..).zip(has).collect();
        assert_eq!(archive(&store, name).await, dense, "{name}");
    }
}
