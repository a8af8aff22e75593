//! Stream management (XEP-0198): nonzas, the counter `h`, and both halves of counting.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::archive_id::ArchiveId;
use crate::mutant::mutant;
use crate::ns;
use crate::stanza_error::Condition;
use crate::stream_error::{StreamCondition, StreamError};
use crate::xml::Element;

/// How many stanzas one side has handled on a stream: the counter `h`, modulo 2³² (XEP-0198 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handled(pub u32);

impl Handled {
    /// Reads the attribute `h`; `None` unless it is an unsigned 32-bit decimal (SM-06).
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The counter once so many stanzas are handled.
    #[expect(clippy::cast_possible_truncation, reason = "a counter modulo 2³²")]
    pub fn of_count(count: u64) -> Self {
        Self(count as u32)
    }

    /// The counter `count` stanzas further on.
    #[must_use]
    pub fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// How many stanzas lie between `earlier` and this, modulo 2³² (SM-04).
    pub fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// The peer acknowledged what was never sent, or went back (SM-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("peer acknowledged {} of {} stanzas", h.0, sent.0)]
pub struct AckError {
    /// What the peer claims.
    pub h: Handled,
    /// What was sent.
    pub sent: Handled,
}

impl AckError {
    /// The stream error that ends the stream (XEP-0198 §4).
    pub fn to_stream_error(self) -> StreamError {
        let detail = Element::new("handled-count-too-high", ns::SM)
            .attr("h", self.h.0)
            .attr("send-count", self.sent.0);
        let error = StreamError::new(StreamCondition::UndefinedCondition);
        StreamError {
            detail: Some(detail),
            ..error
        }
    }
}

/// What was sent and not yet acknowledged, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacked<T> {
    base: Handled,
    waiting: VecDeque<T>,
}

impl<T> Unacked<T> {
    /// Nothing sent yet, counting from `base`.
    pub fn new(base: Handled) -> Self {
        Self {
            base,
            waiting: VecDeque::new(),
        }
    }

    /// Counts one more stanza as sent.
    pub fn push(&mut self, stanza: T) {
        self.waiting.push_back(stanza);
    }

    /// Takes the peer's `h` and returns what it settles, oldest first.
    ///
    /// # Errors
    /// [`AckError`] if the peer claims more than was sent or goes back; the stream is then closed.
    pub fn ack(&mut self, h: Handled) -> Result<impl Iterator<Item = T> + '_, AckError> {
        let settled = usize::try_from(h.since(self.base)).unwrap_or(usize::MAX);
        if settled > self.waiting.len() {
            return Err(AckError {
                h,
                sent: self.sent(),
            });
        }
        self.base = h;
        Ok(self.waiting.drain(..settled))
    }

    /// How many stanzas were sent in all.
    pub fn sent(&self) -> Handled {
        self.base
            .plus(u32::try_from(self.waiting.len()).unwrap_or(u32::MAX))
    }

    /// How far the peer has acknowledged.
    pub fn acked(&self) -> Handled {
        self.base
    }

    /// What waits, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.waiting.iter()
    }

    /// How many stanzas wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything sent is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes all that waits and forgets the count.
    pub fn take(self) -> impl Iterator<Item = T> {
        self.waiting.into_iter()
    }
}

/// One received stanza that is being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u64);

impl Slot {
    /// How many stanzas are handled in all, not modulo anything, once this one and all before it are.
    pub fn count(self) -> u64 {
        self.0 + 1
    }
}

/// Counts received stanzas as handled, strictly in the order in which they came (SM-09).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// How many stanzas are handled; the number of the first slot that is not.
    first: u64,
    settled: VecDeque<bool>,
}

impl Watermark {
    /// Goes on from where `count` stanzas are handled; `h` is its lower half.
    pub fn new(count: u64) -> Self {
        Self {
            first: count,
            settled: VecDeque::new(),
        }
    }

    /// A stanza arrived.
    pub fn begin(&mut self) -> Slot {
        self.settled.push_back(false);
        Slot(self.first + self.settled.len() as u64 - 1)
    }

    /// The stanza of this slot is handled; settling twice changes nothing.
    pub fn settle(&mut self, slot: Slot) {
        let index = slot
            .0
            .checked_sub(self.first)
            .map(|index| if mutant("h-out-of-order") { 0 } else { index })
            .and_then(|i| usize::try_from(i).ok());
        if let Some(settled) = index.and_then(|i| self.settled.get_mut(i)) {
            *settled = true;
        }
        while self.settled.front() == Some(&true) {
            self.settled.pop_front();
            self.first += 1;
        }
    }

    /// How many stanzas are handled, none before them unhandled.
    pub fn handled(&self) -> Handled {
        let early = usize::from(mutant("h-on-receipt")) * self.settled.len();
        Handled::of_count(self.first + early as u64)
    }

    /// The same, not modulo 2³².
    pub fn count(&self) -> u64 {
        self.first
    }

    /// Whether every stanza that arrived before this slot is handled.
    pub fn is_next(&self, slot: Slot) -> bool {
        slot.0 <= self.first
    }

    /// How many stanzas are handled but stand behind one that is not.
    pub fn settled_early(&self) -> usize {
        self.settled.iter().filter(|settled| **settled).count()
    }

    /// How many stanzas arrived and do not count as handled yet.
    pub fn unsettled(&self) -> usize {
        self.settled.len()
    }
}

/// The nonzas of stream management.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmNonza {
    /// `<enable/>`
    Enable {
        /// Whether resumption is wanted.
        resume: bool,
        /// For how many seconds at most.
        max_s: Option<u32>,
    },
    /// `<enabled/>`
    Enabled {
        /// SM-ID to resume with; absent if the session cannot be resumed.
        id: Option<String>,
        /// How many seconds the session is kept once the connection is lost.
        max_s: Option<u32>,
    },
    /// `<r/>`
    Request,
    /// `<a/>`; `None` if `h` is missing or no number.
    Ack(Option<Handled>),
    /// `<resume/>`
    Resume {
        /// The SM-ID.
        previd: Option<String>,
        /// What the client has handled; `None` if missing or no number.
        h: Option<Handled>,
        /// Where the client's history ends, on an s11 session (S11-61).
        pos: Option<ArchiveId>,
    },
    /// `<resumed/>`
    Resumed {
        /// The SM-ID.
        previd: String,
        /// What the server has handled.
        h: Handled,
        /// Whether the server knows the session from its disk only (S11-62).
        is_restored: bool,
    },
    /// `<failed/>`
    Failed {
        /// What the server had handled, if it still knows.
        h: Option<Handled>,
        /// Why.
        condition: Condition,
    },
}

impl SmNonza {
    /// Reads a nonza; `None` if it is none of stream management.
    pub fn from_element(element: &Element) -> Option<Self> {
        if element.ns() != ns::SM {
            return None;
        }
        let attribute = |name| element.get_attr(name);
        let h = attribute("h").and_then(Handled::parse);
        let max_s = attribute("max").and_then(|max| max.parse().ok());
        let wants_resume = || matches!(attribute("resume"), Some("true" | "1"));
        Some(match element.name() {
            "enable" => Self::Enable {
                resume: wants_resume(),
                max_s,
            },
            "enabled" => {
                let id = attribute("id")
                    .filter(|_| wants_resume())
                    .map(str::to_owned);
                Self::Enabled { id, max_s }
            }
            "r" => Self::Request,
            "a" => Self::Ack(h),
            "resume" => Self::Resume {
                previd: attribute("previd").map(str::to_owned),
                h,
                pos: element
                    .get_attr_ns(ns::S11, "pos")
                    .and_then(ArchiveId::parse),
            },
            "resumed" => Self::Resumed {
                previd: attribute("previd")?.to_owned(),
                h: h?,
                is_restored: matches!(element.get_attr_ns(ns::S11, "restored"), Some("true" | "1")),
            },
            "failed" => {
                let condition = element.children().find_map(|c| Condition::parse(c.name()));
                Self::Failed {
                    h,
                    condition: condition.unwrap_or(Condition::UndefinedCondition),
                }
            }
            _ => return None,
        })
    }

    /// The element.
    pub fn to_element(&self) -> Element {
        let new = |name| Element::new(name, ns::SM);
        match self {
            Self::Enable { resume, max_s } => new("enable")
                .attr_opt("resume", resume.then_some("true"))
                .attr_opt("max", *max_s),
            Self::Enabled { id, max_s } => {
                let resume = id.is_some().then_some("true");
                new("enabled")
                    .attr_opt("id", id.as_deref())
                    .attr_opt("resume", resume)
                    .attr_opt("max", *max_s)
            }
            Self::Request => new("r"),
            Self::Ack(h) => new("a").attr_opt("h", h.map(|h| h.0)),
            Self::Resume { previd, h, pos } => {
                let resume = new("resume")
                    .attr_opt("previd", previd.as_deref())
                    .attr_opt("h", h.map(|h| h.0));
                match pos {
                    Some(pos) => resume.attr_ns(ns::S11, "pos", pos),
                    None => resume,
                }
            }
            Self::Resumed {
                previd,
                h,
                is_restored,
            } => {
                let resumed = new("resumed").attr("previd", previd).attr("h", h.0);
                if *is_restored {
                    resumed.attr_ns(ns::S11, "restored", "true")
                } else {
                    resumed
                }
            }
            Self::Failed { h, condition } => new("failed")
                .attr_opt("h", h.map(|h| h.0))
                .child(condition.to_element()),
        }
    }

    /// Writes the frame.
    pub fn write(&self) -> String {
        self.to_element().to_string()
    }
}

/// The stream feature.
pub fn feature() -> Element {
    Element::new("sm", ns::SM)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // proves: SM-04 SM-05
    #[test]
    fn acks_are_valid_up_to_what_was_sent_and_never_go_back() {
        for (base, sent, h, settled) in [
            (0, 3, 1, Some(1)),
            (0, 0, 0, Some(0)),
            (0, 2, 3, None),
            (5, 2, 4, None),
            (u32::MAX - 2, 5, 1, Some(4)),
            (u32::MAX - 2, 5, 2, Some(5)),
            (u32::MAX - 2, 5, 3, None),
        ] {
            let mut unacked = Unacked::new(Handled(base));
            (0..sent).for_each(|n| unacked.push(n));
            let count = unacked.ack(Handled(h)).map(Iterator::count).ok();
            assert_eq!(count, settled, "base {base}, sent {sent}, h {h}");
        }
    }

    // proves: SM-06
    #[test]
    fn h_is_an_unsigned_32_bit_decimal() {
        for (text, h) in [
            ("0", Some(0)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("", None),
            (" 1", None),
        ] {
            assert_eq!(Handled::parse(text), h.map(Handled), "{text}");
        }
    }

    // proves: SM-33
    #[test]
    fn resume_is_true_for_true_and_1_only() {
        for (value, resume) in [("true", true), ("1", true), ("false", false), ("0", false)] {
            let enable = Element::new("enable", ns::SM).attr("resume", value);
            let expected = SmNonza::Enable {
                resume,
                max_s: None,
            };
            assert_eq!(SmNonza::from_element(&enable), Some(expected));
        }
    }

    // proves: SM-26
    #[test]
    fn a_location_is_neither_sent_nor_read() {
        let enabled = SmNonza::Enabled {
            id: Some("x".into()),
            max_s: Some(5),
        };
        let sent = enabled.to_element();
        assert_eq!(sent.get_attr("location"), None);
        let elsewhere = sent.attr("location", "elsewhere.example:5222");
        assert_eq!(SmNonza::from_element(&elsewhere), Some(enabled));
    }

    #[test]
    fn nonzas_read_back_as_written() {
        for nonza in [
            SmNonza::Enable {
                resume: true,
                max_s: Some(600),
            },
            SmNonza::Enabled {
                id: Some("x".into()),
                max_s: Some(5),
            },
            SmNonza::Request,
            SmNonza::Ack(Some(Handled(7))),
            SmNonza::Ack(None),
            SmNonza::Resume {
                previd: Some("x".into()),
                h: Some(Handled(3)),
                pos: None,
            },
            SmNonza::Resume {
                previd: Some("x".into()),
                h: Some(Handled(3)),
                pos: ArchiveId::parse("y.1"),
            },
            SmNonza::Resumed {
                previd: "x".into(),
                h: Handled(3),
                is_restored: false,
            },
            SmNonza::Resumed {
                previd: "x".into(),
                h: Handled(3),
                is_restored: true,
            },
            SmNonza::Failed {
                h: Some(Handled(9)),
                condition: Condition::ItemNotFound,
            },
        ] {
            assert_eq!(SmNonza::from_element(&nonza.to_element()), Some(nonza));
        }
    }

    proptest! {
        // proves: SM-09
        #[test]
        fn the_watermark_counts_a_prefix(
            order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
            base: u32,
        ) {
            let mut watermark = Watermark::new(base.into());
            let slots: Vec<_> = (0..20).map(|_| watermark.begin()).collect();
            let mut done = [false; 20];
            for index in order {
                watermark.settle(slots[index]);
                done[index] = true;
                let prefix = done.iter().take_while(|d| **d).count() as u32;
                prop_assert_eq!(watermark.handled(), Handled(base).plus(prefix));
            }
        }
    }
}
