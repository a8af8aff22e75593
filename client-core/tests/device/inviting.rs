//! Invitations, and devices that are added, listed and signed out.

use client_core::view::Refusal;
use client_core::{Intent, SignIn, Told, Trouble};
use protocol::Condition;

use crate::server::people::{device, device_link, invitation};
use crate::server::{account, bare};
use crate::world::World;

fn ask_for_all(world: &mut World) {
    for intent in [Intent::Invite, Intent::LinkDevice, Intent::ListDevices] {
        world.intent(intent);
    }
}

// proves: RG-06 S11-70 S11-71
#[test]
fn what_the_server_tells_is_shown_and_what_it_refuses_is_said() {
    let mut world = World::live();
    ask_for_all(&mut world);
    let people = &world.engine.view().people;
    assert_eq!(people.invitation, Told::Asked);
    world.run();
    let people = &world.engine.view().people;
    assert_eq!(people.invitation, Told::Got(invitation()));
    assert_eq!(people.link, Told::Got(device_link()));
    assert_eq!(people.devices, Told::Got(vec![device()]));
    for (condition, trouble) in [
        (Condition::ResourceConstraint, Trouble::TooMany),
        (Condition::ServiceUnavailable, Trouble::Refused),
    ] {
        world.server.people = Err(condition);
        ask_for_all(&mut world);
        world.run();
        let people = &world.engine.view().people;
        assert_eq!(people.invitation, Told::Failed(trouble));
        assert_eq!(people.link, Told::Failed(trouble));
        assert_eq!(people.devices, Told::Failed(trouble));
    }
}

// proves: S11-70
#[test]
fn without_a_connection_nothing_is_promised() {
    let mut world = World::live();
    world.intent(Intent::Invite);
    world.cut();
    world.is_online = false;
    let people = &world.engine.view().people;
    assert_eq!(people.invitation, Told::Failed(Trouble::Offline));
    world.intent(Intent::LinkDevice);
    let people = &world.engine.view().people;
    assert_eq!(people.link, Told::Failed(Trouble::Offline));
}

// proves: S11-71 S11-72
#[test]
fn a_device_that_was_changed_is_asked_for_anew() {
    let mut world = World::live();
    for (intent, sent) in [
        (
            Intent::NameDevice {
                id: "d".to_owned(),
                name: "Old <phone>".to_owned(),
            },
            "name='Old &lt;phone&gt;'",
        ),
        (
            Intent::SignOutDevice { id: "d".to_owned() },
            "<sign-out xmlns='urn:x-balcony:s11:0' device='d'",
        ),
    ] {
        world.server.seen.clear();
        world.intent(intent);
        world.run();
        let seen = &world.server.seen;
        assert!(seen.iter().any(|frame| frame.contains(sent)), "{seen:?}");
        assert!(
            seen.iter().any(|frame| frame.contains("<devices")),
            "{seen:?}"
        );
    }
    assert_eq!(world.engine.view().people.trouble, None);
    world.server.people = Err(Condition::ItemNotFound);
    world.intent(Intent::SignOutDevice { id: "x".to_owned() });
    world.run();
    assert_eq!(world.engine.view().people.trouble, Some(Trouble::Refused));
}

// proves: RG-09
#[test]
fn an_invitation_goes_with_the_request_and_only_with_the_first() {
    let mut world = World::live();
    world.server.seen.clear();
    world.intent(Intent::FollowInvitation {
        inviter: bare("romeo"),
        token: "T".to_owned(),
    });
    world.run();
    world.intent(Intent::AddContact(bare("paris")));
    world.run();
    let requests = world.server.seen.iter();
    let requests = requests.filter(|frame| frame.contains("type='subscribe'"));
    let carry: Vec<_> = requests
        .map(|frame| frame.contains("<preauth xmlns='urn:xmpp:pars:0' token='T'"))
        .collect();
    assert_eq!(carry, [true, false]);
    // What comes back is approved in advance.
    let mut seen = world.server.seen.iter();
    assert!(seen.any(|frame| frame.contains("type='subscribed'")));
}

// proves: S11-70 SEC-32
#[test]
fn a_link_signs_in_once_and_leaves_a_token_of_the_devices_own() {
    let mut world = World::new();
    world.server.has_inline = true;
    world.server.device_tokens.link = Some("L".to_owned());
    world.intent(Intent::CallDevice("Phone".to_owned()));
    world.intent(Intent::SignInByLink("L".to_owned()));
    world.run();
    assert!(world.is_live());
    let seen = &world.server.seen;
    assert!(
        seen.iter()
            .any(|frame| frame.contains("<device>Phone</device>"))
    );
    assert!(world.history.restore().device.unwrap().token.is_some());
    world.reload();
    world.intent(Intent::SignIn {
        secret: None,
        register: None,
    });
    world.run();
    assert!(world.is_live(), "{}", account());

    let mut late = World::new();
    late.server.has_inline = true;
    late.intent(Intent::SignInByLink("L".to_owned()));
    late.run();
    let sign_in = &late.engine.view().sign_in;
    assert_eq!(*sign_in, SignIn::Refused(Refusal::LinkInvalid));
    assert!(
        !late.forgot_keys,
        "keys of other tabs have nothing to do with it"
    );
}
