//! Two devices that learn the same entries in different orders show the same conversation (IM-22).

use proptest::prelude::*;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid};

use super::window::Window;
use crate::history::{Asks, Content, Place, Row, Signal};
use crate::view::{Line, Mark};

fn romeo() -> BareJid {
    BareJid::new("romeo@montague.example").unwrap()
}

/// What an entry is: a line, or a signal for one by its number.
#[derive(Clone, Debug)]
enum What {
    Line,
    Received(usize),
    Displayed(usize),
}

impl What {
    /// A signal for a line that stands before it.
    fn about_earlier(self, number: usize) -> Self {
        match self {
            Self::Received(at) => Self::Received(at % number.max(1)),
            Self::Displayed(at) => Self::Displayed(at % number.max(1)),
            Self::Line => Self::Line,
        }
    }
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => Just(What::Line),
        2 => (0..30_usize).prop_map(What::Received),
        1 => (0..30_usize).prop_map(What::Displayed),
    ]
}

fn row(number: usize, own: bool, what: &What, is_saved: bool) -> Row {
    let named = |at: &usize| format!("m{at}");
    Row {
        place: Place::Confirmed(i64::try_from(number).unwrap()),
        key: format!("k{number}"),
        id: is_saved.then(|| ArchiveId::parse(&format!("e{number}")).unwrap()),
        peer: romeo(),
        own,
        message_id: Some(format!("m{number}")),
        stamp: Stamp(0),
        content: match what {
            What::Line => Content::Text(number.to_string()),
            What::Received(at) => Content::Signal(Signal::Received(named(at))),
            What::Displayed(at) => Content::Signal(Signal::Displayed(named(at))),
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
    window.fold(None);
    let lines = window.lines(&Default::default());
    lines.iter().map(|line| Line::clone(line)).collect()
}

/// What a line's mark is by the words of the specifications, one line at a time.
fn mark_of(row: &Row, rows: &[Row]) -> Mark {
    if !row.own || row.mark != Mark::Archived {
        return row.mark.clone();
    }
    let others = rows.iter().filter(|other| !other.own);
    let signals: Vec<_> = others.map(|other| &other.content).collect();
    let is_read = rows.iter().any(|named| {
        let id = named.message_id.clone().unwrap();
        let is_line = named.own && matches!(named.content, Content::Text(_));
        let marker = Content::Signal(Signal::Displayed(id));
        is_line && named.place >= row.place && signals.contains(&&marker)
    });
    let receipt = Content::Signal(Signal::Received(row.message_id.clone().unwrap()));
    if is_read {
        Mark::Read
    } else if signals.contains(&&receipt) {
        Mark::Received
    } else {
        Mark::Archived
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    // proves: IM-22 MAM-32 IM-03
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
        // Nobody can tell of a line before it is there, so a window needs nothing that it does not hold.
        prop_assert!(!is_causal || lines.ends_with(&newest), "a window is the end of the whole");
        third.load(&rows[..at], true);
        prop_assert_eq!(&lines, &shown(&mut third));
        let texts = rows.iter().filter(|row| matches!(row.content, Content::Text(_)));
        let marks: Vec<_> = texts.map(|row| mark_of(row, &rows)).collect();
        let seen: Vec<_> = lines.into_iter().map(|line| line.mark).collect();
        prop_assert_eq!(seen, marks);
    }
}
