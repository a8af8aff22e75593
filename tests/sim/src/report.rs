//! What is told of a failing run: where it is found, how it ends, and the smallest plan that ends so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sim::{Failure, Plan, Shrunk};

/// How long a failing plan is made smaller.
const SHRINK: Duration = Duration::from_secs(60);
/// Where the plans of failing runs are written.
const FOLDER: &str = "target/failing";

/// Makes a failing plan smaller, tells what is left and writes it down under this name. The last line
/// is the broken promise.
///
/// # Errors
/// When the plan cannot be written.
pub(crate) fn tell(name: &str, plan: &Plan, failure: &Failure) -> Result<()> {
    let violation = &failure.violation;
    println!("{name} breaks {}; making it smaller", violation.inv);
    // Panics are told as what they break; their own words would come hundreds of times.
    std::panic::set_hook(Box::new(|_| {}));
    let shrunk = sim::shrink(plan.clone(), violation.inv, Instant::now() + SHRINK);
    let _ = std::panic::take_hook();
    let Some(shrunk) = shrunk else {
        // Two runs of one plan differ, so there is nothing to hold on to.
        print_story(failure);
        println!("{} at {name}: {}", violation.inv, violation.what);
        return Ok(());
    };
    print_story(&shrunk.failure);
    let text = describe(name, plan, &shrunk)?;
    let file = write(name, &text)?;
    println!("\n{text}");
    let file = file.display();
    println!("play it again with: cargo xtask sim --replay {file}");
    println!("{} at {name}: {}", violation.inv, violation.what);
    Ok(())
}

fn print_story(failure: &Failure) {
    println!("the last that happened:");
    for line in &failure.story {
        println!("{line}");
    }
}

/// The plan as it is kept, with where it comes from.
fn describe(name: &str, plan: &Plan, shrunk: &Shrunk) -> Result<String> {
    let (violation, small) = (&shrunk.failure.violation, &shrunk.plan);
    let done = if shrunk.is_done {
        "no piece can go"
    } else {
        "time was up"
    };
    Ok(format!(
        "# {}: {}\n# found by {name} at {}; {} steps of {}, {} devices of {} after {} runs: {done}\n{}",
        violation.inv,
        violation.what,
        commit(),
        small.steps.len(),
        plan.steps.len(),
        small.devices.len(),
        plan.devices.len(),
        shrunk.plays,
        small.to_text()?
    ))
}

fn write(name: &str, text: &str) -> Result<PathBuf> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).with_context(|| format!("making {FOLDER}"))?;
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let file = folder.join(format!("{}.plan", words.join("-").replace("--", "-")));
    fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// What is checked out, if git can say.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let told = Command::new("git").args(arguments).output().ok();
        told.filter(|told| told.status.success())
            .map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "an unknown commit".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changed) if changed.is_empty() => commit,
        Some(_) | None => format!("{commit} with changes"),
    }
}
