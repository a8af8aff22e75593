//! The part of a conversation that is on the page: all of a short one, what is near the view of a long one.
//!
//! What is above and below takes as much room as the lines would.

use std::ops::Range;
use std::sync::Arc;

use client_core::view::Line;
use leptos::prelude::*;

use super::cells::{Cell, cells};
use super::extents::Extents;

/// So many lines are on the page as a whole.
const WHOLE_MAX: usize = 500;
/// So many more at each end come to the page at once.
const STEP: usize = 10;

/// What stands in the list.
#[derive(Clone)]
pub(crate) enum Slot {
    /// A line.
    Line(Cell),
    /// The room of those between the line with the focus and the others.
    Room,
}

impl Slot {
    /// Stable and unique.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Line(cell) => cell.key.clone(),
            Self::Room => String::new(),
        }
    }
}

/// The lines on the page and the room of the others.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// What stands in the list, in order.
    pub(crate) slots: StoredValue<Vec<Slot>>,
    /// Room above, in pixels.
    pub(crate) above: StoredValue<f64>,
    /// Room below.
    pub(crate) below: StoredValue<f64>,
    /// Room between the line with the focus and the others.
    pub(crate) between: RwSignal<f64>,
    /// All lines.
    pub(crate) extents: StoredValue<Extents>,
    range: StoredValue<Range<usize>>,
    /// Where the line with the focus stands, if it is not one of those.
    apart: StoredValue<Option<usize>>,
}

impl Part {
    /// Nothing.
    pub(crate) fn new() -> Self {
        Self {
            slots: StoredValue::new(Vec::new()),
            above: StoredValue::new(0.0),
            below: StoredValue::new(0.0),
            between: RwSignal::new(0.0),
            extents: StoredValue::new(Extents::new()),
            range: StoredValue::new(0..0),
            apart: StoredValue::new(None),
        }
    }

    /// Takes over the lines as they are; those on the page stay there.
    pub(crate) fn follow(self, lines: Vec<Arc<Line>>) {
        let range = self.range.get_value();
        self.extents.update_value(|extents| {
            let key = |at: usize| extents.lines().get(at).map(|line| line.key.clone());
            let (first, last) = (key(range.start), key(range.end.saturating_sub(1)));
            extents.follow(lines);
            let at = |key: Option<String>| key.and_then(|key| extents.index_of(&key));
            let range = match (at(first), at(last)) {
                (Some(first), Some(last)) if first <= last => first..last + 1,
                _ => 0..0,
            };
            self.range.set_value(range);
        });
    }

    /// Brings the lines that are needed to the page, and leaves out what is far from them; gives whether anything
    /// else is on the page now, and whether more is to come.
    pub(crate) fn show(
        self,
        needed: Range<usize>,
        wanted: Range<usize>,
        focused: Option<usize>,
    ) -> (bool, bool) {
        let len = self.extents.with_value(|extents| extents.lines().len());
        let (range, has_more) = next(len, self.range.get_value(), needed, wanted);
        let apart = focused.filter(|at| !range.contains(at));
        self.range.set_value(range.clone());
        self.apart.set_value(apart);
        let former = self.slots.get_value();
        let slots = self.slots_of(&former, range, apart);
        let is_same = former.len() == slots.len()
            && former.iter().zip(&slots).all(|(a, b)| match (a, b) {
                (Slot::Line(a), Slot::Line(b)) => a.key == b.key,
                (Slot::Room, Slot::Room) => true,
                (Slot::Line(_), Slot::Room) | (Slot::Room, Slot::Line(_)) => false,
            });
        if !is_same {
            self.slots.set_value(slots);
        }
        self.make_room();
        (!is_same, has_more)
    }

    fn slots_of(self, former: &[Slot], range: Range<usize>, apart: Option<usize>) -> Vec<Slot> {
        let known: Vec<Cell> = former
            .iter()
            .filter_map(|slot| match slot {
                Slot::Line(cell) => Some(cell.clone()),
                Slot::Room => None,
            })
            .collect();
        self.extents.with_value(|extents| {
            let lines = extents.lines();
            let is_above = apart.is_some_and(|at| at < range.start);
            let near = cells(&known, lines, range).into_iter().map(Slot::Line);
            let Some(at) = apart else {
                return near.collect();
            };
            let far = cells(&known, lines, at..at + 1);
            let far = far.into_iter().map(Slot::Line);
            let room = [Slot::Room];
            match is_above {
                true => far.chain(room).chain(near).collect(),
                false => near.chain(room).chain(far).collect(),
            }
        })
    }

    fn make_room(self) {
        let (range, apart) = (self.range.get_value(), self.apart.get_value());
        let (above, between, below) = self.extents.with_value(|extents| {
            let len = extents.lines().len();
            let px = |range| extents.between(range);
            match apart {
                Some(at) if at < range.start => {
                    (px(0..at), px(at + 1..range.start), px(range.end..len))
                }
                Some(at) => (px(0..range.start), px(range.end..at), px(at + 1..len)),
                None => (px(0..range.start), 0.0, px(range.end..len)),
            }
        });
        self.above.set_value(above);
        self.below.set_value(below);
        if (self.between.get_untracked() - between).abs() > 0.01 {
            self.between.set(between);
        }
    }

    /// Takes the measured bottoms of the lines on the page, in their order; `top` is where the list begins.
    pub(crate) fn measure(self, top: f64, bottoms: &[f64]) {
        let (range, apart) = (self.range.get_value(), self.apart.get_value());
        let room = self.between.get_untracked();
        let is_above = apart.is_some_and(|at| at < range.start);
        let (range_end, range_start) = (range.end, range.start);
        let first = apart.filter(|_| is_above);
        let last = apart.filter(|_| !is_above);
        let places = first.into_iter().chain(range).chain(last);
        let mut former = top;
        self.extents.update_value(|extents| {
            for (at, bottom) in places.zip(bottoms) {
                let is_behind_room = apart.is_some()
                    && (is_above && at == range_start || !is_above && at >= range_end);
                if is_behind_room {
                    former += room;
                }
                extents.measure(at, bottom - former);
                former = *bottom;
            }
        });
    }
}

/// Which lines are on the page next, and whether others follow: those that are needed at once, the others a few at a
/// time. Of a long conversation what is there stays while it is enough.
fn next(
    len: usize,
    range: Range<usize>,
    needed: Range<usize>,
    wanted: Range<usize>,
) -> (Range<usize>, bool) {
    let covers = |range: &Range<usize>, other: &Range<usize>| {
        range.start <= other.start && range.end >= other.end
    };
    let is_near = range.start <= wanted.end && wanted.start <= range.end;
    if len > WHOLE_MAX {
        let is_enough = covers(&range, &needed) && range.len() <= 2 * wanted.len();
        return (if is_enough { range } else { wanted }, false);
    }
    let joined = match is_near && !range.is_empty() {
        true => range.start.min(wanted.start)..range.end.max(wanted.end),
        false => wanted,
    };
    let (start, end) = (joined.start.saturating_sub(STEP), joined.end + STEP);
    let next = start..end.min(len);
    let has_more = next != (0..len);
    (next, has_more)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn a_short_conversation_comes_to_the_page_as_a_whole_but_not_at_once() {
        let mut range = 0..0;
        let mut steps = 0;
        let mut has_more = true;
        while has_more {
            let before = range.len();
            (range, has_more) = next(300, range, 270..300, 260..300);
            assert!(range.len() <= before.max(40) + 2 * STEP, "{range:?}");
            steps += 1;
        }
        assert_eq!(range, 0..300);
        assert!(steps > 3, "{steps}");
    }

    #[wasm_bindgen_test]
    fn of_a_long_one_only_what_is_near_is_there_and_it_stays_while_it_is_enough() {
        let (range, has_more) = next(10_000, 0..0, 9_950..10_000, 9_930..10_000);
        assert_eq!((range.clone(), has_more), (9_930..10_000, false));
        let (kept, _) = next(10_000, range.clone(), 9_940..9_980, 9_920..10_000);
        assert_eq!(kept, range);
        let (moved, _) = next(10_000, range, 9_920..9_960, 9_900..9_980);
        assert_eq!(moved, 9_900..9_980);
        let (after_jump, _) = next(10_000, moved, 0..40, 0..60);
        assert_eq!(after_jump, 0..60);
    }
}
