//! What is said of lines that are there already: corrections, reactions, retractions, answers.

use client_core::{Intent, Line, Mark};
use protocol::reactions::Reactions;
use protocol::reply::Reply;
use protocol::retract::Retraction;
use protocol::{Element, Message, Stanza, correct, fallback, ns};

use crate::server::{Fate, account, bare, chat, friend, signal};
use crate::world::World;

/// A live world in which Romeo is a friend and his conversation is open.
pub(crate) fn friends() -> World {
    let mut world = World::new();
    world.server.roster = vec![friend("romeo")];
    world.sign_in();
    open(&mut world);
    world
}

fn open(world: &mut World) {
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
}

fn reopen(world: &mut World) {
    world.reload();
    world.sign_in();
    open(world);
}

/// What a device that was never there finds.
fn fresh(world: World) -> World {
    let mut other = World::new();
    other.server = world.server;
    other.server.expire();
    other.server.page_len = 100;
    other.sign_in();
    open(&mut other);
    other
}

fn correction(id: &str, of: &str, text: &str) -> Stanza {
    chat(id, text).child(&correct::replace(of))
}

fn reaction(id: &str, of: &str, emojis: &[&str]) -> Stanza {
    let emojis = emojis.iter().map(|emoji| (*emoji).to_owned());
    let reactions = Reactions::new(of.to_owned(), emojis);
    signal(id, &reactions.to_element())
}

fn retraction(id: &str, of: &str) -> Stanza {
    let message = Stanza::new(protocol::StanzaKind::Message)
        .typed("chat")
        .id(id);
    Retraction::payload(of).iter().fold(message, Stanza::child)
}

fn key(world: &World, at: usize) -> String {
    world.lines()[at].key.clone()
}

/// Reactions as (emoji, own, other).
fn reactions(line: &Line) -> Vec<(&str, bool, bool)> {
    let reactions = line.reactions.iter();
    reactions
        .map(|r| (r.emoji.as_str(), r.own, r.other))
        .collect()
}

fn earlier(line: &Line) -> Vec<&str> {
    line.edits.iter().map(|edit| edit.text.as_str()).collect()
}

fn preview(world: &World) -> (String, bool) {
    let chats = &world.engine.view().chats;
    let chat = chats
        .iter()
        .find(|chat| chat.peer == bare("romeo"))
        .unwrap();
    (chat.last_text.clone(), chat.last_retracted)
}

/// The last message that the device sent with such an element.
fn sent(world: &World, name: &str) -> Message {
    let entries = world.server.archive.iter().rev();
    let messages = entries.map(|entry| &entry.message);
    let to = bare("romeo").to_string();
    let mut messages = messages.filter(|message| message.header.to.as_str() == Some(&to));
    let found = messages.find(|m| m.children.iter().any(|child| &*child.name == name));
    Message::of_stanza(found.unwrap().clone()).unwrap()
}

// proves: IM-10 IM-01 MAM-32
#[test]
fn an_own_correction_shows_at_once_and_is_an_entry_of_its_own() {
    let mut world = friends();
    world.send("But soft what light");
    world.run();
    let (line, id) = (world.lines()[0].clone(), world.server.archive[0].id.clone());
    world.server.holds_acks = true;
    let edit = |world: &mut World, body: &str| {
        let (key, body) = (key(world, 0), body.to_owned());
        world.intent(Intent::Edit { key, body });
        world.run();
    };
    edit(&mut world, "But soft, what light");
    let waiting = world.lines()[0].clone();
    assert_eq!(waiting.text, "But soft, what light");
    assert_eq!(waiting.mark, Mark::Waiting);
    assert_eq!(preview(&world).0, "But soft, what light");
    assert_eq!(world.engine.view().waiting, 1);
    world.server.holds_acks = false;
    world.pass(1_000);
    edit(&mut world, "But soft, what light?");
    let seen = world.lines()[0].clone();
    assert_eq!(
        earlier(&seen),
        ["But soft what light", "But soft, what light"]
    );
    assert_eq!(
        (&seen.key, seen.stamp, seen.id.as_ref()),
        (&line.key, line.stamp, Some(&id))
    );
    assert_eq!((world.lines().len(), seen.mark), (1, Mark::Archived));
    // Each has an id of its own and names the first.
    let message = sent(&world, "replace");
    assert_eq!(
        correct::replaced_of(&message).as_deref(),
        Some(line.key.as_str())
    );
    assert_eq!(message.id().map(str::len), Some(36));
    assert_ne!(message.id(), Some(line.key.as_str()));
    // What changes nothing, or is nobody's to change, is not sent.
    let before = world.server.archive.len();
    edit(&mut world, "But soft, what light?");
    edit(&mut world, "");
    world.server.arrive("romeo", "m1", "who is there");
    world.run();
    let (key, body) = (key(&world, 1), "nobody".to_owned());
    world.intent(Intent::Edit {
        key: key.clone(),
        body,
    });
    world.intent(Intent::Retract { key });
    world.run();
    assert_eq!(world.server.archive.len(), before + 1);
    let lines = world.lines();
    reopen(&mut world);
    assert_eq!(world.lines(), lines);
    world.assert_same_as_archive();
    let other = fresh(world);
    let texts = |lines: &[Line]| -> Vec<_> {
        let line = |line: &Line| (line.text.clone(), line.edits.len());
        lines.iter().map(line).collect()
    };
    assert_eq!(texts(&other.lines()), texts(&lines));
}

// proves: IM-10 IM-12 IM-13 IM-14
#[test]
fn only_who_wrote_a_line_corrects_and_retracts_it_but_both_react() {
    let mut world = friends();
    world.server.arrive("romeo", "m1", "Shall I hear more");
    world.server.arrive("romeo", "m2", "or speak");
    world.send("Ay me");
    world.run();
    let own = key(&world, 2);
    for message in [
        correction("c1", &own, "Ay he"),
        retraction("x1", &own),
        correction("c2", "unknown", "nothing"),
        reaction("r1", &own, &["🌹", "🌹", "👍"]),
        correction("c3", "m2", "or shall I speak"),
        // By the id of the correction, though it should name the first.
        correction("c4", "c3", "or shall I speak at this?"),
        reaction("r2", "c4", &["👍"]),
    ] {
        world.server.deliver("romeo", message);
    }
    world
        .server
        .deliver("nurse", correction("c5", "m1", "Madam!"));
    world
        .server
        .send_elsewhere("romeo", correction("c6", "m1", "not mine"));
    world.run();
    let lines = world.lines();
    assert_eq!(
        world.texts(),
        ["Shall I hear more", "or shall I speak at this?", "Ay me"]
    );
    assert_eq!(
        reactions(&lines[2]),
        [("🌹", false, true), ("👍", false, true)]
    );
    assert_eq!(earlier(&lines[1]), ["or speak", "or shall I speak"]);
    assert_eq!(reactions(&lines[1]), [("👍", false, true)]);
    let unread = world
        .engine
        .view()
        .chats
        .iter()
        .find(|c| c.peer == bare("romeo"));
    assert_eq!(unread.unwrap().unread, 2, "only lines are news");
    // The last full set of each side counts.
    let react = |world: &mut World, at: usize, emojis: &[&str]| {
        let emojis = emojis.iter().map(|emoji| (*emoji).to_owned()).collect();
        let key = key(world, at);
        world.intent(Intent::React { key, emojis });
        world.run();
    };
    react(&mut world, 1, &["👍", "😢"]);
    react(&mut world, 2, &["🌹"]);
    world.server.deliver("romeo", reaction("r3", &own, &["😢"]));
    world.run();
    assert_eq!(
        reactions(&world.lines()[1]),
        [("👍", true, true), ("😢", true, false)]
    );
    assert_eq!(
        reactions(&world.lines()[2]),
        [("🌹", true, false), ("😢", false, true)]
    );
    let message = sent(&world, "reactions");
    assert_eq!(Reactions::of(&message).unwrap().emojis, ["🌹"]);
    react(&mut world, 2, &[]);
    world.server.deliver("romeo", reaction("r4", &own, &[]));
    world.run();
    assert_eq!(reactions(&world.lines()[2]), []);
    let entries = world.server.archive.len();
    react(&mut world, 2, &[]);
    assert_eq!(
        world.server.archive.len(),
        entries,
        "nothing new is not said"
    );
    let lines = world.lines();
    reopen(&mut world);
    assert_eq!(world.lines(), lines);
    world.assert_same_as_archive();
}

// proves: IM-14 IM-15
#[test]
fn a_retraction_leaves_a_place_and_nothing_else() {
    let mut world = friends();
    world.server.arrive("romeo", "m1", "I swear by yonder moon");
    world.send("swear not by the moon");
    world.run();
    let own = key(&world, 1);
    world
        .server
        .deliver("romeo", correction("c1", "m1", "I swear by the moon"));
    world.server.deliver("romeo", reaction("r1", &own, &["🌹"]));
    world.server.deliver("romeo", retraction("x1", "c1"));
    world.intent(Intent::Retract { key: own.clone() });
    world.run();
    // What comes after it changes nothing.
    world
        .server
        .deliver("romeo", correction("c2", "m1", "once more"));
    world.server.deliver("romeo", reaction("r2", &own, &["👍"]));
    world.run();
    for line in world.lines() {
        assert!(line.is_retracted && line.text.is_empty(), "{line:?}");
        assert!(line.edits.is_empty() && line.reactions.is_empty());
    }
    assert_eq!(preview(&world), (String::new(), true));
    let message = sent(&world, "retract");
    assert!(message.body().is_some() && message.0.find("store", ns::HINTS).is_some());
    world.assert_same_as_archive();
    // A device that was away finds what the server left of them: at the same places, the same.
    let places: Vec<_> = world.lines().into_iter().map(|line| line.id).collect();
    for (entry, by) in [("m1", "c1"), ("c1", "c1"), (own.as_str(), own.as_str())] {
        let of = Retraction {
            target: entry.to_owned(),
            id: Some(by.to_owned()),
        };
        let mut archive = world.server.archive.iter_mut();
        let found = archive
            .find(|e| e.message.header.id.as_deref() == Some(entry))
            .unwrap();
        let message = Message::of_stanza(found.message.clone()).unwrap();
        found.message = of.tombstone(&message, protocol::time::Stamp(0)).unwrap().0;
    }
    let other = fresh(world);
    let lines = other.lines();
    assert!(lines.iter().all(|line| line.is_retracted));
    assert_eq!(
        lines.into_iter().map(|line| line.id).collect::<Vec<_>>(),
        places
    );
    assert_eq!(preview(&other), (String::new(), true));
}

// proves: IM-13 IM-20
#[test]
fn what_does_not_get_through_is_as_if_it_had_not_been_said() {
    for fate in [Fate::Refuse, Fate::Bounce, Fate::Unarchived] {
        let mut world = friends();
        world.send("one");
        world.run();
        let key = key(&world, 0);
        world.server.fate = fate;
        world.server.holds_acks = true;
        let (body, emojis) = ("two".to_owned(), vec!["🌹".to_owned()]);
        world.intent(Intent::React {
            key: key.clone(),
            emojis,
        });
        assert!(world.step() && world.step());
        world.intent(Intent::Edit {
            key: key.clone(),
            body,
        });
        world.intent(Intent::Retract { key });
        world.server.holds_acks = false;
        world.pass(2_000);
        let line = world.lines()[0].clone();
        assert_eq!((line.text.as_str(), line.is_retracted), ("one", false));
        assert_eq!((reactions(&line), earlier(&line)), (vec![], vec![]));
        assert_eq!(
            (line.mark, world.engine.view().waiting),
            (Mark::Archived, 0)
        );
        assert_eq!(preview(&world), ("one".to_owned(), false));
        world.server.fate = Fate::Archive;
        reopen(&mut world);
        assert_eq!(world.texts(), ["one"]);
        assert_eq!(world.lines().len(), 1);
    }
}

// proves: IM-10 IM-14 P6 S11-20
#[test]
fn what_is_said_of_waiting_lines_goes_out_behind_them_once() {
    let mut world = friends();
    world.is_online = false;
    world.cut();
    world.send("one");
    world.send("two");
    world.run();
    let edit = |world: &World, at: usize, body: &str| Intent::Edit {
        key: key(world, at),
        body: body.to_owned(),
    };
    let (first, second) = (edit(&world, 0, "one more"), key(&world, 1));
    world.intent(first);
    world.intent(Intent::React {
        key: key(&world, 0),
        emojis: vec!["👍".to_owned()],
    });
    world.intent(Intent::Retract { key: second });
    world.run();
    assert_eq!(world.texts(), ["one more", ""]);
    assert_eq!(world.engine.view().waiting, 5);
    assert!(world.lines()[0].reactions[0].is_waiting);
    assert_eq!(preview(&world), (String::new(), true));
    reopen(&mut world);
    assert_eq!(world.texts(), ["one more", ""], "also after a reload");
    world.is_online = true;
    world.pass(70_000);
    assert_eq!(world.texts(), ["one more", ""]);
    assert!(!world.lines()[0].reactions[0].is_waiting);
    assert_eq!(preview(&world), (String::new(), true));
    assert_eq!(world.server.archive.len(), 5);
    world.assert_same_as_archive();
}

// proves: IM-16 IM-17
#[test]
fn an_answer_names_and_quotes_what_it_answers() {
    let mut world = friends();
    world
        .server
        .arrive("romeo", "m1", "Wilt thou leave me\nso unsatisfied? 🌹🌹");
    world.run();
    let answer = |world: &mut World, at: usize, text: &str| {
        let reply_to = Some(key(world, at));
        let (to, body) = (bare("romeo"), text.to_owned());
        world.intent(Intent::Send { to, body, reply_to });
        world.run();
    };
    answer(&mut world, 0, "What satisfaction");
    let message = sent(&world, "reply");
    let expected = Reply {
        id: "m1".to_owned(),
        to: Some(bare("romeo")),
    };
    assert_eq!(Reply::of(&message), Some(expected));
    let body = message.body().unwrap();
    assert_eq!(
        body,
        "> Wilt thou leave me\n> so unsatisfied? 🌹🌹\nWhat satisfaction"
    );
    assert_eq!(
        fallback::without(&message, &body, ns::REPLY),
        "What satisfaction"
    );
    let quoted = Element::new("reply", ns::REPLY)
        .attr("to", account())
        .attr("id", key(&world, 1));
    let body = chat("m2", "> 🌹 who knows\nThe exchange");
    world.server.deliver(
        "romeo",
        body.child(&quoted).child(&fallback::part(ns::REPLY, 0..14)),
    );
    world.run();
    assert_eq!(world.texts()[1..], ["What satisfaction", "The exchange"]);
    let quotes: Vec<_> = world
        .lines()
        .into_iter()
        .filter_map(|line| line.reply)
        .collect();
    let quote = |at: usize| {
        (
            quotes[at].own,
            quotes[at].text.clone().unwrap(),
            quotes[at].key.clone(),
        )
    };
    let first = "Wilt thou leave me\nso unsatisfied? 🌹🌹".to_owned();
    assert_eq!(quote(0), (false, first, Some(key(&world, 0))));
    assert_eq!(
        quote(1),
        (true, "What satisfaction".to_owned(), Some(key(&world, 1)))
    );
    // A correction of an answer is still that answer, and what is quoted is what it reads now.
    let (of, body) = (
        key(&world, 1),
        "What satisfaction canst thou have".to_owned(),
    );
    world.intent(Intent::Edit { key: of, body });
    world.run();
    assert!(Reply::of(&sent(&world, "replace")).is_some());
    let lines = world.lines();
    assert_eq!(lines[1].text, "What satisfaction canst thou have");
    assert_eq!(lines[1].reply.as_ref().unwrap().key, Some(key(&world, 0)));
    let quote = lines[2].reply.clone().unwrap();
    assert_eq!(
        quote.text.as_deref(),
        Some("What satisfaction canst thou have")
    );
    world.server.deliver("romeo", retraction("x1", "m1"));
    world.run();
    let quote = world.lines()[1].reply.clone().unwrap();
    assert_eq!((quote.text, quote.key), (None, Some(key(&world, 0))));
    let lines = world.lines();
    reopen(&mut world);
    assert_eq!(world.lines(), lines);
}

/// What an earlier version kept without understanding it is understood now.
// proves: IM-13
#[test]
fn old_rows_are_read_anew() {
    let mut world = friends();
    world.server.arrive("romeo", "m1", "Good night");
    world.server.deliver("romeo", reaction("r1", "m1", &["🌹"]));
    world.run();
    let mut row = world.confirmed().pop().unwrap();
    let xml = reaction("r1", "m1", &["🌹"]).children[0].xml.to_string();
    row.content = client_core::history::Content::Other(xml);
    let rows = vec![row];
    world.history.apply(client_core::Batch {
        rows,
        ..Default::default()
    });
    reopen(&mut world);
    assert_eq!(reactions(&world.lines()[0]), [("🌹", false, true)]);
}

// proves: INV-17
#[test]
fn a_correction_that_cannot_be_kept_is_given_back() {
    let mut world = friends();
    world.send("one");
    world.run();
    let key = key(&world, 0);
    let edit = |body: String| Intent::Edit {
        key: key.clone(),
        body,
    };
    world.intent(edit("x".repeat(40_001)));
    world.run();
    assert_eq!(world.unsaved, ["x".repeat(40_001)]);
    world.disk_is_slow = true;
    world.intent(edit("two".to_owned()));
    world.run();
    world.input(client_core::Input::StorageFailed("full".to_owned()));
    world.intent(edit("three".to_owned()));
    world.run();
    assert_eq!(world.unsaved[1..], ["two", "three"]);
    assert_eq!(world.texts(), ["one"]);
}
