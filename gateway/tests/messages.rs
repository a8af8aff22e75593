//! Messages from socket to socket, through core and store.

mod tools;

use std::time::{Duration, Instant};

use gateway::{Config, Gateway, Limits, Retention};

use self::tools::{PATIENCE, Peer, Server, config, get, on_disk};

fn message(to: &str, id: &str, body: &str) -> String {
    format!(
        "<message xmlns='jabber:client' to='{to}@localhost' id='{id}' type='chat'>\
         <body>{body}</body></message>"
    )
}

#[tokio::test]
async fn what_one_says_the_other_hears() {
    let server = Server::start(config()).await;
    for name in ["romeo", "juliet"] {
        server.add(name).await;
    }
    let mut romeo = Peer::session(server.address(), "romeo").await;
    let mut juliet = Peer::session(server.address(), "juliet").await;
    juliet.become_available().await;
    romeo.say(message("juliet", "1", "Wherefore")).await;
    assert!(juliet.hear_of("<message").await.contains("Wherefore"));
    juliet.say(message("romeo", "2", "I know not")).await;
    romeo.become_available().await;
    let metrics = get(server.address(), "/metrics").await.text();
    assert!(metrics.contains("balcony_connections 2\n"), "{metrics}");
    assert!(metrics.contains("balcony_messages_appended_total"));
}

// proves: LIM-14 CO-18
#[tokio::test]
async fn a_flood_is_slowed_down_and_arrives_whole_and_in_order() {
    let server = Server::start(Config {
        limits: Limits {
            messages_per_s: 500,
            messages_burst: 50,
            unsettled_stanzas: 4,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    for name in ["romeo", "juliet"] {
        server.add(name).await;
    }
    let mut romeo = Peer::session(server.address(), "romeo").await;
    let mut juliet = Peer::session(server.address(), "juliet").await;
    juliet.become_available().await;
    let from = Instant::now();
    for n in 0..300 {
        romeo
            .say(message("juliet", &n.to_string(), &format!("line {n}.")))
            .await;
    }
    for n in 0..300 {
        let heard = juliet.hear_of("<message").await;
        assert!(heard.contains(&format!("line {n}.")), "{n}: {heard}");
    }
    assert!(from.elapsed() > Duration::from_millis(450));
}

// proves: WS-28 LIM-07 SEC-54
#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off_and_harms_nobody() {
    let server = Server::start(Config {
        limits: Limits {
            messages_per_s: 100_000,
            messages_burst: 100_000,
            bytes_per_s: 1 << 30,
            bytes_burst: 1 << 30,
            blocked_ms: 1_000,
            close_ms: 500,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    for name in ["romeo", "juliet", "nurse"] {
        server.add(name).await;
    }
    let address = server.address();
    let mut romeo = Peer::session(address, "romeo").await;
    let mut juliet = Peer::session(address, "juliet").await;
    let mut nurse = Peer::session(address, "nurse").await;
    for peer in [&mut juliet, &mut nurse] {
        peer.become_available().await;
    }
    // More than the buffers of both systems hold, and Juliet does not read.
    let body = "x".repeat(200_000);
    for n in 0..60 {
        romeo.say(message("juliet", &n.to_string(), &body)).await;
    }
    romeo.say(message("nurse", "last", "Good night")).await;
    nurse.hear_of("Good night").await;
    let from = Instant::now();
    loop {
        let metrics = get(address, "/metrics").await.text();
        if metrics.contains("balcony_connections 2\n") {
            break;
        }
        assert!(from.elapsed() < Duration::from_secs(10), "{metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    romeo
        .say(message("nurse", "after", "Parting is such"))
        .await;
    nurse.hear_of("Parting is such").await;
}

// proves: RG-03 SEC-52
#[tokio::test]
async fn the_set_up_link_makes_one_account() {
    let (_folder, gateway) = on_disk(config()).await;
    let link = gateway.setup_link().unwrap().to_owned();
    let token = link.split_once("#setup=").unwrap().1;
    let mut peer = Peer::connect(gateway.address()).await;
    peer.open().await;
    peer.say(format!(
        "<iq xmlns='jabber:client' type='set' id='p' to='localhost'>\
         <preauth xmlns='urn:xmpp:pars:0' token='{token}'/></iq>"
    ))
    .await;
    let heard = peer.hear().await;
    assert!(heard.contains("result"), "{heard}");
    peer.say(
        "<iq xmlns='jabber:client' type='set' id='r' to='localhost'>\
         <query xmlns='jabber:iq:register'><username>romeo</username>\
         <password>a long password</password></query></iq>",
    )
    .await;
    let heard = peer.hear().await;
    assert!(heard.contains("result"), "{heard}");
    peer.log_in("romeo", "a long password").await.unwrap();
    peer.bind("balcony").await;

    let mut second = Peer::connect(gateway.address()).await;
    second.open().await;
    second
        .say(format!(
            "<iq xmlns='jabber:client' type='set' id='p' to='localhost'>\
             <preauth xmlns='urn:xmpp:pars:0' token='{token}'/></iq>"
        ))
        .await;
    let heard = second.hear().await;
    assert!(heard.contains("item-not-found"), "{heard}");
    drop((peer, second));
    gateway.stop().await;
}

// proves: WS-30
#[tokio::test]
async fn what_was_said_before_a_stop_is_there_after_the_start() {
    let (folder, gateway) = on_disk(Config {
        demo: true,
        ..config()
    })
    .await;
    let accounts = gateway.demo_accounts().to_vec();
    let password = accounts[0].password.clone().unwrap();
    let mut romeo = Peer::connect(gateway.address()).await;
    romeo.open().await;
    romeo.log_in("romeo", &password).await.unwrap();
    romeo.bind("balcony").await;
    romeo.say("<enable xmlns='urn:xmpp:sm:3'/>").await;
    romeo.hear_of("<enabled").await;
    romeo.say(message("juliet", "1", "Good night")).await;
    romeo.say("<r xmlns='urn:xmpp:sm:3'/>").await;
    // An unasked ack brings what the first one could not.
    while !romeo.hear_of("<a ").await.contains("h='1'") {}
    let stop = tokio::spawn(gateway.stop());
    romeo.rest().await;
    drop(romeo);
    stop.await.unwrap();

    let gateway = Gateway::start(Config {
        data: folder.path().join("data"),
        demo: true,
        ..config()
    })
    .await
    .unwrap();
    assert_eq!(gateway.demo_accounts(), accounts);
    let mut romeo = Peer::connect(gateway.address()).await;
    romeo.open().await;
    romeo.log_in("romeo", &password).await.unwrap();
    romeo.bind("balcony").await;
    romeo
        .say("<iq xmlns='jabber:client' type='set' id='m'><query xmlns='urn:xmpp:mam:2'/></iq>")
        .await;
    romeo.hear_of("Good night").await;
    drop(romeo);
    gateway.stop().await;
}

// proves: MAM-24
#[tokio::test]
async fn what_is_no_longer_kept_goes_while_the_server_runs() {
    let (folder, gateway) = on_disk(Config {
        demo: true,
        retention: Retention {
            messages: Some(3),
            ..Retention::default()
        },
        limits: Limits {
            tend_ms: 20,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    let password = gateway.demo_accounts()[0].password.clone().unwrap();
    let mut romeo = Peer::connect(gateway.address()).await;
    romeo.open().await;
    romeo.log_in("romeo", &password).await.unwrap();
    romeo.bind("balcony").await;
    for n in 0..20 {
        romeo
            .say(message("juliet", &n.to_string(), &format!("line {n}.")))
            .await;
    }
    let from = Instant::now();
    loop {
        romeo
            .say("<iq xmlns='jabber:client' type='set' id='m'><query xmlns='urn:xmpp:mam:2'/></iq>")
            .await;
        let mut bodies = Vec::new();
        loop {
            let heard = romeo.hear().await;
            if heard.contains("id='m'") {
                break;
            }
            bodies.extend(
                heard
                    .split_once("line ")
                    .map(|(_, rest)| rest[..3].to_owned()),
            );
        }
        if bodies == ["17.", "18.", "19."] {
            break;
        }
        assert!(from.elapsed() < PATIENCE, "{bodies:?}");
    }
    drop(romeo);
    gateway.stop().await;
    drop(folder);
}
