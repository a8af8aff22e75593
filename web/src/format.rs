//! Times and names as a person writes them.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Date, Function, Intl, JsString, Object, Reflect};
use protocol::BareJid;
use protocol::time::Stamp;
use sha1::{Digest as _, Sha1};
use wasm_bindgen::JsValue;

use crate::{language, texts};

thread_local! {
    static WAYS: RefCell<Option<Rc<Ways>>> = const { RefCell::new(None) };
}

/// The ways to write a time in the current language.
struct Ways {
    time: Function,
    weekday: Function,
    short_date: Function,
    old_date: Function,
    day: Function,
    old_day: Function,
    full: Function,
    precise: Function,
}

impl Ways {
    fn new() -> Self {
        let locale = language::locale();
        let way = |options: &[(&str, &str)]| formatter(&locale, options);
        let (day, year) = (("day", "numeric"), ("year", "numeric"));
        let (month, month_short) = (("month", "long"), ("month", "short"));
        Self {
            time: way(&[("hour", "numeric"), ("minute", "2-digit")]),
            weekday: way(&[("weekday", "short")]),
            short_date: way(&[day, month_short]),
            old_date: way(&[day, month_short, year]),
            day: way(&[("weekday", "long"), day, month]),
            old_day: way(&[day, month, year]),
            full: way(&[("dateStyle", "full"), ("timeStyle", "medium")]),
            precise: way(&[("timeStyle", "medium")]),
        }
    }
}

/// Forgets how times are written: the language is another one.
pub(crate) fn forget() {
    WAYS.take();
}

/// The time of day.
pub fn time(stamp: Stamp) -> String {
    written(stamp, |ways| &ways.time)
}

/// Date and time in full.
pub fn full(stamp: Stamp) -> String {
    written(stamp, |ways| &ways.full)
}

/// The time of day to the millisecond, for developers.
pub fn precise(stamp: Stamp) -> String {
    let seconds = written(stamp, |ways| &ways.precise);
    format!("{seconds} .{:03}", stamp.0.rem_euclid(1_000))
}

/// A time for a list: the clock for today, the weekday for this week, else the date.
pub fn brief(stamp: Stamp) -> String {
    match today() - day(stamp) {
        0 => time(stamp),
        1 => texts::yesterday().to_owned(),
        2..=6 => written(stamp, |ways| &ways.weekday),
        7..=300 => written(stamp, |ways| &ways.short_date),
        _ => written(stamp, |ways| &ways.old_date),
    }
}

/// The heading of a day.
pub fn day_label(stamp: Stamp) -> String {
    match today() - day(stamp) {
        0 => texts::today().to_owned(),
        1 => texts::yesterday().to_owned(),
        2..=300 => written(stamp, |ways| &ways.day),
        _ => written(stamp, |ways| &ways.old_day),
    }
}

/// A day by its date, whenever it is.
pub fn date_of(stamp: Stamp) -> String {
    written(stamp, |ways| &ways.old_day)
}

/// Number of the local day.
pub fn day(stamp: Stamp) -> i64 {
    let date = date(stamp);
    let offset_ms = date.get_timezone_offset() as i64 * 60_000;
    (stamp.0 - offset_ms).div_euclid(86_400_000)
}

/// What to call somebody of whom only the address is known.
pub fn short_name(jid: &BareJid) -> String {
    jid.node()
        .map_or_else(|| jid.domain().to_string(), |node| node.to_string())
}

/// One or two letters for an avatar.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
        .filter_map(|word| word.chars().next());
    let first = words.next().or_else(|| name.chars().next());
    let letters: String = first.into_iter().chain(words.next_back()).collect();
    // The browser has the tables for it.
    let letters = JsString::from(letters).to_locale_upper_case(None);
    letters.into()
}

/// The angle of somebody's colour, in degrees (XEP-0392 §5.1).
pub fn hue(jid: &BareJid) -> u32 {
    hue_of(jid.as_str())
}

fn hue_of(text: &str) -> u32 {
    let hash = Sha1::digest(text.as_bytes());
    let angle = hash
        .first_chunk()
        .map_or(0, |bytes: &[u8; 2]| u16::from_le_bytes(*bytes));
    u32::from(angle) * 360 / 65_536
}

fn today() -> i64 {
    day(Stamp(Date::now() as i64))
}

fn date(stamp: Stamp) -> Date {
    Date::new(&JsValue::from_f64(stamp.0 as f64))
}

fn written(stamp: Stamp, way: impl Fn(&Ways) -> &Function) -> String {
    let ways =
        WAYS.with_borrow_mut(|ways| ways.get_or_insert_with(|| Rc::new(Ways::new())).clone());
    way(&ways)
        .call1(&JsValue::UNDEFINED, &date(stamp))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

fn formatter(locale: &str, options: &[(&str, &str)]) -> Function {
    let object = Object::new();
    for (name, value) in options {
        let _ = Reflect::set(&object, &(*name).into(), &(*value).into());
    }
    Intl::DateTimeFormat::new(&Array::of1(&locale.into()), &object).format()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn initials_are_those_of_the_first_and_last_word() {
        for (name, letters) in [
            ("Friar Laurence", "FL"),
            ("juliet", "J"),
            ("friar.john", "FJ"),
            ("", ""),
            ("🌹", "🌹"),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }

    #[wasm_bindgen_test]
    fn hues_are_those_of_the_specification() {
        for (text, degrees) in [
            ("Romeo", 327),
            ("juliet@capulet.lit", 209),
            ("😺", 331),
            ("council", 359),
        ] {
            assert_eq!(hue_of(text), degrees, "{text}");
        }
    }

    #[wasm_bindgen_test]
    fn days_end_at_local_midnight() {
        let noon = Date::new_with_year_month_day_hr(2026, 10, 22, 12);
        let (noon, hour) = (Stamp(noon.get_time() as i64), 3_600_000);
        assert_eq!(day(noon), day(Stamp(noon.0 + 11 * hour)));
        assert_eq!(day(noon) + 1, day(Stamp(noon.0 + 13 * hour)));
    }
}
