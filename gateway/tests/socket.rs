//! What the server does with WebSockets: who may open one, what breaks one, how one ends.

mod tools;

use std::time::{Duration, Instant};

use futures::SinkExt as _;
use gateway::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use self::tools::{PATIENCE, Peer, Server, config, get, try_upgrade};

const XMPP: &str = "Sec-WebSocket-Protocol: xmpp";

fn with_limits(limits: Limits) -> Config {
    Config { limits, ..config() }
}

// proves: WS-02 SEC-02
#[tokio::test]
async fn without_the_exact_subprotocol_there_is_no_upgrade() {
    let server = Server::start(config()).await;
    for (header, status) in [
        (XMPP, 101),
        ("Sec-WebSocket-Protocol: chat, xmpp", 101),
        ("X-Nothing: at all", 400),
        ("Sec-WebSocket-Protocol: XMPP", 400),
        ("Sec-WebSocket-Protocol: xmpp2", 400),
        ("Sec-WebSocket-Protocol: xmpp chat", 400),
        ("Sec-WebSocket-Protocol: ", 400),
        ("Sec-WebSocket-Protocol: \"xmpp\"", 400),
    ] {
        let answer = try_upgrade(server.address(), &[header]).await;
        assert_eq!(answer.status, status, "{header}");
        let selected = if status == 101 { "xmpp" } else { "" };
        assert_eq!(answer.header("sec-websocket-protocol"), selected);
        assert_eq!(answer.header("sec-websocket-extensions"), "");
    }
    assert_eq!(get(server.address(), "/xmpp-websocket").await.status, 426);
}

// proves: WS-29 SEC-01
#[tokio::test]
async fn a_page_of_a_foreign_origin_cannot_connect() {
    let server = Server::start(Config {
        allowed_origins: vec!["https://app.example".into()],
        public_url: Some("https://chat.example".into()),
        ..config()
    })
    .await;
    let address = server.address();
    let port = address.port();
    for (origin, status) in [
        (format!("http://127.0.0.1:{port}"), 101),
        (format!("http://localhost:{port}"), 403),
        ("https://app.example".into(), 101),
        ("https://APP.example:443".into(), 101),
        ("https://chat.example".into(), 101),
        ("http://app.example".into(), 403),
        ("https://app.example:8443".into(), 403),
        ("https://app.example.evil".into(), 403),
        ("https://evil-app.example".into(), 403),
        ("https://sub.app.example".into(), 403),
        (format!("https://127.0.0.1:{port}"), 403),
        (format!("http://127.0.0.1:{}", port.wrapping_add(1)), 403),
        ("http://127.0.0.1".into(), 403),
        ("null".into(), 403),
        ("".into(), 403),
        ("https://app.example/".into(), 403),
        ("https://app.example https://evil.example".into(), 403),
        ("file://".into(), 403),
    ] {
        let header = format!("Origin: {origin}");
        let answer = try_upgrade(address, &[XMPP, &header]).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let twice = [XMPP, "Origin: https://app.example", "Origin: https://x.y"];
    assert_eq!(try_upgrade(address, &twice).await.status, 403);

    let open = Server::start(Config {
        allowed_origins: vec!["*".into()],
        ..config()
    })
    .await;
    let anybody = [XMPP, "Origin: https://any.example"];
    assert_eq!(try_upgrade(open.address(), &anybody).await.status, 101);
}

// proves: LIM-08 SEC-06 SEC-09
#[tokio::test]
async fn behind_a_proxy_connections_are_counted_by_whom_it_speaks_for() {
    let server = Server::start(Config {
        trusted_proxies: vec!["127.0.0.1".into(), "10.0.0.0/8".into()],
        limits: Limits {
            connections_per_ip: 1,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    let address = server.address();
    let upgrade = |chain: &'static str| {
        let chain = format!("X-Forwarded-For: {chain}");
        async move {
            let headers = [XMPP, "X-Forwarded-Proto: https", &chain];
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut request = format!("GET /xmpp-websocket HTTP/1.1\r\nHost: {address}\r\n");
            for header in tools::UPGRADE.iter().chain(&headers) {
                request.push_str(&format!("{header}\r\n"));
            }
            let request = request + "\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut bytes = vec![0; 12];
            stream.read_exact(&mut bytes).await.unwrap();
            (String::from_utf8(bytes).unwrap(), stream)
        }
    };
    let (status, _held) = upgrade("192.0.2.9, 203.0.113.1").await;
    assert_eq!(status, "HTTP/1.1 101");
    let (status, _) = upgrade("192.0.2.7, 203.0.113.1, 10.1.1.1").await;
    assert_eq!(status, "HTTP/1.1 429");
    let (status, _held) = upgrade("203.0.113.1, 203.0.113.2").await;
    assert_eq!(status, "HTTP/1.1 101");
}

// proves: WS-26 LIM-04 SEC-11
#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_stream_for_good() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let long = |len: usize| {
        let body = "x".repeat(len);
        format!("<message xmlns='jabber:client' to='romeo@localhost'><body>{body}</body></message>")
    };
    let mut romeo = Peer::session(server.address(), "romeo").await;
    romeo.say(long(262_144)).await;
    let (said, code) = romeo.rest().await;
    assert!(said[0].contains("<policy-violation"), "{said:?}");
    assert!(said[1].starts_with("<close"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Normal));

    let mut romeo = Peer::session(server.address(), "romeo").await;
    romeo.say(long(270_000)).await;
    let (said, code) = romeo.rest().await;
    assert!(said[0].contains("<policy-violation"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Size));
}

// proves: WS-04 WS-08 SEC-16
#[tokio::test]
async fn a_binary_frame_ends_the_stream_before_and_after_login() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let mut stranger = Peer::connect(server.address()).await;
    let binary = Message::Binary(vec![1, 2, 3].into());
    stranger.ws.send(binary.clone()).await.unwrap();
    let (said, code) = stranger.rest().await;
    assert!(said[0].starts_with("<open"), "{said:?}");
    assert!(said[1].contains("<unsupported-encoding"), "{said:?}");
    assert!(said[2].starts_with("<close"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Normal));

    let mut romeo = Peer::session(server.address(), "romeo").await;
    romeo.ws.send(binary).await.unwrap();
    let (said, code) = romeo.rest().await;
    assert!(said[0].contains("<unsupported-encoding"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Normal));
}

// proves: SEC-14 SEC-15
#[tokio::test]
async fn broken_websocket_frames_are_answered_by_their_close_code() {
    let server = Server::start(config()).await;
    for (what, bytes, code) in [
        ("unmasked", &b"\x81\x01<"[..], 1002),
        ("reserved bit", b"\xc1\x81\0\0\0\0<", 1002),
        ("opcode 3", b"\x83\x81\0\0\0\0<", 1002),
        ("opcode 11", b"\x8b\x80\0\0\0\0", 1002),
        (
            "long ping",
            &[&b"\x89\xfe\0\x7e"[..], &[0; 130]].concat(),
            1002,
        ),
        ("split ping", b"\x09\x80\0\0\0\0", 1002),
        ("continuation first", b"\x80\x80\0\0\0\0", 1002),
        (
            "text inside text",
            b"\x01\x81\0\0\0\0<\x81\x81\0\0\0\0<",
            1002,
        ),
        ("invalid UTF-8", b"\x81\x82\0\0\0\0\xc0\xaf", 1007),
        ("length 2^62", b"\x81\xff\x40\0\0\0\0\0\0\0\0\0\0\0", 1009),
    ] {
        let mut stream = tools::raw_socket(server.address()).await;
        stream.write_all(bytes).await.unwrap();
        let mut heard = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        assert!(read.is_ok(), "{what}: not closed, but {heard:?}");
        let close = [0x88, 2, (code >> 8) as u8, (code & 0xff) as u8];
        assert!(heard.ends_with(&close), "{what}: {heard:?}");
    }
}

// proves: SEC-15
#[tokio::test]
async fn a_character_may_be_split_over_fragments() {
    let server = Server::start(config()).await;
    let mut stream = tools::raw_socket(server.address()).await;
    let split = b"\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0\xa4";
    stream.write_all(split).await.unwrap();
    let mut heard = [0; 1];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard[0], 0x81, "a text frame: the stream's own error");
}

// proves: LIM-05 SEC-12
#[tokio::test]
async fn empty_fragments_without_end_are_cut_off() {
    let server = Server::start(with_limits(Limits {
        stanza_bytes: 10_000,
        ..Limits::default()
    }))
    .await;
    let mut stream = tools::raw_socket(server.address()).await;
    stream.write_all(b"\x01\x80\0\0\0\0").await.unwrap();
    let flood = b"\x00\x80\0\0\0\0".repeat(1_000);
    let from = Instant::now();
    for _ in 0..1_000 {
        if stream.write_all(&flood).await.is_err() {
            return;
        }
        assert!(from.elapsed() < PATIENCE);
    }
    panic!("six megabytes of nothing were swallowed");
}

// proves: LIM-06 SEC-13
#[tokio::test]
async fn a_flood_of_pings_ends_the_connection() {
    let server = Server::start(with_limits(Limits {
        controls_per_s: 50,
        controls_burst: 10,
        ..Limits::default()
    }))
    .await;
    let mut stream = tools::raw_socket(server.address()).await;
    let _ = stream.write_all(&b"\x89\x80\0\0\0\0".repeat(500)).await;
    let mut heard = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    assert!(read.is_ok(), "not closed");
    let policy = [0x88, 2, 0x03, 0xf0];
    assert!(heard.windows(4).any(|four| four == policy), "{heard:?}");
}

// proves: WS-27 SEC-08 LIM-02
#[tokio::test]
async fn whoever_does_not_log_in_is_sent_away_and_pings_do_not_help() {
    let server = Server::start(with_limits(Limits {
        login_ms: 1_000,
        ..Limits::default()
    }))
    .await;
    let mut stranger = Peer::connect(server.address()).await;
    stranger.open().await;
    let from = Instant::now();
    for _ in 0..4 {
        let ping = Message::Ping(Vec::new().into());
        stranger.ws.send(ping).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (said, code) = stranger.rest().await;
    assert!(said[0].contains("<connection-timeout"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Normal));
    assert!(from.elapsed() < Duration::from_secs(8));
}

// proves: AU-33 LIM-15 SEC-26
#[tokio::test]
async fn after_many_failed_logins_the_next_waits_and_still_gets_in() {
    let server = Server::start(with_limits(Limits {
        login_failures: 1,
        loopback_exempt: false,
        // Less than the delay: the login clock stands still meanwhile.
        login_ms: 1_900,
        ..Limits::default()
    }))
    .await;
    server.add("romeo").await;
    for _ in 0..3 {
        let mut thief = Peer::connect(server.address()).await;
        thief.open().await;
        let refused = thief.log_in("romeo", "wrong").await.unwrap_err();
        assert!(refused.contains("<not-authorized"), "{refused}");
    }
    // Two at once gain nothing: one waits behind the other.
    let from = Instant::now();
    let session = || async {
        Peer::session(server.address(), "romeo").await;
        from.elapsed()
    };
    let (one, other) = tokio::join!(session(), session());
    assert!(one.min(other) >= Duration::from_secs(2));
    assert!(one.max(other) >= Duration::from_secs(4));
}

// proves: WS-22
#[tokio::test]
async fn an_idle_connection_is_pinged_and_a_dead_one_dropped() {
    let server = Server::start(with_limits(Limits {
        ping_ms: 200,
        idle_ms: 2_000,
        close_ms: 100,
        ..Limits::default()
    }))
    .await;
    server.add("romeo").await;
    let mut romeo = Peer::session(server.address(), "romeo").await;
    // A peer that reads answers pings, and so stays longer than idle_ms.
    for _ in 0..12 {
        assert!(matches!(romeo.next().await, Some(Ok(Message::Ping(_)))));
    }
    // One that does not read is gone.
    tokio::time::sleep(Duration::from_secs(3)).await;
    while let Some(Ok(message)) = romeo.next().await {
        assert!(matches!(message, Message::Ping(_)), "{message:?}");
    }
}

// proves: WS-16 WS-18
#[tokio::test]
async fn a_close_is_answered_and_the_socket_closed_normally() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let mut romeo = Peer::session(server.address(), "romeo").await;
    romeo
        .say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
        .await;
    let (said, code) = romeo.rest().await;
    assert!(said[0].starts_with("<close"), "{said:?}");
    assert_eq!(code, Some(CloseCode::Normal));
}

// proves: WS-30
#[tokio::test]
async fn a_stopping_server_tells_every_stream_and_stops_in_time() {
    let server = Server::start(config()).await;
    server.add("romeo").await;
    let address = server.address();
    let mut romeo = Peer::session(address, "romeo").await;
    let mut stranger = Peer::connect(address).await;
    stranger.open().await;
    let from = Instant::now();
    let stop = tokio::spawn(server.gateway.stop());
    for peer in [&mut romeo, &mut stranger] {
        let (said, code) = peer.rest().await;
        assert!(said[0].contains("<system-shutdown"), "{said:?}");
        assert_eq!(code, Some(CloseCode::Normal));
    }
    drop((romeo, stranger));
    stop.await.unwrap();
    assert!(from.elapsed() < Duration::from_secs(5));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
