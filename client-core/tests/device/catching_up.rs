use client_core::{Connection, Intent, Mark};

use crate::server::{bare, text_of};
use crate::world::World;

fn fill(world: &mut World, from: usize, to: usize) {
    for n in from..to {
        world
            .server
            .arrive("romeo", &format!("m{n}"), &format!("line {n}"));
    }
}

// proves: S11-52 MAM-28
#[test]
fn a_fresh_device_takes_the_last_page_and_the_rest_on_demand() {
    let mut world = World::new();
    fill(&mut world, 0, 10);
    world.sign_in();
    world.run();
    assert!(world.is_live());
    assert_eq!(world.confirmed().len(), 3);
    assert_eq!(
        world.engine.view().chats[0].unread,
        0,
        "history is not news"
    );
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(world.texts(), ["line 7", "line 8", "line 9"]);
    for has_older in [true, true, true, false] {
        let timeline = world.engine.view().timeline.as_ref().unwrap();
        assert_eq!(timeline.has_older, has_older);
        world.intent(Intent::Older);
        world.run();
    }
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    assert_eq!(world.texts(), archived);
    world.assert_same_as_archive();
    let queries = world
        .server
        .seen
        .iter()
        .filter(|f| f.contains("urn:xmpp:mam:2' queryid"));
    let queries: Vec<_> = queries.collect();
    assert!(queries.len() > 1);
    for field in ["with", "start", "end"] {
        let var = format!("var='{field}'");
        assert!(
            queries.iter().all(|query| !query.contains(&var)),
            "{queries:?}"
        );
    }
}

// proves: S11-50 MAM-15 MAM-31
#[test]
fn what_was_missed_comes_page_by_page_with_progress() {
    let mut world = World::live();
    fill(&mut world, 0, 1);
    world.run();
    world.server.expire();
    fill(&mut world, 1, 12);
    world.cut();
    world.changes.clear();
    let seen = world.watch(|world| match world.engine.view().connection {
        Connection::CatchingUp { fetched, .. } => Some(fetched),
        _ => None,
    });
    let mut seen: Vec<_> = seen.into_iter().flatten().collect();
    seen.dedup();
    assert_eq!(seen, [0, 3, 6, 9, 11]);
    world.assert_same_as_archive();
    assert_eq!(world.engine.view().chats[0].unread, 12);
}

// proves: S11-53 MAM-30
#[test]
fn what_arrives_meanwhile_waits_for_its_place_and_moves_no_cursor() {
    let mut world = World::live();
    fill(&mut world, 0, 2);
    world.run();
    let pos = world.history.restore().device.unwrap().pos;
    world.server.expire();
    fill(&mut world, 2, 9);
    world.server.holds_pages = true;
    world.cut();
    world.pass(2_000);
    fill(&mut world, 9, 12);
    world.send("mine");
    world.run();
    let restored = world.history.restore();
    assert_eq!(restored.device.unwrap().pos, pos);
    assert_eq!(restored.provisional.len(), 4, "durable all the same");
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(world.lines().len(), 6, "and shown");
    world.server.release_pages();
    world.run();
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    assert_eq!(world.texts(), archived);
    world.assert_same_as_archive();
}

// proves: S11-51 S11-53
#[test]
fn an_own_line_acked_during_the_catch_up_keeps_its_key() {
    let mut world = World::live();
    fill(&mut world, 0, 2);
    world.run();
    world.server.expire();
    fill(&mut world, 2, 9);
    world.server.holds_pages = true;
    world.cut();
    world.pass(2_000);
    world.intent(Intent::OpenChat(bare("romeo")));
    world.send("mine");
    world.run();
    let key = world.lines().last().unwrap().key.clone();
    fill(&mut world, 9, 10);
    world.run();
    world.server.release_pages();
    world.run();
    let lines = world.lines();
    let mine: Vec<_> = lines.iter().filter(|line| line.own).collect();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].key, key);
    world.assert_same_as_archive();
}

// proves: S11-54
#[test]
fn a_cursor_that_is_gone_leaves_a_visible_gap() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    fill(&mut world, 0, 4);
    world.run();
    world.server.expire();
    fill(&mut world, 4, 20);
    world.server.trim(8);
    world.cut();
    world.pass(3_000);
    assert!(world.is_live());
    let marks: Vec<_> = world.lines().into_iter().map(|line| line.mark).collect();
    let gaps = marks.iter().filter(|mark| **mark == Mark::Gap).count();
    assert_eq!(gaps, 1);
    assert_eq!(marks[4], Mark::Gap);
    let shown = world.texts();
    assert_eq!(
        shown.len(),
        4 + 1 + 12,
        "all that is left was fetched without asking"
    );
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    assert_eq!(shown[5..], archived);
    fill(&mut world, 20, 21);
    world.send("mine");
    world.run();
    assert_eq!(world.texts().len(), 19);
    assert_eq!(world.engine.view().waiting, 0);
}

// proves: S11-54
#[test]
fn a_reload_in_the_middle_of_filling_up_after_a_gap_goes_on() {
    let mut world = World::live();
    fill(&mut world, 0, 4);
    world.run();
    world.server.expire();
    fill(&mut world, 4, 30);
    world.server.trim(8);
    world.cut();
    while !world.history.restore().device.unwrap().fills_gap() {
        let due = world.engine.deadline();
        if !world.step() {
            world.tick_at(due.unwrap());
        }
    }
    world.reload();
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    assert_eq!(world.texts()[5..], archived);
}

#[test]
fn a_query_that_fails_is_asked_again_later() {
    let mut world = World::live();
    world.server.has_mam = false;
    world.cut();
    world.server.arrive("romeo", "m1", "one");
    world.pass(10_000);
    assert!(!world.is_live());
    world.server.has_mam = true;
    world.pass(20_000);
    world.assert_same_as_archive();
}

#[test]
fn a_page_that_never_ends_leads_to_a_new_connection() {
    let mut world = World::live();
    world.server.holds_pages = true;
    world.cut();
    world.pass(2_000);
    world.server.arrive("romeo", "m1", "one");
    world.pass(61_000);
    world.server.holds_pages = false;
    world.pass(61_000);
    world.assert_same_as_archive();
}

// proves: SI-07 MAM-29
#[test]
fn the_same_message_id_twice_is_two_lines() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.server.arrive("romeo", "same", "one");
    world.server.arrive("romeo", "same", "two");
    world.server.arrive("nurse", "same", "three");
    world.run();
    assert_eq!(world.texts(), ["one", "two"]);
    world.assert_same_as_archive();
}

// proves: S11-40
#[test]
fn a_copy_that_comes_after_its_page_is_no_second_line() {
    for reloads in [false, true] {
        let mut world = World::live();
        fill(&mut world, 0, 1);
        world.run();
        world.cut();
        fill(&mut world, 1, 3);
        world.sign_in();
        world.pass(2_000);
        world.assert_same_as_archive();
        // The page came over a new stream before the copies of what it holds.
        world.server.expire();
        world.cut();
        world.server.holds_pages = true;
        world.pass(2_000);
        fill(&mut world, 3, 5);
        let copies: Vec<_> = world.server.to_device.drain(..).collect();
        world.server.release_pages();
        world.run();
        if reloads {
            world.reload();
            world.sign_in();
        } else {
            world.server.to_device.extend(copies);
        }
        world.pass(3_000);
        fill(&mut world, 5, 6);
        world.run();
        world.assert_same_as_archive();
    }
}
