//! From a Fluent file to messages.

use std::collections::BTreeMap;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::ast::{Variant, VariantKey};
use fluent_syntax::{parser, unicode};

use crate::File;
use crate::model::{Key, Kind, Message, Messages, Part};

/// What a plural form may be called (CLDR).
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];
/// What a function cannot be called.
const WORDS_OF_RUST: [&str; 40] = [
    "as", "async", "await", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
    "extern", "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod",
    "move", "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "unsafe", "use", "where", "while",
];

/// One language, read.
#[derive(Debug)]
pub(crate) struct Language {
    /// The file it stands in.
    pub(crate) file: String,
    /// Its tag.
    pub(crate) tag: String,
    /// What it calls itself.
    pub(crate) name: String,
    /// `ltr` or `rtl`.
    pub(crate) direction: String,
    /// What it says.
    pub(crate) messages: Messages,
}

/// Reads a file.
pub(crate) fn language(file: File<'_>) -> Result<Language, Vec<String>> {
    let resource = parser::parse(file.text).map_err(|(_, errors)| {
        let described = errors.iter().map(|error| {
            let line = file
                .text
                .get(..error.pos.start)
                .map_or(0, |before| before.matches('\n').count());
            format!("{}:{}: {error}", file.name, line + 1)
        });
        described.collect::<Vec<_>>()
    })?;
    let (source, mut problems) = Source::of(file.name, &resource.body);
    let mut messages = Messages::new();
    for (name, known) in &source.messages {
        match source.message(name, known) {
            Ok(message) => drop(messages.insert((*name).to_owned(), message)),
            Err(problem) => problems.push(format!("{}: `{name}`: {problem}", file.name)),
        }
    }
    let name = source.property("-language-name", &mut problems);
    let direction = source.property("-language-direction", &mut problems);
    if !direction.is_empty() && direction != "ltr" && direction != "rtl" {
        problems.push(format!(
            "{}: `-language-direction` is neither `ltr` nor `rtl`",
            file.name
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let tag = file.name.split('.').next().unwrap_or_default().to_owned();
    Ok(Language {
        file: file.name.to_owned(),
        tag,
        name,
        direction,
        messages,
    })
}

/// A file's entries by name.
struct Source<'a> {
    file: &'a str,
    messages: BTreeMap<&'a str, Found<'a>>,
    terms: BTreeMap<&'a str, &'a Pattern<&'a str>>,
}

/// What something is put into a message by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name<'a> {
    Message(&'a str),
    Term(&'a str),
}

/// A message as it stands in the file.
struct Found<'a> {
    value: &'a Pattern<&'a str>,
    comment: String,
    has_attributes: bool,
}

impl<'a> Source<'a> {
    fn of(file: &'a str, entries: &'a [Entry<&'a str>]) -> (Self, Vec<String>) {
        let (mut messages, mut terms) = (BTreeMap::new(), BTreeMap::new());
        let mut problems = Vec::new();
        for entry in entries {
            let (name, is_new) = match entry {
                Entry::Message(message) => {
                    let Some(value) = &message.value else {
                        let name = message.id.name;
                        problems.push(format!("{file}: `{name}`: attributes are not supported"));
                        continue;
                    };
                    let comment = message.comment.as_ref();
                    let found = Found {
                        value,
                        comment: comment
                            .map_or_else(String::new, |comment| comment.content.join(" ")),
                        has_attributes: !message.attributes.is_empty(),
                    };
                    let name = message.id.name;
                    (name, messages.insert(name, found).is_none())
                }
                Entry::Term(term) => {
                    let name = term.id.name;
                    (name, terms.insert(name, &term.value).is_none())
                }
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                Entry::Junk { content } => {
                    problems.push(format!("{file}: this is no Fluent: {content}"));
                    continue;
                }
            };
            if !is_new {
                problems.push(format!("{file}: `{name}` is there twice"));
            }
        }
        (
            Self {
                file,
                messages,
                terms,
            },
            problems,
        )
    }

    fn message(&self, name: &str, found: &Found<'_>) -> Result<Message, String> {
        let is_fit =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !name.chars().all(is_fit) {
            return Err("only lower case letters, digits and `-` make a name".to_owned());
        }
        if WORDS_OF_RUST.contains(&name) {
            return Err("is a word of Rust".to_owned());
        }
        if found.has_attributes {
            return Err("attributes are not supported".to_owned());
        }
        let mut parts = Vec::new();
        self.pattern(found.value, &mut vec![Name::Message(name)], &mut parts)?;
        Ok(Message {
            comment: found.comment.clone(),
            parts,
        })
    }

    /// The text of a term that says something of the language itself.
    fn property(&self, name: &'static str, problems: &mut Vec<String>) -> String {
        let Some(pattern) = self.terms.get(name.trim_start_matches('-')) else {
            problems.push(format!("{}: the term `{name}` is missing", self.file));
            return String::new();
        };
        let mut parts = Vec::new();
        match self.pattern(pattern, &mut Vec::new(), &mut parts) {
            Ok(()) => match parts.as_slice() {
                [Part::Text(text)] => return text.clone(),
                _ => problems.push(format!("{}: `{name}` has to be plain text", self.file)),
            },
            Err(problem) => problems.push(format!("{}: `{name}`: {problem}", self.file)),
        }
        String::new()
    }

    /// Appends what a pattern is made of. `within` are the names of what it is put into.
    fn pattern<'b>(
        &'b self,
        pattern: &'b Pattern<&'b str>,
        within: &mut Vec<Name<'b>>,
        parts: &mut Vec<Part>,
    ) -> Result<(), String> {
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => push_text(value, parts),
                PatternElement::Placeable { expression } => {
                    self.expression(expression, within, parts)?;
                }
            }
        }
        Ok(())
    }

    fn expression<'b>(
        &'b self,
        expression: &'b Expression<&'b str>,
        within: &mut Vec<Name<'b>>,
        parts: &mut Vec<Part>,
    ) -> Result<(), String> {
        match expression {
            Expression::Inline(inline) => self.inline(inline, within, parts),
            Expression::Select { selector, variants } => {
                let InlineExpression::VariableReference { id } = selector else {
                    return Err("only an argument can select".to_owned());
                };
                let forms = self.forms(variants, within)?;
                parts.push(Part::Select(id.name.to_owned(), forms));
                Ok(())
            }
        }
    }

    fn forms<'b>(
        &'b self,
        variants: &'b [Variant<&'b str>],
        within: &mut Vec<Name<'b>>,
    ) -> Result<Vec<(Key, Vec<Part>)>, String> {
        let mut forms = Vec::new();
        for variant in variants {
            let key = key(&variant.key)?;
            if variant.default != (key == Key::Category("other".to_owned())) {
                return Err("the default of a selection has to be `other`".to_owned());
            }
            let mut parts = Vec::new();
            self.pattern(&variant.value, within, &mut parts)?;
            forms.push((key, parts));
        }
        // What fits everything stands last.
        forms.sort_by_key(|(key, _)| match key {
            Key::Number(_) => 0,
            Key::Category(name) if name != "other" => 1,
            Key::Category(_) => 2,
        });
        Ok(forms)
    }

    fn inline<'b>(
        &'b self,
        inline: &'b InlineExpression<&'b str>,
        within: &mut Vec<Name<'b>>,
        parts: &mut Vec<Part>,
    ) -> Result<(), String> {
        match inline {
            InlineExpression::StringLiteral { value } => {
                push_text(&unicode::unescape_unicode_to_string(value), parts);
                Ok(())
            }
            InlineExpression::NumberLiteral { value } => {
                push_text(value, parts);
                Ok(())
            }
            InlineExpression::VariableReference { id } => {
                parts.push(Part::Argument(id.name.to_owned(), Kind::Text));
                Ok(())
            }
            InlineExpression::MessageReference {
                id,
                attribute: None,
            } => {
                let found = self.messages.get(id.name);
                let found = found.ok_or_else(|| format!("there is no message `{}`", id.name))?;
                self.put_in(Name::Message(id.name), found.value, within, parts)
            }
            InlineExpression::TermReference {
                id,
                attribute: None,
                arguments: None,
            } => {
                let found = self.terms.get(id.name);
                let found = found.ok_or_else(|| format!("there is no term `-{}`", id.name))?;
                self.put_in(Name::Term(id.name), found, within, parts)
            }
            InlineExpression::MessageReference { .. } | InlineExpression::TermReference { .. } => {
                Err("attributes and arguments of what is put in are not supported".to_owned())
            }
            InlineExpression::FunctionReference { id, arguments } if id.name == "NUMBER" => {
                let (one, named) = (arguments.positional.as_slice(), &arguments.named);
                match (one, named.is_empty()) {
                    ([InlineExpression::VariableReference { id }], true) => {
                        parts.push(Part::Argument(id.name.to_owned(), Kind::Number));
                        Ok(())
                    }
                    _ => Err("NUMBER takes one argument and nothing else".to_owned()),
                }
            }
            InlineExpression::FunctionReference { id, .. } => {
                Err(format!("functions are not supported ({})", id.name))
            }
            InlineExpression::Placeable { expression } => {
                self.expression(expression, within, parts)
            }
        }
    }

    fn put_in<'b>(
        &'b self,
        name: Name<'b>,
        pattern: &'b Pattern<&'b str>,
        within: &mut Vec<Name<'b>>,
        parts: &mut Vec<Part>,
    ) -> Result<(), String> {
        if within.contains(&name) {
            return Err("refers to itself".to_owned());
        }
        within.push(name);
        self.pattern(pattern, within, parts)?;
        within.pop();
        Ok(())
    }
}

fn key(key: &VariantKey<&str>) -> Result<Key, String> {
    let name = match key {
        VariantKey::Identifier { name } => name,
        VariantKey::NumberLiteral { value } => match value.parse() {
            Ok(number) => return Ok(Key::Number(number)),
            Err(_) => value,
        },
    };
    if CATEGORIES.contains(name) {
        Ok(Key::Category((*name).to_owned()))
    } else {
        Err(format!(
            "`{name}` is neither a plural category nor a whole number"
        ))
    }
}

/// Appends words, to the words before them if there are any.
fn push_text(text: &str, parts: &mut Vec<Part>) {
    match parts.last_mut() {
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}
