//! Personal eventing from socket to socket, through core and store, over a restart.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

mod tools;

use std::net::SocketAddr;

use gateway::{Config, Gateway};

use self::tools::{Peer, config, on_disk};

const VER: &str = "Qgv6h+VMU8Gk6eOQ0d5DlKrg2hI=";
const NODE: &str = "urn:xmpp:mds:displayed:0";

fn displayed(id: &str) -> String {
    format!(
        "<displayed xmlns='urn:xmpp:mds:displayed:0'>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='romeo@localhost' id='{id}'/></displayed>"
    )
}

async fn device(address: SocketAddr, password: &str, resource: &str) -> Peer {
    let mut peer = Peer::connect(address).await;
    peer.open().await;
    peer.log_in("romeo", password).await.unwrap();
    peer.bind(resource).await;
    peer
}

/// Shows capabilities, and says what they are when it is asked.
async fn show_interest(peer: &mut Peer) {
    peer.say(format!(
        "<presence xmlns='jabber:client'><c xmlns='http://jabber.org/protocol/caps' \
         hash='sha-1' node='urn:example' ver='{VER}'/></presence>"
    ))
    .await;
    let question = peer.hear_of("disco#info").await;
    assert!(
        question.contains(&format!("node='urn:example#{VER}'")),
        "{question}"
    );
    let id = question.split(" id='").nth(1).unwrap();
    let id = id.split('\'').next().unwrap();
    peer.say(format!(
        "<iq xmlns='jabber:client' type='result' id='{id}' to='romeo@localhost'>\
         <query xmlns='http://jabber.org/protocol/disco#info' node='urn:example#{VER}'>\
         <identity category='client' type='pc'/>\
         <feature var='urn:xmpp:mds:displayed:0+notify'/>\
         <feature var='urn:example:mood+notify'/></query></iq>"
    ))
    .await;
    // Answered behind it.
    peer.say("<iq xmlns='jabber:client' type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    peer.hear_of("'ping'").await;
}

async fn fetch(peer: &mut Peer) -> String {
    peer.say(format!(
        "<iq xmlns='jabber:client' type='get' id='f'>\
         <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{NODE}'/></pubsub></iq>"
    ))
    .await;
    peer.hear_of("id='f'").await
}

// proves: PE-02 PE-04 PE-05 MD-04
#[tokio::test]
async fn a_read_state_reaches_the_other_device_and_outlives_the_process() {
    let (folder, gateway) = on_disk(Config {
        demo: true,
        ..config()
    })
    .await;
    let accounts = gateway.demo_accounts().to_vec();
    let password = accounts[0].password.clone().unwrap();
    let mut phone = device(gateway.address(), &password, "phone").await;
    let mut desk = device(gateway.address(), &password, "desk").await;
    show_interest(&mut phone).await;

    desk.say(format!(
        "<iq xmlns='jabber:client' type='set' id='1'>\
         <pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{NODE}'>\
         <item id='mercutio@localhost'>{}</item></publish><publish-options>\
         <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>\
         <value>http://jabber.org/protocol/pubsub#publish-options</value></field>\
         <field var='pubsub#max_items'><value>max</value></field>\
         <field var='pubsub#send_last_published_item'><value>never</value></field>\
         <field var='pubsub#access_model'><value>whitelist</value></field></x>\
         </publish-options></pubsub></iq>",
        displayed("one")
    ))
    .await;
    let answer = desk.hear_of("id='1'").await;
    assert!(answer.contains("type='result'"), "{answer}");
    let event = phone.hear_of("headline").await;
    assert!(event.contains("<item id='mercutio@localhost'>"), "{event}");
    assert!(event.contains(&displayed("one")), "{event}");

    desk.say(format!(
        "<message xmlns='jabber:client' to='juliet@localhost' type='chat' id='m'>\
         <displayed xmlns='urn:xmpp:chat-markers:0' id='j'/>{}</message>",
        displayed("two")
    ))
    .await;
    let event = phone.hear_of("headline").await;
    assert!(event.contains("<item id='juliet@localhost'>"), "{event}");

    let stop = tokio::spawn(gateway.stop());
    phone.rest().await;
    desk.rest().await;
    drop((phone, desk));
    stop.await.unwrap();
    let gateway = Gateway::start(Config {
        data: folder.path().join("data"),
        demo: true,
        ..config()
    })
    .await
    .unwrap();
    let mut phone = device(gateway.address(), &password, "phone").await;
    let kept = fetch(&mut phone).await;
    for (chat, id) in [("juliet", "two"), ("mercutio", "one")] {
        let item = format!("<item id='{chat}@localhost'>{}</item>", displayed(id));
        assert!(kept.contains(&item), "{kept}");
    }
    drop(phone);
    gateway.stop().await;
}
