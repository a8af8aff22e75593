//! Holes in what a device knows: drawn, filled, and closed where they join what was known before.

use client_core::{Connection, Intent, Mark};

use crate::server::{bare, text_of};
use crate::world::World;

fn fill(world: &mut World, from: usize, to: usize) {
    for n in from..to {
        world
            .server
            .arrive("romeo", &format!("m{n}"), &format!("line {n}"));
    }
}

/// A device that knows `known` lines, and whose cursor the archive has lost while `missed` more came.
fn lost_cursor(known: usize, lost: usize, missed: usize) -> World {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    fill(&mut world, 0, known);
    world.run();
    world.server.expire();
    // As after a restore from a backup: the newest entries are gone, older ones are not.
    let kept = world.server.archive.len() - lost;
    world.server.archive.truncate(kept);
    fill(&mut world, known, known + missed);
    world.cut();
    world
}

/// Goes on until a gap is open.
fn until_filling(world: &mut World) {
    for _ in 0..1_000 {
        if world.history.restore().device.unwrap().fills_gap() {
            return;
        }
        let due = world.engine.deadline();
        if !world.step() {
            world.tick_at(due.unwrap());
        }
    }
    panic!("no gap");
}

fn gaps(world: &World) -> Vec<Mark> {
    let marks = world.lines().into_iter().map(|line| line.mark);
    marks
        .filter(|mark| matches!(mark, Mark::Gap | Mark::Filling))
        .collect()
}

// proves: S11-54
#[test]
fn a_gap_is_filled_down_to_what_is_known_and_then_gone() {
    let mut world = lost_cursor(6, 1, 20);
    let mut seen = world.watch(|world| {
        let filled = world.engine.view().timeline.as_ref().unwrap().filled;
        (gaps(world), filled)
    });
    seen.dedup();
    assert!(
        seen.iter()
            .any(|(gaps, filled)| *gaps == [Mark::Filling] && *filled > 3),
        "{seen:?}"
    );
    assert_eq!(gaps(&world), [], "joined");
    let expected: Vec<_> = (0..26).map(|n| format!("line {n}")).collect();
    assert_eq!(
        world.texts(),
        expected,
        "nothing twice, nothing missing, all in order"
    );
    let device = world.history.restore().device.unwrap();
    assert_eq!(device.below, []);
    assert!(device.reaches_start, "the part below did");
    fill(&mut world, 26, 28);
    world.run();
    world.reload();
    world.sign_in();
    world.run();
    assert!(world.is_live());
    world.intent(Intent::OpenChat(bare("romeo")));
    world.run();
    assert_eq!(world.texts().len(), 28);
}

// proves: S11-54
#[test]
fn a_last_page_that_reaches_what_is_known_opens_no_gap() {
    for missed in [0, 1, 2] {
        let mut world = lost_cursor(6, 1, missed);
        world.pass(5_000);
        assert!(world.is_live());
        assert_eq!(gaps(&world), []);
        assert_eq!(world.texts().len(), 6 + missed);
        let newest = world.server.archive.last().unwrap().id.clone();
        assert_eq!(world.history.restore().device.unwrap().pos, Some(newest));
        fill(&mut world, 20, 21);
        world.run();
        assert_eq!(world.texts().len(), 7 + missed);
    }
}

// proves: S11-20 S11-54
#[test]
fn what_may_lie_in_a_gap_is_not_sent_again_before_it_is_filled() {
    let mut world = World::live();
    world.intent(Intent::OpenChat(bare("romeo")));
    fill(&mut world, 0, 3);
    world.run();
    // It is archived, and its ack is lost.
    world.server.holds_acks = true;
    world.send("mine");
    world.run();
    world.server.holds_acks = false;
    world.server.expire();
    world.server.archive.remove(2);
    fill(&mut world, 3, 23);
    world.cut();
    world.pass(5_000);
    assert!(world.is_live());
    assert_eq!(gaps(&world), []);
    let sent = world.server.seen.iter();
    assert_eq!(sent.filter(|frame| frame.contains("mine")).count(), 1);
    let own = (0..3).map(|n| format!("line {n}"));
    let expected = own.chain(["mine".to_owned()]);
    let expected: Vec<_> = expected
        .chain((3..23).map(|n| format!("line {n}")))
        .collect();
    assert_eq!(world.texts(), expected);
}

// proves: S11-54
#[test]
fn a_gap_in_a_gap_closes_from_the_top() {
    let mut world = lost_cursor(6, 1, 20);
    until_filling(&mut world);
    // Before it is filled the archive loses the cursor once more.
    world.server.expire();
    let kept = world.server.archive.len() - 1;
    world.server.archive.truncate(kept);
    fill(&mut world, 40, 60);
    world.cut();
    let mut seen = world.watch(gaps);
    seen.dedup();
    let both = [Mark::Filling, Mark::Filling];
    assert!(seen.contains(&both.to_vec()), "{seen:?}");
    assert!(
        !seen.iter().flatten().any(|mark| *mark == Mark::Gap),
        "both can be filled: {seen:?}"
    );
    world.pass(5_000);
    assert_eq!(gaps(&world), []);
    let texts = world.texts();
    let archived: Vec<_> = world.server.archive.iter().map(text_of).collect();
    let of_archive: Vec<_> = texts
        .iter()
        .filter(|t| archived.contains(t))
        .cloned()
        .collect();
    assert_eq!(of_archive, archived, "all that there is, once and in order");
    assert_eq!(
        texts.len(),
        archived.len() + 2,
        "and what only this device has"
    );
}

// proves: S11-54
#[test]
fn what_the_archive_has_lost_stays_a_gap() {
    let mut world = lost_cursor(6, 1, 20);
    world.server.trim(10);
    world.pass(5_000);
    assert_eq!(gaps(&world), [Mark::Gap]);
    assert!(!world.engine.view().timeline.as_ref().unwrap().has_older);
    let texts = world.texts();
    assert_eq!(texts.len(), 6 + 1 + 15);
    assert_eq!(texts[6], "");
}

#[test]
fn a_cut_in_the_middle_of_a_fill_goes_on_where_it_was() {
    for cut_at in [3, 6, 12, 30, 60] {
        let mut world = lost_cursor(6, 1, 30);
        until_filling(&mut world);
        for _ in 0..cut_at {
            world.step();
        }
        world.cut();
        world.pass(5_000);
        assert_eq!(gaps(&world), []);
        let expected: Vec<_> = (0..36).map(|n| format!("line {n}")).collect();
        assert_eq!(world.texts(), expected, "cut after {cut_at} steps");
    }
}

#[test]
fn a_catch_up_says_how_much_there_is_if_the_archive_does() {
    let mut world = World::live();
    fill(&mut world, 0, 1);
    world.run();
    world.server.counts = true;
    world.server.expire();
    fill(&mut world, 1, 12);
    world.cut();
    let mut seen = Vec::new();
    for _ in 0..10_000 {
        let due = world.engine.deadline();
        if !world.step() {
            let Some(due) = due.filter(|_| !world.is_live()) else {
                break;
            };
            world.tick_at(due);
        }
        if let Connection::CatchingUp { fetched, total } = world.engine.view().connection {
            seen.push((fetched, total));
        }
    }
    seen.dedup();
    let known = |n| (n, Some(11));
    assert_eq!(seen, [(0, None), known(3), known(6), known(9), known(11)]);
}
