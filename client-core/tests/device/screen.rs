use client_core::{Change, Input, Intent};
use protocol::receipts;

use crate::server::{bare, signal};
use crate::world::World;

#[test]
fn lines_count_as_unread_until_their_chat_is_open_and_visible() {
    let mut world = World::live();
    let unread = |world: &World| world.engine.view().chats[0].unread;
    world.server.arrive("romeo", "m1", "one");
    world.server.arrive("romeo", "m2", "two");
    world.run();
    assert_eq!(unread(&world), 2);
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(unread(&world), 2, "nothing is in view yet");
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 0);
    world.server.arrive("romeo", "m3", "three");
    world.run();
    assert_eq!(unread(&world), 0);
    world.input(Input::Visible(false));
    world.server.arrive("romeo", "m4", "four");
    world.run();
    assert_eq!(unread(&world), 1);
    world.input(Input::Visible(true));
    world.run();
    assert_eq!(unread(&world), 1, "it may be anywhere");
    world.intent(Intent::Seen { key: None });
    world.run();
    assert_eq!(unread(&world), 0);
    world.intent(Intent::CloseChat);
    world.server.arrive("romeo", "m5", "five");
    world.server.write_elsewhere("romeo", "m6", "six");
    world.run();
    assert_eq!(unread(&world), 1, "own lines are nothing unread");
    let chat = &world.engine.view().chats[0];
    assert_eq!((chat.last_text.as_str(), chat.last_own), ("six", true));
}

#[test]
fn everything_known_is_on_the_screen_before_there_is_a_connection() {
    let mut world = World::live();
    world.server.arrive("romeo", "m1", "one");
    world.run();
    world.is_online = false;
    world.cut();
    world.send("two");
    world.run();
    world.reload();
    assert_eq!(world.engine.view().chats[0].last_text, "two");
    assert_eq!(world.engine.view().waiting, 1);
    world.intent(Intent::OpenChat(bare("romeo")));
    assert_eq!(world.texts(), ["two"], "at once");
    let timeline = world.engine.view().timeline.as_ref().unwrap();
    let waits = (timeline.loading_older, timeline.searching_archive);
    assert_eq!(waits, (true, false), "for this device alone");
    world.run();
    assert_eq!(world.texts(), ["one", "two"]);
}

#[test]
fn conversations_are_sorted_by_their_last_line_and_contacts_by_name() {
    let mut world = World::new();
    world.server.roster = ["zoe", "anna"]
        .map(|name| protocol::roster::Item::new(bare(name)))
        .to_vec();
    world.sign_in();
    world.run();
    for (name, id) in [("romeo", "m1"), ("nurse", "m2")] {
        world.server.arrive(name, id, "hello");
        world.pass(10);
    }
    let names: Vec<_> = world
        .engine
        .view()
        .chats
        .iter()
        .map(|c| c.name.clone())
        .collect();
    assert_eq!(names, ["nurse", "romeo", "anna", "zoe"]);
}

#[test]
fn long_conversations_are_loaded_a_window_at_a_time() {
    let mut world = World::live();
    for n in 0..250 {
        world
            .server
            .arrive("romeo", &format!("m{n}"), &n.to_string());
        world.run();
    }
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    for len in [100, 200, 250] {
        assert_eq!(world.lines().len(), len);
        assert_eq!(world.texts().last().unwrap(), "249");
        world.intent(Intent::Older);
        world.run();
    }
    assert!(!world.engine.view().timeline.as_ref().unwrap().has_older);
    world.intent(Intent::Older);
    world.run();
    assert_eq!(
        world.texts(),
        (0..250).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

/// Romeo tells so often that he received something.
fn signals(world: &mut World, count: usize) {
    for _ in 0..count {
        let receipt = signal("again", &receipts::received("m1"));
        world.server.deliver("romeo", receipt);
        world.run();
    }
}

#[test]
fn lines_behind_which_only_signals_stand_are_shown_at_once() {
    let mut world = World::live();
    world.server.arrive("romeo", "m1", "one");
    signals(&mut world, 220);
    world.server.arrive("romeo", "m2", "two");
    signals(&mut world, 110);
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(world.texts(), ["two"]);
    // So are older ones that somebody asks for.
    world.intent(Intent::Older);
    world.run();
    assert_eq!(world.texts(), ["one", "two"]);
}

#[test]
fn older_lines_of_a_quiet_person_are_searched_over_several_pages() {
    let mut world = World::new();
    world.server.arrive("nurse", "n1", "long ago");
    for n in 0..20 {
        world.server.arrive("romeo", &format!("m{n}"), "noise");
    }
    world.server.arrive("nurse", "n2", "just now");
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("nurse")));
    world.run();
    assert_eq!(world.texts(), ["just now"]);
    world.intent(Intent::Older);
    world.run();
    assert_eq!(world.texts(), ["long ago", "just now"]);
    let timeline = world.engine.view().timeline.as_ref().unwrap();
    assert!(!timeline.has_older && !timeline.loading_older);
    world.assert_same_as_archive();
}

#[test]
fn only_what_changed_is_told() {
    let mut world = World::live();
    world.pass(3_000);
    world.changes.clear();
    world
        .server
        .inject("<presence xmlns='jabber:client' from='romeo@montague.example/x'/>");
    world.run();
    assert_eq!(world.changes, [Change::Chats]);
    world.changes.clear();
    world.server.arrive("nurse", "m1", "hello");
    world.run();
    assert_eq!(world.changes, [Change::Chats]);
}

#[test]
fn a_gap_between_keys_never_shows_two_lines_with_one_key() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    for n in 0..20 {
        world.send(&n.to_string());
        world.server.inject("<message xmlns='jabber:client' type='chat' id='same' from='romeo@montague.example'><body>beside</body></message>");
        if n % 5 == 0 {
            world.run();
        }
    }
    world.run();
    let mut keys: Vec<_> = world.lines().into_iter().map(|line| line.key).collect();
    assert_eq!(keys.len(), 40);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 40);
}

// proves: INV-17
#[test]
fn a_line_that_is_not_sent_any_more_does_not_keep_newer_ones_from_the_list() {
    let mut world = World::live();
    let listed = |world: &World| {
        let chat = world.engine.view().chats[0].clone();
        (chat.peer, chat.last_text, chat.last_mark)
    };
    world.server.fate = crate::server::Fate::Refuse;
    world.send("refused");
    world.run();
    let (_, text, mark) = listed(&world);
    assert_eq!(text, "refused");
    assert!(matches!(mark, Some(client_core::Mark::Failed(_))));
    world.pass(10);
    world.server.arrive("nurse", "n1", "Madam!");
    world.run();
    assert_eq!(listed(&world).0, bare("nurse"));
    world.pass(10);
    world.server.arrive("romeo", "m1", "newer");
    world.run();
    assert_eq!(listed(&world), (bare("romeo"), "newer".to_owned(), None));
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(
        world.texts(),
        ["newer", "refused"],
        "it is still there to be sent again"
    );
    world.reload();
    assert_eq!(listed(&world).1, "newer");
}
