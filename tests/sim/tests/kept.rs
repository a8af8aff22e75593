//! Runs that once broke a promise break none any more.

use std::fs;
use std::path::Path;

use sim::{Plan, Wish};

/// More than any of them needs, and every one of them is judged.
fn broken<'a>(runs: impl Iterator<Item = (String, Plan)> + 'a) -> Vec<String> {
    let played = runs.filter_map(|(name, plan)| {
        let failure = sim::play(plan, 0).err()?;
        let violation = failure.violation;
        Some(format!("{name}: {} {}", violation.inv, violation.what))
    });
    played.collect()
}

#[test]
fn kept_seeds_break_nothing_any_more() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let seeds = lines.filter_map(|line| line.split_whitespace().next());
    let seeds: Vec<u64> = seeds.map(|seed| seed.parse().expect(seed)).collect();
    assert!(!seeds.is_empty());
    let run = |seed: u64| (seed.to_string(), Plan::of_seed(seed, Wish::default()));
    let broken = broken(seeds.into_iter().map(run));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn kept_plans_break_nothing_any_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let run = |file: fs::DirEntry| {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(file.path()).unwrap();
        let plan = Plan::of_text(&text).expect(&name);
        (name, plan)
    };
    let runs: Vec<_> = files.map(run).collect();
    assert!(!runs.is_empty());
    let broken = broken(runs.into_iter());
    assert!(broken.is_empty(), "{broken:#?}");
}
