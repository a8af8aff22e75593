//! How high the lines of a conversation are: as measured, or as guessed where a line was not on the page yet.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use client_core::view::Line;

/// The height of a line, in pixels, before any was measured.
const FIRST_GUESS: f64 = 44.0;

/// All loaded lines, and the height of each with the headings before it.
#[derive(Debug)]
pub(crate) struct Extents {
    lines: Vec<Arc<Line>>,
    /// In pixels; 0 while it is not known.
    heights: Vec<f32>,
    guess: f64,
}

impl Extents {
    /// No lines.
    pub(crate) fn new() -> Self {
        Self {
            lines: Vec::new(),
            heights: Vec::new(),
            guess: FIRST_GUESS,
        }
    }

    /// Takes over the lines as they are; a line that was there keeps its height.
    pub(crate) fn follow(&mut self, lines: Vec<Arc<Line>>) {
        self.heights = carried(&self.lines, &self.heights, &lines);
        self.lines = lines;
        let known = self.heights.iter().filter(|height| **height > 0.0);
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), height| {
            (sum + f64::from(*height), count + 1.0)
        });
        if count > 0.0 {
            self.guess = sum / count;
        }
    }

    /// Nothing is known any more: the lines have another width.
    pub(crate) fn forget(&mut self) {
        self.heights.fill(0.0);
    }

    /// All lines, oldest first.
    pub(crate) fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// Where the line with this key stands. Most questions are for lines near the end.
    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        self.lines.iter().rposition(|line| line.key == key)
    }

    /// Takes the measured height of a line.
    pub(crate) fn measure(&mut self, index: usize, height: f64) {
        if let Some(known) = self.heights.get_mut(index) {
            *known = height as f32;
        }
    }

    /// So many pixels these lines take.
    pub(crate) fn between(&self, range: Range<usize>) -> f64 {
        let heights = self.heights.get(range).unwrap_or_default();
        heights.iter().map(|height| self.or_guess(*height)).sum()
    }

    /// Which line is so far below the start: the first or last one if none is.
    pub(crate) fn index_at(&self, y: f64) -> usize {
        let mut bottom = 0.0;
        let is_there = |height: &f32| {
            bottom += self.or_guess(*height);
            bottom > y
        };
        let found = self.heights.iter().position(is_there);
        found.unwrap_or(self.heights.len().saturating_sub(1))
    }

    fn or_guess(&self, height: f32) -> f64 {
        match height > 0.0 {
            true => f64::from(height),
            false => self.guess,
        }
    }
}

/// The heights of `lines` as far as they are known. Mostly lines come at the start or the end, so that what stands
/// between can be taken over without a search.
fn carried(former: &[Arc<Line>], heights: &[f32], lines: &[Arc<Line>]) -> Vec<f32> {
    let is_same = |(a, b): &(&Arc<Line>, &Arc<Line>)| Arc::ptr_eq(a, b) || a.key == b.key;
    let pairs = former.iter().zip(lines);
    let head = pairs.take_while(is_same).count();
    let pairs = former.iter().skip(head).rev();
    let pairs = pairs.zip(lines.iter().skip(head).rev());
    let tail = pairs.take_while(is_same).count();
    let middle = former.len() - tail;
    let known: HashMap<&str, f32> = former
        .iter()
        .zip(heights)
        .take(middle)
        .skip(head)
        .map(|(line, height)| (line.key.as_str(), *height))
        .collect();
    let end = lines.len() - tail;
    let of_middle = lines.iter().take(end).skip(head);
    let of_middle = of_middle.map(|line| known.get(line.key.as_str()).copied().unwrap_or(0.0));
    let of_head = heights.iter().take(head).copied();
    let of_tail = heights.iter().skip(middle).copied();
    of_head.chain(of_middle).chain(of_tail).collect()
}

#[cfg(test)]
mod tests {
    use client_core::view::Mark;
    use protocol::time::Stamp;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

    fn lines(keys: &str) -> Vec<Arc<Line>> {
        let line = |key: char| Line {
            key: key.to_string(),
            own: false,
            text: String::new(),
            stamp: Stamp(0),
            mark: Mark::Archived,
            id: None,
            reply: None,
            edits: Vec::new(),
            reactions: Vec::new(),
            is_retracted: false,
            is_unstyled: false,
        };
        keys.chars().map(|key| Arc::new(line(key))).collect()
    }

    fn measured(keys: &str) -> Extents {
        let mut extents = Extents::new();
        extents.follow(lines(keys));
        for (index, key) in keys.chars().enumerate() {
            extents.measure(index, f64::from(u32::from(key)));
        }
        extents
    }

    #[wasm_bindgen_test]
    fn a_line_keeps_its_height_wherever_others_come_or_go() {
        for (before, after, known) in [
            ("def", "abcdef", 3),
            ("abc", "abcdef", 3),
            ("adx", "abcdx", 3),
            ("abcd", "badc", 4),
            ("abcdef", "af", 2),
            ("abc", "xyz", 0),
            ("", "ab", 0),
            ("ab", "", 0),
        ] {
            let mut extents = measured(before);
            extents.follow(lines(after));
            let heights: Vec<u32> = extents.heights.iter().map(|h| *h as u32).collect();
            let wanted: Vec<u32> = after
                .chars()
                .map(|key| if before.contains(key) { key.into() } else { 0 })
                .collect();
            assert_eq!(heights, wanted, "{before} {after}");
            let count = heights.iter().filter(|height| **height > 0).count();
            assert_eq!(count, known, "{before} {after}");
        }
    }

    #[wasm_bindgen_test]
    fn what_is_not_known_is_as_high_as_the_others_are_on_average() {
        let mut extents = measured("ac");
        assert_eq!(extents.between(0..2), 97.0 + 99.0);
        extents.follow(lines("acxyz"));
        assert_eq!(extents.between(2..5), 3.0 * 98.0);
        for (y, index) in [(-1.0, 0), (96.0, 0), (97.0, 1), (196.0, 2), (9_999.0, 4)] {
            assert_eq!(extents.index_at(y), index, "{y}");
        }
        extents.forget();
        assert_eq!(extents.between(0..1), 98.0);
        assert_eq!(extents.index_of("z"), Some(4));
        assert_eq!(extents.index_of("b"), None);
    }
}
