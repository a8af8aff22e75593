//! The lab: where it is, who may use it, and what it breaks.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

mod tools;

use std::fs;
use std::net::SocketAddr;

use gateway::{Config, Gateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::tools::{Answer, Server, ask, config, exchange, get, on_disk};

const API: [&str; 5] = ["accounts", "state", "fail", "fill", "restart"];

/// A server with a lab, and a client that is but the pages.
async fn with_lab() -> (TempDir, TempDir, Gateway) {
    let site = tempfile::tempdir().unwrap();
    fs::create_dir(site.path().join("lab")).unwrap();
    let app = "<meta name=\"balcony-lab\" content=\"off\">the app";
    fs::write(site.path().join("index.html"), app).unwrap();
    fs::write(site.path().join("lab/index.html"), "the lab").unwrap();
    fs::write(site.path().join("lab/lab.js"), "judge()").unwrap();
    let (folder, gateway) = on_disk(Config {
        site: Some(site.path().to_owned()),
        lab: true,
        ..config()
    })
    .await;
    (site, folder, gateway)
}

/// What the lab's own page asks.
async fn asked(address: SocketAddr, what: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let request = format!(
        "POST /lab/api/{what} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    exchange(address, &request).await
}

// proves: SEC-63 SEC-70
#[tokio::test]
async fn without_the_lab_there_is_none_and_nothing_may_be_framed() {
    let site = tempfile::tempdir().unwrap();
    fs::create_dir(site.path().join("lab")).unwrap();
    for file in ["index.html", "lab/index.html", "lab/lab.js"] {
        fs::write(
            site.path().join(file),
            "<meta name=\"balcony-lab\" content=\"off\">",
        )
        .unwrap();
    }
    let server = Server::start(Config {
        site: Some(site.path().to_owned()),
        ..config()
    })
    .await;
    let address = server.address();
    for path in ["/lab", "/lab/", "/lab/index.html", "/lab/lab.js"] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    for what in API {
        let answer = asked(address, what, &json!({})).await;
        assert!(
            matches!(answer.status, 404 | 405),
            "{what}: {}",
            answer.status
        );
    }
    let page = get(address, "/").await;
    assert!(page.text().contains("content=\"off\""));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("frame-src"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");
}

// proves: SEC-63 SEC-70
#[tokio::test]
async fn the_lab_frames_the_app_and_nobody_else_does() {
    let (_site, _folder, gateway) = with_lab().await;
    let address = gateway.address();
    assert_eq!(gateway.lab_link(), Some(format!("http://{address}/lab")));
    let app = get(address, "/").await;
    assert!(app.text().contains("content=\"on\""));
    let lab = get(address, "/lab").await;
    assert_eq!((lab.status, lab.text()), (200, "the lab".to_owned()));
    assert_eq!(lab.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(get(address, "/lab/lab.js").await.text(), "judge()");
    for (answer, may_frame) in [(&app, false), (&lab, true)] {
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'self';"), "{policy}");
        assert!(
            policy.contains("require-trusted-types-for 'script'"),
            "{policy}"
        );
        assert_eq!(policy.contains("frame-src 'self';"), may_frame, "{policy}");
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
    }
}

// proves: SEC-70
#[tokio::test]
async fn the_lab_listens_to_its_own_page_only() {
    let (_site, _folder, gateway) = with_lab().await;
    let address = gateway.address();
    for what in API {
        let path = format!("/lab/api/{what}");
        let length = "Content-Length: 0";
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1",
            "http://localhost:1",
        ] {
            let origin = format!("Origin: {origin}");
            let answer = ask(address, "POST", &path, &[&origin, length]).await;
            assert_eq!(answer.status, 403, "{what} for {origin}");
        }
        let own = format!("Origin: http://{address}");
        let twice = ask(address, "POST", &path, &[&own, &own, length]).await;
        assert_eq!(twice.status, 403, "{what} for two origins");
        let nameless = ask(address, "POST", &path, &[length]).await;
        assert_eq!(nameless.status, 403, "{what} for no origin");
        let read = ask(address, "GET", &path, &[&own]).await;
        assert_eq!(read.status, 405, "{what} by GET");
    }
    // A name that leads here from elsewhere.
    let path = "/lab/api/accounts";
    let headers = [
        "Host: chat.localhost",
        "Origin: http://chat.localhost",
        "Content-Length: 0",
    ];
    assert_eq!(ask(address, "POST", path, &headers).await.status, 404);
    assert_eq!(
        ask(address, "GET", "/lab", &["Host: chat.localhost"])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn the_lab_knows_its_people_and_their_archives_and_breaks_what_it_is_told_to() {
    let (_site, _folder, gateway) = with_lab().await;
    let address = gateway.address();
    let told = |answer: Answer| serde_json::from_slice::<Value>(&answer.body).unwrap();
    let accounts = told(asked(address, "accounts", &json!(null)).await);
    assert_eq!(accounts[0]["jid"], "romeo@localhost");
    assert_eq!(accounts[1]["password"].as_str().unwrap().len(), 20);
    let romeo = json!({ "accounts": ["romeo@localhost"], "on": true });
    assert_eq!(asked(address, "fail", &romeo).await.status, 204);
    assert_eq!(asked(address, "fill", &romeo).await.status, 204);
    assert_eq!(
        asked(address, "fill", &json!({ "on": 1 })).await.status,
        400
    );
    let state = told(asked(address, "state", &json!(null)).await);
    assert_eq!(state["failing"], json!(["romeo@localhost"]));
    assert_eq!(state["full"], json!(["romeo@localhost"]));
    assert_eq!(state["archives"][0]["account"], "romeo@localhost");
    assert_eq!(state["archives"][1]["entries"], json!([]));
    assert_eq!(state["archives"][1]["whole"], true);
    let wanted = gateway.restart_wanted();
    let answer = asked(address, "restart", &json!(null)).await;
    assert_eq!(answer.status, 202);
    wanted.await;
}
