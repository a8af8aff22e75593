//! Whether every language says all there is to say.

use crate::model::{Message, arguments};
use crate::read::Language;

/// What the others lack, have beyond the first, or call otherwise.
pub(crate) fn language(first: &Language, others: &[Language]) -> Vec<String> {
    let mut problems = Vec::new();
    for other in others {
        let file = &other.file;
        let lacks = |name: &&String| !other.messages.contains_key(*name);
        let missing = first.messages.keys().filter(lacks);
        problems.extend(missing.map(|name| format!("{file}: `{name}` is missing")));
        let beyond = |name: &&String| !first.messages.contains_key(*name);
        let unknown = other.messages.keys().filter(beyond);
        let known = &first.file;
        problems.extend(unknown.map(|name| format!("{file}: `{name}` is unknown to {known}")));
        for (name, message) in &first.messages {
            let Some(translated) = other.messages.get(name) else {
                continue;
            };
            let (theirs, ours) = (names(translated), names(message));
            if theirs != ours {
                let (theirs, ours) = (theirs.join(", "), ours.join(", "));
                problems.push(format!(
                    "{file}: `{name}` takes other arguments ({theirs}) than in {known} ({ours})"
                ));
            }
        }
    }
    problems
}

fn names(message: &Message) -> Vec<String> {
    let arguments = arguments(&message.parts);
    let mut names: Vec<String> = arguments.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}
