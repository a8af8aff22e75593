//! From messages to Rust.

use std::fmt::Write as _;

use crate::model::{Argument, Key, Kind, Message, Part, arguments};
use crate::pseudo;
use crate::read::Language;

/// The module: the languages, and a function per message.
pub(crate) fn module(languages: &[Language]) -> String {
    let mut out = String::from(
        "/// The languages there are; the first is for whoever speaks none of them.\n",
    );
    out.push_str("pub(crate) const LANGUAGES: &[Language] = &[\n");
    for language in languages {
        let Language {
            tag,
            name,
            direction,
            ..
        } = language;
        let _ = writeln!(
            out,
            "    Language {{ tag: {tag:?}, locale: {tag:?}, name: {name:?}, direction: {direction:?} }},"
        );
    }
    let first = languages.first().map_or("en", |language| &language.tag);
    let _ = writeln!(
        out,
        "    #[cfg(debug_assertions)]\n    Language {{ tag: {:?}, locale: {first:?}, name: {:?}, direction: \"rtl\" }},\n];",
        pseudo::TAG,
        pseudo::TAG
    );
    let Some((first, others)) = languages.split_first() else {
        return out;
    };
    for (name, message) in &first.messages {
        let translated = others.iter().filter_map(|other| other.messages.get(name));
        let all: Vec<&Message> = std::iter::once(message).chain(translated).collect();
        function(name, &all, &mut out);
    }
    out
}

fn function(name: &str, messages: &[&Message], out: &mut String) {
    let Some(first) = messages.first() else {
        return;
    };
    let arguments = typed(messages);
    let name = name.replace('-', "_");
    let _ = writeln!(out, "\n/// {}", documented(first));
    if arguments.is_empty() {
        let _ = writeln!(
            out,
            "pub(crate) fn {name}() -> &'static str {{\n    pick(&["
        );
        each(messages, plain, out);
        out.push_str("    ])\n}\n");
        return;
    }
    let parameters = arguments.iter().map(|(name, kind)| match kind {
        Kind::Text => format!("{}: &str", name.replace('-', "_")),
        Kind::Number => format!("{}: impl Number", name.replace('-', "_")),
    });
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    let given = arguments.iter().map(|(name, kind)| match kind {
        Kind::Text => format!("Argument::Text({})", name.replace('-', "_")),
        Kind::Number => format!("Argument::Number({}.number())", name.replace('-', "_")),
    });
    let given = given.collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        out,
        "pub(crate) fn {name}({parameters}) -> String {{\n    fill(&["
    );
    each(messages, |parts| filled(parts, &arguments), out);
    let _ = writeln!(out, "    ], &[{given}])\n}}");
}

/// One line per language; the one that nobody speaks comes last.
fn each(messages: &[&Message], written: impl Fn(&[Part]) -> String, out: &mut String) {
    for message in messages {
        let _ = writeln!(out, "        {},", written(&message.parts));
    }
    if let Some(first) = messages.first() {
        let parts = pseudo::of(&first.parts);
        let _ = writeln!(
            out,
            "        #[cfg(debug_assertions)]\n        {},",
            written(&parts)
        );
    }
}

/// The arguments in the order of the first language; a number is what any language takes for one.
fn typed(messages: &[&Message]) -> Vec<Argument> {
    let mut all = messages.iter().map(|message| arguments(&message.parts));
    let mut first = all.next().unwrap_or_default();
    for (name, kind) in all.flatten() {
        if let Some((_, known)) = first.iter_mut().find(|(known, _)| *known == name) {
            *known = kind.max(*known);
        }
    }
    first
}

fn plain(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Argument(..) | Part::Select(..) => None,
    });
    format!("{:?}", texts.collect::<String>())
}

fn filled(parts: &[Part], arguments: &[Argument]) -> String {
    let place = |name: &String| {
        arguments
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or(arguments.len())
    };
    let written = parts.iter().map(|part| match part {
        Part::Text(text) => format!("Part::Text({text:?})"),
        Part::Argument(name, _) => format!("Part::Argument({})", place(name)),
        Part::Select(name, forms) => {
            let forms = forms.iter().map(|(key, parts)| {
                let key = match key {
                    Key::Number(number) => format!("Key::Number({number})"),
                    Key::Category(name) => format!("Key::Category({name:?})"),
                };
                format!("({key}, {})", filled(parts, arguments))
            });
            let forms = forms.collect::<Vec<_>>().join(", ");
            format!("Part::Select({}, &[{forms}])", place(name))
        }
    });
    format!("&[{}]", written.collect::<Vec<_>>().join(", "))
}

/// What the function's documentation says: the comment, or the text itself.
fn documented(message: &Message) -> String {
    if !message.comment.is_empty() {
        return message.comment.clone();
    }
    let mut text = String::new();
    shown(&message.parts, &mut text);
    text.replace('\n', " ")
        .replace('[', "\\[")
        .replace('<', "\\<")
}

fn shown(parts: &[Part], text: &mut String) {
    for part in parts {
        match part {
            Part::Text(words) => text.push_str(words),
            Part::Argument(name, _) => {
                let _ = write!(text, "`{name}`");
            }
            Part::Select(_, forms) => {
                if let Some((_, parts)) = forms.last() {
                    shown(parts, text);
                }
            }
        }
    }
}
