//! Who is writing just now.

use client_core::{Intent, Mark};
use protocol::chat_state::ChatState;
use protocol::{Presence, PresenceType, Stanza, StanzaKind, delay};

use crate::saying::friends;
use crate::server::{account, bare, chat, signal};
use crate::world::World;

/// Romeo's phone comes online.
fn romeo_is_there(world: &mut World) {
    let phone = bare("romeo").with_resource_str("phone").unwrap();
    let presence = Presence::bare(PresenceType::Available).from(phone);
    world.server.inject(&presence.write());
    world.run();
}

/// Something of Romeo's that is in no archive.
fn says(world: &mut World, message: Stanza) {
    let phone = bare("romeo").with_resource_str("phone").unwrap();
    world
        .server
        .inject(&message.to(account()).from(phone).write());
    world.run();
}

fn state(state: ChatState) -> Stanza {
    signal("s1", &state.to_element())
}

fn composing(world: &World) -> bool {
    let chats = &world.engine.view().chats;
    chats
        .iter()
        .any(|chat| chat.peer == bare("romeo") && chat.composing)
}

fn compose(world: &mut World, is_composing: bool) {
    let to = bare("romeo");
    world.intent(Intent::Composing { to, is_composing });
    world.run();
}

/// The states that were sent, those beside a line with an `l`.
fn sent(world: &World) -> Vec<String> {
    let frames = world
        .server
        .seen
        .iter()
        .filter(|f| f.starts_with("<message"));
    let states = frames.filter_map(|frame| {
        let (before, _) = frame.split_once(" xmlns='http://jabber.org/protocol/chatstates'")?;
        let (_, state) = before.rsplit_once('<')?;
        let is_line = frame.contains("<body>");
        Some(format!("{}{state}", if is_line { "l " } else { "" }))
    });
    states.collect()
}

// proves: IM-08
#[test]
fn only_who_tells_and_is_there_is_told_and_nothing_twice() {
    let mut world = friends();
    compose(&mut world, true);
    romeo_is_there(&mut world);
    compose(&mut world, true);
    world.send("Ay me");
    compose(&mut world, true);
    assert_eq!(
        sent(&world),
        ["l active"],
        "a line asks; nothing else goes to who never told"
    );
    says(&mut world, state(ChatState::Active));
    compose(&mut world, true);
    world.pass(3_000);
    compose(&mut world, true);
    world.pass(4_900);
    assert_eq!(sent(&world), ["l active", "composing"]);
    world.pass(200);
    assert_eq!(sent(&world)[2..], ["paused"]);
    world.pass(60_000);
    compose(&mut world, true);
    compose(&mut world, false);
    compose(&mut world, false);
    compose(&mut world, true);
    world.send("O Romeo");
    world.pass(60_000);
    assert_eq!(
        sent(&world)[3..],
        ["composing", "active", "composing", "l active"]
    );
    compose(&mut world, true);
    world.intent(Intent::CloseChat);
    world.run();
    assert_eq!(sent(&world)[7..], ["composing", "paused"]);
    let frames = world
        .server
        .seen
        .iter()
        .filter(|f| f.contains("chatstates"));
    for frame in frames {
        assert!(frame.contains("type='chat'") && frame.matches("chatstates").count() == 1);
    }
    assert_eq!(
        world.server.archive.len(),
        2 + 7,
        "the test's server keeps everything"
    );
    let rows = world.history.rows().filter(|row| row.own).count();
    assert_eq!(rows, 2, "nothing of it is kept here");
}

// proves: IM-08 IM-06
#[test]
fn nobody_is_told_if_the_person_says_so_and_no_stranger() {
    let mut world = friends();
    romeo_is_there(&mut world);
    says(&mut world, state(ChatState::Active));
    world.intent(Intent::ShareTyping(false));
    compose(&mut world, true);
    world.send("Ay me");
    world.run();
    world.intent(Intent::ShareTyping(true));
    world.server.roster.clear();
    let removed = protocol::roster::query(None, [protocol::roster::removal(&bare("romeo"))]);
    let push = protocol::Iq::set("push".to_owned(), removed);
    world.server.inject(&push.write());
    world.run();
    compose(&mut world, true);
    assert_eq!(sent(&world), [""; 0]);
}

// proves: IM-09
#[test]
fn a_peer_is_writing_until_they_say_otherwise_or_thirty_seconds_pass() {
    let mut world = friends();
    says(&mut world, state(ChatState::Composing));
    assert!(!composing(&world), "who is not there does not write");
    romeo_is_there(&mut world);
    for stop in [
        ChatState::Paused,
        ChatState::Active,
        ChatState::Inactive,
        ChatState::Gone,
    ] {
        says(&mut world, state(ChatState::Composing));
        assert!(composing(&world));
        says(&mut world, state(stop));
        assert!(!composing(&world));
    }
    says(&mut world, state(ChatState::Composing));
    world.pass(29_900);
    assert!(composing(&world));
    world.pass(200);
    assert!(!composing(&world));
    says(&mut world, state(ChatState::Composing));
    world.server.arrive("romeo", "m1", "there it is");
    world.run();
    assert!(!composing(&world));
    says(&mut world, state(ChatState::Composing));
    world.cut();
    world.run();
    assert!(!composing(&world));
    assert_eq!(world.lines().len(), 1);
    assert_eq!(world.lines()[0].mark, Mark::Archived);
}

// proves: IM-09
#[test]
fn what_waited_or_is_of_another_own_device_tells_nothing() {
    let mut world = friends();
    romeo_is_there(&mut world);
    let late = delay::delay(protocol::time::Stamp(0), None);
    says(&mut world, state(ChatState::Composing).child(&late));
    assert!(!composing(&world));
    let error = Stanza::new(StanzaKind::Message).typed("error").id("s1");
    says(&mut world, error.child(&ChatState::Composing.to_element()));
    let own = account().with_resource_str("phone").unwrap();
    let elsewhere = state(ChatState::Composing).to(bare("romeo")).from(own);
    world
        .server
        .inject(&crate::server::wrap("sent", &elsewhere, None).write());
    world.run();
    assert!(!composing(&world));
    // A line that is kept says at its time who tells, also after a restart.
    let asking = chat("m1", "Ay me").child(&ChatState::Active.to_element());
    world.server.deliver("romeo", asking);
    world.run();
    world.reload();
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    romeo_is_there(&mut world);
    compose(&mut world, true);
    assert_eq!(sent(&world), ["composing"]);
}
