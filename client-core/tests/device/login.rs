use client_core::view::Refusal;
use client_core::{Connection, Intent, SignIn};
use protocol::scram::Secret;

use crate::world::World;

// proves: AU-03 AU-06 WS-12 S11-52
#[test]
fn a_device_signs_in_and_is_live() {
    let world = World::live();
    assert!(world.keys.is_some(), "keys are offered to be kept");
    assert_eq!(world.engine.view().sign_in, SignIn::In);
    assert_eq!(world.engine.view().jid, Some(world.server.jid()));
    world.assert_same_as_archive();
}

#[test]
fn a_wrong_password_is_refused_and_not_tried_again() {
    let mut world = World::new();
    world.intent(Intent::SignIn {
        secret: Some(Secret::Password("wrong".to_owned())),
        register: None,
    });
    world.run();
    let refused = SignIn::Refused(Refusal::WrongPassword);
    assert_eq!(world.engine.view().sign_in, refused);
    assert_eq!(world.engine.view().connection, Connection::Idle);
    assert_eq!(world.engine.deadline(), None);
    world.sign_in();
    world.run();
    assert!(world.is_live());
}

// proves: AU-13
#[test]
fn a_tampered_list_of_mechanisms_is_noticed() {
    let mut world = World::new();
    world.server.tampers_mechanisms = true;
    world.sign_in();
    world.run();
    let refused = SignIn::Refused(Refusal::Untrusted);
    assert_eq!(world.engine.view().sign_in, refused);
    assert_eq!(world.keys, None);
    let no_proof = world.server.seen.iter().all(|f| !f.contains("<response"));
    assert!(no_proof, "a proof is sent to nobody who cheats");
}

// proves: AU-06
#[test]
fn a_server_without_the_right_signature_is_left() {
    let mut world = World::live();
    assert!(world.history.restore().device.unwrap().stream.is_some());
    world.server.tampers_signature = true;
    world.cut();
    world.pass(2_000);
    let refused = SignIn::Refused(Refusal::Untrusted);
    assert_eq!(world.engine.view().sign_in, refused);
    assert_eq!(world.history.restore().device.unwrap().stream, None);
    assert_eq!(world.engine.deadline(), None);
}

// proves: AU-05
#[test]
fn a_server_that_asks_for_too_few_rounds_gets_no_proof() {
    let mut world = World::new();
    world.sign_in();
    while !world.server.seen.iter().any(|f| f.contains("<auth ")) {
        world.step();
    }
    let auth = world.server.seen.last().unwrap().clone();
    let data = auth.split(['>', '<']).nth(2).unwrap();
    let first = String::from_utf8(decode(data)).unwrap();
    let nonce = first.split("r=").nth(1).unwrap();
    world.server.to_device.clear();
    let challenge = format!("r={nonce}more,s=AAAA,i=1");
    let frame = protocol::sasl::write("challenge", None, &challenge);
    world.server.to_device.push_back(frame.into());
    world.run();
    assert_eq!(world.engine.view().sign_in, SignIn::Refused(Refusal::Other));
    assert!(world.server.seen.iter().all(|f| !f.contains("<response")));
}

/// Base64 without its crate: six bits a character.
fn decode(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.chars().filter_map(|c| alphabet.find(c));
    let (mut bytes, mut bits, mut len) = (Vec::new(), 0_usize, 0);
    for digit in digits {
        bits = bits << 6 | digit;
        len += 6;
        if len >= 8 {
            len -= 8;
            bytes.push(u8::try_from(bits >> len & 0xff).unwrap());
        }
    }
    bytes
}

// proves: AU-03
#[test]
fn nothing_but_scram_is_ever_used() {
    let mut world = World::new();
    world.sign_in();
    while !world
        .server
        .to_device
        .iter()
        .any(|f| f.contains("features"))
    {
        world.step();
    }
    let plain = protocol::sasl::mechanisms(&["PLAIN", "SCRAM-SHA-1"]);
    let features = protocol::frame::write_features(&[plain]);
    world.server.to_device.pop_back();
    world.server.to_device.push_back(features.into());
    world.run();
    assert_eq!(world.engine.view().sign_in, SignIn::Refused(Refusal::Other));
    assert!(world.server.seen.iter().all(|f| !f.contains("<auth")));
}

#[test]
fn kept_keys_log_in_and_refused_ones_are_forgotten() {
    let mut world = World::live();
    world.reload();
    assert_eq!(world.engine.view().sign_in, SignIn::Out);
    world.sign_in();
    assert_eq!(world.engine.view().sign_in, SignIn::In, "known offline too");
    world.run();
    assert!(world.is_live());
    world.reload();
    let mut keys = world.keys.clone().unwrap();
    keys.client_key[0] ^= 1;
    world.keys = Some(keys);
    world.sign_in();
    world.run();
    assert!(world.forgot_keys);
    let refused = SignIn::Refused(Refusal::SignInAgain);
    assert_eq!(world.engine.view().sign_in, refused);
    assert_eq!(world.engine.deadline(), None);
}

fn register(world: &mut World, token: &str) {
    world.intent(Intent::SignIn {
        secret: Some(Secret::Password(crate::server::PASSWORD.to_owned())),
        register: Some(token.to_owned()),
    });
    world.run();
}

// proves: RG-02
#[test]
fn an_invitation_makes_the_account_first() {
    let mut world = World::new();
    world.server.tokens.push("t1".to_owned());
    register(&mut world, "t1");
    assert!(world.is_live());
    let seen = &world.server.seen;
    let at = |what: &str| seen.iter().position(|f| f.contains(what)).unwrap();
    assert!(at("<preauth") < at("jabber:iq:register"));
    assert!(at("jabber:iq:register") < at("<auth "));
}

#[test]
fn a_used_link_and_a_taken_name_are_told_apart() {
    for (token, refusal) in [("used", Refusal::LinkInvalid), ("t1", Refusal::NameTaken)] {
        let mut world = World::new();
        world.server.tokens.push("t1".to_owned());
        world.server.taken = true;
        register(&mut world, token);
        assert_eq!(world.engine.view().sign_in, SignIn::Refused(refusal));
    }
}

#[test]
fn a_registration_whose_answer_was_lost_ends_in_a_login() {
    let mut world = World::new();
    world.server.tokens.push("t1".to_owned());
    world.intent(Intent::SignIn {
        secret: Some(Secret::Password(crate::server::PASSWORD.to_owned())),
        register: Some("t1".to_owned()),
    });
    while !world.server.taken {
        assert!(world.step());
    }
    world.cut();
    world.pass(2_000);
    assert!(world.is_live());
}

// proves: WS-18 SM-13
#[test]
fn signing_out_closes_the_stream_after_an_ack() {
    let mut world = World::live();
    world.server.arrive("romeo", "m1", "Speak again");
    world.run();
    world.intent(Intent::SignOut { everywhere: false });
    world.run();
    let last: Vec<_> = world.server.seen.iter().rev().take(2).collect();
    assert!(last[0].contains("<close "));
    assert!(last[1].contains("<a "));
    assert_eq!(world.engine.view().sign_in, SignIn::Out);
    assert_eq!(world.engine.view().connection, Connection::Idle);
}

// proves: WS-16
#[test]
fn after_the_own_close_nothing_is_said_and_the_servers_is_not_waited_for_long() {
    let mut world = World::live();
    world.server.seen.clear();
    world.server.is_frozen = true;
    world.intent(Intent::SignOut { everywhere: false });
    world.run();
    let ping = "<iq xmlns='jabber:client' type='get' id='q1' from='capulet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    for frame in [ping, "<r xmlns='urn:xmpp:sm:3'/>"] {
        world.server.to_device.push_back(frame.into());
    }
    world.send("too late");
    world.run();
    assert!(world.server.seen.last().unwrap().contains("<close "));
    let due = world.engine.deadline().unwrap();
    assert_eq!(due - world.now.mono_ms, 5_000);
    world.tick_at(due);
    let mut outputs = std::iter::from_fn(|| world.engine.poll());
    assert!(outputs.any(|output| matches!(output, client_core::Output::Disconnect)));
}

#[test]
fn signing_out_offline_stops_the_tries() {
    let mut world = World::live();
    world.is_online = false;
    world.cut();
    world.intent(Intent::SignOut { everywhere: false });
    world.pass(200_000);
    assert_eq!(world.engine.view().connection, Connection::Idle);
    assert_eq!(world.engine.deadline(), None);
}

// proves: WS-14 WS-15
#[test]
fn features_are_understood_in_both_spellings() {
    let mut world = World::new();
    world.sign_in();
    loop {
        for frame in &mut world.server.to_device {
            let plain = frame.replace("<stream:features xmlns:stream=", "<features xmlns=");
            let tls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></features>";
            let plain = plain.replace("</stream:features>", tls);
            *frame = plain.into();
        }
        if !world.step() {
            break;
        }
    }
    assert!(world.is_live());
    assert!(world.server.seen.iter().all(|f| !f.contains("starttls")));
}
