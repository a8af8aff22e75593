//! `docs/vectors/resync.json` against the shipped client.

use client_core::history::Content;
use protocol::{ArchiveId, Condition, Iq};
use serde::Deserialize;

use crate::server::Entry;
use crate::world::World;

#[derive(Deserialize)]
struct Resync {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    why: String,
    has: Option<Vec<String>>,
    exchange: Vec<Step>,
    ends: Ends,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    asks: Asks,
    #[serde(default)]
    before: Vec<String>,
    #[serde(default)]
    meanwhile: Vec<String>,
    answer: Answer,
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "kebab-case")]
struct Asks {
    after_id: Option<String>,
    before: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Page {
        entries: Vec<String>,
        complete: bool,
    },
    Error(String),
    Lost(Vec<String>),
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Ends {
    entries: Vec<Option<String>>,
    position: Option<String>,
}

fn entries(names: &[String]) -> Vec<Entry> {
    names.iter().map(|name| Entry::named(name)).collect()
}

/// Waits for what the device asks the archive next.
fn next_query(world: &mut World) -> Iq {
    for _ in 0..100 {
        world.run();
        if let Some(iq) = world.server.take_query() {
            return iq;
        }
        world.pass(1_000);
    }
    panic!("it asks for nothing");
}

fn asks(iq: &Iq) -> Asks {
    let query = crate::server::query_of(iq);
    assert_eq!(query.page.max, Some(50));
    assert_eq!(
        (query.page.after, query.with, query.start),
        (None, None, None)
    );
    Asks {
        after_id: query.after_id,
        before: query.page.before,
    }
}

/// A device that has these entries and starts anew.
fn device(has: Option<&[String]>) -> World {
    let mut world = World::new();
    world.server.holds_pages = true;
    world.sign_in();
    if let Some(has) = has {
        let iq = next_query(&mut world);
        world.server.give_results(&iq, &entries(has));
        world.server.end_page(&iq, &entries(has), true);
        world.run();
        assert!(world.is_live());
        world.server.expire();
        world.cut();
    }
    world
}

/// These entries arrive live.
fn arrive(world: &mut World, names: &[String]) {
    for name in names {
        world.server.copy(&Entry::named(name));
    }
    world.run();
}

fn play(world: &mut World, step: &Step) {
    let iq = next_query(world);
    assert_eq!(asks(&iq), step.asks);
    arrive(world, &step.before);
    match &step.answer {
        Answer::Page {
            entries: names,
            complete,
        } => {
            world.server.give_results(&iq, &entries(names));
            world.run();
            arrive(world, &step.meanwhile);
            world.server.end_page(&iq, &entries(names), *complete);
        }
        Answer::Error(condition) => {
            let condition = Condition::parse(condition).unwrap();
            world.server.refuse_query(&iq, condition);
        }
        Answer::Lost(names) => {
            world.server.give_results(&iq, &entries(names));
            world.run();
            world.server.expire();
            world.cut();
        }
    }
    world.run();
}

fn ends(world: &World) -> Ends {
    let rows = world.confirmed();
    let name = |id: &ArchiveId| id.to_string();
    let entries = rows.iter().map(|row| match &row.content {
        Content::Gap => None,
        _ => row.id.as_ref().map(name),
    });
    let device = world.history.restore().device.unwrap();
    Ends {
        entries: entries.collect(),
        position: device.pos.as_ref().map(name),
    }
}

// proves: S11-50 S11-52 S11-53 S11-54 MAM-28 MAM-29 MAM-30
#[test]
fn devices_catch_up_as_the_vectors_say() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/resync.json");
    let text = std::fs::read_to_string(file).unwrap();
    let Resync { vectors } = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() > 15);
    for vector in &vectors {
        println!("{}", vector.why);
        let mut world = device(vector.has.as_deref());
        for step in &vector.exchange {
            play(&mut world, step);
        }
        world.pass(5_000);
        assert!(world.is_live(), "{}", vector.why);
        assert!(world.server.take_query().is_none(), "{}", vector.why);
        assert_eq!(ends(&world), vector.ends, "{}", vector.why);
    }
}
