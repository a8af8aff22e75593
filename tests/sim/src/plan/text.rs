//! Plans as text, a line each for what there is and what happens, so that a run can be kept, read
//! and changed by hand: a verb, then `name=value` words; `#` begins a remark.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Action, DevicePlan, Faults, NAMES, Plan, SmallLimits, Step, When, Whom};

/// The first line: what is neither a device nor a fault nor a bound nor a step.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    seed: u64,
    accounts: usize,
    #[serde(default)]
    are_contacts: bool,
}

impl Plan {
    /// Writes the plan down.
    ///
    /// # Errors
    /// Never, for what this program can hold.
    pub fn to_text(&self) -> Result<String> {
        let head = Head {
            seed: self.seed,
            accounts: self.accounts,
            are_contacts: self.are_contacts,
        };
        let mut text = String::new();
        writeln!(text, "run{}", to_words(&serde_json::to_value(head)?))?;
        let faults = serde_json::to_value(self.faults)?;
        let faults = faults.as_object().into_iter().flatten();
        let on = faults.filter(|(_, is_on)| **is_on == Value::Bool(true));
        let on: String = on.map(|(name, _)| format!(" {name}")).collect();
        writeln!(text, "faults{on}")?;
        let mut limits = serde_json::to_value(self.limits)?;
        let usual = serde_json::to_value(SmallLimits::default())?;
        if let Some(limits) = limits.as_object_mut() {
            limits.retain(|name, size| usual.get(name) != Some(size));
        }
        writeln!(text, "limits{}", to_words(&limits))?;
        for (number, device) in self.devices.iter().enumerate() {
            let name = NAMES.get(device.account).copied().unwrap_or_default();
            let words = to_words(&serde_json::to_value(device)?);
            writeln!(text, "device{words} # {number}, of {name}")?;
        }
        for step in &self.steps {
            match step.when {
                When::Ms(at_ms) => write!(text, "at {at_ms}")?,
                When::Turn(turn) => write!(text, "turn {turn}")?,
            }
            match serde_json::to_value(step.action)? {
                Value::Object(named) => {
                    for (verb, rest) in &named {
                        write!(text, " {verb}{}", to_words(rest))?;
                    }
                }
                verb => write!(text, " {}", to_word(&verb))?,
            }
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads what [`Plan::to_text`] wrote, or somebody by hand.
    ///
    /// # Errors
    /// With the number of the line that says nothing.
    pub fn of_text(text: &str) -> Result<Self> {
        let mut plan = Self {
            seed: 0,
            accounts: 0,
            devices: Vec::new(),
            faults: Faults::NONE,
            limits: SmallLimits::default(),
            are_contacts: false,
            counts_only: false,
            steps: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            plan.read_line(&words)
                .with_context(|| format!("line {number}: {line}"))?;
        }
        if plan.devices.is_empty() || plan.accounts == 0 {
            bail!("nobody is there");
        }
        Ok(plan)
    }

    fn read_line(&mut self, words: &[&str]) -> Result<()> {
        match words {
            [] => {}
            ["run", rest @ ..] => {
                let head: Head = of_words(rest)?;
                self.seed = head.seed;
                self.accounts = head.accounts;
                self.are_contacts = head.are_contacts;
            }
            ["faults", names @ ..] => {
                let on = names.iter().map(|name| format!("{name}=true"));
                let on: Vec<String> = on.collect();
                let on: Vec<&str> = on.iter().map(String::as_str).collect();
                self.faults = of_words(&on)?;
            }
            ["limits", rest @ ..] => self.limits = of_words(rest)?,
            ["device", rest @ ..] => self.devices.push(of_words::<DevicePlan>(rest)?),
            ["at", at_ms, verb, rest @ ..] => {
                self.read_step(When::Ms(at_ms.parse()?), verb, rest)?;
            }
            ["turn", turn, verb, rest @ ..] => {
                self.read_step(When::Turn(turn.parse()?), verb, rest)?;
            }
            _ => bail!("no such line"),
        }
        Ok(())
    }

    fn read_step(&mut self, when: When, verb: &str, rest: &[&str]) -> Result<()> {
        let verb = verb.to_owned();
        let action = match rest {
            [] => Value::String(verb),
            rest => Value::Object(Map::from_iter([(verb, to_object(rest)?)])),
        };
        let action: Action = serde_json::from_value(action)?;
        self.steps.push(Step { when, action });
        Ok(())
    }
}

fn to_words(value: &Value) -> String {
    let named = value.as_object().into_iter().flatten();
    named
        .map(|(name, value)| format!(" {name}={}", to_word(value)))
        .collect()
}

fn to_word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn of_words<T: DeserializeOwned>(words: &[&str]) -> Result<T> {
    Ok(serde_json::from_value(to_object(words)?)?)
}

fn to_object(words: &[&str]) -> Result<Value> {
    let mut named = Map::new();
    for word in words {
        let (name, value) = word.split_once('=').context("a word without `=`")?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if named.insert(name.to_owned(), value).is_some() {
            bail!("{name} twice");
        }
    }
    Ok(Value::Object(named))
}

impl From<Whom> for String {
    fn from(whom: Whom) -> Self {
        match whom {
            Whom::Other(n) => format!("other-{n}"),
            Whom::Self_ => "self".to_owned(),
            Whom::Nobody => "nobody".to_owned(),
        }
    }
}

impl TryFrom<String> for Whom {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "self" => Ok(Self::Self_),
            "nobody" => Ok(Self::Nobody),
            other => match other.strip_prefix("other-").map(str::parse) {
                Some(Ok(n)) => Ok(Self::Other(n)),
                Some(Err(_)) | None => Err(format!("{text} is nobody")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wish;
    use super::*;

    #[test]
    fn a_plan_is_the_same_after_it_was_written_and_read() {
        for seed in 0..300 {
            let mut plan = Plan::of_seed(seed, Wish::default());
            let (when, action) = (When::Turn(seed), Action::Crash);
            plan.steps.push(Step { when, action });
            let text = plan.to_text().unwrap();
            assert_eq!(Plan::of_text(&text).unwrap(), plan, "{text}");
        }
    }

    #[test]
    fn what_is_no_plan_is_said_with_its_line() {
        let people = "run seed=1 accounts=1\ndevice account=0 kind=engine clock-ms=0\n";
        assert!(Plan::of_text(people).is_ok());
        for (bad, line) in [
            ("at 10 sleep dev=1", "line 3"),
            ("at soon crash", "line 3"),
            ("\nat 10 say dev=1 to=other-x lines=1", "line 4"),
            ("faults gremlins", "line 3"),
            ("at 10 cut dev=1 dev=2", "line 3"),
        ] {
            let error = Plan::of_text(&format!("{people}{bad}")).unwrap_err();
            assert!(error.to_string().starts_with(line), "{bad}: {error}");
        }
        assert!(Plan::of_text("run seed=1 accounts=1").is_err());
    }
}
