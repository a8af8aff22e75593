use client_core::{Connection, Input};

use crate::world::World;

fn sent(world: &World, what: &str) -> usize {
    world
        .server
        .seen
        .iter()
        .filter(|f| f.starts_with(what))
        .count()
}

// proves: WS-22 WS-23
#[test]
fn silence_is_broken_by_asking_and_no_answer_means_a_new_connection() {
    let mut world = World::live();
    world.pass(2_000);
    world.server.seen.clear();
    world.pass(60_000);
    assert!(sent(&world, "<r ") >= 2, "asked now and then");
    assert!(world.is_live());
    world.server.is_frozen = true;
    world.pass(35_000);
    assert!(!world.is_live());
    world.server.is_frozen = false;
    world.pass(40_000);
    world.assert_same_as_archive();
}

// proves: WS-24
#[test]
fn an_error_shows_that_the_server_is_there_as_well_as_a_result() {
    let mut world = World::new();
    world.server.has_sm = false;
    world.server.has_s11 = false;
    world.server.refuses_pings = true;
    world.sign_in();
    world.pass(3_000);
    world.server.seen.clear();
    world.pass(120_000);
    let pings = world
        .server
        .seen
        .iter()
        .filter(|f| f.contains("urn:xmpp:ping"));
    assert!(pings.count() >= 3, "asked now and then");
    assert!(world.is_live());
    assert_eq!(sent(&world, "<open"), 0, "on the connection that it had");
    world.server.is_frozen = true;
    world.pass(35_000);
    assert!(!world.is_live());
}

// proves: WS-23
#[test]
fn waking_up_checks_the_link_within_four_seconds() {
    for input in [Input::Online, Input::Visible(true)] {
        let mut world = World::live();
        world.server.is_frozen = true;
        world.input(input);
        world.pass(3_900);
        assert!(world.is_live());
        world.pass(200);
        assert!(!world.is_live());
    }
}

// proves: WS-25
#[test]
fn the_waits_grow_to_a_minute_and_going_online_ends_them() {
    let mut world = World::live();
    world.is_online = false;
    world.cut();
    world.run();
    let Connection::Offline { retry_at_ms } = world.engine.view().connection else {
        panic!("offline");
    };
    assert!(
        retry_at_ms - world.now.mono_ms <= 1_000,
        "the first is quick"
    );
    world.pass(1_200_000);
    let Connection::Offline { retry_at_ms } = world.engine.view().connection else {
        panic!("offline");
    };
    assert!(retry_at_ms - world.now.mono_ms <= 60_000);
    world.is_online = true;
    world.input(Input::Online);
    world.run();
    assert!(world.is_live());
    // A short connection proves nothing; one of half a minute does.
    let mut wait_after = |up_ms: u64| {
        world.pass(up_ms);
        world.cut();
        let Connection::Offline { retry_at_ms } = world.engine.view().connection else {
            panic!("offline");
        };
        let wait_ms = retry_at_ms - world.now.mono_ms;
        world.input(Input::Online);
        world.run();
        assert!(world.is_live());
        wait_ms
    };
    let longest = (0..5).map(|_| wait_after(1_000)).max().unwrap();
    assert!(longest > 5_000, "{longest}");
    assert!(wait_after(31_000) <= 1_000);
}

// proves: SM-12
#[test]
fn acks_are_asked_for_and_given_in_time() {
    let mut world = World::live();
    world.pass(2_000);
    world.server.seen.clear();
    world.server.holds_acks = true;
    world.send("one");
    world.run();
    world.pass(300);
    assert_eq!(sent(&world, "<r "), 1, "250 ms after the last stanza");
    for n in 0..5 {
        world.send(&n.to_string());
        world.run();
    }
    assert_eq!(sent(&world, "<r "), 2, "after five at the latest");
    world.server.seen.clear();
    world.server.arrive("romeo", "m0", "zero");
    world.run();
    assert_eq!(sent(&world, "<a "), 0);
    world.pass(1_100);
    assert_eq!(sent(&world, "<a "), 1);
    for n in 1..=5 {
        world.server.arrive("romeo", &format!("m{n}"), "more");
    }
    world.run();
    assert_eq!(sent(&world, "<a "), 2);
}

// proves: CS-08
#[test]
fn a_hidden_page_is_inactive_after_ten_seconds_and_active_to_send() {
    let mut world = World::live();
    world.input(Input::Visible(false));
    world.pass(9_900);
    assert_eq!(sent(&world, "<inactive"), 0);
    world.pass(200);
    assert_eq!(sent(&world, "<inactive"), 1);
    world.send("still here");
    world.run();
    let seen = &world.server.seen;
    let active = seen.iter().position(|f| f.starts_with("<active")).unwrap();
    let message = seen.iter().position(|f| f.contains("still here")).unwrap();
    assert!(active < message);
    world.pass(11_000);
    assert_eq!(sent(&world, "<inactive"), 2);
    world.input(Input::Visible(true));
    world.run();
    assert_eq!(sent(&world, "<active"), 2);
}

// proves: CS-01
#[test]
fn a_resumed_stream_is_told_again_that_nobody_looks() {
    let mut world = World::live();
    world.input(Input::Visible(false));
    world.pass(11_000);
    world.cut();
    world.pass(15_000);
    assert_eq!(sent(&world, "<inactive"), 2);
}

#[test]
fn a_server_that_never_answers_is_left_after_half_a_minute() {
    let mut world = World::new();
    world.server.is_frozen = true;
    world.sign_in();
    world.pass(29_900);
    assert_eq!(world.engine.view().connection, Connection::Connecting);
    world.pass(200);
    assert_ne!(world.engine.view().connection, Connection::Connecting);
    world.server.is_frozen = false;
    world.pass(5_000);
    assert!(world.is_live());
}
