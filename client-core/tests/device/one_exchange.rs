//! Logging in with SASL2, Bind 2 and tokens.

use client_core::view::Refusal;
use client_core::{Intent, SignIn};
use protocol::scram::Secret;

use crate::server::account;
use crate::world::World;

/// A world whose server can do everything in one exchange.
fn inline() -> World {
    let mut world = World::new();
    world.server.has_inline = true;
    world
}

fn live() -> World {
    let mut world = inline();
    world.sign_in();
    world.run();
    assert!(world.is_live());
    world
}

/// Signs in with nothing but what the device keeps.
fn come_back(world: &mut World) {
    world.reload();
    world.server.seen.clear();
    world.intent(Intent::SignIn {
        secret: None,
        register: None,
    });
    world.run();
}

fn kept(world: &World) -> client_core::history::Device {
    world.history.restore().device.unwrap()
}

// proves: AU-03 AU-18 AU-19 AU-22 BI-09 BI-12 WS-12 SM-03
#[test]
fn a_first_login_binds_and_enables_with_the_password_and_keeps_a_token() {
    let world = live();
    let seen = &world.server.seen;
    let opens = seen.iter().filter(|f| f.starts_with("<open"));
    let opens: Vec<_> = opens.collect();
    assert_eq!(opens.len(), 1, "no second header after the login");
    assert!(opens[0].contains(&format!("from='{}'", account())));
    let nothing_of_the_old = ["<auth ", "<enable xmlns='urn:xmpp:sm:3'", "xmpp-bind'"];
    for frame in seen.iter().filter(|f| !f.starts_with("<authenticate")) {
        assert!(
            nothing_of_the_old.iter().all(|old| !frame.contains(old)),
            "{frame}"
        );
    }
    let login = seen
        .iter()
        .find(|f| f.starts_with("<authenticate"))
        .unwrap();
    assert!(login.contains("<tag>Balcony</tag>"));
    assert!(!login.contains(crate::server::PASSWORD));
    let device = kept(&world);
    assert_eq!(
        device.token.map(|t| t.secret),
        world.server.device_tokens.next
    );
    let agent = device.agent.unwrap();
    assert!(login.contains(&format!("<user-agent id='{agent}'>")));
    assert_eq!((agent.len(), agent.as_bytes()[14]), (36, b'4'));
    assert_eq!(world.engine.view().jid, Some(world.server.jid()));
    world.assert_same_as_archive();
}

// proves: AU-03 AU-19 AU-32 SM-18 S11-61
#[test]
fn a_device_that_comes_back_says_two_things_and_is_there() {
    let mut world = live();
    let agent = kept(&world).agent;
    world.server.arrive("romeo", "m1", "Speak again");
    world.run();
    come_back(&mut world);
    assert!(world.is_live());
    let seen = &world.server.seen;
    assert!(seen[0].starts_with("<open"));
    assert!(seen[1].contains("mechanism='HT-SHA-256-NONE'"));
    assert!(seen[1].contains("<resume ") && seen[1].contains("<bind "));
    let pos = world.server.archive.last().unwrap().id.to_string();
    assert!(seen[1].contains(&format!("pos='{pos}'")));
    assert!(
        seen[2].contains("urn:xmpp:mam:2"),
        "the catch-up: {}",
        seen[2]
    );
    assert_eq!(kept(&world).agent, agent);
    world.send("still here");
    world.run();
    world.assert_sent_once(&["still here"]);
    world.server.expire();
    come_back(&mut world);
    assert!(
        world.server.seen[2].contains("jabber:iq:roster"),
        "bound anew in the same exchange"
    );
    world.assert_same_as_archive();
}

// proves: SM-20 RO-10
#[test]
fn a_tab_that_was_closed_before_its_presence_got_through_says_it_again() {
    let mut world = inline();
    world.server.holds_acks = true;
    world.sign_in();
    world.run();
    assert!(world.is_live());
    let request =
        "<presence xmlns='jabber:client' from='paris@montague.example' type='subscribe'/>";
    world.server.inject(request);
    world.pass(3_000);
    come_back(&mut world);
    // The server still has its presence: it does not tell again who asked.
    assert_eq!(world.engine.view().requests, [crate::server::bare("paris")]);
    let says = |world: &World| {
        let seen = world.server.seen.iter();
        let says = |f: &&String| f.contains("<presence") || f.contains("jabber:iq:roster");
        seen.filter(says).count()
    };
    assert_eq!(says(&world), 2);
    world.server.holds_acks = false;
    world.server.seen.clear();
    world.cut();
    world.pass(3_000);
    assert!(world.is_live());
    assert_eq!(says(&world), 0, "once in a life");
    come_back(&mut world);
    world.pass(3_000);
    assert_eq!(says(&world), 0, "the server has it");
    world.server.expire();
    come_back(&mut world);
    assert!(world.engine.view().requests.is_empty(), "a new session");
}

// proves: AU-26
#[test]
fn a_token_is_used_only_once_it_is_durable() {
    let mut world = live();
    world.disk_is_slow = true;
    world.cut();
    world.pass(2_000);
    let old = world.server.device_tokens.current.clone();
    let new = world.server.device_tokens.next.clone();
    assert_ne!(old, new);
    world.cut();
    let now = world.now.mono_ms;
    while let Some(due) = world.engine.deadline().filter(|due| *due < now + 5_000) {
        world.tick_at(due);
        world.run();
    }
    assert_eq!(
        world.server.device_tokens.current, old,
        "the new one is not used yet"
    );
    world.release_disk();
    world.run();
    assert_eq!(world.server.device_tokens.current, new);
    assert_eq!(world.server.device_tokens.refused, 0);
}

// proves: AU-27 AU-32
#[test]
fn a_refused_token_is_dropped_and_the_person_asked() {
    for are_expired in [false, true] {
        let mut world = live();
        world.forgot_keys = false;
        world.server.device_tokens.are_expired = are_expired;
        if !are_expired {
            world.server.device_tokens = Default::default();
        }
        come_back(&mut world);
        let again = SignIn::Refused(Refusal::SignInAgain);
        assert_eq!(world.engine.view().sign_in, again);
        assert_eq!(world.engine.deadline(), None);
        assert_eq!(kept(&world).token, None);
        assert_eq!(
            world.forgot_keys, !are_expired,
            "who was signed out stays out in new tabs"
        );
        world.sign_in();
        world.run();
        assert!(world.is_live());
        assert!(kept(&world).token.is_some());
    }
}

// proves: AU-27
#[test]
fn with_keys_at_hand_an_expired_token_is_no_more_than_a_detour() {
    let mut world = live();
    world.server.device_tokens.are_expired = true;
    world.reload();
    world.server.seen.clear();
    assert!(world.keys.is_some());
    world.sign_in();
    world.run();
    assert!(world.is_live());
    let opens = world.server.seen.iter().filter(|f| f.starts_with("<open"));
    assert_eq!(opens.count(), 1, "on the same connection");
    assert_eq!(world.server.device_tokens.refused, 1);
}

// proves: AU-29
#[test]
fn keys_of_an_earlier_login_do_not_undo_a_sign_out_from_elsewhere() {
    for (are_expired, is_back) in [(false, false), (true, true)] {
        let mut world = live();
        if are_expired {
            world.server.device_tokens.are_expired = true;
        } else {
            world.server.device_tokens = Default::default();
        }
        // It has the keys in memory since its login, as a tab has that nobody reloaded.
        world.cut();
        world.pass(5_000);
        assert_eq!(world.is_live(), is_back);
        let again = SignIn::Refused(Refusal::SignInAgain);
        assert_eq!(world.engine.view().sign_in == again, !is_back);
    }
}

// proves: AU-06 AU-30
#[test]
fn a_server_that_does_not_know_the_token_is_left() {
    let mut world = live();
    world.server.device_tokens.lies = true;
    come_back(&mut world);
    let refused = SignIn::Refused(Refusal::Untrusted);
    assert_eq!(world.engine.view().sign_in, refused);
    assert_eq!(kept(&world).stream, None);
    assert_eq!(world.engine.deadline(), None);
}

// proves: AU-13
#[test]
fn a_tampered_list_of_sasl2_mechanisms_is_noticed() {
    let mut world = inline();
    world.sign_in();
    while !world
        .server
        .to_device
        .iter()
        .any(|f| f.contains("features"))
    {
        world.step();
    }
    let features = world.server.to_device.pop_back().unwrap();
    let without = features.replace("<mechanism>SCRAM-SHA-1</mechanism>", "");
    world.server.to_device.push_back(without.into());
    world.run();
    assert_eq!(
        world.engine.view().sign_in,
        SignIn::Refused(Refusal::Untrusted)
    );
    assert!(world.server.seen.iter().all(|f| !f.contains("<response")));
}

// proves: SEC-67
#[test]
fn a_password_that_is_typed_must_be_right() {
    let mut world = live();
    world.server.arrive("romeo", "m1", "for Juliet's eyes");
    world.run();
    world.reload();
    // The device has a token that works, and whoever types does not know it.
    assert!(kept(&world).token.is_some());
    let type_in = |world: &mut World, password: &str| {
        world.server.seen.clear();
        world.intent(Intent::SignIn {
            secret: Some(Secret::Password(password.to_owned())),
            register: None,
        });
        assert_eq!(world.engine.view().sign_in, SignIn::Trying);
        world.run();
        let login = world
            .server
            .seen
            .iter()
            .find(|frame| frame.starts_with("<authenticate"));
        assert!(login.unwrap().contains("mechanism='SCRAM-SHA-256'"));
    };
    type_in(&mut world, "wrong");
    let refused = SignIn::Refused(Refusal::WrongPassword);
    assert_eq!(world.engine.view().sign_in, refused);
    type_in(&mut world, crate::server::PASSWORD);
    assert_eq!(world.engine.view().sign_in, SignIn::In);
    world.assert_same_as_archive();
}

// proves: AU-32
#[test]
fn a_wrong_password_leaves_nothing_behind() {
    let mut world = inline();
    world.intent(Intent::SignIn {
        secret: Some(Secret::Password("wrong".to_owned())),
        register: None,
    });
    world.run();
    let refused = SignIn::Refused(Refusal::WrongPassword);
    assert_eq!(world.engine.view().sign_in, refused);
    assert!(world.history.restore().device.is_none());
}

// proves: AU-28 AU-32
#[test]
fn signing_out_kills_the_token_on_both_ends() {
    let mut world = live();
    world.server.seen.clear();
    world.intent(Intent::SignOut { everywhere: false });
    world.run();
    let seen = world.server.seen.join("\n");
    let at = |what: &str| {
        seen.find(what)
            .unwrap_or_else(|| panic!("{what} in {seen}"))
    };
    assert!(at("<sign-out ") < at("<close "));
    assert_eq!(kept(&world).token, None);
}

// proves: AU-23
#[test]
fn a_server_that_wants_more_than_the_password_is_left() {
    let mut world = inline();
    world.sign_in();
    while !world.server.seen.iter().any(|f| f.contains("<response")) {
        assert!(world.step());
    }
    world.server.to_device.clear();
    let tasks = "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>X</task></tasks></continue>";
    world.server.to_device.push_back(tasks.into());
    world.run();
    assert_eq!(world.engine.view().sign_in, SignIn::Refused(Refusal::Other));
    assert!(world.history.restore().device.is_none());
}
