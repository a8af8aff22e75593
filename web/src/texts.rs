//! Every text that a person reads: a function for each message of `texts/*.ftl`, in the language that was chosen.
//!
//! The functions are made while building (see `build.rs`), which fails where a language lacks one. A message is called
//! by its name in those files with `_` for `-`: `sign-in` is [`sign_in`].

use client_core::view::Refusal;
use client_core::{Failure, Trouble};

use crate::language::{self, Language};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A piece of a message with arguments.
enum Part {
    /// Words.
    Text(&'static str),
    /// The argument with this place.
    Argument(usize),
    /// The first form that fits the argument with this place.
    Select(usize, &'static [(Key, &'static [Self])]),
}

/// When a form fits.
enum Key {
    /// For this number.
    Number(u32),
    /// For numbers of this plural category; `other` fits all.
    Category(&'static str),
}

/// What is put into a message.
enum Argument<'a> {
    Text(&'a str),
    Number(f64),
}

/// Whatever can be counted.
pub(crate) trait Number {
    /// As the browser knows numbers.
    fn number(self) -> f64;
}

impl Number for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

fn pick(each: &[&'static str]) -> &'static str {
    each.get(language::index()).copied().unwrap_or_default()
}

fn fill(each: &[&'static [Part]], arguments: &[Argument<'_>]) -> String {
    let mut text = String::new();
    let parts = each.get(language::index()).copied().unwrap_or_default();
    write(parts, arguments, &mut text);
    text
}

fn write(parts: &[Part], arguments: &[Argument<'_>], text: &mut String) {
    for part in parts {
        match part {
            Part::Text(words) => text.push_str(words),
            Part::Argument(place) => match arguments.get(*place) {
                // A name that runs the other way is kept from turning what stands around it.
                Some(Argument::Text(words)) if !words.is_ascii() => {
                    text.extend(["\u{2068}", words, "\u{2069}"]);
                }
                Some(Argument::Text(words)) => text.push_str(words),
                Some(Argument::Number(number)) => text.push_str(&language::number(*number)),
                None => {}
            },
            Part::Select(place, forms) => {
                let Some(Argument::Number(number)) = arguments.get(*place) else {
                    continue;
                };
                let fits = |(key, _): &&(Key, &[Part])| match key {
                    Key::Number(exact) => f64::from(*exact) == *number,
                    Key::Category("other") => true,
                    Key::Category(category) => language::plural(*number) == *category,
                };
                if let Some((_, parts)) = forms.iter().find(fits) {
                    write(parts, arguments, text);
                }
            }
        }
    }
}

/// How far a catch-up is.
pub(crate) fn progress(fetched: u32, total: Option<u32>) -> String {
    match total {
        Some(total) => so_far_of(fetched, total),
        None => so_far(fetched),
    }
}

/// Why a sign-in or registration was refused.
pub(crate) fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::WrongPassword => refused_password(),
        Refusal::SignInAgain => refused_again(),
        Refusal::NameTaken => refused_name(),
        Refusal::NotAcceptable => refused_unacceptable(),
        Refusal::LinkInvalid => refused_link(),
        Refusal::Untrusted => refused_untrusted(),
        Refusal::Other => refused_other(),
    }
}

/// Why there is no link, or no list of devices, as a sentence.
pub(crate) fn people_trouble(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Offline => people_offline(),
        Trouble::TooMany => people_too_many(),
        Trouble::Refused => people_refused(),
    }
}

/// Why a line was not sent, as a sentence.
pub(crate) fn failure(why: Failure) -> &'static str {
    match why {
        Failure::TooLong => failed_too_long(),
        Failure::TooOld => failed_too_old(),
        Failure::Nobody => failed_nobody(),
        Failure::Unwanted => failed_unwanted(),
        Failure::Unreachable => failed_unreachable(),
        Failure::TooMany => failed_too_many(),
        Failure::Full => failed_full(),
        Failure::Refused => failed_refused(),
    }
}
