//! What a message is made of, once everything that can be put in while building has been put in.

use std::collections::BTreeMap;

/// A text with places for arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// What its comment says.
    pub(crate) comment: String,
    /// Its parts, in order.
    pub(crate) parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Words.
    Text(String),
    /// The argument with this name; a number is written as the language writes numbers.
    Argument(String, Kind),
    /// One of several forms, by the argument with this name; the last one is for all that fit no other.
    Select(String, Vec<(Key, Vec<Part>)>),
}

/// When a form is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The argument is this number.
    Number(u32),
    /// The language says so of the number: `one`, `few` …
    Category(String),
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Words, put in as they are.
    Text,
    /// A number, written as the language writes numbers, or choosing a form.
    Number,
}

/// An argument: its name and what it is.
pub(crate) type Argument = (String, Kind);

/// The arguments of some parts, in the order in which they appear.
pub(crate) fn arguments(parts: &[Part]) -> Vec<Argument> {
    let mut found = Vec::new();
    collect(parts, &mut found);
    found
}

fn collect(parts: &[Part], found: &mut Vec<Argument>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Argument(name, kind) => note(name, *kind, found),
            Part::Select(name, forms) => {
                note(name, Kind::Number, found);
                for (_, parts) in forms {
                    collect(parts, found);
                }
            }
        }
    }
}

fn note(name: &str, kind: Kind, found: &mut Vec<Argument>) {
    match found.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = kind.max(*known),
        None => found.push((name.to_owned(), kind)),
    }
}

/// Messages by name.
pub(crate) type Messages = BTreeMap<String, Message>;
