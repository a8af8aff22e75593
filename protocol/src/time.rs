//! Time is an input: the cores never look at a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The moment at which an input is handled, as its driver saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; its zero is arbitrary.
    pub mono_ms: u64,
    /// Milliseconds of wall time since 1970-01-01T00:00:00Z; may jump.
    pub wall_ms: i64,
}

/// A wall-clock moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    /// Reads an XEP-0082 DateTime with any fraction length and any offset (CO-12).
    ///
    /// Gives `None` for anything else, also for a date that no calendar has.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let clock = rest.strip_prefix('T')?;
        let (clock, offset_min) = split_zone(clock)?;
        let days = parse_date(date)?;
        let day_ms = parse_clock(clock)?;
        Some(Self(days * 86_400_000 + day_ms - offset_min * 60_000))
    }
}

impl fmt::Display for Stamp {
    /// Writes XEP-0082 DateTime in UTC with three digits of fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, milli) = (ms / 1_000 % 60, ms % 1_000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

fn split_zone(clock: &str) -> Option<(&str, i64)> {
    if let Some(utc) = clock.strip_suffix('Z') {
        return Some((utc, 0));
    }
    let at = clock.rfind(['+', '-'])?;
    let (clock, zone) = clock.split_at_checked(at)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some((
        clock,
        sign * (digits(hours, 2, 23)? * 60 + digits(minutes, 2, 59)?),
    ))
}

fn parse_date(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4, 9_999)?;
    let month = digits(parts.next()?, 2, 12)?;
    let day = digits(parts.next()?, 2, 31)?;
    let days = days_from_civil(year, month, day);
    (parts.next().is_none() && civil_from_days(days) == (year, month, day)).then_some(days)
}

fn parse_clock(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock
        .split_once('.')
        .map_or((clock, None), |(w, f)| (w, Some(f)));
    let mut parts = whole.split(':');
    let hour = digits(parts.next()?, 2, 23)?;
    let minute = digits(parts.next()?, 2, 59)?;
    let second = digits(parts.next()?, 2, 60)?;
    let milli = match fraction {
        None => 0,
        Some(f) if f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some(f) => f
            .bytes()
            .chain([b'0'; 3])
            .take(3)
            .fold(0, |ms, b| ms * 10 + i64::from(b - b'0')),
    };
    parts
        .next()
        .is_none()
        .then_some(((hour * 60 + minute) * 60 + second) * 1_000 + milli)
}

fn digits(text: &str, len: usize, max: i64) -> Option<i64> {
    let all_digits = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| all_digits && *n <= max)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: CO-12
    #[test]
    fn datetimes_with_fractions_and_offsets_are_read_and_written_in_utc() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-07-21T02:56:15Z", Some(-14_159_025_000)),
            ("1969-07-20T21:56:15-05:00", Some(-14_159_025_000)),
            ("2000-02-29T12:00:00.5Z", Some(951_825_600_500)),
            ("2026-11-22T10:00:00.123456+01:00", Some(1_795_338_000_123)),
            ("2023-02-29T00:00:00Z", None),
            ("2023-02-28T24:00:00Z", None),
            ("2023-02-28T00:00:00", None),
            ("2023-02-28T00:00:00.Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(Stamp::parse(text), ms.map(Stamp), "{text}");
        }
        assert_eq!(
            Stamp(951_825_600_500).to_string(),
            "2000-02-29T12:00:00.500Z"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            proptest::prop_assert_eq!(Stamp::parse(&Stamp(ms).to_string()), Some(Stamp(ms)));
        }
    }
}
