use client_core::Intent;
use protocol::roster::Item;
use protocol::{BareJid, Jid};

use crate::server::bare;
use crate::world::World;

fn with_contact() -> World {
    let mut world = World::new();
    world.server.roster = vec![Item::new(bare("romeo"))];
    world.sign_in();
    world.run();
    world
}

fn is_blocked(world: &World) -> bool {
    world.engine.view().chats[0].blocked
}

fn blocks(world: &World) -> Vec<String> {
    let jids = world.engine.view().blocked.iter();
    jids.map(ToString::to_string).collect()
}

fn push(world: &mut World, from: &str, payload: &str) {
    world.server.inject(&format!(
        "<iq xmlns='jabber:client' type='set' {from}id='push'>{payload}</iq>"
    ));
    world.run();
}

fn count(world: &World, needle: &str) -> usize {
    let frames = world.server.seen.iter();
    frames.filter(|frame| frame.contains(needle)).count()
}

// proves: BL-06
#[test]
fn who_is_blocked_is_known_from_the_start_and_from_pushes_of_the_own_account() {
    let mut world = World::new();
    world.server.roster = vec![Item::new(bare("romeo"))];
    let listed = [
        "montague.example",
        "tybalt@capulet.example",
        "paris@verona.example/phone",
    ];
    world
        .server
        .blocked
        .block(listed.map(|jid| Jid::new(jid).unwrap()));
    world.sign_in();
    world.run();
    // All of a domain are blocked; a single device of somebody is not the person.
    assert_eq!(
        blocks(&world),
        ["montague.example", "tybalt@capulet.example"]
    );
    assert!(is_blocked(&world));
    let unblock = "<unblock xmlns='urn:xmpp:blocking'><item jid='montague.example'/></unblock>";
    for from in [
        "from='tybalt@capulet.example' ",
        "from='juliet@capulet.example/phone' ",
    ] {
        push(&mut world, from, unblock);
        assert!(is_blocked(&world), "not believed from elsewhere");
        assert_eq!(count(&world, "id='push'"), 0, "and not answered");
    }
    push(&mut world, "", unblock);
    assert!(!is_blocked(&world));
    assert_eq!(count(&world, "id='push'"), 1);
    push(
        &mut world,
        "from='juliet@capulet.example' ",
        "<block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.example'/></block>",
    );
    assert!(is_blocked(&world));
    push(&mut world, "", "<unblock xmlns='urn:xmpp:blocking'/>");
    assert_eq!(blocks(&world), Vec::<String>::new());
}

// proves: BL-06
#[test]
fn somebody_is_blocked_at_once_also_when_it_was_wanted_offline() {
    let mut world = with_contact();
    world.is_online = false;
    world.cut();
    world.intent(Intent::Block(bare("romeo")));
    world.run();
    assert!(is_blocked(&world));
    world.reload();
    assert!(is_blocked(&world), "it is kept");
    world.is_online = true;
    world.sign_in();
    world.pass(3_000);
    assert_eq!(count(&world, "<block "), 1);
    assert!(world.server.blocked.blocks_account(&bare("romeo")));
    assert!(is_blocked(&world));
    assert_eq!(world.history.restore().device.unwrap().wishes, []);
    world.intent(Intent::Unblock(bare("romeo")));
    assert!(world.server.blocked.blocks_account(&bare("romeo")));
    world.run();
    assert!(!is_blocked(&world));
    assert!(world.server.blocked.is_empty());
}

// proves: SM-20 S11-63 BL-06
#[test]
fn the_list_is_asked_for_again_when_the_server_may_have_forgotten_who_asked() {
    let mut world = with_contact();
    let asks = |world: &World| count(world, "<blocklist ");
    assert_eq!(asks(&world), 1);
    world.pass(3_000);
    world.cut();
    world.pass(3_000);
    assert_eq!(asks(&world), 1, "a resumed stream goes on");
    // While the server was away, another device blocked somebody.
    let tybalt = BareJid::new("tybalt@capulet.example").unwrap();
    world.server.blocked.block([Jid::from(tybalt)]);
    world.server.crash();
    world.cut();
    world.pass(3_000);
    assert_eq!(asks(&world), 2);
    assert_eq!(blocks(&world), ["tybalt@capulet.example"]);
    world.server.expire();
    world.cut();
    world.pass(3_000);
    assert_eq!(asks(&world), 3);
}

// proves: BL-06
#[test]
fn what_the_server_refuses_to_block_is_not_shown_as_blocked() {
    let mut world = with_contact();
    world.server.refuses_blocking = true;
    world.intent(Intent::Block(bare("romeo")));
    assert!(!world.server.blocked.blocks_account(&bare("romeo")));
    world.pass(3_000);
    assert!(!is_blocked(&world));
    assert_eq!(world.history.restore().device.unwrap().wishes, []);
}

// proves: RO-16
#[test]
fn a_contact_is_called_otherwise_at_once_and_keeps_its_groups() {
    let mut world = World::new();
    world.server.roster = vec![Item {
        groups: vec!["Verona".to_owned()],
        ..Item::new(bare("romeo"))
    }];
    world.sign_in();
    world.run();
    world.intent(Intent::RenameContact {
        jid: bare("romeo"),
        name: Some("My only love".to_owned()),
    });
    world.run();
    assert_eq!(world.engine.view().chats[0].name, "My only love");
    let set = "<item jid='romeo@montague.example' name='My only love'><group>Verona</group></item>";
    assert_eq!(count(&world, set), 1);
    assert_eq!(
        count(&world, "type='subscribe'"),
        0,
        "nobody is asked again"
    );
    world.intent(Intent::RenameContact {
        jid: bare("nurse"),
        name: Some("Nurse".to_owned()),
    });
    world.pass(3_000);
    assert_eq!(
        world.engine.view().chats.len(),
        1,
        "only contacts have names"
    );
    assert_eq!(world.history.restore().device.unwrap().wishes, []);
}
