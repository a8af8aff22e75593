use client_core::Intent;

use crate::server::bare;
use crate::world::World;

fn count(world: &World, what: &str) -> usize {
    world
        .server
        .seen
        .iter()
        .filter(|f| f.contains(what))
        .count()
}

// proves: SM-19 SM-20 S11-04 S11-52 S11-61 BI-09
#[test]
fn a_resumed_stream_is_caught_up_without_roster_or_presence() {
    let mut world = World::live();
    world.server.arrive("romeo", "m1", "one");
    world.run();
    let jid = world.server.jid();
    for round in 0..3 {
        world.cut();
        world.server.arrive("romeo", &format!("r{round}"), "missed");
        world.pass(2_000);
        assert_eq!(world.server.jid(), jid);
    }
    assert_eq!(count(&world, "<presence"), 1);
    assert_eq!(count(&world, "jabber:iq:roster"), 1);
    assert_eq!(count(&world, "<enable "), 2, "s11 and sm, once each");
    assert_eq!(count(&world, "urn:xmpp:mam:2' queryid"), 4);
    let resumes = world.server.seen.iter().filter(|f| f.contains("<resume "));
    let resumes: Vec<_> = resumes.collect();
    assert_eq!(resumes.len(), 3);
    let first = &world.server.archive[0].id;
    assert!(resumes[0].contains(&format!("pos='{first}'")));
    world.assert_same_as_archive();
}

// proves: SM-34
#[test]
fn one_resumption_is_tried_on_a_connection_and_nothing_sent_before_its_answer() {
    for forgets in [false, true] {
        let mut world = World::live();
        world.send("waits");
        world.run();
        if forgets {
            world.server.expire();
        }
        world.cut();
        world.send("more");
        world.server.seen.clear();
        world.server.is_frozen = false;
        let mut before_answer = 0;
        for _ in 0..10_000 {
            let Some(due) = world.engine.deadline().filter(|_| !world.is_live()) else {
                break;
            };
            if !world.step() {
                world.tick_at(due);
            }
            let seen = &world.server.seen;
            let answer = |frame: &&protocol::Text| {
                frame.starts_with("<resumed") || frame.starts_with("<failed")
            };
            let is_answered = !world.server.to_device.iter().any(|f| answer(&f));
            if let Some(at) = seen.iter().position(|f| f.starts_with("<resume "))
                && !is_answered
            {
                assert_eq!(seen.len(), at + 1, "{seen:?}");
                before_answer += 1;
            }
        }
        assert!(world.is_live());
        assert!(before_answer > 0);
        assert_eq!(count(&world, "<resume "), 1);
        assert_eq!(
            count(&world, "urn:ietf:params:xml:ns:xmpp-bind"),
            usize::from(forgets)
        );
        world.assert_sent_once(&["waits", "more"]);
    }
}

// proves: SM-18
#[test]
fn what_was_not_acked_goes_out_again_before_anything_new() {
    let mut world = World::live();
    world.server.holds_acks = true;
    world.send("one");
    world.send("two");
    world.run();
    world.cut();
    world.server.holds_acks = false;
    world.send("three");
    world.pass(2_000);
    world.assert_sent_once(&["one", "two", "three"]);
    world.assert_same_as_archive();
}

// proves: SM-18 S11-14
#[test]
fn what_the_server_never_saw_is_sent_again_unchanged() {
    let mut world = World::live();
    world.send("one");
    while !world
        .history
        .restore()
        .outbox
        .iter()
        .any(|i| i.prefix.is_some())
    {
        world.step();
    }
    // The frames of the device are lost with the socket.
    world.server.cut();
    world.run();
    assert_eq!(world.server.archive.len(), 0);
    world.input(client_core::Input::Disconnected("cut".into()));
    world.pass(2_000);
    world.assert_sent_once(&["one"]);
    assert_eq!(count(&world, "<resend"), 0);
    world.assert_same_as_archive();
}

// proves: SM-11 S11-14
#[test]
fn after_a_reload_the_stream_is_resumed_and_the_outbox_sent_again() {
    let mut world = World::live();
    world.server.holds_acks = true;
    for text in ["one", "two", "three"] {
        world.send(text);
    }
    world.run();
    world.server.holds_acks = false;
    let jid = world.server.jid();
    world.reload();
    world.sign_in();
    world.run();
    assert_eq!(world.server.jid(), jid, "resumed");
    world.assert_sent_once(&["one", "two", "three"]);
    world.assert_same_as_archive();
}

// proves: S11-20 INV-07
#[test]
fn what_was_sent_before_a_reload_waits_for_the_archive_over_a_cut() {
    let mut world = World::live();
    world.server.holds_acks = true;
    world.send("one");
    world.run();
    world.server.holds_acks = false;
    world.server.holds_pages = true;
    world.reload();
    world.sign_in();
    world.run();
    // The stream is lost again before a page tells what became of the line.
    world.cut();
    world.pass(2_000);
    assert_eq!(count(&world, ">one<"), 1);
    world.server.release_pages();
    world.run();
    world.assert_sent_once(&["one"]);
    assert_eq!(count(&world, ">one<"), 1);
    world.assert_same_as_archive();
}

// proves: S11-20 S11-25
#[test]
fn after_a_failed_resumption_the_archive_is_asked_before_anything_is_sent_again() {
    for (reloads, arrived) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut world = World::live();
        world.server.holds_acks = true;
        world.send("one");
        world.run();
        world.server.holds_acks = false;
        if !arrived {
            // As if it had died on the way.
            world.server.archive.clear();
            world.server.forget_outcomes();
        }
        if reloads {
            world.server.expire();
            world.reload();
            world.send("two");
            world.sign_in();
            world.pass(2_000);
        } else {
            world.server.expire();
            world.cut();
            world.send("two");
            world.pass(2_000);
        }
        world.assert_sent_once(&["one", "two"]);
        assert_eq!(count(&world, "<resend"), usize::from(!arrived));
        let seen = &world.server.seen;
        if !arrived {
            let resend = seen.iter().position(|f| f.contains("<resend")).unwrap();
            let asked = seen
                .iter()
                .rposition(|f| f.contains("urn:xmpp:mam:2' queryid"));
            assert!(asked.unwrap() < resend, "catch-up first");
            assert!(
                seen[resend].contains("<delay"),
                "with the time of the first try"
            );
            assert!(seen.iter().rposition(|f| f.contains(">two<")).unwrap() > resend);
        }
        world.assert_same_as_archive();
    }
}

// proves: S11-62 S11-63
#[test]
fn a_server_that_lost_its_memory_goes_on_from_the_cursor() {
    for reloads in [false, true] {
        let mut world = World::live();
        world.intent(Intent::OpenChat(bare("romeo")));
        world.server.arrive("romeo", "m1", "one");
        world.send("two");
        world.run();
        world.server.holds_acks = true;
        world.send("three");
        world.run();
        world.server.holds_acks = false;
        world.server.crash();
        world.server.arrive("romeo", "m2", "four");
        world.server.write_elsewhere("romeo", "m3", "five");
        if reloads {
            world.reload();
            world.sign_in();
        } else {
            world.cut();
        }
        world.pass(2_000);
        assert_eq!(count(&world, "<presence"), 2, "the server forgot it");
        world.assert_sent_once(&["two", "three"]);
        world.assert_same_as_archive();
    }
}

// proves: S11-63 S11-20
#[test]
fn what_the_count_covers_and_no_archive_has_is_sent_again_after_the_catch_up() {
    for reloads in [false, true] {
        let mut world = World::live();
        world.server.arrive("romeo", "m1", "before");
        world.run();
        world.server.holds_acks = true;
        world.send("one");
        world.send("two");
        world.run();
        world.server.holds_acks = false;
        // Written, but of the first one neither entry nor notice is left.
        world
            .server
            .archive
            .retain(|entry| !entry.message.write().contains(">one<"));
        world.server.forget_outcomes();
        world.server.crash();
        if reloads {
            world.reload();
            world.sign_in();
        } else {
            world.cut();
        }
        world.send("three");
        world.pass(2_000);
        world.assert_sent_once(&["two", "one", "three"]);
        let seen = &world.server.seen;
        let resend = seen.iter().position(|f| f.contains("<resend"));
        let resend = resend.expect("sent again");
        assert!(seen[resend].contains(">one<"));
        assert!(seen[resend].contains("<delay"));
        assert_eq!(count(&world, "<resend"), 1);
        let asked = seen
            .iter()
            .rposition(|f| f.contains("urn:xmpp:mam:2' queryid"));
        assert!(asked.unwrap() < resend, "the archive is asked first");
        assert_eq!(count(&world, "jabber:iq:roster"), 2, "asked anew");
        assert_eq!(
            count(&world, "jabber:iq:roster' ver='v1'"),
            1,
            "for what changed"
        );
        world.assert_same_as_archive();
    }
}

// proves: WS-30 S11-61
#[test]
fn a_stream_that_a_stopping_server_ends_is_resumed() {
    let mut world = World::live();
    world.server.arrive("romeo", "m1", "one");
    world.run();
    let jid = world.server.jid();
    let error = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    world.server.to_device.push_back(error.into());
    world.run();
    world.server.crash();
    world.server.arrive("romeo", "m2", "two");
    world.pass(3_000);
    assert_eq!(world.server.jid(), jid);
    assert_eq!(count(&world, "<resume "), 1);
    world.assert_same_as_archive();
}

// proves: S11-24
#[test]
fn very_old_lines_are_not_sent_again_without_asking() {
    let mut world = World::live();
    world.server.holds_acks = true;
    world.send("old news");
    world.run();
    world.server.holds_acks = false;
    world.server.archive.clear();
    world.server.forget_outcomes();
    world.server.expire();
    world.reload();
    world.now.wall_ms += 15 * 24 * 60 * 60 * 1_000;
    world.sign_in();
    world.run();
    assert_eq!(world.server.archive.len(), 0);
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    let line = world.lines()[0].clone();
    assert!(matches!(line.mark, client_core::Mark::Failed(_)));
    world.intent(Intent::Retry { key: line.key });
    world.run();
    world.assert_sent_once(&["old news"]);
    world.assert_same_as_archive();
}

// proves: SM-05
#[test]
fn an_impossible_ack_ends_the_stream_for_good() {
    let mut world = World::live();
    let jid = world.server.jid();
    world.server.inject("<a xmlns='urn:xmpp:sm:3' h='77'/>");
    world.run();
    assert!(count(&world, "handled-count-too-high") == 1);
    world.pass(2_000);
    assert_ne!(world.server.jid(), jid, "bound anew");
    world.assert_same_as_archive();
}

#[test]
fn an_unreadable_frame_ends_the_stream_but_not_the_device() {
    for frame in [
        "<message",
        "<!DOCTYPE x><x/>",
        "",
        "<message xmlns='jabber:client'><body>&x;</body></message>",
    ] {
        let mut world = World::live();
        world.server.to_device.push_back(frame.to_owned().into());
        world.pass(3_000);
        world.assert_same_as_archive();
    }
}

// proves: WS-31
#[test]
fn behind_a_stream_error_nothing_counts() {
    for condition in ["conflict", "system-shutdown"] {
        let mut world = World::live();
        let error = format!(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        );
        let line = crate::server::chat("late", "behind the error").from(bare("romeo"));
        world.server.to_device.push_back(error.into());
        world
            .server
            .to_device
            .push_back(line.to(crate::server::account()).write().into());
        world.pass(3_000);
        assert_eq!(world.history.rows().count(), 0, "{condition}");
    }
}

// proves: WS-14 WS-25
#[test]
fn a_conflict_stops_the_tries_and_a_shutdown_does_not() {
    for (condition, stops) in [
        ("conflict", true),
        ("not-authorized", true),
        ("system-shutdown", false),
        ("policy-violation", false),
    ] {
        for (start, end) in [
            ("<stream:error xmlns:stream=", "</stream:error>"),
            ("<error xmlns=", "</error>"),
        ] {
            let mut world = World::live();
            let error = format!(
                "{start}'http://etherx.jabber.org/streams'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{end}"
            );
            world.server.to_device.push_back(error.into());
            world.pass(3_000);
            assert_eq!(world.is_live(), !stops, "{condition}");
            assert_eq!(world.engine.deadline().is_none(), stops);
        }
    }
}

// proves: SM-10
#[test]
fn a_message_is_acked_only_when_it_is_durable() {
    let mut world = World::live();
    world.pass(1_500);
    world.disk_is_slow = true;
    world.server.seen.clear();
    world.server.arrive("romeo", "m1", "one");
    world.server.inject("<r xmlns='urn:xmpp:sm:3'/>");
    world.run();
    let acks = |world: &World| -> Vec<u32> {
        let acks = world.server.seen.iter().filter(|f| f.starts_with("<a "));
        acks.map(|f| f.split('\'').find_map(|p| p.parse().ok()).unwrap())
            .collect()
    };
    let before = acks(&world);
    assert_eq!(
        before.len(),
        1,
        "answered at once, with what is handled now (SM-07)"
    );
    world.release_disk();
    world.run();
    assert_eq!(acks(&world), [before[0], before[0] + 1], "the rest unasked");
}

// proves: SM-12
#[test]
fn presence_alone_is_counted_too_and_survives_a_reload() {
    let mut world = World::live();
    for n in 0..7 {
        world.server.inject(&format!(
            "<presence xmlns='jabber:client' from='romeo@montague.example/{n}'/>"
        ));
    }
    world.pass(3_000);
    let jid = world.server.jid();
    world.reload();
    world.sign_in();
    world.run();
    assert_eq!(world.server.jid(), jid, "resumed: h did not fall");
    world.assert_same_as_archive();
}

// proves: S11-60 S11-62
#[test]
fn a_server_that_forgot_acks_of_other_stanzas_is_followed() {
    let mut world = World::live();
    world.send("one");
    world.run();
    world.intent(Intent::AddContact(bare("romeo")));
    world.pass(1_000);
    let jid = world.server.jid();
    world.server.crash();
    world.cut();
    world.send("two");
    world.pass(2_000);
    assert_eq!(world.server.jid(), jid, "resumed all the same");
    world.assert_sent_once(&["one", "two"]);
    world.assert_same_as_archive();
}

#[test]
fn on_a_resumed_stream_nothing_waits_for_the_catch_up() {
    let mut world = World::live();
    world.cut();
    world.send("one");
    world.server.holds_pages = true;
    world.pass(2_000);
    world.assert_sent_once(&["one"]);
    world.server.release_pages();
    world.run();
    world.assert_same_as_archive();
}
