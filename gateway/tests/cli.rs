//! The program as its operator meets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

mod tools;

use self::tools::{PATIENCE, Peer, get};

struct Program {
    folder: TempDir,
}

struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_balcony"));
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        output.expect("the command does not end").unwrap()
    }

    fn serve(&self, arguments: &[&str]) -> Serving {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = self.command(&arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Serving { child, lines }
    }
}

impl Serving {
    async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("nothing is printed").unwrap().expect("ended")
    }

    async fn address(&mut self) -> std::net::SocketAddr {
        let line = self.line().await;
        let address = line.strip_prefix("listening on http://");
        address.expect(&line).parse().unwrap()
    }

    #[cfg(unix)]
    async fn terminate(mut self) -> i32 {
        let pid = rustix::process::Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = timeout(PATIENCE, self.child.wait()).await;
        status.expect("it does not stop").unwrap().code().unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn accounts_are_made_listed_changed_and_removed() {
    let program = Program::new();
    for (arguments, input, code, told) in [
        (&["user", "list"][..], "", 0, ""),
        (
            &["user", "add", "romeo@localhost"],
            "pw\n",
            0,
            "romeo@localhost can sign in\n",
        ),
        (
            &["user", "add", "juliet"],
            "pw",
            0,
            "juliet@localhost can sign in\n",
        ),
        (
            &["user", "list"],
            "",
            0,
            "juliet@localhost\nromeo@localhost\n",
        ),
        (
            &["user", "passwd", "romeo"],
            "other\r\n",
            0,
            "romeo@localhost has a new password\n",
        ),
        (
            &["user", "delete", "romeo"],
            "",
            0,
            "romeo@localhost is removed\n",
        ),
        (&["user", "list"], "", 0, "juliet@localhost\n"),
    ] {
        let output = program.run(arguments, input).await;
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
        assert_eq!(out(&output), told);
    }
    for (arguments, input, code, told) in [
        (
            &["user", "add", "juliet"][..],
            "pw",
            1,
            "juliet@localhost exists already",
        ),
        (
            &["user", "passwd", "tybalt"],
            "pw",
            1,
            "there is no account tybalt@localhost",
        ),
        (
            &["user", "delete", "tybalt"],
            "",
            1,
            "there is no account tybalt@localhost",
        ),
        (
            &["user", "sign-out", "tybalt"],
            "",
            1,
            "there is no account tybalt@localhost",
        ),
        (&["user", "add", "romeo"], "\n", 2, "a password has"),
        (&["user", "add", "a b"], "pw", 2, "is no address"),
        (
            &["user", "add", "romeo@elsewhere.example"],
            "pw",
            2,
            "at localhost only",
        ),
        (
            &["user", "list", "--config", "none.toml"],
            "",
            2,
            "none.toml",
        ),
        (&["user", "frobnicate"], "", 2, "frobnicate"),
    ] {
        let output = program.run(arguments, input).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(err(&output).contains(told), "{}", err(&output));
    }
}

// proves: SEC-52
#[cfg(unix)]
#[tokio::test]
async fn the_set_up_link_is_printed_until_there_is_an_account() {
    let program = Program::new();
    let mut serving = program.serve(&[]);
    let address = serving.address().await;
    let line = serving.line().await;
    let link = format!("set up your first account: http://{address}/#setup=");
    let token = line.strip_prefix(&link).expect(&line);
    assert!(token.len() >= 22, "{token}");
    assert_eq!(get(address, "/readyz").await.status, 200);

    let second = program.run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(second.status.code(), Some(1));
    let told = format!("already (at http://{address})");
    assert!(err(&second).contains(&told), "{}", err(&second));

    let invite = out(&program.run(&["invite"], "").await);
    assert!(
        invite.starts_with(&format!("http://{address}/#invite=")),
        "{invite}"
    );
    program.run(&["user", "add", "romeo"], "pw").await;
    assert_eq!(serving.terminate().await, 0);

    let mut serving = program.serve(&[]);
    serving.address().await;
    assert_eq!(serving.terminate().await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn the_demo_has_two_accounts_that_keep_their_passwords() {
    let program = Program::new();
    let mut printed = Vec::new();
    for _ in 0..2 {
        let mut serving = program.serve(&["--demo"]);
        let address = serving.address().await;
        let lines = [serving.line().await, serving.line().await];
        for (line, name) in lines.iter().zip(["romeo", "juliet"]) {
            let start = format!("demo account: {name}@localhost password: ");
            let password = line.strip_prefix(&start).expect(line);
            let mut peer = Peer::connect(address).await;
            peer.open().await;
            peer.log_in(name, password).await.unwrap();
        }
        printed.push(lines);
        assert_eq!(serving.terminate().await, 0);
    }
    assert_eq!(printed[0], printed[1]);
}

// proves: AU-29
#[cfg(unix)]
#[tokio::test]
async fn a_running_server_ends_the_streams_of_a_removed_account() {
    let program = Program::new();
    program.run(&["user", "add", "romeo"], "pw").await;
    program.run(&["user", "add", "juliet"], "pw").await;
    let mut serving = program.serve(&[]);
    let address = serving.address().await;
    for (name, action) in [("romeo", "delete"), ("juliet", "passwd")] {
        let mut peer = Peer::connect(address).await;
        peer.open().await;
        peer.log_in(name, "pw").await.unwrap();
        peer.bind("balcony").await;
        let done = program.run(&["user", action, name], "other").await;
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let (said, code) = peer.rest().await;
        assert!(said.concat().contains("<not-authorized"), "{said:?}");
        assert!(code.is_some());
        let mut again = Peer::connect(address).await;
        again.open().await;
        assert!(again.log_in(name, "pw").await.is_err());
    }
    assert_eq!(serving.terminate().await, 0);
}

// proves: AU-29 SEC-32
#[cfg(unix)]
#[tokio::test]
async fn whoever_is_signed_out_everywhere_needs_the_password_once_more() {
    const DEVICE: &str = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>";
    let program = Program::new();
    program.run(&["user", "add", "romeo"], "pw").await;
    let mut serving = program.serve(&[]);
    let address = serving.address().await;
    let opened = async || {
        let mut peer = Peer::connect(address).await;
        peer.open().await;
        peer
    };
    let mut peer = opened().await;
    let request = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>";
    let success = peer
        .log_in_inline("romeo", "pw", &format!("{DEVICE}{request}"))
        .await;
    let (_, token) = success.split_once(" token='").unwrap();
    let (token, _) = token.split_once('\'').unwrap();
    assert!(peer.hear().await.contains("features"));
    peer.bind("balcony").await;
    let done = program.run(&["user", "sign-out", "romeo"], "").await;
    assert_eq!(out(&done), "romeo@localhost is signed out everywhere\n");
    let (said, _) = peer.rest().await;
    assert!(said.concat().contains("<not-authorized"), "{said:?}");
    let asked = format!("{DEVICE}<fast xmlns='urn:xmpp:fast:0'/>");
    let refused = opened().await.log_in_by_token("romeo", token, &asked).await;
    assert!(refused.contains("<not-authorized"), "{refused}");
    opened().await.log_in("romeo", "pw").await.unwrap();
    assert_eq!(serving.terminate().await, 0);
}

// proves: SEC-71 SEC-53
#[cfg(unix)]
#[tokio::test]
async fn the_log_at_its_finest_has_no_bodies_passwords_or_tokens() {
    let program = Program::new();
    let log = program.folder.path().join("log");
    let mut child = program
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "trace,tungstenite=trace")
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut serving = Serving { child, lines };
    let address = serving.address().await;
    let link = serving.line().await;
    let token = link.split_once("#setup=").unwrap().1;
    let mut peer = Peer::connect(address).await;
    peer.open().await;
    for (id, payload) in [
        (
            "a",
            format!("<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>"),
        ),
        (
            "b",
            "<query xmlns='jabber:iq:register'><username>romeo</username>\
             <password>canary-password</password></query>"
                .to_owned(),
        ),
    ] {
        peer.say(format!(
            "<iq xmlns='jabber:client' type='set' id='{id}'>{payload}</iq>"
        ))
        .await;
        let heard = peer.hear().await;
        assert!(heard.contains("result"), "{heard}");
    }
    peer.log_in("romeo", "canary-password").await.unwrap();
    peer.bind("balcony").await;
    peer.say(
        "<message xmlns='jabber:client' to='romeo@localhost' id='1'><body>canary-body</body>\
         </message>",
    )
    .await;
    peer.become_available().await;
    get(address, "/?canary-query").await;
    drop(peer);
    assert_eq!(serving.terminate().await, 0);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    for secret in ["canary", token] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn settings_are_checked_and_told() {
    let program = Program::new();
    let fine = program.run(&["check-config", "--domain", "verona.example"], "");
    let fine = fine.await;
    assert_eq!(fine.status.code(), Some(0), "{}", err(&fine));
    assert!(out(&fine).contains("\"domain\": \"verona.example\""));

    let by_variable = program
        .command(&["check-config"])
        .env("BALCONY_DOMAIN", "mantua.example")
        .env("BALCONY_LIMITS__PING_MS", "7")
        .env(
            "BALCONY_ALLOWED_ORIGINS",
            "https://a.example,https://b.example",
        )
        .env("BALCONY_BIN", "no setting of the server")
        .output()
        .await
        .unwrap();
    let told = out(&by_variable);
    assert_eq!(by_variable.status.code(), Some(0), "{}", err(&by_variable));
    assert!(told.contains("\"domain\": \"mantua.example\"") && told.contains("\"ping_ms\": 7"));
    assert!(told.contains("https://b.example"), "{told}");
    assert!(err(&by_variable).contains("BALCONY_BIN is no setting"));

    for (arguments, told) in [
        (&["serve", "--listen", "0.0.0.0:0"][..], "trusted_proxies"),
        (&["serve", "--listen", "nowhere"], "--listen"),
        (&["check-config", "--domain", "a b"], "is not a domain name"),
    ] {
        let output = program.run(arguments, "").await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(err(&output).contains(told), "{}", err(&output));
    }
}

#[tokio::test]
async fn an_address_in_use_is_told_plainly() {
    let program = Program::new();
    let mut serving = program.serve(&[]);
    let address = serving.address().await.to_string();
    let arguments = ["serve", "--listen", &address, "--data", "elsewhere"];
    let output = program.run(&arguments, "").await;
    assert_eq!(output.status.code(), Some(1));
    let told = format!("cannot listen on {address}");
    assert!(err(&output).contains(&told), "{}", err(&output));
}

// proves: MAM-24
#[tokio::test]
async fn an_archives_retention_is_set_and_shown() {
    let program = Program::new();
    program.run(&["user", "add", "romeo"], "pw").await;
    let settings = program.folder.path().join("balcony.toml");
    std::fs::write(&settings, "[retention]\ndays = 365\nbytes = 1000000").unwrap();
    let usual = "kept: as usual, which is at most 365 days, 1000000 bytes\n";
    for (arguments, code, told) in [
        (&["show", "romeo"][..], 0, usual),
        (
            &["keep", "romeo", "--days", "30", "--messages", "500"],
            0,
            "kept: at most 30 days, 500 messages\n",
        ),
        (
            &["show", "romeo"],
            0,
            "kept: at most 30 days, 500 messages\n",
        ),
        (&["keep", "romeo", "--for-ever"], 0, "kept: for ever\n"),
        (&["keep", "romeo", "--as-usual"], 0, usual),
        (&["keep", "romeo"], 2, "--for-ever"),
        (&["keep", "romeo", "--days", "0"], 2, "0 is not in"),
        (
            &["keep", "romeo", "--days", "1", "--for-ever"],
            2,
            "cannot be used with",
        ),
        (
            &["show", "tybalt"],
            1,
            "there is no account tybalt@localhost",
        ),
        (
            &["keep", "tybalt", "--days", "1"],
            1,
            "there is no account tybalt@localhost",
        ),
    ] {
        let arguments = [&["user", "--config", "balcony.toml"], arguments].concat();
        let output = program.run(&arguments, "").await;
        let printed = out(&output) + &err(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
        assert!(printed.contains(told), "{arguments:?}: {printed}");
    }
    let output = program
        .run(&["check-config", "--config", "balcony.toml"], "")
        .await;
    assert!(out(&output).contains("\"days\": 365"), "{}", out(&output));
    std::fs::write(&settings, "[retention]\nmessages = 0").unwrap();
    let output = program
        .run(&["check-config", "--config", "balcony.toml"], "")
        .await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("retention.messages"),
        "{}",
        err(&output)
    );
}

/// The id that the last message got in the archive of whoever heard it.
fn archive_id(heard: &str) -> String {
    let (_, stanza_id) = heard.split_once("<stanza-id").expect(heard);
    let (_, id) = stanza_id.split_once("id='").expect(heard);
    id.split('\'').next().unwrap().to_owned()
}

async fn online(address: std::net::SocketAddr, name: &str) -> Peer {
    let mut peer = Peer::connect(address).await;
    peer.open().await;
    peer.log_in(name, "pw").await.unwrap();
    peer.bind("here").await;
    peer.become_available().await;
    peer
}

/// Romeo says something to Juliet; gives the id under which she has it.
async fn pass(romeo: &mut Peer, juliet: &mut Peer, body: &str) -> String {
    romeo
        .say(format!(
            "<message xmlns='jabber:client' to='juliet@localhost' type='chat'>\
             <body>{body}</body></message>"
        ))
        .await;
    archive_id(&juliet.hear_of(&format!("<body>{body}<")).await)
}

async fn page_after(peer: &mut Peer, id: &str) -> String {
    peer.say(format!(
        "<iq xmlns='jabber:client' id='page' type='set'><query xmlns='urn:xmpp:mam:2'>\
         <set xmlns='http://jabber.org/protocol/rsm'><after>{id}</after></set></query></iq>"
    ))
    .await;
    peer.hear_of("id='page'").await
}

// proves: PT-15 INV-05
#[tokio::test]
async fn a_backup_of_a_running_server_is_restored_into_an_empty_folder() {
    let program = Program::new();
    for name in ["romeo", "juliet"] {
        program.run(&["user", "add", name], "pw").await;
    }
    let mut serving = program.serve(&[]);
    let address = serving.address().await;
    let (mut romeo, mut juliet) = (
        online(address, "romeo").await,
        online(address, "juliet").await,
    );
    let kept = pass(&mut romeo, &mut juliet, "kept").await;
    let copied = program.run(&["backup", "copy.db"], "").await;
    assert_eq!(copied.status.code(), Some(0), "{}", err(&copied));
    assert_eq!(out(&copied), "the copy is in copy.db\n");
    let again = program.run(&["backup", "copy.db"], "").await;
    assert_eq!(again.status.code(), Some(1));
    let lost = pass(&mut romeo, &mut juliet, "lost").await;
    serving.child.kill().await.unwrap();

    let new = Program::new();
    std::fs::create_dir(new.folder.path().join("balcony-data")).unwrap();
    let place = new.folder.path().join("balcony-data/balcony.db");
    std::fs::copy(program.folder.path().join("copy.db"), place).unwrap();
    let mut serving = new.serve(&[]);
    let address = serving.address().await;
    let (mut romeo, mut juliet) = (
        online(address, "romeo").await,
        online(address, "juliet").await,
    );
    assert!(
        page_after(&mut juliet, &kept)
            .await
            .contains("complete='true'")
    );
    assert!(
        page_after(&mut juliet, &lost)
            .await
            .contains("item-not-found")
    );
    let next = pass(&mut romeo, &mut juliet, "next").await;
    assert_ne!(next, lost);
    assert!(
        page_after(&mut juliet, &lost)
            .await
            .contains("item-not-found")
    );
}
