use client_core::{Failure, Intent, Mark, Place};
use protocol::ArchiveId;

use crate::server::{Fate, bare};
use crate::world::World;

fn open(world: &mut World) {
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
}

// proves: S11-10 S11-11 S11-51 RT-16
#[test]
fn a_line_keeps_its_key_from_enter_to_archived() {
    let mut world = World::live();
    open(&mut world);
    world.server.holds_acks = true;
    world.send("Ay me");
    world.run();
    let waiting = world.lines();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].mark, Mark::Waiting);
    assert_eq!(world.engine.view().waiting, 1);
    world.server.holds_acks = false;
    world.pass(1_000);
    let archived = world.lines();
    assert_eq!(archived.len(), 1);
    assert_eq!(archived[0].key, waiting[0].key);
    assert_eq!(archived[0].mark, Mark::Archived);
    let entry = &world.server.archive[0];
    assert_eq!(archived[0].id.as_ref(), Some(&entry.id), "as computed");
    assert_eq!(
        entry.message.header.to.as_str(),
        Some("romeo@montague.example")
    );
    assert_eq!(entry.message.header.kind.as_deref(), Some("chat"));
    world.assert_same_as_archive();
}

// proves: S11-11
#[test]
fn nothing_is_sent_before_its_prefix_is_durable() {
    let mut world = World::live();
    world.disk_is_slow = true;
    world.send("Ay me");
    world.run();
    let is_sent = |world: &World| world.server.seen.iter().any(|f| f.contains("Ay me"));
    assert!(!is_sent(&world));
    let item = &world.history.restore().outbox[0];
    assert!(item.prefix.is_some(), "one commit is enough while live");
    world.release_disk();
    world.run();
    assert!(is_sent(&world));
    world.assert_same_as_archive();
}

#[test]
fn lines_written_offline_go_out_once_and_in_order() {
    let mut world = World::live();
    world.is_online = false;
    world.cut();
    for text in ["one", "two", "three"] {
        world.send(text);
        world.run();
    }
    assert_eq!(world.engine.view().waiting, 3);
    world.reload();
    world.is_online = true;
    world.sign_in();
    world.pass(2_000);
    world.assert_sent_once(&["one", "two", "three"]);
    world.assert_same_as_archive();
}

// proves: S11-37 S11-33
#[test]
fn a_line_that_was_not_saved_says_so_and_moves_no_cursor() {
    let mut world = World::live();
    open(&mut world);
    world.server.arrive("romeo", "m1", "before");
    world.run();
    let pos = world.history.restore().device.unwrap().pos;
    world.server.fate = Fate::Unarchived;
    world.send("lost");
    world.run();
    assert_eq!(world.lines()[1].mark, Mark::NotSaved);
    assert_eq!(world.lines()[1].id, None);
    assert_eq!(world.history.restore().device.unwrap().pos, pos);
    world.server.fate = Fate::Archive;
    world.server.arrive("romeo", "m2", "after");
    world.run();
    assert_eq!(world.texts(), ["before", "lost", "after"]);
    world.assert_same_as_archive();
}

// proves: IM-03
#[test]
fn a_refused_line_fails_in_plain_words_and_is_no_entry() {
    let mut world = World::live();
    open(&mut world);
    world.server.fate = Fate::Refuse;
    world.send("forbidden");
    world.run();
    let line = world.lines()[0].clone();
    assert!(matches!(&line.mark, Mark::Failed(Failure::Unwanted)));
    assert!(world.is_live());
    assert_eq!(world.engine.view().waiting, 0);
    world.server.fate = Fate::Archive;
    world.server.arrive("romeo", "m1", "after");
    world.run();
    let ids: Vec<_> = world.confirmed().into_iter().filter_map(|r| r.id).collect();
    assert_eq!(ids, [world.server.archive[0].id.clone()]);
    world.intent(Intent::Discard { key: line.key });
    world.run();
    assert_eq!(world.texts(), ["after"]);
    world.assert_same_as_archive();
}

#[test]
fn discarding_one_failed_line_leaves_another_in_the_list() {
    let mut world = World::live();
    open(&mut world);
    world.server.arrive("romeo", "m1", "one");
    world.server.fate = Fate::Refuse;
    world.send("two");
    world.send("three");
    world.run();
    for last in ["three", "one"] {
        let key = world.lines()[1].key.clone();
        world.intent(Intent::Discard { key });
        world.run();
        assert_eq!(world.engine.view().chats[0].last_text, last);
    }
}

// proves: S11-22 IM-03
#[test]
fn a_refused_line_is_sent_again_as_a_new_message() {
    let mut world = World::live();
    open(&mut world);
    world.server.fate = Fate::Refuse;
    world.send("again");
    world.send("refused too");
    world.run();
    let key = world.lines()[0].key.clone();
    world.server.fate = Fate::Archive;
    world.intent(Intent::Retry { key: key.clone() });
    world.run();
    // Under its id the server would say the same again.
    let sent = world.server.seen.iter().filter(|f| f.contains(">again<"));
    assert_eq!(sent.filter(|f| f.contains(&key)).count(), 1);
    let lines = world.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (lines[0].text.as_str(), &lines[0].mark),
        ("again", &Mark::Archived)
    );
    assert_ne!(lines[0].key, key);
    assert!(
        matches!(lines[1].mark, Mark::Failed(_)),
        "the other waits for its own"
    );
    world.intent(Intent::Discard {
        key: lines[1].key.clone(),
    });
    world.run();
    world.assert_same_as_archive();
}

// proves: S11-24
#[test]
fn a_line_that_nobody_refused_keeps_its_id_however_old_it_is() {
    let mut world = World::live();
    open(&mut world);
    world.server.holds_acks = true;
    world.send("long ago");
    world.run();
    let key = world.lines()[0].key.clone();
    world.server.archive.clear();
    world.server.forget_outcomes();
    world.server.expire();
    world.is_online = false;
    world.cut();
    world.pass(15 * 24 * 60 * 60 * 1_000);
    world.server.holds_acks = false;
    world.is_online = true;
    world.pass(70_000);
    assert!(
        matches!(world.lines()[0].mark, Mark::Failed(_)),
        "asks first"
    );
    world.intent(Intent::Retry { key: key.clone() });
    world.run();
    assert_eq!(world.lines()[0].key, key);
    world.assert_sent_once(&["long ago"]);
    world.assert_same_as_archive();
}

// proves: RT-18 S11-36
#[test]
fn a_bounced_line_is_an_entry_and_failed() {
    let mut world = World::live();
    open(&mut world);
    world.server.fate = Fate::Bounce;
    world.send("nobody there");
    world.run();
    let line = world.lines()[0].clone();
    assert!(matches!(line.mark, Mark::Failed(_)));
    assert_eq!(line.id, Some(world.server.archive[0].id.clone()));
    assert_eq!(world.texts(), ["nobody there"], "the record is no line");
    world.assert_same_as_archive();
    world.reload();
    world.sign_in();
    world.run();
    open(&mut world);
    assert!(matches!(world.lines()[0].mark, Mark::Failed(_)), "for good");
}

// proves: S11-36
#[test]
fn another_device_learns_from_the_record_that_a_line_failed() {
    let mut world = World::live();
    open(&mut world);
    let id = world.server.write_elsewhere("romeo", "e1", "nobody there");
    world.run();
    assert_eq!(world.lines()[0].mark, Mark::Archived);
    let error = protocol::StanzaError::new(protocol::Condition::ServiceUnavailable);
    let record = protocol::s11::bounced(&id, &bare("romeo"), &error);
    let by = crate::server::account();
    let record_id = ArchiveId::parse("record").unwrap();
    let record = protocol::Stanza::new(protocol::StanzaKind::Message)
        .from(by.clone())
        .to(by.clone())
        .child(&record)
        .child(&protocol::sid::stanza_id(&by, &record_id));
    world.server.inject(&record.write());
    world.run();
    assert!(matches!(world.lines()[0].mark, Mark::Failed(_)));
    assert_eq!(world.lines().len(), 1);
}

// proves: S11-36 MAM-32
#[test]
fn a_record_that_came_without_its_line_tells_of_it_all_the_same() {
    let is_failed = |mark: &Mark| matches!(mark, Mark::Failed(_));
    let mut sender = World::live();
    open(&mut sender);
    sender.server.fate = Fate::Bounce;
    sender.send("nobody there");
    // The tab dies between the ack and the record.
    while !sender.lines().iter().any(|l| l.mark == Mark::Archived) {
        let is_record = |f: &protocol::Text| f.contains("<bounced") || f.contains("type='error'");
        sender.server.to_device.retain(|f| !is_record(f));
        assert!(sender.step());
    }
    sender.reload();
    sender.sign_in();
    sender.run();
    open(&mut sender);
    assert!(is_failed(&sender.lines()[0].mark));
    let listed = sender.engine.view().chats[0].last_mark.clone();
    assert!(is_failed(&listed.unwrap()), "the list says so, too");
    sender.assert_same_as_archive();
    // A fresh device has the record on its first page and the line on the next.
    let mut fresh = World::new();
    fresh.server.archive = sender.server.archive.clone();
    fresh.server.page_len = 1;
    fresh.sign_in();
    fresh.run();
    open(&mut fresh);
    assert_eq!(fresh.texts(), [""; 0], "only the record is here");
    fresh.intent(Intent::Older);
    fresh.run();
    assert_eq!(fresh.texts(), ["nobody there"]);
    assert!(is_failed(&fresh.lines()[0].mark));
}

// proves: S11-36 RT-14
#[test]
fn a_record_of_somebody_else_is_not_believed() {
    let mut world = World::live();
    open(&mut world);
    world.send("Ay me");
    world.run();
    let id = world.server.archive[0].id.clone();
    let error = protocol::StanzaError::new(protocol::Condition::ServiceUnavailable);
    let record = protocol::s11::bounced(&id, &bare("romeo"), &error);
    world
        .server
        .deliver("romeo", crate::server::signal("b1", &record));
    world.run();
    assert_eq!(world.lines()[0].mark, Mark::Archived);
    world.assert_same_as_archive();
}

// proves: S11-55
#[test]
fn lines_of_other_devices_and_people_stand_where_the_archive_has_them() {
    let mut world = World::live();
    open(&mut world);
    for round in 0..10 {
        world.send(&format!("mine {round}"));
        world
            .server
            .arrive("romeo", &format!("a{round}"), &format!("his {round}"));
        if round % 3 == 0 {
            world
                .server
                .write_elsewhere("romeo", &format!("b{round}"), "from the phone");
        }
        if round % 4 == 0 {
            world.run();
        }
    }
    world.run();
    let archived: Vec<_> = world
        .server
        .archive
        .iter()
        .map(crate::server::text_of)
        .collect();
    assert_eq!(world.texts(), archived);
    world.assert_same_as_archive();
}

#[test]
fn what_xml_cannot_carry_is_left_out_and_what_is_too_long_stays() {
    let mut world = World::live();
    open(&mut world);
    world.send("a\u{0}b\u{FFFF}c & <d>");
    world.send(&"x".repeat(100_000));
    world.send("\u{1}");
    world.run();
    assert_eq!(world.server.archive.len(), 1);
    assert_eq!(
        crate::server::text_of(&world.server.archive[0]),
        "abc & <d>"
    );
    assert_eq!(world.lines().len(), 2);
    assert!(matches!(world.lines()[1].mark, Mark::Failed(_)));
    let key = world.lines()[1].key.clone();
    world.intent(Intent::Retry { key: key.clone() });
    world.run();
    world.intent(Intent::Discard { key });
    world.run();
    assert_eq!(world.lines().len(), 1);
    world.assert_same_as_archive();
}

#[test]
fn a_failing_disk_stops_everything() {
    let mut world = World::live();
    world.send("Ay me");
    world.input(client_core::Input::StorageFailed("full".into()));
    while let Some(output) = world.engine.poll() {
        assert!(
            !matches!(output, client_core::Output::Transmit(_)),
            "nothing is sent or acked"
        );
    }
    assert_eq!(
        world.engine.view().connection,
        client_core::Connection::Broken
    );
    assert_eq!(world.engine.deadline(), None);
}

// proves: S11-50 SM-10 INV-14
#[test]
fn nothing_is_written_behind_what_may_fail() {
    let mut world = World::live();
    world.disk_is_slow = true;
    world.send("one");
    world.run();
    world.send("two");
    world.server.arrive("romeo", "m1", "three");
    world.run();
    assert_eq!(world.written, ["one"]);
    world.disk_is_slow = false;
    world.release_disk();
    world.run();
    assert_eq!(world.written, ["one", "two"]);
    world.assert_same_as_archive();
}

// proves: INV-17
#[test]
fn what_a_failing_disk_does_not_take_is_given_back() {
    let mut world = World::live();
    world.send("kept");
    world.run();
    world.disk_is_slow = true;
    world.send("on its way");
    world.run();
    world.send("behind it");
    world.input(client_core::Input::StorageFailed("full".into()));
    world.send("too late");
    world.run();
    assert_eq!(world.unsaved, ["on its way", "behind it", "too late"]);
}

// proves: S11-53
#[test]
fn places_are_confirmed_one_after_the_other() {
    let mut world = World::live();
    for n in 0..5 {
        world.send(&n.to_string());
    }
    world.run();
    let places: Vec<_> = world.confirmed().iter().map(|row| row.place).collect();
    let expected: Vec<_> = (1..=5).map(Place::Confirmed).collect();
    assert_eq!(places, expected);
}

#[test]
fn a_line_that_is_too_long_goes_back_to_who_can_make_it_shorter() {
    let mut world = World::live();
    open(&mut world);
    let long = "x".repeat(40_001);
    world.send(&long);
    world.run();
    let line = world.lines()[0].clone();
    assert!(matches!(line.mark, Mark::Failed(_)));
    world.intent(Intent::Retry { key: line.key });
    world.run();
    assert_eq!(world.unsaved, [long]);
    assert_eq!(world.texts(), [""; 0]);
    world.assert_same_as_archive();
}
