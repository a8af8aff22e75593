use client_core::{Intent, Mark};

use crate::server::{bare, text_of};
use crate::world::World;

fn plain(has_mam: bool) -> World {
    let mut world = World::new();
    world.server.has_s11 = false;
    world.server.has_mam = has_mam;
    world.sign_in();
    world.pass(3_000);
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    world
}

// proves: S11-05
#[test]
fn without_s11_own_ids_are_learned_from_the_archive() {
    let mut world = plain(true);
    assert!(
        world
            .server
            .seen
            .iter()
            .any(|f| f.contains("urn:xmpp:carbons:2"))
    );
    world.send("one");
    world.server.arrive("romeo", "m1", "two");
    world.send("three");
    world.pass(5_000);
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    assert_eq!(world.texts(), archived);
    assert!(world.lines().iter().all(|line| line.mark == Mark::Archived));
    world.assert_same_as_archive();
}

// proves: S11-05
#[test]
fn without_s11_lines_survive_a_lost_stream() {
    let mut world = plain(true);
    world.server.holds_acks = true;
    world.send("one");
    world.run();
    world.server.holds_acks = false;
    world.server.expire();
    world.reload();
    world.send("two");
    world.sign_in();
    world.pass(10_000);
    world.assert_sent_once(&["one", "two"]);
    world.assert_same_as_archive();
}

// proves: SI-05
#[test]
fn without_an_archive_lines_are_shown_as_not_kept() {
    let mut world = plain(false);
    world.send("one");
    world.run();
    world.server.arrive("romeo", "m1", "two");
    world.pass(3_000);
    assert_eq!(world.texts(), ["one", "two"]);
    assert!(world.lines().iter().all(|line| line.mark == Mark::NotKept));
    // The server said that it has no ids to trust: what looks like one is a word of the sender.
    assert!(world.server.archive.len() == 2 && world.history.rows().all(|row| row.id.is_none()));
    assert_eq!(world.engine.view().waiting, 0);
    assert!(world.is_live());
}

#[test]
fn without_stream_management_lines_go_out_and_silence_is_broken_by_pings() {
    let mut world = World::new();
    world.server.has_s11 = false;
    world.server.has_sm = false;
    world.sign_in();
    world.run();
    world.send("one");
    world.server.arrive("romeo", "m1", "two");
    world.pass(5_000);
    world.assert_same_as_archive();
    world.pass(60_000);
    let pings = world
        .server
        .seen
        .iter()
        .filter(|f| f.contains("urn:xmpp:ping"));
    assert!(pings.count() >= 2);
    assert!(world.is_live());
    world.cut();
    world.server.arrive("romeo", "m2", "three");
    world.send("four");
    world.pass(5_000);
    world.assert_sent_once(&["one", "four"]);
    world.assert_same_as_archive();
}
