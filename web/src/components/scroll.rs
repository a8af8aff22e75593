//! The one owner of a timeline's scroll position.
//!
//! Whatever changes the height (lines before or behind, a window made smaller, a font that arrives)
//! is noticed by one observer, after layout and before paint: a timeline at its end stays there, as
//! long as somebody looks at what comes live; any other keeps the line that the reader looks at where
//! it is.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{DomRect, Element, HtmlElement, NodeList, ResizeObserver};

use crate::browser;

/// So near to the end counts as the end.
const END_PX: i32 = 48;
/// So much of a line must be in view to count as seen.
const SEEN_PX: f64 = 30.0;
/// So near to the start, older lines are asked for.
const START_PX: i32 = 400;

/// Where the reader is.
#[derive(Clone, Copy)]
pub(crate) struct Scroll {
    /// Whether the end is in view.
    pub(crate) at_end: RwSignal<bool>,
    /// Tells after every move, once all is in place.
    pub(crate) rested: RwSignal<()>,
    /// Whether new lines are shown as they come, so that the end stays in view.
    pub(crate) follows: RwSignal<bool>,
    /// The newest line of somebody else when the position was last set right.
    newest: StoredValue<Option<String>>,
    anchor: StoredValue<Option<(HtmlElement, f64)>, LocalStorage>,
    frame: StoredValue<Option<HtmlElement>, LocalStorage>,
    /// Height of content and frame when the position was last set right.
    heights: StoredValue<(i32, i32)>,
}

impl Scroll {
    /// At the end of nothing.
    pub(crate) fn new() -> Self {
        Self {
            at_end: RwSignal::new(true),
            rested: RwSignal::new(()),
            follows: RwSignal::new(false),
            newest: StoredValue::new(None),
            anchor: StoredValue::new_local(None),
            frame: StoredValue::new_local(None),
            heights: StoredValue::new((0, 0)),
        }
    }

    /// Takes charge of a scrolling element and its growing child, for as long as the owner lives.
    pub(crate) fn own(self, frame: HtmlElement, content: &Element) {
        let settle = Closure::<dyn FnMut()>::new(move || self.settle());
        if let Ok(observer) = ResizeObserver::new(settle.as_ref().unchecked_ref()) {
            observer.observe(&frame);
            observer.observe(content);
            StoredValue::new_local(Watch {
                observer,
                _settle: settle,
            });
        }
        self.frame.set_value(Some(frame));
        self.settle();
    }

    /// The scrolling element, while there is one.
    fn frame(self) -> Option<HtmlElement> {
        self.frame.try_get_value().flatten()
    }

    /// The frame was scrolled: by the reader, or because its layout changed, which the observer sets right.
    pub(crate) fn scrolled(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        if self.heights.get_value() == heights(&frame) {
            self.moved();
        }
    }

    /// The reader, or this module, has moved.
    fn moved(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        self.heights.set_value(heights(&frame));
        let below = frame.scroll_height() - frame.scroll_top() - frame.client_height();
        set(self.at_end, below <= END_PX);
        self.anchor.set_value(first_visible(&frame));
        self.newest.set_value(newest(&frame));
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

    /// The key of the newest line in view that somebody else wrote.
    pub(crate) fn newest_in_view(self) -> Option<String> {
        let frame = self.frame()?;
        let edge = frame.get_bounding_client_rect().bottom() - SEEN_PX;
        let lines = Lines::of(&frame)?;
        let below = lines.first(|rect| rect.top() > edge);
        lines.received_before(below)
    }

    /// Goes to the end, and stays there.
    pub(crate) fn to_end(self) {
        self.at_end.set(true);
        if let Some(frame) = self.frame() {
            frame.set_scroll_top(frame.scroll_height());
            self.moved();
        }
    }

    /// Goes to the line with this key, with a little of what stands before it.
    pub(crate) fn to_line(self, key: &str) {
        let Some(frame) = self.frame() else {
            return;
        };
        let Some(lines) = Lines::of(&frame) else {
            return;
        };
        let is_it = |line: &HtmlElement| line.get_attribute("data-key").as_deref() == Some(key);
        let line = (0..lines.0.length())
            .filter_map(|at| lines.at(at))
            .find(is_it);
        if let Some(line) = line {
            let above = f64::from(frame.client_height()) / 4.0;
            let top = frame.get_bounding_client_rect().top() + above;
            let drift = line.get_bounding_client_rect().top() - top;
            frame.set_scroll_top(frame.scroll_top() + drift.round() as i32);
            self.moved();
        }
    }

    /// Puts the reader back to where the content was before it changed.
    fn settle(self) {
        let Some(frame) = self.frame() else {
            return;
        };
        let is_grown = || {
            let former = self.newest.get_value();
            former.is_some() && former != newest(&frame)
        };
        if self.at_end.get_untracked() && (self.follows.get_untracked() || !is_grown()) {
            frame.set_scroll_top(frame.scroll_height());
        } else if let Some((line, top)) = self.anchor.get_value()
            && line.is_connected()
        {
            let drift = line.get_bounding_client_rect().top() - top;
            frame.set_scroll_top(frame.scroll_top() + drift.round() as i32);
        }
        self.moved();
    }
}

/// The key of the newest line that somebody else wrote.
fn newest(frame: &HtmlElement) -> Option<String> {
    let lines = Lines::of(frame)?;
    lines.received_before(lines.0.length())
}

fn heights(frame: &HtmlElement) -> (i32, i32) {
    (frame.scroll_height(), frame.client_height())
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

/// The first line that reaches into view, and where it stands.
fn first_visible(frame: &HtmlElement) -> Option<(HtmlElement, f64)> {
    let edge = frame.get_bounding_client_rect().top();
    let lines = Lines::of(frame)?;
    let line = lines.at(lines.first(|rect| rect.bottom() > edge))?;
    let top = line.get_bounding_client_rect().top();
    Some((line, top))
}

/// The lines of a frame, from top to bottom.
struct Lines(NodeList);

impl Lines {
    fn of(frame: &HtmlElement) -> Option<Self> {
        frame.query_selector_all("li.line").ok().map(Self)
    }

    fn at(&self, index: u32) -> Option<HtmlElement> {
        self.0.get(index)?.dyn_into().ok()
    }

    /// The key of the last received line of the first so many.
    fn received_before(&self, end: u32) -> Option<String> {
        let mut last_first = (0..end).rev().filter_map(|at| self.at(at));
        let is_received =
            |line: &HtmlElement| line.get_attribute("data-own").as_deref() == Some("false");
        last_first.find(is_received)?.get_attribute("data-key")
    }

    /// The first line of which this holds, or how many there are; lines stand in order, so it is found
    /// by halving.
    fn first(&self, is_reached: impl Fn(&DomRect) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.0.length());
        while low < high {
            let middle = low + (high - low) / 2;
            let line = self.at(middle);
            if line.is_none_or(|line| is_reached(&line.get_bounding_client_rect())) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

fn set(signal: RwSignal<bool>, value: bool) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}
