//! What the server says over HTTP.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

mod tools;

use std::fs;
use std::time::{Duration, Instant};

use gateway::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::tools::{Server, ask, config, exchange, get};

fn with_limits(limits: Limits) -> Config {
    Config { limits, ..config() }
}

// proves: HM-01 HM-02 HM-03
#[tokio::test]
async fn host_meta_names_the_websocket_in_both_forms_for_everybody() {
    let server = Server::start(config()).await;
    let address = server.address();
    let href = format!("ws://{address}/xmpp-websocket");
    for (path, kind, link) in [
        (
            "/.well-known/host-meta",
            "application/xrd+xml",
            format!("<Link rel='urn:xmpp:alt-connections:websocket' href='{href}'/>"),
        ),
        (
            "/.well-known/host-meta.json",
            "application/json",
            format!("{{\"href\":\"{href}\",\"rel\":\"urn:xmpp:alt-connections:websocket\"}}"),
        ),
    ] {
        let answer = get(address, path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert!(answer.text().contains(&link), "{}", answer.text());

        let head = ask(address, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-type"), kind);
        let options = ask(address, "OPTIONS", path, &[]).await;
        assert_eq!(options.status, 204);
        assert_eq!(options.header("access-control-allow-origin"), "*");
        let known = format!("If-None-Match: {}", answer.header("etag"));
        assert_eq!(ask(address, "GET", path, &[&known]).await.status, 304);
        assert_eq!(ask(address, "POST", path, &[]).await.status, 405);
    }
    for path in ["/", "/healthz", "/xmpp-websocket", "/nothing.txt"] {
        let answer = get(address, path).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

// proves: HM-07 SEC-05
#[tokio::test]
async fn behind_a_public_url_host_meta_names_its_secure_websocket_only() {
    let server = Server::start(Config {
        public_url: Some("https://chat.example".into()),
        ..config()
    })
    .await;
    let answer = get(server.address(), "/.well-known/host-meta.json").await;
    let text = answer.text();
    assert!(text.contains("wss://chat.example/xmpp-websocket"), "{text}");
    assert!(!text.contains("ws://"), "{text}");
}

// proves: SEC-03 SEC-63 SEC-72
#[tokio::test]
async fn every_answer_is_guarded_and_gives_nothing_away() {
    let server = Server::start(config()).await;
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/.well-known/host-meta",
        "/xmpp-websocket",
        "/nothing.txt",
    ] {
        let answer = get(server.address(), path).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval';",
            "style-src 'self';",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        let socket = format!("connect-src 'self' ws://{}", server.address());
        assert!(policy.ends_with(&socket), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
}

// proves: SEC-06
#[tokio::test]
async fn a_foreign_host_name_is_not_served_and_forwarding_headers_of_strangers_mean_nothing() {
    let server = Server::start(Config {
        allowed_hosts: vec!["Verona.Example".into()],
        ..config()
    })
    .await;
    let address = server.address();
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:99", 200),
        ("[::1]", 200),
        ("verona.example", 200),
        ("chat.localhost", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("user@localhost", 400),
        ("localhost/x", 400),
        ("", 400),
    ] {
        let header = format!("Host: {host}");
        let answer = ask(address, "GET", "/healthz", &[&header]).await;
        assert_eq!(answer.status, status, "{host}");
    }
    let forged = ["X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"];
    let answer = ask(address, "GET", "/.well-known/host-meta", &forged).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(&format!("ws://{address}/")));
    assert_eq!(answer.header("strict-transport-security"), "");
}

// proves: SEC-04 SEC-06 SEC-69 WS-32
#[tokio::test]
async fn behind_a_proxy_only_https_is_served() {
    let server = Server::start(Config {
        trusted_proxies: vec!["127.0.0.1".into()],
        allowed_hosts: vec!["chat.example".into()],
        ..config()
    })
    .await;
    let address = server.address();
    let secure = ["Host: chat.example", "X-Forwarded-Proto: https"];
    let answer = ask(address, "GET", "/.well-known/host-meta", &secure).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("strict-transport-security"),
        "max-age=31536000"
    );
    assert!(answer.text().contains("wss://chat.example/xmpp-websocket"));
    let metrics = ask(address, "GET", "/metrics", &secure).await;
    assert_eq!(metrics.status, 404);

    let plain = ["Host: chat.example", "X-Forwarded-Proto: http"];
    let answer = ask(address, "GET", "/a?b", &plain).await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "https://chat.example/a?b");
    assert_eq!(ask(address, "POST", "/a", &plain).await.status, 403);
    let upgrade = [plain[0], plain[1], "Sec-WebSocket-Protocol: xmpp"];
    let socket = tools::try_upgrade(address, &upgrade);
    assert_eq!(socket.await.status, 403);
}

// proves: SEC-10 LIM-01
#[tokio::test]
async fn a_header_that_is_too_long_or_too_full_is_refused() {
    let server = Server::start(config()).await;
    let long = format!("X: {}", "x".repeat(16_384));
    let answer = ask(server.address(), "GET", "/healthz", &[&long]).await;
    assert_eq!(answer.status, 431);
    let many: Vec<String> = (0..101).map(|n| format!("X-{n}: x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = ask(server.address(), "GET", "/healthz", &many).await;
    assert_eq!(answer.status, 431);
    let some = ask(server.address(), "GET", "/healthz", &many[..90]).await;
    assert_eq!(some.status, 200);
}

// proves: SEC-07 LIM-01
#[tokio::test]
async fn whoever_never_finishes_a_header_is_cut_off() {
    let server = Server::start(with_limits(Limits {
        header_ms: 200,
        ..Limits::default()
    }))
    .await;
    for beginning in ["", "GET / HTTP/1.1\r\nHost: loc"] {
        let from = Instant::now();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(from.elapsed() < Duration::from_secs(5), "{beginning:?}");
        assert!(from.elapsed() > Duration::from_millis(150), "{beginning:?}");
    }
    assert_eq!(get(server.address(), "/healthz").await.status, 200);
}

// proves: LIM-08 SEC-09
#[tokio::test]
async fn too_many_connections_are_turned_away_before_any_request() {
    let bounded = |connections_per_ip, connections| {
        with_limits(Limits {
            connections_per_ip,
            connections: Some(connections),
            loopback_exempt: false,
            ..Limits::default()
        })
    };
    for (config, status) in [(bounded(3, 100), 429), (bounded(100, 3), 503)] {
        let server = Server::start(config).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut byte = [0; 1];
            stream.read_exact(&mut byte).await.unwrap();
            held.push(stream);
        }
        assert_eq!(exchange(server.address(), "").await.status, status);
        drop(held);
        let from = Instant::now();
        while get(server.address(), "/healthz").await.status != 200 {
            assert!(from.elapsed() < Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let server = Server::start(config()).await;
    assert_eq!(get(server.address(), "/healthz").await.text(), "ok\n");
    assert_eq!(get(server.address(), "/readyz").await.text(), "ready\n");
    let metrics = get(server.address(), "/metrics").await;
    assert!(metrics.header("content-type").contains("openmetrics"));
    for name in ["connections", "sessions", "append_seconds", "frames_in"] {
        let name = format!("# TYPE balcony_{name} ");
        assert!(metrics.text().contains(&name), "{name}");
    }
}

/// A web client in a folder.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pkg = folder.path().join("pkg/0123");
    fs::create_dir_all(&pkg).unwrap();
    let page = "<meta name=\"balcony-domain\" content=\"localhost\"><p>page";
    fs::write(folder.path().join("index.html"), page).unwrap();
    fs::write(folder.path().join("boot.js"), "boot()").unwrap();
    for (name, content) in [
        ("web_bg.wasm", "plain"),
        ("web_bg.wasm.br", "brotli"),
        ("web_bg.wasm.gz", "gzip"),
    ] {
        fs::write(pkg.join(name), content).unwrap();
    }
    folder
}

#[tokio::test]
async fn the_client_is_served_packed_typed_and_cached() {
    let site = site();
    let server = Server::start(Config {
        site: Some(site.path().to_owned()),
        domain: "verona.example".into(),
        ..config()
    })
    .await;
    let address = server.address();
    let wasm = "/pkg/0123/web_bg.wasm";
    for (accept, encoding, body) in [
        ("Accept-Encoding: gzip, br", "br", "brotli"),
        ("Accept-Encoding: gzip", "gzip", "gzip"),
        ("Accept-Encoding: br;q=0, gzip;q=0.1", "gzip", "gzip"),
        ("Accept: */*", "", "plain"),
    ] {
        let answer = ask(address, "GET", wasm, &[accept]).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        assert_eq!(answer.text(), body, "{accept}");
        assert_eq!(answer.header("content-type"), "application/wasm");
        assert_eq!(answer.header("vary"), "accept-encoding");
        let forever = "public, max-age=31536000, immutable";
        assert_eq!(answer.header("cache-control"), forever);
        let known = format!("If-None-Match: {}", answer.header("etag"));
        let again = ask(address, "GET", wasm, &[accept, &known]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{accept}");
    }
    let boot = get(address, "/boot.js").await;
    assert_eq!(boot.header("cache-control"), "no-cache");
    assert_eq!(
        boot.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    for path in ["/", "/index.html", "/chat/juliet", "/?x"] {
        let page = get(address, path).await;
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let text = page.text();
        assert!(
            text.contains("content=\"verona.example\""),
            "{path}: {text}"
        );
    }
    for path in [
        "/nothing.js",
        "/pkg/0123/x",
        "/../tests/http.rs",
        "/%2e%2e/x.y",
    ] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    assert_eq!(ask(address, "POST", "/", &[]).await.status, 405);
    assert_eq!(ask(address, "HEAD", "/", &[]).await.body.len(), 0);
}
