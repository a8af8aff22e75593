//! Turns the client's texts, one Fluent file per language, into Rust: one function per message.
//!
//! A full Fluent runtime weighs more than all of the client's texts, so what can be known while building
//! is known while building: which messages there are, which arguments they take, and that every language
//! has them all. What is left for the browser is to fill in arguments and to choose between plural forms.
//!
//! Of Fluent's syntax a message may use text, `{ $argument }`, `{ "literal" }`, `{ -term }` and
//! `{ other-message }` (both put in while building), `{ NUMBER($argument) }` for numbers as the language writes them, and `{ $count -> … }` over plural categories and whole numbers.
//! Whatever else a file contains is reported, never dropped.

mod compare;
mod model;
mod pseudo;
mod read;
mod write;

use crate::read::Language;

/// One language's file.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its name, which problems mention; what stands before the first dot is the language's tag (BCP 47).
    pub name: &'a str,
    /// What it contains.
    pub text: &'a str,
}

/// Writes the module that has a function for every message of all languages. The first file is the measure for the
/// others.
///
/// # Errors
/// Every problem found, each with its file and message: what is no Fluent or not supported, keys that one language
/// lacks or has beyond the first, and arguments that differ.
pub fn generate(files: &[File<'_>]) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let mut languages: Vec<Language> = Vec::new();
    for file in files {
        match read::language(*file) {
            Ok(language) => languages.push(language),
            Err(found) => problems.extend(found),
        }
    }
    if let (true, Some((first, others))) = (problems.is_empty(), languages.split_first()) {
        problems.extend(compare::language(first, others));
    }
    if problems.is_empty() {
        Ok(write::module(&languages))
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "-language-name = English\n-language-direction = ltr\n";

    fn both(english: &str, german: &str) -> Result<String, Vec<String>> {
        let (english, german) = (format!("{HEAD}{english}"), format!("{HEAD}{german}"));
        let file = |name, text| File { name, text };
        generate(&[file("en.ftl", &english), file("de.ftl", &german)])
    }

    fn problems(english: &str, german: &str) -> Vec<String> {
        both(english, german).unwrap_err()
    }

    #[test]
    fn a_message_becomes_a_function_with_every_language_in_it() {
        let written = both("sign-in = Sign in", "sign-in = Anmelden").unwrap();
        assert!(written.contains("pub(crate) fn sign_in() -> &'static str"));
        assert!(written.contains("\"Sign in\""));
        assert!(written.contains("\"Anmelden\""));
        assert!(written.contains("#[cfg(debug_assertions)]\n        \"⟦Sígn ín⟧\""));
    }

    #[test]
    fn arguments_are_typed_by_how_any_language_uses_them() {
        let written = both(
            "sent = { $name } sent { $count }",
            "sent = { $count ->\n    [one] Eine\n   *[other] { $count }\n } von { $name }",
        );
        let written = written.unwrap();
        assert!(
            written.contains("pub(crate) fn sent(name: &str, count: impl Number) -> String"),
            "{written}"
        );
        assert!(written.contains("Part::Select(1, &["));
        assert!(written.contains("(Key::Category(\"one\"), &[Part::Text(\"Eine\")])"));
    }

    #[test]
    fn numbers_can_be_written_without_choosing_by_them() {
        let seconds = "wait = in { NUMBER($seconds) } s";
        let written = both(seconds, seconds).unwrap();
        assert!(written.contains("fn wait(seconds: impl Number) -> String"));
        assert!(written.contains("&[Part::Text(\"in \"), Part::Argument(0), Part::Text(\" s\")],"));
    }

    #[test]
    fn terms_literals_and_other_messages_are_put_in() {
        let english = "-app = Balcony\napp = { -app }\nhello = Hello { app }, { -app }{ \"!\" }";
        let written = both(english, english).unwrap();
        assert!(written.contains("\"Hello Balcony, Balcony!\""));
    }

    #[test]
    fn what_one_language_lacks_has_beyond_or_calls_otherwise_is_named() {
        assert_eq!(
            problems("a = A\nb = B { $x }", "b = B { $y }\nc = C"),
            [
                "de.ftl: `a` is missing",
                "de.ftl: `c` is unknown to en.ftl",
                "de.ftl: `b` takes other arguments (y) than in en.ftl (x)",
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (english, problem) in [
            ("a = { b }", "en.ftl: `a`: there is no message `b`"),
            ("a = { -b }", "en.ftl: `a`: there is no term `-b`"),
            ("a = { b }\nb = { a }", "en.ftl: `a`: refers to itself"),
            (
                "a = A\n    .title = T",
                "en.ftl: `a`: attributes are not supported",
            ),
            (
                "a = { DATETIME($x) }",
                "en.ftl: `a`: functions are not supported (DATETIME)",
            ),
            (
                "a = { $x ->\n    [male] A\n   *[other] B\n }",
                "en.ftl: `a`: `male` is neither a plural category nor a whole number",
            ),
            (
                "a = { $x ->\n   *[one] A\n    [other] B\n }",
                "en.ftl: `a`: the default of a selection has to be `other`",
            ),
            ("a = A\na = B", "en.ftl: `a` is there twice"),
            (
                "a-b = A\na_b = B",
                "en.ftl: `a_b`: only lower case letters, digits and `-` make a name",
            ),
            ("self = A", "en.ftl: `self`: is a word of Rust"),
        ] {
            assert!(
                problems(english, english).contains(&problem.to_owned()),
                "{english}: {:?}",
                problems(english, english)
            );
        }
        let broken = problems("a = { $x", "a = { $x");
        assert!(broken[0].starts_with("en.ftl:3: "), "{broken:?}");
    }

    #[test]
    fn a_language_tells_its_name_and_direction() {
        let found = generate(&[File {
            name: "en.ftl",
            text: "a = A",
        }])
        .unwrap_err();
        assert_eq!(
            found,
            [
                "en.ftl: the term `-language-name` is missing",
                "en.ftl: the term `-language-direction` is missing",
            ]
        );
        let head = "-language-name = X\n-language-direction = up\n";
        let found = generate(&[File {
            name: "en.ftl",
            text: head,
        }])
        .unwrap_err();
        assert_eq!(
            found,
            ["en.ftl: `-language-direction` is neither `ltr` nor `rtl`"]
        );
    }
}
