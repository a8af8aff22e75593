//! The real program, killed and begun again on the same folder: sessions go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

mod tools;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use self::tools::{PATIENCE, Peer};

/// The program with the two accounts of a demo.
struct Program {
    child: Child,
    address: SocketAddr,
    passwords: Vec<String>,
}

impl Program {
    async fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_balcony"));
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.join("data"));
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
        Self {
            child,
            address,
            passwords,
        }
    }

    /// SIGKILL.
    async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    async fn log_in(&self, name: &str) -> Peer {
        let password = &self.passwords[usize::from(name == "juliet")];
        let mut peer = Peer::connect(self.address).await;
        peer.open().await;
        peer.log_in(name, password).await.unwrap();
        peer
    }

    /// A session that can be resumed.
    async fn session(&self, name: &str, is_exact: bool) -> Device {
        let mut peer = self.log_in(name).await;
        let mut prefix = String::new();
        if is_exact {
            peer.say("<enable xmlns='urn:x-balcony:s11:0'/>").await;
            prefix = attribute(&peer.hear_of("<enabled").await, "prefix");
        }
        peer.bind(if is_exact { "exact" } else { "plain" }).await;
        peer.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            .await;
        let sm_id = attribute(&peer.hear_of("<enabled").await, "id");
        Device {
            peer,
            prefix,
            sm_id,
        }
    }

    /// Asks for a session that another connection had; gives what the server says to that.
    async fn resume(&self, name: &str, sm_id: &str, pos: &str) -> (Peer, String) {
        let mut peer = self.log_in(name).await;
        peer.say(format!(
            "<resume xmlns='urn:xmpp:sm:3' previd='{sm_id}' h='7' \
             xmlns:s='urn:x-balcony:s11:0' s:pos='{pos}'/>"
        ))
        .await;
        let answer = peer.hear().await;
        (peer, answer)
    }
}

struct Device {
    peer: Peer,
    prefix: String,
    sm_id: String,
}

impl Device {
    /// Says something and waits for the ack that covers it.
    async fn say(&mut self, to: &str, id: &str, h: u32) {
        say(&mut self.peer, to, id, h).await;
    }
}

async fn say(peer: &mut Peer, to: &str, id: &str, h: u32) {
    peer.say(format!(
        "<message xmlns='jabber:client' to='{to}@localhost' id='{id}' type='chat'>\
         <body>{id}</body></message>"
    ))
    .await;
    peer.say("<r xmlns='urn:xmpp:sm:3'/>").await;
    while !peer.hear_of("<a ").await.contains(&format!("h='{h}'")) {}
}

fn attribute(frame: &str, name: &str) -> String {
    let (_, rest) = frame.split_once(&format!(" {name}='")).unwrap();
    rest.split('\'').next().unwrap().to_owned()
}

// proves: S11-60 S11-62 S11-64 S11-65 SM-15 SM-23 INV-03 INV-09 INV-13 INV-32
#[tokio::test]
async fn after_a_kill_sessions_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path()).await;
    let mut romeo = program.session("romeo", true).await;
    let mut juliet = program.session("juliet", true).await;
    let mut plain = program.session("romeo", false).await;
    romeo.say("juliet", "m1", 1).await;
    let heard = juliet.peer.hear_of("id='m1'").await;
    let (_, stanza_id) = heard.split_once("<stanza-id").unwrap();
    let pos = attribute(stanza_id, "id");
    plain.say("juliet", "m2", 1).await;
    // Romeo's devices are told of what waits for both sides, and know no more than that.
    juliet.peer.hear_of("id='m2'").await;
    juliet.say("romeo", "m3", 1).await;
    drop((romeo.peer, juliet.peer, plain.peer));

    for life in 2..4 {
        program.kill().await;
        program = Program::start(folder.path()).await;
        let resume = program.resume("juliet", &juliet.sm_id, &pos).await;
        let (mut at_juliet, answer) = resume;
        assert!(answer.contains("restored='true'"), "{answer}");
        assert_eq!(attribute(&answer, "h"), (life - 1).to_string());
        let first = at_juliet.hear().await;
        assert!(first.contains("id='m2'"), "{first}");
        let own = at_juliet.hear().await;
        assert!(own.contains("<sent xmlns='urn:xmpp:mr2:0'>"), "{own}");
        let own_id = format!("id='{}.m3'", juliet.prefix);
        assert!(own.contains(&own_id), "{own}");

        let known = format!("{}.m1", romeo.prefix);
        let (mut at_romeo, answer) = program.resume("romeo", &romeo.sm_id, &known).await;
        assert!(answer.contains("restored='true'"), "{answer}");
        assert_eq!(attribute(&answer, "h"), "1");
        let copy = at_romeo.hear().await;
        assert!(copy.contains("<sent") && copy.contains("id='m2'"), "{copy}");
        let direct = at_romeo.hear().await;
        assert!(direct.contains("id='m3'"), "{direct}");

        let (_, answer) = program.resume("romeo", &plain.sm_id, &known).await;
        assert!(answer.starts_with("<failed"), "{answer}");
        assert!(answer.contains("h='1'"), "{answer}");
        let (_, answer) = program.resume("romeo", &juliet.sm_id, &known).await;
        assert!(answer.contains("item-not-found"), "{answer}");
        assert!(!answer.contains("h='"), "{answer}");

        // Live again, under the same prefix.
        let id = format!("live{life}");
        say(&mut at_juliet, "romeo", &id, life).await;
        at_romeo.hear_of(&format!("id='{id}'")).await;
    }
}
