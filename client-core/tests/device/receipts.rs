//! What becomes of lines, and what their senders are told of it.

use client_core::{Input, Intent, Mark};
use protocol::{markers, receipts};

use crate::server::{bare, friend, signal};
use crate::world::World;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A live world in which Romeo is a friend and his conversation is open.
fn friends() -> World {
    let mut world = World::new();
    world.server.roster = vec![friend("romeo")];
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    world
}

/// The marks of all lines; the list of conversations says the same of the last one.
fn marks(world: &World) -> Vec<Mark> {
    let marks: Vec<_> = world.lines().into_iter().map(|line| line.mark).collect();
    let chats = &world.engine.view().chats;
    let chat = chats.iter().find(|chat| chat.peer == bare("romeo"));
    assert_eq!(chat.unwrap().last_mark.as_ref(), marks.last());
    marks
}

/// Ids of the messages for which such an element was sent.
fn sent(world: &World, element: &str) -> Vec<String> {
    let frames = world.server.seen.iter();
    let ids = frames.filter_map(|frame| {
        let (_, rest) = frame.split_once(element)?;
        let (_, rest) = rest.split_once("id='")?;
        Some(rest.split_once('\'')?.0.to_owned())
    });
    ids.collect()
}

const RECEIVED: &str = "<received xmlns='urn:xmpp:receipts'";
const DISPLAYED: &str = "<displayed xmlns='urn:xmpp:chat-markers:0'";

// proves: IM-03 MAM-32
#[test]
fn a_line_tells_how_far_it_came() {
    let mut world = friends();
    world.server.holds_acks = true;
    world.send("one");
    world.run();
    assert_eq!(marks(&world), [Mark::Waiting]);
    world.server.holds_acks = false;
    world.pass(1_000);
    assert_eq!(marks(&world), [Mark::Archived]);
    world.send("two");
    world.send("three");
    world.run();
    let id = |at: usize| world.lines()[at].key.clone();
    let ids = [id(0), id(1), id(2)];
    world
        .server
        .deliver("romeo", signal("r1", &receipts::received(&ids[1])));
    world.run();
    assert_eq!(
        marks(&world),
        [Mark::Archived, Mark::Received, Mark::Archived]
    );
    // A marker is for all lines up to the one it names.
    world
        .server
        .deliver("romeo", signal("r2", &markers::displayed(&ids[1])));
    world.run();
    assert_eq!(marks(&world), [Mark::Read, Mark::Read, Mark::Archived]);
    // One that names an earlier line takes nothing back, nor does one that names none of them.
    world
        .server
        .deliver("romeo", signal("r3", &markers::displayed(&ids[0])));
    world
        .server
        .deliver("romeo", signal("r4", &markers::displayed("unknown")));
    world
        .server
        .deliver("nurse", signal("r5", &markers::displayed(&ids[2])));
    world.run();
    assert_eq!(marks(&world), [Mark::Read, Mark::Read, Mark::Archived]);
    let reload = |world: &mut World| {
        world.reload();
        world.sign_in();
        world.run();
        world.intent(Intent::OpenChat(bare("romeo")));
        world.run();
    };
    reload(&mut world);
    assert_eq!(
        marks(&world),
        [Mark::Read, Mark::Read, Mark::Archived],
        "for good"
    );
    // What tells of the last line comes by page, and after its receipt no receipt takes it back.
    world.server.expire();
    world.cut();
    for (id, told) in [
        ("r6", receipts::received(&ids[2])),
        ("r7", markers::displayed(&ids[2])),
        ("r8", receipts::received(&ids[2])),
    ] {
        world.server.deliver("romeo", signal(id, &told));
    }
    world.pass(5_000);
    assert_eq!(marks(&world), [Mark::Read, Mark::Read, Mark::Read]);
    world.server.holds_acks = true;
    world.send("four");
    world.run();
    assert_eq!(marks(&world)[3], Mark::Waiting);
    world.server.holds_acks = false;
    world.pass(1_000);
    world
        .server
        .write_elsewhere("romeo", "five", "from another device");
    world
        .server
        .deliver("romeo", signal("r9", &receipts::received("five")));
    world.run();
    assert_eq!(marks(&world)[3..], [Mark::Archived, Mark::Received]);
    reload(&mut world);
    assert_eq!(marks(&world)[3..], [Mark::Archived, Mark::Received]);
    world.assert_same_as_archive();
}

// proves: IM-03 S11-37
#[test]
fn a_line_that_was_not_saved_says_so_whoever_received_it() {
    let mut world = friends();
    world.server.fate = crate::server::Fate::Unarchived;
    world.send("lost");
    world.run();
    world.server.fate = crate::server::Fate::Archive;
    let id = world.lines()[0].key.clone();
    world
        .server
        .deliver("romeo", signal("r1", &receipts::received(&id)));
    world.run();
    assert_eq!(marks(&world), [Mark::NotSaved]);
}

// proves: IM-04 IM-05
#[test]
fn whoever_asks_gets_one_receipt_within_two_seconds() {
    let mut world = friends();
    world.server.arrive_asking("romeo", "m1", "one");
    world.server.arrive("romeo", "m2", "asks for nothing");
    world.run();
    assert_eq!(sent(&world, RECEIVED), [""; 0], "others may be quicker");
    world.pass(2_000);
    assert_eq!(sent(&world, RECEIVED), ["m1"]);
    let frame = world
        .server
        .seen
        .iter()
        .find(|f| f.contains(RECEIVED))
        .unwrap();
    assert!(!frame.contains("<request") && frame.contains("to='romeo@montague.example'"));
    world.reload();
    world.sign_in();
    world.pass(5_000);
    world.cut();
    world.pass(5_000);
    assert_eq!(sent(&world, RECEIVED), ["m1"], "once for all time");
    assert_eq!(world.engine.view().waiting, 0);
    world.assert_same_as_archive();
}

// proves: IM-01
#[test]
fn every_message_has_an_id_of_its_own() {
    let mut world = friends();
    world.send("one");
    world.send("one");
    world.server.arrive_asking("romeo", "m1", "one");
    world.server.arrive_asking("romeo", "m2", "two");
    world.run();
    world.intent(Intent::Seen { key: None });
    world.pass(3_000);
    let archive = world.server.archive.iter().map(|entry| &entry.message);
    let own = archive.filter(|m| m.header.to.as_str() == Some("romeo@montague.example"));
    let ids: Vec<_> = own.map(|m| m.header.id.clone().unwrap()).collect();
    assert_eq!(ids.len(), 5, "two lines, two receipts, one marker: {ids:?}");
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    for id in &ids {
        let digits: Vec<_> = id.split('-').collect();
        assert_eq!(
            digits.iter().map(|d| d.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(digits.concat().chars().all(|c| c.is_ascii_hexdigit()));
        assert!(
            digits[2].starts_with('4') && digits[3].starts_with(['8', '9', 'a', 'b']),
            "{id}"
        );
    }
}

// proves: IM-04
#[test]
fn what_has_no_id_or_is_no_line_between_two_gets_no_receipt() {
    let mut world = friends();
    let body = || protocol::Element::new("body", protocol::ns::CLIENT).text("hello");
    let asking = |message: protocol::Stanza| message.child(&body()).child(&receipts::request());
    let nameless = protocol::Stanza::new(protocol::StanzaKind::Message).typed("chat");
    world.server.deliver("romeo", asking(nameless));
    let many = signal("g1", &markers::markable()).typed("groupchat");
    world.server.deliver("romeo", asking(many));
    let headline = signal("h1", &markers::markable()).typed("headline");
    world.server.deliver("romeo", asking(headline));
    let receipt = signal("r1", &receipts::received("nothing of ours"));
    world
        .server
        .deliver("romeo", receipt.child(&receipts::request()));
    world.pass(5_000);
    assert_eq!(sent(&world, RECEIVED), [""; 0]);
    world.server.arrive_asking("romeo", "m1", "one");
    world.pass(5_000);
    assert_eq!(sent(&world, RECEIVED), ["m1"]);
}

// proves: S11-24 SM-24
#[test]
fn receipts_and_markers_are_sent_again_on_a_new_stream_and_nothing_else_is() {
    let mut world = friends();
    world.server.holds_acks = true;
    world.server.arrive_asking("romeo", "m1", "one");
    world.run();
    world.intent(Intent::Seen { key: None });
    world.pass(2_500);
    assert_eq!(
        (sent(&world, RECEIVED), sent(&world, DISPLAYED)),
        (vec!["m1".into()], vec!["m1".into()])
    );
    // None of it came through.
    world
        .server
        .archive
        .retain(|entry| entry.message.header.to.as_str() != Some("romeo@montague.example"));
    world.server.forget_outcomes();
    let before = std::mem::take(&mut world.server.seen);
    world.server.holds_acks = false;
    world.server.expire();
    world.cut();
    world.pass(5_000);
    assert_eq!(
        (sent(&world, RECEIVED), sent(&world, DISPLAYED)),
        (vec!["m1".into()], vec!["m1".into()])
    );
    let resent = world.server.seen.iter().filter(|f| f.contains("<resend"));
    assert_eq!(resent.count(), 2);
    let requests = |frames: &[String]| -> Vec<String> {
        let iqs = frames.iter().filter(|f| f.starts_with("<iq"));
        let ids = iqs.filter_map(|f| Some(f.split_once(" id='")?.1.split_once('\'')?.0.to_owned()));
        ids.collect()
    };
    let (first, second) = (requests(&before), requests(&world.server.seen));
    assert!(!first.is_empty() && !second.is_empty());
    assert!(
        second.iter().all(|id| !first.contains(id)),
        "asked anew, not again"
    );
    world.assert_same_as_archive();
}

// proves: RT-15 IM-04
#[test]
fn what_another_own_device_wrote_is_answered_by_nothing() {
    let mut world = friends();
    let asking = signal("s1", &receipts::request()).child(&markers::markable());
    let body = protocol::Element::new("body", protocol::ns::CLIENT).text("from the desk");
    world.server.send_elsewhere("romeo", asking.child(&body));
    world.run();
    assert_eq!(world.texts(), ["from the desk"]);
    world.server.seen.clear();
    world.pass(10_000);
    let stanzas = world.server.seen.iter();
    let answers: Vec<_> = stanzas
        .filter(|f| f.starts_with("<message") || f.starts_with("<presence"))
        .collect();
    assert!(answers.is_empty(), "{answers:?}");
}

// proves: IM-05
#[test]
fn a_receipt_that_another_own_device_sent_is_not_sent_again() {
    let mut world = friends();
    world.server.arrive_asking("romeo", "m1", "one");
    world.server.arrive_asking("romeo", "m2", "two");
    world
        .server
        .send_elsewhere("romeo", signal("s1", &receipts::received("m1")));
    world.pass(2_500);
    assert_eq!(sent(&world, RECEIVED), ["m2"]);
}

// proves: IM-05
#[test]
fn a_receipt_is_owed_over_a_restart_and_after_a_catch_up_but_not_for_ever() {
    let mut world = friends();
    world.server.arrive_asking("romeo", "m1", "one");
    world.run();
    world.reload();
    world.server.expire();
    for (id, text) in [
        ("m2", "two"),
        ("m3", "three"),
        ("m4", "four"),
        ("m5", "five"),
    ] {
        world.server.arrive_asking("romeo", id, text);
    }
    world
        .server
        .send_elsewhere("romeo", signal("s1", &receipts::received("m3")));
    world.sign_in();
    world.pass(5_000);
    // Pages have the stamp of long ago.
    assert_eq!(sent(&world, RECEIVED), ["m1"]);
    world.server.archive_stamp = world.now.wall_ms;
    world.server.expire();
    world.cut();
    world.server.arrive_asking("romeo", "m6", "six");
    world.server.arrive_asking("romeo", "m7", "seven");
    world
        .server
        .send_elsewhere("romeo", signal("s2", &receipts::received("m6")));
    world.pass(5_000);
    assert_eq!(sent(&world, RECEIVED), ["m1", "m7"]);
    world.is_online = false;
    world.server.arrive_asking("romeo", "m8", "eight");
    world.run();
    world.cut();
    world.pass(8 * DAY_MS);
    world.is_online = true;
    world.pass(70_000);
    assert_eq!(sent(&world, RECEIVED), ["m1", "m7"]);
    assert!(world.is_live());
}

// proves: IM-06
#[test]
fn strangers_are_told_nothing_and_nobody_is_if_the_person_says_so() {
    let mut world = friends();
    world.server.arrive_asking("tybalt", "t1", "who are you");
    world.pass(3_000);
    world.intent(Intent::OpenChat(bare("tybalt")));
    world.run();
    world.intent(Intent::Seen { key: None });
    world.pass(3_000);
    assert_eq!(sent(&world, DISPLAYED), [""; 0], "though it was displayed");
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    world.intent(Intent::ShareReading(false));
    world.server.arrive_asking("tybalt", "t2", "answer me");
    world.server.arrive_asking("romeo", "m1", "one");
    world.pass(3_000);
    world.intent(Intent::Seen { key: None });
    world.pass(3_000);
    world.intent(Intent::OpenChat(bare("tybalt")));
    world.intent(Intent::Seen { key: None });
    world.pass(3_000);
    assert_eq!(sent(&world, RECEIVED), [""; 0]);
    assert_eq!(sent(&world, DISPLAYED), [""; 0]);
    assert_eq!(
        world
            .engine
            .view()
            .chats
            .iter()
            .map(|c| c.unread)
            .sum::<u32>(),
        0
    );
}

// proves: IM-07
#[test]
fn only_what_is_in_view_is_marked_and_only_the_newest_of_it() {
    let mut world = friends();
    for n in 0..5 {
        world
            .server
            .arrive_asking("romeo", &format!("m{n}"), &n.to_string());
    }
    world.server.arrive("romeo", "m5", "not markable");
    world.run();
    assert_eq!(sent(&world, DISPLAYED), [""; 0], "open, but not in view");
    let key = |world: &World, at: usize| Some(world.lines()[at].key.clone());
    world.input(Input::Visible(false));
    let seen = Intent::Seen {
        key: key(&world, 1),
    };
    world.intent(seen);
    world.run();
    assert_eq!(sent(&world, DISPLAYED), [""; 0], "in view of nobody");
    world.input(Input::Visible(true));
    world.run();
    assert_eq!(sent(&world, DISPLAYED), [""; 0], "nobody says what is");
    for at in [1, 0, 3, 2] {
        let seen = Intent::Seen {
            key: key(&world, at),
        };
        world.intent(seen);
        world.run();
    }
    assert_eq!(sent(&world, DISPLAYED), ["m1", "m3"], "only forward");
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(sent(&world, DISPLAYED), ["m1", "m3", "m4"]);
    world
        .server
        .arrive_asking("romeo", "m6", "while the end is in view");
    world.run();
    assert_eq!(sent(&world, DISPLAYED), ["m1", "m3", "m4", "m6"]);
    world.send("mine");
    world.run();
    world.intent(Intent::CloseChat);
    world.server.arrive_asking("romeo", "m7", "while closed");
    world.run();
    assert_eq!(sent(&world, DISPLAYED).len(), 4);
    world.pass(5_000);
    world.assert_same_as_archive();
}

// proves: IM-07
#[test]
fn what_another_own_device_marked_is_not_marked_again() {
    let mut world = friends();
    world.server.arrive_asking("romeo", "m1", "one");
    world.server.arrive_asking("romeo", "m2", "two");
    world
        .server
        .send_elsewhere("romeo", signal("s1", &markers::displayed("m2")));
    world.run();
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(sent(&world, DISPLAYED), [""; 0]);
    world.reload();
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.intent(Intent::Seen { key: None });
    world.pass(5_000);
    assert_eq!(sent(&world, DISPLAYED), [""; 0]);
}

// proves: IM-07 IM-05
#[test]
fn nothing_is_told_before_the_catch_up_is_done() {
    let mut world = friends();
    world.intent(Intent::Seen { key: None });
    world.server.expire();
    world.server.holds_pages = true;
    world.cut();
    world.pass(2_000);
    world.server.arrive_asking("romeo", "m1", "one");
    world.pass(5_000);
    assert_eq!(sent(&world, RECEIVED), [""; 0]);
    assert_eq!(sent(&world, DISPLAYED), [""; 0]);
    world.server.release_pages();
    world.pass(3_000);
    assert_eq!(sent(&world, DISPLAYED), [""; 0], "it may have run past");
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(sent(&world, DISPLAYED), ["m1"]);
    assert_eq!(sent(&world, RECEIVED), ["m1"]);
    world.assert_same_as_archive();
}

// proves: IM-05 CS-08
#[test]
fn a_hidden_page_hears_of_its_siblings_before_it_sends_a_receipt() {
    for sibling_answers in [false, true] {
        let mut world = friends();
        world.input(Input::Visible(false));
        world.pass(11_000);
        world.server.seen.clear();
        world.server.arrive_asking("romeo", "m1", "one");
        let is_active = |world: &World| world.server.seen.iter().any(|f| f.starts_with("<active"));
        while !is_active(&world) {
            assert_eq!(sent(&world, RECEIVED), [""; 0]);
            world.pass(1);
        }
        // What was held back comes now (CS-02).
        if sibling_answers {
            let receipt = signal("s1", &receipts::received("m1"));
            world.server.send_elsewhere("romeo", receipt);
        }
        world.pass(3_000);
        let expected: &[&str] = if sibling_answers { &[] } else { &["m1"] };
        assert_eq!(sent(&world, RECEIVED), expected);
    }
}

// proves: S11-51 S11-36 INV-14
#[test]
fn a_receipt_that_came_back_has_its_place_all_the_same() {
    let mut world = friends();
    world.server.holds_acks = true;
    world.server.arrive_asking("romeo", "m1", "one");
    world.pass(2_500);
    assert_eq!(sent(&world, RECEIVED), ["m1"]);
    let receipt = world
        .server
        .archive
        .last()
        .unwrap()
        .message
        .header
        .id
        .clone();
    let error = protocol::StanzaError::new(protocol::Condition::ResourceConstraint);
    let error = protocol::Stanza::new(protocol::StanzaKind::Message)
        .typed("error")
        .from(bare("romeo"))
        .to(crate::server::account())
        .id(receipt.unwrap())
        .child(&error.to_element());
    world.server.inject(&error.write());
    world.run();
    world.server.holds_acks = false;
    world.send("behind it");
    world.pass(3_000);
    world.assert_same_as_archive();
}
