//! In which language the client speaks to its person.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Intl, Number, Object};
use leptos::prelude::*;

use crate::state::AppState;
use crate::texts::LANGUAGES;
use crate::{browser, format, settings};

/// Under which key of the profile's storage the choice is kept.
pub(crate) const KEPT: &str = "balcony:language";

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
    static PLURALS: RefCell<Option<Intl::PluralRules>> = const { RefCell::new(None) };
}

/// A language of the client.
pub(crate) struct Language {
    /// Its tag (BCP 47), which is also the name of its file.
    pub(crate) tag: &'static str,
    /// Whose numbers, dates and plural forms it uses.
    pub(crate) locale: &'static str,
    /// What it calls itself.
    pub(crate) name: &'static str,
    /// `ltr` or `rtl`.
    pub(crate) direction: &'static str,
}

/// Place of the language in [`LANGUAGES`].
pub(crate) fn index() -> usize {
    INDEX.get()
}

/// Takes the language that was chosen, else the first of the browser's that there is, else the first of all.
pub(crate) fn restore() {
    let wanted: Vec<String> = match chosen() {
        Some(tag) => vec![tag],
        None => of_browser(),
    };
    let find = |tag: &String| LANGUAGES.iter().position(|known| speaks(tag, known.tag));
    show(wanted.iter().find_map(find).unwrap_or(0));
}

/// The tag that was chosen; none where the browser's languages decide.
pub(crate) fn chosen() -> Option<String> {
    settings::read(KEPT)
}

/// Chooses a language by its tag, or leaves it to the browser; all that is shown is drawn anew.
pub(crate) fn choose(state: AppState, tag: Option<&str>) {
    settings::keep(KEPT, tag);
    adopt(state);
}

/// Speaks as was chosen, here or in another tab.
pub(crate) fn adopt(state: AppState) {
    let former = index();
    restore();
    if index() != former {
        state.language.set(index());
    }
}

/// The tag for the browser's own ways to write: the language, as this person's country writes it if that is known.
pub(crate) fn locale() -> String {
    let locale = LANGUAGES
        .get(index())
        .map_or("en", |language| language.locale);
    let mut of_browser = of_browser().into_iter();
    let regional = of_browser.find(|tag| speaks(tag, locale));
    regional.unwrap_or_else(|| locale.to_owned())
}

/// A number as the language writes it.
pub(crate) fn number(number: f64) -> String {
    Number::from(number).to_locale_string(&locale()).into()
}

/// The plural category of a number (CLDR).
pub(crate) fn plural(number: f64) -> String {
    PLURALS.with_borrow_mut(|rules| {
        let new = || Intl::PluralRules::new(&Array::of1(&locale().into()), &Object::new());
        rules.get_or_insert_with(new).select(number).into()
    })
}

fn show(index: usize) {
    INDEX.set(index);
    PLURALS.take();
    format::forget();
    if let (Some(root), Some(language)) =
        (browser::document().document_element(), LANGUAGES.get(index))
    {
        let _ = root.set_attribute("lang", language.tag);
        let _ = root.set_attribute("dir", language.direction);
    }
}

/// What the browser's person reads, the best first.
fn of_browser() -> Vec<String> {
    let languages = browser::window().navigator().languages();
    languages.iter().filter_map(|tag| tag.as_string()).collect()
}

/// Whether who wants `tag` can read `known`: `de-AT` is `de`.
fn speaks(tag: &str, known: &str) -> bool {
    let rest = tag
        .get(..known.len())
        .filter(|start| start.eq_ignore_ascii_case(known));
    rest.is_some()
        && tag
            .get(known.len()..)
            .is_none_or(|rest| rest.is_empty() || rest.starts_with('-'))
}
