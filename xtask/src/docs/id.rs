//! Requirement ids such as `SM-07`: an area and a number.

use std::fmt;

/// One requirement id; ids sort by area, then number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// Letters and digits before the dash: `SM`, `S11`.
    pub(super) area: String,
    /// The number after it.
    pub(super) number: u32,
}

impl Id {
    /// Reads `SM-07`; anything else is no id.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (area, number) = text.split_once('-')?;
        let is_area = (2..=4).contains(&area.len())
            && area.starts_with(|c: char| c.is_ascii_uppercase())
            && area
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let is_number =
            (2..=3).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit());
        (is_area && is_number).then(|| Self {
            area: area.to_owned(),
            number: number.parse().unwrap_or(0),
        })
    }

    /// Reads a list such as `SM-07, SM-16..18 WS-01` up to the first word that is neither id nor range.
    pub(super) fn parse_list(text: &str) -> Vec<Self> {
        let mut ids = Vec::new();
        for word in text
            .split([' ', ',', ';', '\t'])
            .filter(|word| !word.is_empty())
        {
            let word = word.trim_end_matches(['.', ')']);
            let Some(range) = Self::parse_range(word) else {
                break;
            };
            ids.extend(range);
        }
        ids
    }

    fn parse_range(word: &str) -> Option<Vec<Self>> {
        let Some((first, last)) = word.split_once("..") else {
            return Some(vec![Self::parse(word)?]);
        };
        let first = Self::parse(first)?;
        let last: u32 = last.parse().ok()?;
        Some(
            (first.number..=last)
                .map(|number| Self {
                    area: first.area.clone(),
                    number,
                })
                .collect(),
        )
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.area, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_ids_and_ranges_and_end_at_the_first_other_word() {
        let shown = |text| {
            Id::parse_list(text)
                .iter()
                .map(Id::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown("S11-41"), "S11-41");
        assert_eq!(
            shown("SM-16..18, WS-01. and SM-20"),
            "SM-16 SM-17 SM-18 WS-01"
        );
        assert_eq!(shown("RFC-6120 X-1 sm-07"), "");
        assert_eq!(shown("WS-02; CO-11"), "WS-02 CO-11");
    }
}
