//! The lines that are on the page, each with how it stands to its neighbours.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use client_core::view::Line;
use leptos::prelude::*;

use super::line::is_gap;
use crate::format;

/// Two lines of one sender within this time belong together.
const GROUP_MS: i64 = 5 * 60 * 1_000;

/// How a line stands to its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The day that starts with this line.
    pub day: Option<String>,
    /// Whether it is the first of its group.
    pub first: bool,
    /// Whether it is the last of its group.
    pub last: bool,
    /// Whether it tells time and state: the last of its group, or of those in one state.
    pub tells: bool,
}

/// A line on the page: what changes about it are signals of its own.
#[derive(Clone)]
pub struct Cell {
    /// The line's key.
    pub key: String,
    /// The line.
    pub line: ArcRwSignal<Arc<Line>>,
    /// Its place in its group.
    pub shape: ArcRwSignal<Shape>,
}

impl Cell {
    fn new(line: &Arc<Line>, shape: Shape) -> Self {
        Self {
            key: line.key.clone(),
            line: ArcRwSignal::new(line.clone()),
            shape: ArcRwSignal::new(shape),
        }
    }

    fn follow(&self, line: &Arc<Line>, shape: Shape) {
        let is_same = |known: &Arc<Line>| Arc::ptr_eq(known, line) || known == line;
        if !self.line.with_untracked(is_same) {
            self.line.set(line.clone());
        }
        if self.shape.with_untracked(|known| *known != shape) {
            self.shape.set(shape);
        }
    }
}

/// The cells of the lines at these places: a line that was on the page keeps its cell.
pub(crate) fn cells(former: &[Cell], lines: &[Arc<Line>], range: Range<usize>) -> Vec<Cell> {
    let known: HashMap<&str, &Cell> = former.iter().map(|c| (c.key.as_str(), c)).collect();
    let shapes = shapes(lines, range.clone());
    let lines = lines.get(range).unwrap_or_default();
    let cell = |(line, shape): (&Arc<Line>, Shape)| match known.get(line.key.as_str()) {
        Some(cell) => {
            cell.follow(line, shape);
            (*cell).clone()
        }
        None => Cell::new(line, shape),
    };
    lines.iter().zip(shapes).map(cell).collect()
}

/// How the lines at these places stand to their neighbours.
fn shapes(lines: &[Arc<Line>], range: Range<usize>) -> Vec<Shape> {
    let from = range.start.saturating_sub(1);
    let to = range.end.saturating_add(1).min(lines.len());
    let near: Vec<Near<'_>> = lines
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .map(|line| Near {
            line,
            day: format::day(line.stamp),
        })
        .collect();
    range
        .map(|at| {
            let at = at - from;
            let before = at.checked_sub(1).and_then(|before| near.get(before));
            shape(before, near.get(at), near.get(at + 1))
        })
        .collect()
}

/// A line and its day.
struct Near<'a> {
    line: &'a Line,
    day: i64,
}

impl Near<'_> {
    fn is_joined(&self, next: &Self) -> bool {
        let (a, b) = (self.line, next.line);
        a.own == b.own
            && !is_gap(&a.mark)
            && !is_gap(&b.mark)
            && self.day == next.day
            && (b.stamp.0 - a.stamp.0).abs() <= GROUP_MS
    }
}

fn shape(before: Option<&Near<'_>>, this: Option<&Near<'_>>, next: Option<&Near<'_>>) -> Shape {
    let Some(this) = this else {
        return Shape::default();
    };
    let is_new_day = before.is_none_or(|before| before.day != this.day);
    let last = !next.is_some_and(|next| this.is_joined(next));
    let is_other = next.is_some_and(|next| next.line.own && next.line.mark != this.line.mark);
    Shape {
        day: is_new_day.then(|| format::day_label(this.line.stamp)),
        first: !before.is_some_and(|before| before.is_joined(this)),
        last,
        tells: last || is_other,
    }
}
