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
