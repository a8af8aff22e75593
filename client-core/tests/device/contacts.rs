use client_core::Intent;
use protocol::roster::{Item, Subscription};

use crate::server::bare;
use crate::world::World;

fn push(world: &mut World, from: Option<&str>, item: &str) {
    let from = from.map_or(String::new(), |from| format!("from='{from}' "));
    world.server.inject(&format!(
        "<iq xmlns='jabber:client' type='set' {from}id='push'><query xmlns='jabber:iq:roster' ver='v2'>{item}</query></iq>"
    ));
    world.run();
}

fn names(world: &World) -> Vec<String> {
    let chats = world.engine.view().chats.iter();
    chats.map(|chat| chat.name.clone()).collect()
}

// proves: RO-08
#[test]
fn the_roster_is_kept_with_its_version() {
    let mut world = World::new();
    world.server.roster = vec![
        Item {
            name: Some("The Montague".to_owned()),
            subscription: Subscription::Both,
            ..Item::new(bare("romeo"))
        },
        Item::new(bare("nurse")),
    ];
    world.sign_in();
    // Whenever the tab dies, contacts and version are of one moment.
    while world.step() {
        let kept = world.history.restore();
        let ver = kept.device.and_then(|device| device.roster_ver);
        assert_eq!(kept.contacts.len(), if ver.is_some() { 2 } else { 0 });
    }
    assert_eq!(names(&world), ["The Montague", "nurse"]);
    assert_eq!(
        world
            .history
            .restore()
            .device
            .unwrap()
            .roster_ver
            .as_deref(),
        Some("v1")
    );
    push(
        &mut world,
        None,
        "<item jid='paris@capulet.example' subscription='none' ask='subscribe'/>",
    );
    push(
        &mut world,
        Some("juliet@capulet.example"),
        "<item jid='nurse@montague.example' subscription='remove'/>",
    );
    assert_eq!(names(&world), ["The Montague", "paris"]);
    assert_eq!(
        world
            .server
            .seen
            .iter()
            .filter(|f| f.contains("id='push'") && f.contains("result"))
            .count(),
        2
    );
    let restored = world.history.restore();
    assert_eq!(restored.contacts.len(), 2);
    assert_eq!(restored.device.unwrap().roster_ver.as_deref(), Some("v2"));
    let paris = &world.engine.view().chats[1];
    assert!(paris.asked);
}

// proves: RO-07
#[test]
fn pushes_of_others_are_ignored() {
    let mut world = World::live();
    for from in [
        "tybalt@capulet.example",
        "juliet@capulet.example/phone",
        "capulet.example",
    ] {
        push(
            &mut world,
            Some(from),
            "<item jid='tybalt@capulet.example' subscription='both'/>",
        );
    }
    assert_eq!(names(&world), Vec::<String>::new());
    assert!(world.server.seen.iter().all(|f| !f.contains("id='push'")));
}

// proves: RO-10
#[test]
fn requests_are_listed_until_they_are_answered() {
    let mut world = World::live();
    for name in ["paris", "nurse"] {
        let from = bare(name);
        world.server.inject(&format!(
            "<presence xmlns='jabber:client' from='{from}' type='subscribe'/>"
        ));
    }
    world.run();
    assert_eq!(world.engine.view().requests, [bare("nurse"), bare("paris")]);
    assert_eq!(names(&world), Vec::<String>::new(), "no contacts yet");
    world.intent(Intent::RefuseContact(bare("paris")));
    world.intent(Intent::AcceptContact(bare("nurse")));
    world.run();
    assert!(world.engine.view().requests.is_empty());
    let seen = world.server.seen.join("\n");
    assert!(seen.contains("to='paris@montague.example' type='unsubscribed'"));
    assert!(seen.contains("to='nurse@montague.example' type='subscribed'"));
    assert!(seen.contains("to='nurse@montague.example' type='subscribe'"));
}

// proves: RO-16
#[test]
fn contacts_are_added_and_removed_also_when_it_was_wanted_offline() {
    let mut world = World::live();
    world.is_online = false;
    world.cut();
    world.intent(Intent::AddContact(bare("romeo")));
    world.run();
    world.is_online = true;
    world.pass(3_000);
    let seen = world.server.seen.join("\n");
    assert!(seen.contains("<item jid='romeo@montague.example'/>"));
    assert!(seen.contains("to='romeo@montague.example' type='subscribe'"));
    push(
        &mut world,
        None,
        "<item jid='romeo@montague.example' subscription='none' ask='subscribe'/>",
    );
    world.intent(Intent::RemoveContact(bare("romeo")));
    world.run();
    let seen = world.server.seen.join("\n");
    assert!(seen.contains("to='romeo@montague.example' type='unsubscribe'"));
    assert!(seen.contains("subscription='remove'"));
}

#[test]
fn presence_shows_who_is_online() {
    let mut world = World::new();
    world.server.roster = vec![Item::new(bare("romeo"))];
    world.sign_in();
    world.run();
    let mut tell = |resource: &str, kind: &str| {
        world.server.inject(&format!(
            "<presence xmlns='jabber:client' from='romeo@montague.example/{resource}'{kind}/>"
        ));
        world.run();
        world.engine.view().chats[0].online
    };
    assert!(tell("a", ""));
    assert!(tell("b", ""));
    assert!(tell("a", " type='unavailable'"));
    assert!(!tell("b", " type='unavailable'"));
}

/// Reloads and signs in; gives whether the first contact looks online then, and which frames were sent.
fn reload(world: &mut World) -> (bool, Vec<String>) {
    world.server.seen.clear();
    world.reload();
    world.sign_in();
    assert!(
        !world.engine.view().chats[0].online,
        "not before it is known"
    );
    world.run();
    let seen = world.server.seen.iter().map(ToString::to_string);
    (world.engine.view().chats[0].online, seen.collect())
}

// proves: SM-20 SM-11
#[test]
fn who_is_online_is_known_after_a_reload_with_resumption_and_asked_anew_on_a_new_stream() {
    let mut world = World::new();
    world.server.roster = vec![Item::new(bare("romeo"))];
    world.sign_in();
    world.run();
    let tell = |world: &mut World, resource: &str, kind: &str| {
        world.server.inject(&format!(
            "<presence xmlns='jabber:client' from='romeo@montague.example/{resource}'{kind}/>"
        ));
        world.pass(3_000);
    };
    tell(&mut world, "a", "");
    tell(&mut world, "b", "");
    world.is_online = false;
    world.cut();
    world.run();
    assert!(!world.engine.view().chats[0].online, "nobody can say");
    world.is_online = true;
    world.pass(3_000);
    assert!(world.engine.view().chats[0].online, "the stream goes on");
    let (is_online, seen) = reload(&mut world);
    assert!(is_online);
    let asked_anew = |f: &String| f.starts_with("<presence") || f.contains("jabber:iq:roster");
    assert!(!seen.iter().any(asked_anew), "{seen:?}");
    tell(&mut world, "a", " type='unavailable'");
    assert!(reload(&mut world).0, "the other device is still there");
    // What is not durable is told again: the count says so.
    world.disk_is_slow = true;
    tell(&mut world, "b", " type='unavailable'");
    world.release_disk();
    world.disk_is_slow = false;
    assert!(!reload(&mut world).0);
    tell(&mut world, "a", "");
    world.server.expire();
    let (is_online, seen) = reload(&mut world);
    assert!(!is_online, "a new session is told anew");
    assert!(seen.iter().any(asked_anew));
    assert_eq!(world.history.restore().device.unwrap().online, []);
}

fn count(world: &World, needle: &str) -> usize {
    let frames = world.server.seen.iter();
    frames.filter(|frame| frame.contains(needle)).count()
}

// proves: RO-16 SM-11
#[test]
fn what_was_asked_of_the_roster_survives_a_reload_until_the_server_has_it() {
    let mut world = World::live();
    world.is_online = false;
    world.cut();
    world.intent(Intent::AddContact(bare("romeo")));
    world.intent(Intent::RemoveContact(bare("paris")));
    world.run();
    world.reload();
    world.is_online = true;
    world.server.seen.clear();
    world.server.holds_acks = true;
    world.sign_in();
    world.run();
    let asks = "to='romeo@montague.example' type='subscribe'";
    let removal = "subscription='remove'";
    assert_eq!((count(&world, asks), count(&world, removal)), (1, 1));
    // A reload before the ack asks again: the server may have seen nothing of it.
    world.server.seen.clear();
    world.reload();
    world.sign_in();
    world.run();
    assert_eq!((count(&world, asks), count(&world, removal)), (1, 1));
    world.server.holds_acks = false;
    world.pass(30_000);
    assert_eq!(world.history.restore().device.unwrap().wishes, []);
    world.server.seen.clear();
    world.reload();
    world.server.expire();
    world.sign_in();
    world.pass(3_000);
    assert_eq!((count(&world, asks), count(&world, removal)), (0, 0));
    // So does a session that ends before the ack.
    world.server.holds_acks = true;
    world.intent(Intent::AddContact(bare("romeo")));
    world.run();
    world.server.expire();
    world.cut();
    world.pass(3_000);
    assert_eq!(count(&world, asks), 2);
}

// proves: RO-10 SM-18
#[test]
fn a_refused_request_that_comes_again_before_the_refusal_is_no_more() {
    let mut world = World::live();
    let request =
        "<presence xmlns='jabber:client' from='paris@montague.example' type='subscribe'/>";
    world.server.inject(request);
    world.run();
    world.is_online = false;
    world.cut();
    world.intent(Intent::RefuseContact(bare("paris")));
    world.run();
    assert!(world.engine.view().requests.is_empty(), "it is answered");
    world.is_online = true;
    world.server.holds_acks = true;
    world.server.expire();
    world.pass(3_000);
    assert_eq!(count(&world, "type='unsubscribed'"), 1);
    // The server tells it again to a new session, before it reads the refusal.
    world.server.inject(request);
    world.run();
    assert!(world.engine.view().requests.is_empty(), "still answered");
    // The connection breaks, and the refusal goes out again as it was: once.
    world.cut();
    world.pass(3_000);
    assert_eq!(
        count(&world, "type='unsubscribed'"),
        1,
        "covered by the resumption"
    );
    assert!(world.engine.view().requests.is_empty());
}

// proves: CO-06 DI-05
#[test]
fn requests_are_answered_and_answers_are_not() {
    let mut world = World::live();
    world.server.seen.clear();
    let payloads = [
        ("get", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
        (
            "get",
            "<query xmlns='jabber:iq:version'/>",
            "<name>Balcony</name>",
        ),
        (
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>",
            "node='n'",
        ),
        ("get", "<what xmlns='urn:example'/>", "service-unavailable"),
        (
            "set",
            "<ping xmlns='urn:xmpp:ping'/>",
            "service-unavailable",
        ),
    ];
    for (kind, payload, answer) in payloads {
        world.server.inject(&format!("<iq xmlns='jabber:client' type='{kind}' id='q1' from='romeo@montague.example/x'>{payload}</iq>"));
        world.run();
        let mut answers = world.server.seen.iter().rev();
        let sent = answers.find(|f| f.starts_with("<iq")).unwrap();
        assert!(
            sent.contains(answer) && sent.contains("to='romeo@montague.example/x'"),
            "{sent}"
        );
    }
    let answers = |world: &World| {
        world
            .server
            .seen
            .iter()
            .filter(|f| f.starts_with("<iq"))
            .count()
    };
    let len = answers(&world);
    for kind in ["result", "error"] {
        world.server.inject(&format!("<iq xmlns='jabber:client' type='{kind}' id='q1' from='romeo@montague.example/x'><error type='cancel'/></iq>"));
    }
    world.run();
    assert_eq!(answers(&world), len);
}
