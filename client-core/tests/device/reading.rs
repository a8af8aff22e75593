//! How far conversations were read, on this device and on the others of the account.

use client_core::{Input, Intent};
use protocol::Condition;

use crate::server::{bare, friend};
use crate::world::World;

fn open(world: &mut World) {
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
}

fn unread(world: &World) -> u32 {
    let mut chats = world.engine.view().chats.iter();
    chats
        .find(|chat| chat.peer == bare("romeo"))
        .unwrap()
        .unread
}

fn kept(world: &World) -> Option<String> {
    let marks = world.server.marks.as_ref().unwrap();
    marks.get(&bare("romeo").to_string()).cloned()
}

fn published(world: &World) -> usize {
    let is_publish = |frame: &&String| frame.contains("<publish ");
    world.server.seen.iter().filter(is_publish).count()
}

fn fill(world: &mut World, from: usize, to: usize) {
    for n in from..to {
        world
            .server
            .arrive("romeo", &format!("m{n}"), &format!("line {n}"));
    }
    world.run();
}

// proves: MD-01 MD-03
#[test]
fn what_is_read_here_is_told_once_a_second() {
    let mut world = World::live();
    fill(&mut world, 0, 3);
    open(&mut world);
    assert_eq!(unread(&world), 3);
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 0);
    assert_eq!(published(&world), 0, "not at once");
    fill(&mut world, 3, 5);
    world.pass(1_000);
    assert_eq!(published(&world), 1);
    assert_eq!(kept(&world), Some(world.server.archive[4].id.to_string()));
    let frame = world
        .server
        .seen
        .iter()
        .find(|f| f.contains("<publish "))
        .unwrap();
    for part in [
        "urn:xmpp:mds:displayed:0",
        "id='romeo@montague.example'",
        "whitelist",
        "'juliet@capulet.example'",
    ] {
        assert!(frame.contains(part), "{part} in {frame}");
    }
    world.pass(10_000);
    world.send("mine");
    world.pass(10_000);
    assert_eq!(published(&world), 1, "own lines are nothing read");
    world.assert_same_as_archive();
}

// proves: MD-02
#[test]
fn what_another_device_read_is_read_here() {
    let mut world = World::live();
    fill(&mut world, 0, 5);
    let id = |world: &World, at: usize| world.server.archive[at].id.clone();
    for (at, left) in [(1, 3), (3, 1), (2, 1), (4, 0), (0, 0)] {
        let id = id(&world, at);
        world.server.mark_elsewhere("romeo", &id);
        world.run();
        assert_eq!(unread(&world), left, "after the mark of line {at}");
    }
    world.reload();
    assert_eq!(unread(&world), 0);
    world.sign_in();
    world.pass(5_000);
    assert_eq!(unread(&world), 0);
    // The other device went back behind what this one knows: it is told.
    assert_eq!(kept(&world), Some(id(&world, 4).to_string()));
}

// proves: MD-02
#[test]
fn a_mark_waits_for_the_message_that_it_names() {
    let mut world = World::live();
    fill(&mut world, 0, 2);
    world.server.holds_pages = true;
    world.server.expire();
    world.cut();
    for n in 2..6 {
        world.server.arrive("romeo", &format!("m{n}"), "missed");
    }
    world.pass(2_000);
    let id = world.server.archive[4].id.clone();
    world.server.mark_elsewhere("romeo", &id);
    world.run();
    assert_eq!(unread(&world), 2, "it says nothing yet");
    world.server.release_pages();
    world.run();
    assert_eq!(unread(&world), 1);
    world.assert_same_as_archive();
}

// proves: MD-03 MD-02
#[test]
fn a_fresh_device_finds_what_the_others_read() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d"] {
        let id = world.server.arrive(name, "m", "from somebody");
        world.server.mark_elsewhere(name, &id);
    }
    for n in 0..10 {
        world.server.arrive("romeo", &format!("m{n}"), "old");
    }
    let ids: Vec<_> = world.server.archive.iter().map(|e| e.id.clone()).collect();
    world.server.mark_elsewhere("romeo", &ids[12]);
    world.sign_in();
    world.run();
    assert_eq!(unread(&world), 1);
    let pages = world.server.seen.iter().filter(|f| f.contains("<items "));
    assert_eq!(pages.count(), 3, "all pages of it");
    let fetch = world
        .server
        .seen
        .iter()
        .position(|f| f.contains("<items "))
        .unwrap();
    let page = world
        .server
        .seen
        .iter()
        .position(|f| f.contains("urn:xmpp:mam:2"))
        .unwrap();
    assert!(page < fetch, "after the catch-up");
}

// proves: MD-02
#[test]
fn what_was_read_before_all_that_a_device_holds_leaves_all_of_it_unread() {
    let mut world = World::new();
    for n in 0..10 {
        world.server.arrive("romeo", &format!("m{n}"), "old");
    }
    let id = world.server.archive[4].id.clone();
    world.server.mark_elsewhere("romeo", &id);
    world.sign_in();
    world.run();
    assert_eq!(unread(&world), 3, "as many as there are");
    open(&mut world);
    world.intent(Intent::Older);
    world.run();
    assert_eq!(unread(&world), 5, "now it is known exactly");
    world.intent(Intent::Older);
    world.run();
    assert_eq!(unread(&world), 5);
    world.reload();
    assert_eq!(unread(&world), 5, "before any connection");
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 0);
    world.sign_in();
    world.pass(3_000);
    assert_eq!(kept(&world), Some(world.server.archive[9].id.to_string()));
}

#[test]
fn unread_is_what_the_rows_say_and_not_a_sum() {
    let mut world = World::live();
    fill(&mut world, 0, 4);
    world.server.expire();
    world.cut();
    fill(&mut world, 4, 9);
    world.server.holds_pages = true;
    world.pass(2_000);
    // Live and by page, the same lines twice: counted once.
    fill(&mut world, 9, 12);
    assert_eq!(unread(&world), 4 + 3);
    world.server.release_pages();
    world.run();
    assert_eq!(unread(&world), 12);
    open(&mut world);
    let key = world.lines()[6].key.clone();
    world.intent(Intent::Seen { key: Some(key) });
    world.run();
    assert_eq!(unread(&world), 5);
    world.reload();
    assert_eq!(unread(&world), 5);
    world.assert_unread_as_rows_say();
}

// proves: MD-03
#[test]
fn what_was_read_offline_is_told_later() {
    let mut world = World::live();
    fill(&mut world, 0, 3);
    world.is_online = false;
    world.cut();
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 0);
    world.reload();
    world.is_online = true;
    world.server.expire();
    world.sign_in();
    world.pass(3_000);
    assert_eq!(unread(&world), 0);
    assert_eq!(kept(&world), Some(world.server.archive[2].id.to_string()));
}

// proves: MD-02
#[test]
fn what_another_device_read_is_found_however_much_is_asked_of_the_disk() {
    let mut world = World::live();
    fill(&mut world, 0, 3);
    world.reads_are_slow = true;
    for n in 0..20 {
        world.intent(Intent::OpenChat(bare(&format!("friend{n}"))));
    }
    let id = world.server.archive[2].id.clone();
    world.server.mark_elsewhere("romeo", &id);
    world.run();
    assert_eq!(unread(&world), 3);
    world.release_disk();
    world.run();
    assert_eq!(unread(&world), 0);
    open(&mut world);
    assert_eq!(world.lines().len(), 3);
}

/// Signs in, and looks at a line of a contact who wants to be told.
fn see_a_line_that_asks(world: &mut World) {
    world.server.roster = vec![friend("romeo")];
    world.sign_in();
    world.run();
    world.server.arrive_asking("romeo", "m1", "one");
    world.run();
    open(world);
    world.intent(Intent::Seen { key: None });
}

// proves: MD-05
#[test]
fn a_server_that_assists_is_told_beside_the_marker() {
    let mut world = World::new();
    world.server.assists = true;
    see_a_line_that_asks(&mut world);
    world.pass(3_000);
    assert_eq!(kept(&world), Some(world.server.archive[0].id.to_string()));
    assert_eq!(published(&world), 0);
    let marker = world
        .server
        .seen
        .iter()
        .find(|f| f.contains("chat-markers:0'") && f.contains("<displayed"));
    let marker = marker.unwrap();
    assert!(marker.contains("to='romeo@montague.example'") && marker.contains("urn:xmpp:mds"));
    // What nobody wants to be told of is told the usual way.
    world.server.arrive("romeo", "m2", "two");
    world.pass(3_000);
    assert_eq!(published(&world), 1);
    assert_eq!(
        kept(&world),
        world
            .server
            .archive
            .iter()
            .rev()
            .find(|e| crate::server::text_of(e) == "two")
            .map(|e| e.id.to_string())
    );
}

// proves: MD-05 SM-20
#[test]
fn assistance_is_used_only_as_announced_also_after_a_reload() {
    for assists in [false, true] {
        let mut world = World::new();
        world.server.assists = assists;
        world.server.roster = vec![friend("romeo")];
        world.sign_in();
        world.pass(3_000);
        world.reload();
        world.server.seen.clear();
        world.sign_in();
        world.run();
        let seen = &world.server.seen;
        assert!(seen.iter().any(|f| f.contains("<resume ")));
        assert!(
            seen.iter().all(|f| !f.contains("disco#info")),
            "not asked again"
        );
        world.server.arrive_asking("romeo", "m1", "one");
        world.run();
        open(&mut world);
        world.intent(Intent::Seen { key: None });
        world.pass(3_000);
        let mut seen = world.server.seen.iter();
        let marker = seen.find(|f| f.contains("chat-markers:0'") && f.contains("<displayed"));
        assert_eq!(marker.unwrap().contains("urn:xmpp:mds"), assists);
        assert_eq!(
            published(&world),
            usize::from(!assists),
            "told the usual way"
        );
        assert_eq!(kept(&world), Some(world.server.archive[0].id.to_string()));
        // A new session may be with a server that does not.
        world.server.assists = false;
        world.server.expire();
        world.cut();
        world.server.seen.clear();
        world.pass(3_000);
        world.server.arrive_asking("romeo", "m2", "two");
        world.intent(Intent::Seen { key: None });
        world.pass(3_000);
        let mut seen = world.server.seen.iter();
        let marker = seen.find(|f| f.contains("chat-markers:0'") && f.contains("<displayed"));
        assert!(!marker.unwrap().contains("urn:xmpp:mds"));
    }
}

// proves: MD-05
#[test]
fn what_was_lost_beside_an_acknowledged_marker_is_told_again() {
    let mut world = World::new();
    world.server.assists = true;
    world.server.loses_assists = true;
    see_a_line_that_asks(&mut world);
    world.run();
    assert_eq!((world.engine.view().waiting, kept(&world)), (0, None));
    world.pass(3_000);
    assert_eq!(kept(&world), Some(world.server.archive[0].id.to_string()));
}

// proves: MD-03
#[test]
fn a_node_that_fails_in_passing_is_asked_again() {
    let mut world = World::new();
    let read = world.server.arrive("romeo", "m1", "one");
    world.server.mark_elsewhere("romeo", &read);
    world.server.arrive("romeo", "m2", "two");
    world.server.node_failures = 1;
    world.sign_in();
    world.run();
    assert_eq!(unread(&world), 0, "history that nobody told of is no news");
    world.pass(15_000);
    assert_eq!(unread(&world), 1);
    world.server.node_failures = 1;
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    world.pass(3_000);
    assert_eq!(kept(&world), Some(read.to_string()));
    world.pass(15_000);
    assert_eq!(kept(&world), Some(world.server.archive[1].id.to_string()));
}

// proves: MD-03
#[test]
fn a_node_that_stays_closed_is_tried_ever_more_rarely_and_a_full_account_once() {
    for (error, tries) in [
        (Condition::InternalServerError, 6),
        (Condition::ResourceConstraint, 1),
    ] {
        let mut world = World::live();
        fill(&mut world, 0, 1);
        world.server.seen.clear();
        (world.server.node_failures, world.server.node_error) = (u32::MAX, error);
        open(&mut world);
        world.intent(Intent::Seen { key: None });
        world.pass(600_000);
        let asked = world.server.seen.iter().filter(|f| f.contains("/pubsub'"));
        assert_eq!((published(&world), asked.count()), (tries, tries));
    }
}

// proves: MD-02
#[test]
fn a_mark_is_decided_whose_entry_is_just_being_written() {
    let mut world = World::live();
    (world.disk_is_slow, world.finds_nothing) = (true, true);
    let id = world.server.arrive("romeo", "m1", "one");
    world.run();
    world.server.mark_elsewhere("romeo", &id);
    world.run();
    world.finds_nothing = false;
    world.release_disk();
    world.run();
    assert_eq!(unread(&world), 0);
}

#[test]
fn a_server_without_eventing_is_left_alone() {
    let mut world = World::new();
    world.server.marks = None;
    world.sign_in();
    world.run();
    fill(&mut world, 0, 2);
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    world.pass(60_000);
    assert_eq!(unread(&world), 0);
    assert!(published(&world) <= 1, "asked once at most");
    world.input(Input::Visible(false));
    world.pass(60_000);
    assert!(world.is_live());
}

/// A device that looked at the end of a conversation of three lines, and missed nine.
fn away() -> World {
    let mut world = World::live();
    fill(&mut world, 0, 3);
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    world.run();
    world.server.expire();
    world.cut();
    fill(&mut world, 3, 12);
    world
}

// proves: MD-03 IM-07
#[test]
fn what_a_catch_up_brings_is_read_only_as_far_as_it_is_seen() {
    let mut world = away();
    world.server.holds_pages = true;
    world.pass(2_000);
    // The page says so all the time that the end is in view, and what runs past it is not seen.
    for _ in 0..2 {
        world.server.release_page();
        world.run();
        let newest = world.lines().last().unwrap().key.clone();
        world.intent(Intent::Seen { key: Some(newest) });
        world.run();
    }
    world.server.release_pages();
    world.run();
    assert!(world.is_live());
    assert_eq!(world.lines().len(), 12);
    assert_eq!(unread(&world), 3, "the last page was not seen");
    let key = world.lines()[9].key.clone();
    world.intent(Intent::Seen { key: Some(key) });
    world.run();
    assert_eq!(unread(&world), 2);
    fill(&mut world, 12, 13);
    assert_eq!(unread(&world), 3, "the end is not in view");
    world.intent(Intent::Seen { key: None });
    fill(&mut world, 13, 14);
    assert_eq!(unread(&world), 0);
    world.pass(3_000);
    assert_eq!(kept(&world), Some(world.server.archive[13].id.to_string()));
}

// proves: MD-03
#[test]
fn an_end_that_was_in_view_before_the_connection_was_lost_is_not_after_it() {
    let mut world = away();
    world.pass(5_000);
    assert!(world.is_live());
    assert_eq!(unread(&world), 9);
    // Not even if the page has not noticed yet.
    let mut world = away();
    world.server.holds_pages = true;
    world.pass(2_000);
    world.intent(Intent::Seen { key: None });
    world.server.release_pages();
    world.pass(5_000);
    assert!(world.is_live());
    assert_eq!(unread(&world), 9);
}

// proves: MD-03
#[test]
fn what_comes_while_nobody_looks_is_not_read() {
    let mut world = World::live();
    fill(&mut world, 0, 2);
    open(&mut world);
    world.intent(Intent::Seen { key: None });
    fill(&mut world, 2, 4);
    assert_eq!(unread(&world), 0);
    world.intent(Intent::LookAway);
    fill(&mut world, 4, 6);
    assert_eq!(unread(&world), 2);
    world.pass(3_000);
    assert_eq!(
        kept(&world),
        Some(world.server.archive[3].id.to_string()),
        "what was seen stays seen"
    );
    world.input(Input::Visible(false));
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 2, "a hidden page shows nothing");
}
