//! Logging in by SASL2 over real sockets: how many exchanges it takes, and what ends a token.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, though not inside a test function"
)]

mod tools;

use std::time::Instant;

use gateway::{Config, Limits};
use protocol::{Element, XmlLimits, ns};

use self::tools::{Peer, Server, config, on_disk};

const DEVICE: &str = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>";
const REQUEST: &str = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>";
const FAST: &str = "<fast xmlns='urn:xmpp:fast:0'/>";
const BIND: &str = "<bind xmlns='urn:xmpp:bind:0'><tag>Balcony</tag>\
    <enable xmlns='urn:xmpp:sm:3' resume='true'/><enable xmlns='urn:x-balcony:s11:0'/></bind>";

fn parse(text: &str) -> Element {
    Element::parse(text, XmlLimits::AFTER_LOGIN).unwrap()
}

fn token_of(success: &str) -> String {
    let success = parse(success);
    let token = success.find("token", ns::FAST).expect("no token");
    token.get_attr("token").unwrap().to_owned()
}

fn sm_id_of(success: &str) -> String {
    let success = parse(success);
    let bound = success.find("bound", ns::BIND2).expect("nothing is bound");
    let enabled = bound.find("enabled", ns::SM).unwrap();
    enabled.get_attr("id").unwrap().to_owned()
}

async fn opened(server: &Server) -> Peer {
    let mut peer = Peer::connect(server.address()).await;
    peer.open().await;
    peer
}

// proves: AU-25 BI-05 BI-06 WS-12 WS-13 SM-17
#[tokio::test]
async fn a_device_that_comes_back_waits_once_for_the_header_and_once_for_everything_else() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let mut first = opened(&server).await;
    let asked = format!("{DEVICE}{BIND}{REQUEST}");
    let success = first.log_in_inline("romeo", "romeo", &asked).await;
    let (token, sm_id) = (token_of(&success), sm_id_of(&success));
    assert!(first.hear().await.contains("features"));
    drop(first);

    // `open` waits for one answer, `log_in_by_token` for one frame: that is all.
    let mut again = opened(&server).await;
    let resume = format!("<resume xmlns='urn:xmpp:sm:3' previd='{sm_id}' h='0'/>");
    let asked = format!("{DEVICE}{resume}{BIND}{FAST}");
    let success = again.log_in_by_token("romeo", &token, &asked).await;
    assert!(
        parse(&success).find("resumed", ns::SM).is_some(),
        "{success}"
    );
    let message = "<message xmlns='jabber:client' to='romeo@localhost' id='note' type='chat'>\
        <body>to myself</body></message>";
    again.say(message).await;
    assert_eq!(again.hear().await, "<a xmlns='urn:xmpp:sm:3' h='1'/>");

    let mut anew = opened(&server).await;
    let asked = format!("{DEVICE}{BIND}{FAST}");
    let success = anew.log_in_by_token("romeo", &token, &asked).await;
    assert_ne!(sm_id_of(&success), sm_id);
    assert!(
        success.contains("<end "),
        "the archive has an end: {success}"
    );
    assert!(anew.hear().await.contains("features"));
    let (texts, _) = again.rest().await;
    assert!(
        texts[0].contains("<conflict"),
        "a device has one session: {texts:?}"
    );
}

// proves: AU-29
#[tokio::test]
async fn tokens_survive_a_restart_and_die_with_the_password() {
    let (folder, server) = on_disk(config()).await;
    let data = folder.path().join("data");
    let on = |listen| Config {
        listen,
        data: data.clone(),
        ..config()
    };
    let admin = |name: &'static str, password: &'static str| {
        let data = data.clone();
        async move {
            let options = store::Options::default();
            let store = store::Sqlite::open(data.join("balcony.db"), options).unwrap();
            tools::set_password(&store, name, password).await;
        }
    };
    admin("romeo", "first").await;
    let mut peer = Peer::connect(server.address()).await;
    peer.open().await;
    let asked = format!("{DEVICE}{REQUEST}");
    let token = token_of(&peer.log_in_inline("romeo", "first", &asked).await);
    let address = server.address();
    server.stop().await;
    let server = gateway::Gateway::start(on(address)).await.unwrap();
    let mut peer = Peer::connect(server.address()).await;
    peer.open().await;
    let asked = format!("{DEVICE}{FAST}");
    let answer = peer.log_in_by_token("romeo", &token, &asked).await;
    assert!(answer.starts_with("<success"), "{answer}");
    admin("romeo", "second").await;
    let mut peer = Peer::connect(server.address()).await;
    peer.open().await;
    let answer = peer.log_in_by_token("romeo", &token, &asked).await;
    assert!(answer.contains("<not-authorized"), "{answer}");
    let file = std::fs::read(data.join("balcony.db")).unwrap();
    let wal = std::fs::read(data.join("balcony.db-wal")).unwrap_or_default();
    for bytes in [file, wal] {
        let found = bytes
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        assert!(!found, "the token lies in the database");
    }
}

// proves: AU-33 LIM-15 SEC-26
#[tokio::test]
async fn guessing_tokens_gets_slower_as_guessing_passwords_does() {
    let server = Server::start(Config {
        limits: Limits {
            login_failures: 2,
            loopback_exempt: false,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    server.add("romeo").await;
    let asked = format!("{DEVICE}{FAST}");
    let mut guesser = opened(&server).await;
    for _ in 0..2 {
        let refused = guesser.log_in_by_token("romeo", "guess", &asked).await;
        assert!(refused.contains("<not-authorized"));
    }
    let refused = guesser.log_in_inline("romeo", "guess", DEVICE).await;
    assert!(refused.contains("<not-authorized"));
    let from = Instant::now();
    let refused = guesser.log_in_by_token("romeo", "guess", &asked).await;
    assert!(refused.contains("<not-authorized"));
    assert!(from.elapsed().as_millis() >= 1_000, "{:?}", from.elapsed());
}

/// A stream whose header claims an address, and the features that it was offered.
async fn opened_as(server: &Server, from: &str) -> (Peer, String) {
    let mut peer = Peer::connect(server.address()).await;
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'";
    peer.say(format!("{open} from='{from}@localhost'/>")).await;
    assert!(peer.hear().await.starts_with("<open"));
    let features = peer.hear().await;
    (peer, features)
}

// proves: AU-02 AU-08 AU-34
#[tokio::test]
async fn nobody_can_tell_by_a_login_who_has_an_account() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let mut seen = Vec::new();
    for name in ["romeo", "nobody", "nobody"] {
        let (mut peer, features) = opened_as(&server, name).await;
        assert!(!features.contains("tls-0rtt"), "{features}");
        let challenge = peer.challenge(name).await;
        let fields: Vec<_> = challenge.split(',').map(|f| f.split('=').next()).collect();
        let fields = fields.into_iter().flatten().collect::<String>();
        let salt = challenge.split(',').nth(1).unwrap().to_owned();
        assert_eq!(salt.len(), "s=".len() + 24, "16 bytes");
        let refused = peer.log_in_inline(name, "wrong", DEVICE).await;
        let asked = format!("{DEVICE}{FAST}");
        let no_token = peer.log_in_by_token(name, "wrong", &asked).await;
        seen.push((salt, (features, fields, refused, no_token)));
    }
    assert_eq!(seen[0].1, seen[1].1);
    assert_eq!(seen[1], seen[2], "the salt of a name stays the same");
    assert_ne!(seen[0].0, seen[1].0);
}

// proves: AU-18
#[tokio::test]
async fn whoever_claims_one_address_cannot_log_in_as_another() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    for (claimed, wanted) in [("juliet", "<failure"), ("romeo", "<success")] {
        let (mut peer, _) = opened_as(&server, claimed).await;
        let answer = peer.log_in_inline("romeo", "romeo", DEVICE).await;
        assert!(answer.starts_with(wanted), "{answer}");
    }
}

// proves: AU-20
#[tokio::test]
async fn the_name_that_a_device_gives_itself_stays_between_it_and_the_server() {
    let server = Server::start(config()).await;
    for name in ["romeo", "juliet"] {
        server.add(name).await;
    }
    let mut juliet = Peer::session(server.address(), "juliet").await;
    juliet.become_available().await;
    let mut romeo = opened(&server).await;
    let success = romeo
        .log_in_inline("romeo", "romeo", &format!("{DEVICE}{BIND}"))
        .await;
    romeo
        .say("<presence xmlns='jabber:client' to='juliet@localhost'/>")
        .await;
    romeo
        .say("<message xmlns='jabber:client' to='juliet@localhost' id='m' type='chat'><body>x</body></message>")
        .await;
    let presence = juliet.hear_of("<presence").await;
    let message = juliet.hear_of("<message").await;
    for frame in [success, presence, message] {
        assert!(frame.contains("romeo@localhost/Balcony/"), "{frame}");
        assert!(!frame.contains("d4565fa7"), "{frame}");
    }
}
