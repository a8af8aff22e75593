//! Result sets (XEP-0059).

use crate::ns;
use crate::xml::Element;

/// Which page is asked for, ids as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many results.
    pub max: Option<u32>,
    /// Only what lies behind this id.
    pub after: Option<String>,
    /// Only what lies before this id; empty asks for the last page.
    pub before: Option<String>,
}

impl PageRequest {
    /// Reads `<set/>`; `None` if `max` is no number.
    pub fn from_element(set: &Element) -> Option<Self> {
        let text = |name| set.find(name, ns::RSM).map(Element::own_text);
        let max = match text("max") {
            None => None,
            Some(max) => Some(max.trim().parse().ok()?),
        };
        let after = text("after").filter(|id| !id.is_empty());
        Some(Self {
            max,
            after,
            before: text("before"),
        })
    }

    /// Writes `<set/>`.
    pub fn to_element(&self) -> Element {
        let mut set = Element::new("set", ns::RSM);
        let max = self.max.map(|max| max.to_string());
        for (name, value) in [
            ("max", &max),
            ("after", &self.after),
            ("before", &self.before),
        ] {
            if let Some(value) = value {
                set = set.child(Element::new(name, ns::RSM).text(value));
            }
        }
        set
    }
}

/// What a page was: its ends, and the whole set's size if it was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageInfo {
    /// Id of the oldest result.
    pub first: Option<String>,
    /// Id of the newest result.
    pub last: Option<String>,
    /// Size of the whole set.
    pub count: Option<u64>,
}

impl PageInfo {
    /// Reads `<set/>`.
    pub fn from_element(set: &Element) -> Self {
        let text = |name| set.find(name, ns::RSM).map(Element::own_text);
        let count = text("count").and_then(|count| count.parse().ok());
        Self {
            first: text("first"),
            last: text("last"),
            count,
        }
    }

    /// Writes `<set/>`.
    pub fn to_element(&self) -> Element {
        let mut set = Element::new("set", ns::RSM);
        let count = self.count.map(|count| count.to_string());
        for (name, value) in [
            ("first", &self.first),
            ("last", &self.last),
            ("count", &count),
        ] {
            if let Some(value) = value {
                set = set.child(Element::new(name, ns::RSM).text(value));
            }
        }
        set
    }
}
