//! Which time a line has: the archive's, or the moment at which it came.

use client_core::Intent;
use protocol::delay;
use protocol::time::Stamp;

use crate::server::{account, bare, chat};
use crate::world::World;

const YEAR_9999: i64 = 253_402_300_799_000;

fn open(world: &mut World) {
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
}

// proves: SEC-42
#[test]
fn nobody_but_the_own_server_dates_a_line() {
    for (from, is_believed) in [
        (None, false),
        (Some("romeo@montague.example"), false),
        (Some("montague.example"), false),
        (Some("juliet@capulet.example/phone"), false),
        (Some("capulet.example/x"), false),
        (Some("capulet.example"), true),
        (Some("juliet@capulet.example"), true),
    ] {
        let mut world = World::live();
        open(&mut world);
        let forged = delay::delay(Stamp(YEAR_9999), Some("tybalt@capulet.example"));
        let delay = delay::delay(Stamp(YEAR_9999), from);
        let line = chat("m1", "from another time").child(&forged).child(&delay);
        world.server.deliver("romeo", line);
        world.run();
        let now = world.now.wall_ms;
        let expected = if is_believed { YEAR_9999 } else { now };
        assert_eq!(world.lines()[0].stamp, Stamp(expected), "{from:?}");
        let listed = world.engine.view().chats[0].last_stamp;
        assert_eq!(listed, Some(Stamp(expected)), "{from:?}");
    }
}

// proves: SEC-42 IM-22
#[test]
fn an_own_line_is_as_old_as_the_archive_says_not_as_its_writing() {
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    let mut world = World::live();
    open(&mut world);
    world.is_online = false;
    world.cut();
    let written = world.now.wall_ms;
    world.send("written at nine");
    world.run();
    assert_eq!(world.lines()[0].stamp, Stamp(written));
    world.pass(3 * HOUR_MS);
    world.is_online = true;
    world.pass(70_000);
    let acked = world.lines()[0].stamp;
    assert!(
        acked.0 - written >= 3 * HOUR_MS as i64,
        "archived at twelve"
    );
    // A line of which only the archive tells that it is there has the archive's time.
    world.server.holds_acks = true;
    world.send("covered by a page");
    world.run();
    world.server.holds_acks = false;
    world.server.expire();
    world.cut();
    world.pass(5_000);
    assert_eq!(world.texts(), ["written at nine", "covered by a page"]);
    assert_eq!(world.lines()[1].stamp, Stamp(world.server.archive_stamp));
    assert_eq!(
        world.server.archive[0]
            .message
            .header
            .from
            .jid()
            .unwrap()
            .to_bare(),
        account()
    );
    world.assert_same_as_archive();
}

// proves: IM-22 S11-55
#[test]
fn a_live_device_a_new_one_and_the_one_that_wrote_show_the_same() {
    let mut writer = World::live();
    open(&mut writer);
    // The archive says when all of it came: in the instant in which it comes.
    writer.server.archive_stamp = writer.now.wall_ms;
    writer.send("mine");
    writer.run();
    writer.server.arrive("romeo", "m1", "his");
    writer
        .server
        .write_elsewhere("romeo", "m2", "mine, from elsewhere");
    let own = writer.server.archive[0].message.header.id.clone().unwrap();
    for payload in [
        protocol::receipts::received(&own),
        protocol::markers::displayed("m2"),
    ] {
        let id = format!("s{}", writer.server.archive.len());
        writer
            .server
            .deliver("romeo", crate::server::signal(&id, &payload));
    }
    writer.run();
    let mut reader = World::new();
    reader.server.archive = writer.server.archive.clone();
    reader.server.archive_stamp = writer.server.archive_stamp;
    reader.sign_in();
    reader.run();
    open(&mut reader);
    for _ in 0..5 {
        reader.intent(Intent::Older);
        reader.run();
    }
    let shown = |world: &World| -> Vec<_> {
        let lines = world.lines().into_iter();
        lines.map(|l| (l.id, l.own, l.text, l.mark)).collect()
    };
    assert_eq!(shown(&writer).len(), 3);
    assert_eq!(shown(&writer), shown(&reader));
    let times = |world: &World| world.lines().iter().map(|l| l.stamp).collect::<Vec<_>>();
    let wrapped = Stamp(1_000);
    let now = Stamp(writer.now.wall_ms);
    assert_eq!(
        times(&writer),
        [now, now, wrapped],
        "a wrap says itself when it was"
    );
    assert_eq!(times(&reader), [now; 3]);
    let list = |world: &World| {
        let chat = world.engine.view().chats[0].clone();
        (chat.last_text, chat.last_own, chat.last_mark)
    };
    assert_eq!(list(&writer), list(&reader));
}
