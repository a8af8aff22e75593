//! Two devices that learn the same entries in different orders show the same conversation (IM-22).
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a few kinds are looked at by each test"
)]

use proptest::prelude::*;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid};

use super::window::Window;
use crate::failure::Failure;
use crate::history::{Asks, Beside, Content, Place, Reply, Row, Signal};
use crate::view::{Line, Mark};

fn romeo() -> BareJid {
    BareJid::new("romeo@montague.example").unwrap()
}

/// What an entry is: a line, or what is said of another one by its number.
#[derive(Clone, Debug)]
enum What {
    Line,
    Tombstone,
    Reply(usize),
    Received(usize),
    Displayed(usize),
    Corrected(usize),
    Reacted(usize, usize),
    Retracted(usize),
    Bounced(usize),
}

impl What {
    /// What is said of one that stands before it.
    fn about_earlier(self, number: usize) -> Self {
        let earlier = |at: usize| at % number.max(1);
        match self {
            Self::Reply(at) => Self::Reply(earlier(at)),
            Self::Received(at) => Self::Received(earlier(at)),
            Self::Displayed(at) => Self::Displayed(earlier(at)),
            Self::Corrected(at) => Self::Corrected(earlier(at)),
            Self::Reacted(at, with) => Self::Reacted(earlier(at), with),
            Self::Retracted(at) => Self::Retracted(earlier(at)),
            Self::Bounced(at) => Self::Bounced(earlier(at)),
            Self::Line | Self::Tombstone => self,
        }
    }
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        8 => Just(What::Line),
        1 => Just(What::Tombstone),
        2 => (0..30_usize).prop_map(What::Reply),
        3 => (0..30_usize).prop_map(What::Received),
        2 => (0..30_usize).prop_map(What::Displayed),
        5 => (0..30_usize).prop_map(What::Corrected),
        4 => (0..30_usize, 0..4_usize).prop_map(|(at, with)| What::Reacted(at, with)),
        1 => (0..30_usize).prop_map(What::Retracted),
        1 => (0..30_usize).prop_map(What::Bounced),
    ]
}

const EMOJIS: [&str; 3] = ["🌹", "👍", "😢"];

fn content(number: usize, what: &What) -> Content {
    let named = |at: &usize| format!("m{at}");
    match what {
        What::Line | What::Reply(_) => Content::Text(number.to_string()),
        What::Tombstone => Content::Retracted,
        What::Received(at) => Content::Signal(Signal::Received(named(at))),
        What::Displayed(at) => Content::Signal(Signal::Displayed(named(at))),
        What::Retracted(at) => Content::Signal(Signal::Retracted(named(at))),
        What::Corrected(at) => Content::Signal(Signal::Corrected {
            of: named(at),
            text: number.to_string(),
        }),
        What::Reacted(at, with) => Content::Signal(Signal::Reacted {
            of: named(at),
            emojis: EMOJIS[*with..].iter().map(|e| (*e).to_owned()).collect(),
        }),
        What::Bounced(at) => Content::Bounced {
            of: archive_id(*at),
            why: Failure::Refused,
        },
    }
}

fn archive_id(number: usize) -> ArchiveId {
    ArchiveId::parse(&format!("e{number}")).unwrap()
}

fn row(number: usize, own: bool, what: &What, is_saved: bool) -> Row {
    let reply = match what {
        What::Reply(at) => Some(Reply {
            of: format!("m{at}"),
            is_own: false,
            quote: String::new(),
        }),
        _ => None,
    };
    Row {
        place: Place::Confirmed(i64::try_from(number).unwrap()),
        key: format!("k{number}"),
        id: is_saved.then(|| archive_id(number)),
        peer: romeo(),
        own: own && !matches!(what, What::Bounced(_)),
        message_id: Some(format!("m{number}")),
        stamp: Stamp(0),
        content: content(number, what),
        beside: Beside {
            reply,
            is_unstyled: false,
        },
        mark: if is_saved {
            Mark::Archived
        } else {
            Mark::NotSaved
        },
        asks: Asks::default(),
    }
}

fn shown(window: &mut Window) -> Vec<Line> {
    window.fold(&Default::default(), None);
    let lines = window.lines();
    lines.iter().map(|line| Line::clone(line)).collect()
}

/// What the specifications say of a conversation, one line at a time and from all there is.
struct Spoken(Vec<Row>);

impl Spoken {
    fn is_line(row: &Row) -> bool {
        matches!(row.content, Content::Text(_) | Content::Retracted)
    }

    fn bounced(&self, row: &Row) -> bool {
        self.0.iter().any(|other| {
            matches!(&other.content, Content::Bounced { of, .. } if row.id.as_ref() == Some(of))
        })
    }

    fn counts(&self, row: &Row) -> bool {
        row.mark == Mark::Archived && !self.bounced(row)
    }

    /// The line that a message id leads to, from one that says something of it.
    fn line(&self, from: &Row, of: &str, may_be_others: bool, left: usize) -> Option<&Row> {
        let target = self
            .0
            .iter()
            .find(|row| row.message_id.as_deref() == Some(of))?;
        if target.own != from.own && !may_be_others || left == 0 {
            return None;
        }
        match &target.content {
            _ if Self::is_line(target) => Some(target).filter(|target| target.key != from.key),
            Content::Signal(Signal::Corrected { of, .. }) if self.counts(target) => {
                self.line(target, of, false, left - 1)
            }
            _ => None,
        }
    }

    fn says_of<'a>(&'a self, line: &'a Row) -> impl Iterator<Item = &'a Row> {
        let rows = self.0.iter().filter(|row| self.counts(row));
        rows.filter(|row| {
            let (of, may_be_others) = match &row.content {
                Content::Signal(Signal::Reacted { of, .. }) => (of, true),
                Content::Signal(Signal::Corrected { of, .. } | Signal::Retracted(of)) => {
                    (of, false)
                }
                _ => return false,
            };
            let found = self.line(row, of, may_be_others, self.0.len());
            found.is_some_and(|found| found.key == line.key)
        })
    }

    /// What a line reads, what it read before, and the reactions of each side.
    fn look(&self, line: &Row) -> (Option<String>, usize, [Vec<String>; 2]) {
        let mut texts = Vec::new();
        let mut reactions = [Vec::new(), Vec::new()];
        if let Content::Text(text) = &line.content {
            texts.push(text.clone());
        }
        for row in self.says_of(line) {
            match &row.content {
                Content::Signal(Signal::Corrected { text, .. }) if !texts.is_empty() => {
                    texts.push(text.clone());
                }
                Content::Signal(Signal::Reacted { emojis, .. }) => {
                    reactions[usize::from(row.own)] = emojis.clone();
                }
                Content::Signal(Signal::Retracted(_)) => return (None, 0, Default::default()),
                _ => {}
            }
        }
        match texts.pop() {
            Some(text) => (Some(text), texts.len(), reactions),
            None => (None, 0, Default::default()),
        }
    }

    fn mark(&self, row: &Row) -> Mark {
        if !row.own || row.mark != Mark::Archived {
            return row.mark.clone();
        }
        if self.bounced(row) {
            return Mark::Failed(Failure::Refused);
        }
        let others = self.0.iter().filter(|other| !other.own);
        let signals: Vec<_> = others.map(|other| &other.content).collect();
        let is_named = |named: &Row, signal: fn(String) -> Signal| {
            let id = named.message_id.clone().unwrap();
            signals.contains(&&Content::Signal(signal(id)))
        };
        let is_edit = |row: &Row| matches!(row.content, Content::Signal(Signal::Corrected { .. }));
        let is_read = self.0.iter().any(|named| {
            let is_said = Self::is_line(named) || is_edit(named);
            named.own && is_said && named.place >= row.place && is_named(named, Signal::Displayed)
        });
        let mut edits = self.says_of(row).filter(|said| is_edit(said));
        if is_read {
            Mark::Read
        } else if is_named(row, Signal::Received) || edits.any(|e| is_named(e, Signal::Received)) {
            Mark::Received
        } else {
            Mark::Archived
        }
    }
}

/// A line as the specifications have it.
fn assert_as_spoken(line: &Line, row: &Row, spoken: &Spoken) {
    let (text, edits, reactions) = spoken.look(row);
    assert_eq!(line.is_retracted, text.is_none(), "{line:?}");
    assert_eq!(line.text, text.unwrap_or_default());
    assert_eq!(line.edits.len(), edits);
    let chosen = |own: bool| {
        let chosen = line.reactions.iter();
        let chosen = chosen.filter(move |r| if own { r.own } else { r.other });
        let mut chosen: Vec<_> = chosen.map(|reaction| reaction.emoji.clone()).collect();
        chosen.sort();
        chosen
    };
    let sorted = |emojis: &[String]| {
        let mut emojis = emojis.to_vec();
        emojis.sort();
        emojis
    };
    assert_eq!(chosen(false), sorted(&reactions[0]));
    assert_eq!(chosen(true), sorted(&reactions[1]));
    assert_eq!(line.mark, spoken.mark(row), "{line:?}");
    let answered = row.beside.reply.as_ref().filter(|_| !line.is_retracted);
    let answered = answered.map(|reply| spoken.line(row, &reply.of, true, spoken.0.len()));
    assert_eq!(line.reply.is_some(), answered.is_some());
    if let (Some(quote), Some(answered)) = (&line.reply, answered) {
        assert_eq!(quote.key, answered.map(|row| row.key.clone()));
        let text = answered.and_then(|row| spoken.look(row).0);
        assert_eq!(quote.text, text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    // proves: IM-22 MAM-32 IM-03 IM-10 IM-12 IM-13 IM-14
    #[test]
    fn two_devices_show_the_same_whatever_came_first(
        entries in proptest::collection::vec((what(), any::<bool>(), prop::bool::weighted(0.9)), 1..30),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 30),
        folds in proptest::collection::vec(any::<bool>(), 30),
        split in any::<prop::sample::Index>(),
        is_causal in any::<bool>(),
    ) {
        let rows = entries.iter().enumerate();
        let rows = rows.map(|(n, (what, own, is_saved))| {
            let what = if is_causal { what.clone().about_earlier(n) } else { what.clone() };
            row(n, *own, &what, *is_saved)
        });
        let rows: Vec<_> = rows.collect();
        // One device gets them in order, live.
        let mut one = Window::new(romeo(), -1);
        for row in &rows {
            one.write(row);
            shown(&mut one);
        }
        // The other gets them in any order, some twice, and looks at the screen now and then.
        let mut other = Window::new(romeo(), -1);
        let mut left = rows.clone();
        for (at, folds) in order.iter().zip(&folds) {
            if left.is_empty() {
                break;
            }
            let row = left.swap_remove(at.index(left.len()));
            other.write(&row);
            other.write(&row);
            if *folds {
                shown(&mut other);
            }
        }
        for row in left {
            other.write(&row);
        }
        let lines = shown(&mut one);
        prop_assert_eq!(&lines, &shown(&mut other));
        // A third loads the newest page first and the older one later.
        let at = split.index(rows.len());
        let mut third = Window::new(romeo(), i64::MAX - 1);
        third.load(&rows[at..], false);
        let newest = shown(&mut third);
        // Nobody can tell of a line before it is there, so a window needs nothing that it does not hold
        // but what its lines answer.
        let bare = |lines: &[Line]| -> Vec<Line> {
            let lines = lines.iter().cloned();
            lines.map(|line| Line { reply: None, ..line }).collect()
        };
        let is_end = bare(&lines).ends_with(&bare(&newest));
        prop_assert!(!is_causal || is_end, "a window is the end of the whole");
        third.load(&rows[..at], true);
        prop_assert_eq!(&lines, &shown(&mut third));
        let spoken = Spoken(rows);
        let looks = spoken.0.iter().filter(|row| Spoken::is_line(row));
        let looks: Vec<_> = looks.collect();
        prop_assert_eq!(looks.len(), lines.len());
        for (line, row) in lines.iter().zip(looks) {
            assert_as_spoken(line, row, &spoken);
        }
    }
}
