//! The one owner of a timeline's scroll position, and so of what is on the page.
//!
//! Whatever changes the height (lines before or behind, lines that come to the page and are not as high as was guessed,
//! a window made smaller, a font that arrives) is noticed by one observer, after layout and before paint: a timeline
//! at its end stays there, as long as somebody looks at what comes live; any other keeps the line that the reader
//! looks at where it is.

use std::ops::Range;
use std::sync::Arc;

use client_core::view::Line;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement, ResizeObserver};

use super::frame::{Lines, heights, line_with_focus};
use super::list::List;
use super::part::Part;
use crate::places::Stopped;
use crate::{browser, format};

/// So near to the end counts as the end.
const END_PX: i32 = 48;
/// So much of a line must be in view to count as seen.
const SEEN_PX: f64 = 30.0;
/// So near to the start, older lines are asked for.
const START_PX: i32 = 400;
/// So long a wheel or finger may move the page.
const MOVING_MS: u64 = 2_000;
/// So far below the edge, a day's own heading takes the place of the one that floats there.
const DAY_PX: f64 = 44.0;

/// Where the reader is.
#[derive(Clone, Copy)]
pub(crate) struct Scroll {
    /// Whether the end is in view.
    pub(crate) at_end: RwSignal<bool>,
    /// Tells after every move, once all is in place.
    pub(crate) rested: RwSignal<()>,
    /// Whether new lines are shown as they come, so that the end stays in view.
    pub(crate) follows: RwSignal<bool>,
    /// The day of what is at the upper edge, where its heading is not in view.
    pub(crate) day: RwSignal<Option<String>>,
    /// The lines that are on the page.
    pub(crate) part: Part,
    /// The newest line of somebody else when the position was last set right.
    newest: StoredValue<Option<String>>,
    anchor: StoredValue<Option<Anchor>, LocalStorage>,
    frame: StoredValue<Option<HtmlElement>, LocalStorage>,
    list: StoredValue<Option<List>, LocalStorage>,
    /// Where the frame begins in the window.
    edge: StoredValue<f64>,
    /// Height of content and frame, and the position, when it was last set right.
    rest: StoredValue<((i32, i32), i32)>,
    /// Width of the frame when the lines were last measured.
    width: StoredValue<i32>,
    /// Whether the position is going to be set right after the next layout.
    is_due: StoredValue<bool>,
    /// When the reader wanted to move: then nothing else moves them any more.
    touched_ms: StoredValue<Option<u64>>,
    /// Whether the reader wrote a line that is to be shown yet.
    awaits_own: StoredValue<bool>,
    /// The line that gets the focus once it is on the page.
    to_focus: StoredValue<Option<String>>,
}

/// A line, and how far below the window's edge it stands.
#[derive(Clone)]
struct Anchor {
    key: String,
    line: Option<HtmlElement>,
    top: f64,
}

impl Scroll {
    /// At the end of nothing.
    pub(crate) fn new() -> Self {
        Self {
            at_end: RwSignal::new(true),
            rested: RwSignal::new(()),
            follows: RwSignal::new(false),
            day: RwSignal::new(None),
            part: Part::new(),
            newest: StoredValue::new(None),
            anchor: StoredValue::new_local(None),
            frame: StoredValue::new_local(None),
            list: StoredValue::new_local(None),
            edge: StoredValue::new(0.0),
            rest: StoredValue::new(((0, 0), 0)),
            width: StoredValue::new(0),
            is_due: StoredValue::new(false),
            touched_ms: StoredValue::new(None),
            awaits_own: StoredValue::new(false),
            to_focus: StoredValue::new(None),
        }
    }

    /// Takes charge of a scrolling element and its growing child, for as long as the owner lives.
    pub(crate) fn own(self, frame: HtmlElement, content: &Element, list: List) {
        let settle = Closure::<dyn FnMut()>::new(move || {
            let rest = self.rest.try_get_value().map(|(heights, _)| heights);
            let size = self.frame().map(|frame| heights(&frame));
            // What was set right before this layout needs no more.
            if rest != size || self.is_wider() {
                self.settle();
            }
        });
        if let Ok(observer) = ResizeObserver::new(settle.as_ref().unchecked_ref()) {
            observer.observe(&frame);
            observer.observe(content);
            StoredValue::new_local(Watch {
                observer,
                _settle: settle,
            });
        }
        self.frame.set_value(Some(frame));
        self.list.set_value(Some(list));
        self.arrange();
        self.settle();
    }

    /// The scrolling element, while there is one.
    pub(super) fn frame(self) -> Option<HtmlElement> {
        self.frame.try_get_value().flatten()
    }

    /// Shows these lines from now on.
    pub(crate) fn take(self, lines: Vec<Arc<Line>>) {
        let is_own = self.awaits_own.get_value() && self.ends_with_other(&lines);
        self.part.follow(lines);
        if is_own {
            self.awaits_own.set_value(false);
            set(self.at_end, true);
            self.newest.set_value(self.newest());
        }
        self.arrange();
    }

    /// Whether these lines end with another own one.
    fn ends_with_other(self, lines: &[Arc<Line>]) -> bool {
        let Some(last) = lines.last().filter(|last| last.own) else {
            return false;
        };
        self.part.extents.with_value(|extents| {
            let former = extents.lines().last();
            former.is_none_or(|former| former.key != last.key)
        })
    }

    /// Goes to the end, and to the line there that the reader has written and that is not shown yet.
    pub(crate) fn to_own(self) {
        self.to_end();
        self.awaits_own.set_value(true);
    }

    /// The frame was scrolled: by the reader, or because its layout changed, which the observer sets right.
    pub(crate) fn scrolled(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        let (former, top) = self.rest.get_value();
        if former == heights(&frame) {
            return self.moved();
        }
        let now = frame.scroll_top();
        // A position is also cut short where the content has become lower.
        if !self.was_just_touched() || now >= frame.scroll_height() - frame.client_height() {
            return;
        }
        // Both at once: the reader's part of it is not undone.
        self.anchor.update_value(|anchor| {
            if let Some(anchor) = anchor {
                anchor.top -= f64::from(now - top);
            }
        });
        self.rest.set_value((former, now));
        if now < top {
            set(self.at_end, false);
        }
    }

    /// The reader, or this module, has moved.
    fn moved(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        let top = frame.scroll_top();
        self.rest.set_value((heights(&frame), top));
        let below = frame.scroll_height() - top - frame.client_height();
        set(self.at_end, below <= END_PX);
        self.edge.set_value(frame.get_bounding_client_rect().top());
        let anchor = self.first_visible(&frame);
        self.show_day(&frame, anchor.as_ref());
        self.anchor.set_value(anchor);
        self.newest.set_value(self.newest());
        self.arrange();
        self.rested.notify();
    }

    /// Somebody begins or ends to look at what comes live. What came before they began, and is perhaps
    /// not laid out yet, is not followed.
    pub(crate) fn follow(self, wanted: Memo<bool>) {
        if !wanted.get() {
            return set(self.follows, false);
        }
        browser::after_layout(move || {
            if wanted.try_get_untracked() == Some(true) {
                self.settle();
                set(self.follows, true);
            }
        });
    }

    /// Whether the start is near.
    pub(crate) fn is_near_start(self) -> bool {
        self.frame
            .with_value(|frame| frame.as_ref().is_some_and(|f| f.scroll_top() <= START_PX))
    }

    /// Whether a line stands before all that is in view.
    pub(crate) fn is_above(self, key: &str) -> bool {
        let first = self
            .anchor
            .with_value(|anchor| anchor.as_ref().map(|a| a.key.clone()));
        first.is_some_and(|first| self.is_behind(&first, key))
    }

    /// Whether a line stands behind another one.
    pub(crate) fn is_behind(self, key: &str, other: &str) -> bool {
        self.part.extents.with_value(|extents| {
            let places = extents.index_of(key).zip(extents.index_of(other));
            places.is_some_and(|(at, other)| at > other)
        })
    }

    /// The key of the newest line in view that somebody else wrote.
    pub(crate) fn newest_in_view(self) -> Option<String> {
        let frame = self.frame()?;
        let edge = frame.get_bounding_client_rect().bottom() - SEEN_PX;
        let lines = Lines::of(&frame)?;
        let last = lines.first(|rect| rect.top() > edge).checked_sub(1)?;
        let key = lines.key(last)?;
        self.part.extents.with_value(|extents| {
            let end = extents.index_of(&key)?;
            newest_received(extents.lines().get(..=end)?)
        })
    }

    /// Goes to the end, and stays there.
    pub(crate) fn to_end(self) {
        self.at_end.set(true);
        if let Some(frame) = self.frame() {
            self.newest.set_value(self.newest());
            self.arrange();
            frame.set_scroll_top(frame.scroll_height());
            self.moved();
        }
    }

    /// Gives the focus to the timeline: what had it goes away.
    pub(crate) fn take_focus(self) {
        if let Some(frame) = self.frame() {
            let _ = frame.focus();
        }
    }

    /// Goes to the line with this key, with a little of what stands before it.
    pub(crate) fn to_line(self, key: &str) {
        self.bring(key, 0.25);
    }

    /// Has the line with this key stand so many pixels below the upper edge.
    pub(crate) fn to_place(self, key: &str, px: f64) {
        let height = self.frame().map(|frame| f64::from(frame.client_height()));
        if let Some(height) = height.filter(|height| *height > 0.0) {
            self.bring(key, px / height);
        }
    }

    /// Where the reader is: `Some(None)` at the end, nothing if that is not known.
    pub(crate) fn stopped(self) -> Option<Option<Stopped>> {
        if self.at_end.try_get_untracked()? {
            return Some(None);
        }
        let anchor = self.anchor.try_get_value().flatten()?;
        // The frame itself may be gone by now.
        let edge = self.edge.try_get_value()?;
        self.part.extents.try_with_value(|extents| {
            let at = extents.index_of(&anchor.key)?;
            let stamp = extents.lines().get(at)?.stamp;
            let (key, top) = (anchor.key, anchor.top - edge);
            Some(Some(Stopped { key, stamp, top }))
        })?
    }

    /// The reader wants to move.
    pub(crate) fn touch(self) {
        self.touched_ms.set_value(Some(browser::now().mono_ms));
        self.awaits_own.set_value(false);
    }

    /// Whether the reader wanted to move.
    pub(crate) fn is_touched(self) -> bool {
        self.touched_ms.get_value().is_some()
    }

    /// Whether that was so lately that the page may still be moving.
    fn was_just_touched(self) -> bool {
        let touched = self.touched_ms.get_value();
        touched.is_some_and(|at| browser::now().mono_ms.saturating_sub(at) < MOVING_MS)
    }

    /// Gives the line at this place the focus, wherever it is.
    pub(super) fn focus(self, at: usize) {
        let line = |at: usize| {
            let extents = self.part.extents;
            extents.with_value(|e| Some((e.lines().get(at)?.key.clone(), e.lines().len())))
        };
        let (Some((key, len)), Some(frame)) = (line(at), self.frame()) else {
            return;
        };
        if let Some(line) = Lines::of(&frame).and_then(|lines| lines.find(&key)) {
            let _ = line.focus();
            return;
        }
        self.to_focus.set_value(Some(key.clone()));
        match at {
            0 => self.bring(&key, 0.0),
            at if at + 1 == len => self.to_end(),
            _ => self.bring(&key, 0.5),
        }
    }

    /// Has the line with this key stand at a share of the frame's height.
    fn bring(self, key: &str, share: f64) {
        let known = self
            .part
            .extents
            .with_value(|extents| extents.index_of(key));
        let (Some(frame), Some(_)) = (self.frame(), known) else {
            return;
        };
        let above = f64::from(frame.client_height()) * share;
        let top = frame.get_bounding_client_rect().top() + above;
        set(self.at_end, false);
        self.anchor.set_value(Some(Anchor {
            key: key.to_owned(),
            line: None,
            top,
        }));
        self.arrange();
        if self.place(&frame) {
            self.moved();
        }
    }

    /// Puts the reader back to where the content was before it changed.
    fn settle(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        self.measure(&frame);
        if !self.place(&frame) {
            self.arrange();
            if self.is_due.get_value() {
                return;
            }
        }
        self.place_focus(&frame);
        self.moved();
    }

    /// Whether the end is to stay in view.
    fn sticks(self) -> bool {
        let is_grown = || {
            let former = self.newest.get_value();
            former.is_some() && former != self.newest()
        };
        self.at_end.get_untracked() && (self.follows.get_untracked() || !is_grown())
    }

    /// Moves the frame so that the end or the reader's line is where it was; tells whether that line is on the page.
    fn place(self, frame: &HtmlElement) -> bool {
        if self.sticks() {
            frame.set_scroll_top(frame.scroll_height());
            return true;
        }
        let Some(anchor) = self.anchor.get_value() else {
            return true;
        };
        let known = anchor.line.filter(|line| line.is_connected());
        let line = known.or_else(|| Lines::of(frame)?.find(&anchor.key));
        let is_there = line.is_some();
        let top = match line {
            Some(line) => Some(line.get_bounding_client_rect().top()),
            None => self.guessed_top(frame, &anchor.key),
        };
        let Some(top) = top else {
            return true;
        };
        let drift = (top - anchor.top).round() as i32;
        if drift != 0 {
            frame.set_scroll_top(frame.scroll_top() + drift);
        }
        is_there
    }

    /// Where a line would stand that is not on the page.
    fn guessed_top(self, frame: &HtmlElement, key: &str) -> Option<f64> {
        let begin = list_top(frame)? - self.part.above.get_value();
        self.part.extents.with_value(|extents| {
            let at = extents.index_of(key)?;
            Some(begin + extents.between(0..at))
        })
    }

    /// The first line that reaches into view, and where it stands.
    fn first_visible(self, frame: &HtmlElement) -> Option<Anchor> {
        let rect = frame.get_bounding_client_rect();
        let (edge, end) = (rect.top(), rect.bottom());
        let lines = Lines::of(frame)?;
        let first = lines.first(|rect| rect.bottom() > edge);
        if let (Some(line), Some(key)) = (lines.at(first), lines.key(first)) {
            let top = line.get_bounding_client_rect().top();
            if top < end {
                let line = Some(line);
                return Some(Anchor { key, line, top });
            }
        }
        // The reader went to where no line is on the page yet.
        let begin = list_top(frame)? - self.part.above.get_value();
        self.part.extents.with_value(|extents| {
            let at = extents.index_at(edge - begin);
            Some(Anchor {
                key: extents.lines().get(at)?.key.clone(),
                line: None,
                top: begin + extents.between(0..at),
            })
        })
    }

    /// Brings to the page what is near the view.
    fn arrange(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        let height = f64::from(frame.client_height());
        let y = self.view_top(&frame, height);
        let focused = line_with_focus(&frame);
        let (needed, wanted, at) = self.part.extents.with_value(|extents| {
            let len = extents.lines().len();
            let near = |more: f64| -> Range<usize> {
                let end = extents.index_at(y + height + more) + 1;
                extents.index_at(y - more)..end.min(len)
            };
            let at = focused.as_ref().and_then(|key| extents.index_of(key));
            (near(height / 2.0), near(height), at)
        });
        let (is_changed, has_more) = self.part.show(needed, wanted, at);
        self.list.update_value(|list| {
            let Some(list) = list else { return };
            if is_changed {
                self.part.slots.with_value(|slots| list.show(slots));
            }
            list.make_room(self.part.above.get_value(), self.part.below.get_value());
        });
        if is_changed || has_more {
            self.settle_soon();
        }
    }

    /// How far below the first line the view begins, or will when it is set right.
    fn view_top(self, frame: &HtmlElement, height: f64) -> f64 {
        let edge = frame.get_bounding_client_rect().top();
        let sticks = self.sticks();
        let anchor = self.anchor.get_value().filter(|_| !sticks);
        self.part.extents.with_value(|extents| {
            let of_anchor = anchor.and_then(|anchor| {
                let at = extents.index_of(&anchor.key)?;
                Some(extents.between(0..at) - (anchor.top - edge))
            });
            of_anchor.unwrap_or_else(|| extents.between(0..extents.lines().len()) - height)
        })
    }

    fn settle_soon(self) {
        if !self.is_due.get_value() {
            self.is_due.set_value(true);
            browser::after_layout(move || {
                if self.is_due.try_set_value(false).is_none() {
                    self.settle();
                }
            });
        }
    }

    /// Whether the lines have another width than when they were measured.
    fn is_wider(self) -> bool {
        let width = self.frame().map(|frame| frame.client_width());
        width != self.width.try_get_value()
    }

    /// Notes how high the lines on the page are.
    fn measure(self, frame: &HtmlElement) {
        if self.is_wider() {
            self.width.set_value(frame.client_width());
            self.part.extents.update_value(|extents| extents.forget());
        }
        let (Some(top), Some(lines)) = (list_top(frame), Lines::of(frame)) else {
            return;
        };
        self.part.measure(top, &lines.bottoms());
    }

    /// Gives the focus to the line that waits for it.
    fn place_focus(self, frame: &HtmlElement) {
        let Some(key) = self.to_focus.get_value() else {
            return;
        };
        if let Some(line) = Lines::of(frame).and_then(|lines| lines.find(&key)) {
            self.to_focus.set_value(None);
            let _ = line.focus();
        }
    }

    fn show_day(self, frame: &HtmlElement, first: Option<&Anchor>) {
        let day = first.and_then(|first| {
            let edge = frame.get_bounding_client_rect().top();
            if Lines::has_heading(frame, edge, first.top.max(edge + DAY_PX)) {
                return None;
            }
            self.part.extents.with_value(|extents| {
                let at = extents.index_of(&first.key)?;
                extents
                    .lines()
                    .get(at)
                    .map(|line| format::day_label(line.stamp))
            })
        });
        if self.day.with_untracked(|known| *known != day) {
            self.day.set(day);
        }
    }

    /// The key of the newest line that somebody else wrote.
    fn newest(self) -> Option<String> {
        let extents = self.part.extents;
        extents.with_value(|extents| newest_received(extents.lines()))
    }
}

fn newest_received(lines: &[Arc<Line>]) -> Option<String> {
    let mut newest_first = lines.iter().rev();
    newest_first
        .find(|line| !line.own)
        .map(|line| line.key.clone())
}

/// Where the lines on the page begin.
fn list_top(frame: &HtmlElement) -> Option<f64> {
    let list = frame.query_selector("ol.lines").ok().flatten()?;
    Some(list.get_bounding_client_rect().top())
}

/// An observer that ends with its owner.
struct Watch {
    observer: ResizeObserver,
    _settle: Closure<dyn FnMut()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

fn set(signal: RwSignal<bool>, value: bool) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}
