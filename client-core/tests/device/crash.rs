//! Whatever breaks, and wherever: in the end everything was sent once and stands where the archive has it.

use client_core::Intent;
use proptest::prelude::*;

use crate::server::bare;
use crate::world::World;

/// What breaks.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The tab dies.
    Reload,
    /// The tab dies, and the server has given up its session.
    ReloadExpired,
    /// The connection breaks.
    Cut,
    /// The connection breaks, and the server has given up the session.
    CutExpired,
    /// The server dies and comes back.
    ServerCrash,
    /// Both die.
    BothCrash,
}

const TAB_DIES: [Fault; 3] = [Fault::Reload, Fault::ReloadExpired, Fault::BothCrash];
const TAB_LIVES: [Fault; 3] = [Fault::Cut, Fault::CutExpired, Fault::ServerCrash];

fn strike(world: &mut World, fault: Fault) {
    match fault {
        Fault::Cut => world.server.cut(),
        Fault::CutExpired | Fault::ReloadExpired => world.server.expire(),
        Fault::ServerCrash | Fault::BothCrash => world.server.crash(),
        Fault::Reload => {}
    }
    match fault {
        Fault::Cut | Fault::CutExpired | Fault::ServerCrash => world.cut(),
        Fault::Reload | Fault::ReloadExpired | Fault::BothCrash => {
            world.reload();
            world.sign_in();
        }
    }
}

/// A short life with everything in it; `at_step` is called before each step.
fn live_a_little(mut at_step: impl FnMut(&mut World)) -> World {
    let mut world = World::new();
    world.server.has_inline = true;
    world.keys = Some(crate::server::client_keys());
    for n in 0..4 {
        world.server.arrive("romeo", &format!("old{n}"), "old");
    }
    world.sign_in();
    world.run();
    world.intent(Intent::OpenChat(bare("romeo")));
    let mut run = |world: &mut World| {
        for _ in 0..20_000 {
            at_step(world);
            if !world.step() {
                let due = world.engine.deadline();
                match due.filter(|_| !world.is_live()) {
                    Some(due) => world.tick_at(due),
                    None => return,
                }
            }
        }
        panic!("never live");
    };
    world.send("one");
    world.server.arrive("romeo", "m1", "his one");
    run(&mut world);
    world.cut();
    world.server.arrive("romeo", "m2", "missed");
    world.server.write_elsewhere("romeo", "m3", "missed too");
    world.send("two");
    run(&mut world);
    world.server.expire();
    world.cut();
    for n in 0..5 {
        world
            .server
            .arrive("romeo", &format!("n{n}"), "long missed");
    }
    world.send("three");
    world.send("four");
    run(&mut world);
    world.server.arrive("nurse", "m4", "hers");
    world.send("five");
    run(&mut world);
    world
}

fn check(mut world: World, what: &str) {
    world.release_disk();
    world.pass(120_000);
    assert!(world.is_live(), "{what}");
    let refused = world.server.device_tokens.refused;
    assert_eq!(refused, 0, "locked out: {what}");
    // A line that was not durable when the tab died was never written.
    let written = world.written.clone();
    let written: Vec<_> = written.iter().map(String::as_str).collect();
    world.assert_sent_once(&written);
    world.assert_same_as_archive();
}

// proves: AU-26 S11-20 S11-25 S11-50 S11-53 S11-55 SM-11
#[test]
fn a_dying_tab_at_any_step_loses_and_doubles_nothing() {
    strike_at_every_step(TAB_DIES);
}

// proves: S11-20 S11-25 S11-53 S11-55 S11-63 SM-18
#[test]
fn a_broken_connection_at_any_step_loses_and_doubles_nothing() {
    strike_at_every_step(TAB_LIVES);
}

fn strike_at_every_step(faults: [Fault; 3]) {
    let mut steps = 0_usize;
    check(live_a_little(|_| steps += 1), "no fault");
    assert!(steps > 100);
    for fault in faults {
        for at in 1..=steps {
            let mut step = 0;
            let world = live_a_little(|world| {
                step += 1;
                if step == at {
                    strike(world, fault);
                }
            });
            check(world, &format!("{fault:?} at step {at} of {steps}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    // proves: S11-25 S11-55
    #[test]
    fn many_faults_lose_and_double_nothing(
        faults in proptest::collection::vec((1..400_usize, 0..6_usize), 1..8),
        slow in proptest::collection::vec(any::<bool>(), 50),
        page_len in 1..6_usize,
    ) {
        let mut step = 0;
        let world = live_a_little(|world| {
            step += 1;
            world.server.page_len = page_len;
            for (at, fault) in &faults {
                if *at == step {
                    let faults = if fault % 2 == 0 { TAB_DIES } else { TAB_LIVES };
                    strike(world, faults[fault / 2]);
                }
            }
            // Now and then the disk takes its time.
            if slow[step / 7 % slow.len()] && step < 2_000 {
                world.disk_is_slow = true;
            } else {
                world.release_disk();
            }
        });
        check(world, "many faults");
    }
}
