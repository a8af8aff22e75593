use client_core::Intent;
use protocol::{ArchiveId, Stanza, StanzaKind, sid};

use crate::server::{Entry, account, bare, chat, result, wrap};
use crate::world::World;

fn id(text: &str) -> ArchiveId {
    ArchiveId::parse(text).unwrap()
}

fn entry() -> Entry {
    Entry {
        id: id("forged"),
        message: chat("f1", "I never said that")
            .to(account())
            .from(bare("romeo")),
    }
}

fn assert_nothing_came(mut world: World) {
    world.run();
    assert_eq!(world.history.rows().count(), 0);
    assert_eq!(world.history.restore().device.unwrap().pos, None);
    world.pass(5_000);
    world.assert_same_as_archive();
}

// proves: RT-14
#[test]
fn wraps_of_others_are_not_believed() {
    for from in [
        "tybalt@capulet.example",
        "juliet@capulet.example/phone",
        "capulet.example",
    ] {
        let mut world = World::live();
        let from = protocol::Jid::new(from).unwrap();
        for direction in ["sent", "received"] {
            let wrap = wrap(direction, &entry().message, Some(&id("w"))).from(from.clone());
            world.server.inject(&wrap.write());
        }
        assert_nothing_came(world);
    }
}

// proves: RT-14 MR-04
#[test]
fn wraps_of_the_own_account_are_believed_in_both_spellings() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    let mut message = entry().message;
    let wrapped = wrap("received", &message, Some(&id("w1"))).write();
    world
        .server
        .inject(&wrapped.replace("urn:xmpp:mr2:0", "urn:xmpp:carbons:2"));
    message = chat("f2", "two").to(bare("romeo")).from(account());
    world
        .server
        .inject(&wrap("sent", &message, Some(&id("w2"))).write());
    world.run();
    let own: Vec<_> = world.lines().iter().map(|line| line.own).collect();
    assert_eq!(own, [false, true]);
}

// proves: RT-14 MAM-27
#[test]
fn results_of_others_or_of_no_query_are_not_believed() {
    let mut world = World::live();
    let mut forged = |stanza: Stanza| world.server.inject(&stanza.write());
    forged(result("nobody-asked", &entry()));
    world.server.holds_pages = true;
    world.cut();
    world.pass(2_000);
    let asked = world.server.seen.iter().rev();
    let asked = asked.flat_map(|f| f.split_once("queryid='"));
    let queryid = asked
        .map(|(_, rest)| rest.split('\'').next().unwrap())
        .next();
    let queryid = queryid.unwrap().to_owned();
    for from in ["tybalt@capulet.example", "juliet@capulet.example/phone"] {
        let from = protocol::Jid::new(from).unwrap();
        let stanza = result(&queryid, &entry()).from(from);
        world.server.inject(&stanza.write());
    }
    world.run();
    world.server.release_pages();
    assert_nothing_came(world);
}

// proves: CO-05
#[test]
fn answers_of_others_are_not_believed() {
    let mut world = World::live();
    world.server.holds_pages = true;
    world.server.arrive("romeo", "m1", "one");
    world.run();
    world.cut();
    world.pass(2_000);
    let mut asked = world.server.seen.iter().rev();
    let asked = asked.find(|f| f.contains("queryid")).unwrap().clone();
    let id = asked
        .split("id='")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let fin = format!(
        "<iq xmlns='jabber:client' type='result' id='{id}' from='tybalt@capulet.example'><fin xmlns='urn:xmpp:mam:2' complete='true'/></iq>"
    );
    world.server.inject(&fin);
    world.run();
    assert!(!world.is_live());
    world.server.release_pages();
    world.run();
    world.assert_same_as_archive();
}

// proves: RT-14
#[test]
fn notices_of_others_are_not_believed() {
    let mut world = World::live();
    world.server.holds_acks = true;
    world.send("mine");
    world.run();
    let message_id = world.history.restore().outbox[0].message_id.clone();
    for (from, by) in [
        ("tybalt@capulet.example", "juliet@capulet.example"),
        ("juliet@capulet.example", "tybalt@capulet.example"),
    ] {
        world.server.inject(&format!(
            "<message xmlns='jabber:client' type='headline' from='{from}'><unarchived xmlns='urn:x-balcony:s11:0' by='{by}' id='{message_id}' reason='quota'/></message>"
        ));
    }
    world.run();
    assert_eq!(world.history.restore().outbox.len(), 1);
    world.server.holds_acks = false;
    world.pass(2_000);
    world.assert_same_as_archive();
}

// proves: SI-05 SI-06
#[test]
fn ids_that_are_not_the_own_accounts_alone_are_no_archive_ids() {
    let own = sid::stanza_id(&account(), &id("a"));
    let also = sid::stanza_id(&account(), &id("b"));
    let other = sid::stanza_id(&bare("romeo"), &id("c"));
    for ids in [vec![&other], vec![&own, &also]] {
        let mut world = World::live();
        let mut message = entry().message;
        for id in ids {
            message = message.child(id);
        }
        world.server.inject(&message.write());
        world.run();
        let rows: Vec<_> = world.history.rows().cloned().collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].id, None);
        assert_eq!(rows[0].mark, client_core::Mark::NotKept);
        assert_eq!(world.history.restore().device.unwrap().pos, None);
    }
}

// proves: IM-20 S11-34 S11-37
#[test]
fn lines_beside_the_log_say_why() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    let line = |text: &str| chat("x", text).to(account()).from(bare("romeo"));
    let unarchived = protocol::s11::unarchived(&account(), None, protocol::s11::Reason::Quota);
    world.server.inject(&line("one").child(&unarchived).write());
    world.server.inject(&line("two").write());
    let state = protocol::Element::new("composing", protocol::ns::CHAT_STATES);
    let typing = Stanza::new(StanzaKind::Message)
        .typed("chat")
        .from(bare("romeo"));
    world.server.inject(&typing.child(&state).write());
    world
        .server
        .inject(&line("three").typed("headline").write());
    world.run();
    let marks: Vec<_> = world.lines().into_iter().map(|line| line.mark).collect();
    assert_eq!(
        marks,
        [client_core::Mark::NotSaved, client_core::Mark::NotKept]
    );
}

// proves: IM-22
#[test]
fn only_the_server_sends_a_line_back() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    world.send("Ay me");
    world.run();
    let message_id = world.server.archive[0].message.header.id.clone().unwrap();
    let error = |from: &str| {
        let error = protocol::StanzaError::new(protocol::Condition::ServiceUnavailable);
        Stanza::new(StanzaKind::Message)
            .typed("error")
            .from(protocol::Jid::new(from).unwrap())
            .to(account())
            .id(message_id.clone())
            .child(&error.to_element())
            .write()
    };
    for (from, is_believed) in [
        ("romeo@montague.example/street", false),
        ("tybalt@capulet.example", false),
        ("capulet.example", false),
        ("romeo@montague.example", true),
    ] {
        world.server.inject(&error(from));
        world.run();
        let mark = world.lines()[0].mark.clone();
        assert_eq!(
            matches!(mark, client_core::Mark::Failed(_)),
            is_believed,
            "{from}"
        );
    }
}

#[test]
fn hostile_frames_hurt_nobody() {
    let frames = [
        "<message xmlns='jabber:client'/>",
        "<message xmlns='jabber:client' from='@@' to='@@' type='x'><body>?</body></message>",
        "<message xmlns='jabber:client'><sent xmlns='urn:xmpp:mr2:0'/></message>",
        "<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2'/></message>",
        "<message xmlns='jabber:client' type='error' id='x'/>",
        "<presence xmlns='jabber:client' from='a@b/c' type='nonsense'/>",
        "<presence xmlns='jabber:client'><priority>900</priority></presence>",
        "<iq xmlns='jabber:client'/>",
        "<iq xmlns='jabber:client' type='result' id='?'/>",
        "<iq xmlns='jabber:client' type='set' id='1' from='a@b'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq xmlns='jabber:client' type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@@'/></query></iq>",
        "<enabled xmlns='urn:xmpp:sm:3'/>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='1'/>",
        "<failed xmlns='urn:xmpp:sm:3'/>",
        "<enabled xmlns='urn:x-balcony:s11:0' prefix='x'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<unknown xmlns='urn:example'/>",
    ];
    for frame in frames {
        let mut world = World::live();
        world.server.inject(frame);
        world.pass(3_000);
        world.server.arrive("romeo", "m1", "one");
        world.pass(3_000);
        assert!(world.is_live(), "{frame}");
    }
}
