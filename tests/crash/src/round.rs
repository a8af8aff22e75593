//! One round: everybody talks, connections are cut, the server dies and comes back, and all comes to rest.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;
use serde::Serialize;
use support::{
    bot::Bot,
    proxy::{Proxy, Way},
};
use tokio::{
    select,
    sync::watch,
    time::{sleep, timeout},
    try_join,
};

use crate::{
    check::{Finding, Kind},
    plan::{Plan, choices, millis},
    world::{Device, World},
};

/// How long the talk of a round may take, with all that disturbs it.
const TALK_MAX: Duration = Duration::from_secs(90);

/// So many things go wrong with the network at the same time.
const VANDALS: usize = 4;

/// How long a cut at some byte is waited for.
const BYTE_MAX: Duration = Duration::from_millis(400);

/// What happened in a round.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    pub(crate) kills: u64,
    pub(crate) terminations: u64,
    pub(crate) restarts: u64,
    pub(crate) freezes: u64,
    /// Connections cut, ended one way, or stalled.
    pub(crate) cuts: u64,
    pub(crate) seconds: f64,
    /// Of these: until all was said, …
    pub(crate) talk_seconds: f64,
    /// … until all had come to rest. The rest is reading and checking.
    pub(crate) rest_seconds: f64,
}

/// Plays a round on a world, and checks what is left of it; `whole` reads the archives from their start.
///
/// # Errors
/// When the server does not come back, or a reader cannot read.
pub(crate) async fn play(
    world: &mut World,
    seed: u64,
    plan: &Plan,
    whole: bool,
) -> Result<(Tally, Vec<Finding>)> {
    let start = Instant::now();
    let mut tally = Tally::default();
    world.victim.note(format!("round of seed {seed}: {plan:?}"));
    let mut found = disturb(world, seed, plan, &mut tally).await?;
    tally.talk_seconds = start.elapsed().as_secs_f64();
    found.extend(world.rest().await?);
    tally.rest_seconds = start.elapsed().as_secs_f64() - tally.talk_seconds;
    found.extend(world.check(whole).await?);
    tally.seconds = start.elapsed().as_secs_f64();
    Ok((tally, found))
}

async fn disturb(
    world: &mut World,
    seed: u64,
    plan: &Plan,
    tally: &mut Tally,
) -> Result<Vec<Finding>> {
    let World {
        victim,
        devices,
        ordinary,
        acked,
        ..
    } = world;
    let goal = *acked.borrow() + plan.after_acks;
    let talks = devices.iter().zip(100..).map(|(device, subject)| {
        let rng = choices(seed, subject);
        talk(device, seed, plan, rng)
    });
    let is_over = watch::Sender::new(false);
    let chats = ordinary.iter().zip(150..).map(|(client, subject)| {
        let rng = choices(seed, subject);
        client.talk(seed, plan, rng, &is_over)
    });
    let strike = async {
        until_acked(acked, goal).await;
        sleep(plan.delay).await;
        victim.strike(plan.blow, tally).await
    };
    let all = async {
        let main = async {
            let done = try_join!(try_join_all(talks), strike);
            is_over.send_replace(true);
            done
        };
        let ((_, found), _) = try_join!(main, try_join_all(chats))?;
        anyhow::Ok(found)
    };
    let cuts = watch::Sender::new(0);
    let vandals = (0..VANDALS).zip(200..).map(|(first, subject)| {
        let bots = devices
            .iter()
            .map(|device| (&device.proxy, Some(&device.bot)));
        let clients = ordinary.iter().map(|client| (&client.proxy, None));
        let own: Vec<_> = bots.chain(clients).skip(first).step_by(VANDALS).collect();
        vandalise(own, &cuts, choices(seed, subject))
    });
    let found = select! {
        all = timeout(TALK_MAX, all) => match all {
            Ok(found) => found?,
            Err(_) => vec![Finding::new(Kind::Other, None, "INV-27: the talk does not end")],
        },
        Err(error) = try_join_all(vandals) => return Err(error),
    };
    tally.cuts = *cuts.borrow();
    Ok(found)
}

async fn until_acked(acked: &watch::Sender<u64>, goal: u64) {
    // The sender lives as long as the world, so the wait cannot fail.
    let _ = acked.subscribe().wait_for(|acked| *acked >= goal).await;
}

/// Writes the lines of one device.
async fn talk(device: &Device, seed: u64, plan: &Plan, mut rng: ChaCha12Rng) -> Result<()> {
    for number in 0..plan.lines {
        let window = plan.window;
        device
            .bot
            .until(|standing| standing.waiting < window)
            .await?;
        let filler = "but soft ".repeat(rng.random_range(0..20));
        let body = format!("{seed}/{}/{number} {filler}", device.name);
        device.bot.send(&device.peer, body).await?;
        sleep(millis(&mut rng, 0..plan.pause_ms)).await;
    }
    Ok(())
}

/// Does harm to some of these connections and devices, one after the other, for ever.
async fn vandalise(
    prey: Vec<(&Proxy, Option<&Bot>)>,
    cuts: &watch::Sender<u64>,
    mut rng: ChaCha12Rng,
) -> Result<Infallible> {
    loop {
        sleep(millis(&mut rng, 10..300)).await;
        let at = rng.random_range(0..prey.len().max(1));
        let (proxy, bot) = prey.get(at).context("nobody to harm")?;
        if let Some(bot) = bot.filter(|_| rng.random_bool(0.2)) {
            bot.reload().await?;
        } else {
            harm(proxy, &mut rng).await;
            cuts.send_modify(|cuts| *cuts += 1);
        }
    }
}

async fn harm(proxy: &Proxy, rng: &mut ChaCha12Rng) {
    let way = if rng.random_bool(0.5) {
        Way::Up
    } else {
        Way::Down
    };
    match rng.random_range(0..10) {
        0..=1 => proxy.cut().await,
        2..=6 => {
            proxy.cut_after(way, rng.random_range(1..3_000));
            // Where nothing is said nothing is cut.
            let _ = timeout(BYTE_MAX, proxy.until_cut()).await;
        }
        7 => proxy.half_close(way),
        _ => {
            proxy.stall_way(way);
            if rng.random_bool(0.5) {
                proxy.stall();
            }
            sleep(millis(rng, 20..800)).await;
            if rng.random_bool(0.5) {
                proxy.cut().await;
            }
        }
    }
    sleep(millis(rng, 0..100)).await;
    proxy.heal();
}
