//! What is to be seen of the lines on the page.

use wasm_bindgen::JsCast as _;
use web_sys::{DomRect, HtmlElement, NodeList};

use crate::browser;

/// Height of content and frame.
pub(super) fn heights(frame: &HtmlElement) -> (i32, i32) {
    (frame.scroll_height(), frame.client_height())
}

/// The key of the line that has the focus, or a button of which has it.
pub(super) fn line_with_focus(frame: &HtmlElement) -> Option<String> {
    let active = browser::document().active_element()?;
    let line = active.closest("li.line").ok().flatten()?;
    let is_here = frame.contains(Some(&line));
    line.get_attribute("data-key").filter(|_| is_here)
}

/// The lines of a frame, from top to bottom.
pub(super) struct Lines(NodeList);

impl Lines {
    pub(super) fn of(frame: &HtmlElement) -> Option<Self> {
        frame.query_selector_all("li.line").ok().map(Self)
    }

    pub(super) fn len(&self) -> u32 {
        self.0.length()
    }

    pub(super) fn at(&self, index: u32) -> Option<HtmlElement> {
        self.0.get(index)?.dyn_into().ok()
    }

    pub(super) fn key(&self, index: u32) -> Option<String> {
        self.at(index)?.get_attribute("data-key")
    }

    /// The line with this key.
    pub(super) fn find(&self, key: &str) -> Option<HtmlElement> {
        let mut all = (0..self.len()).filter_map(|at| self.at(at));
        all.find(|line| line.get_attribute("data-key").as_deref() == Some(key))
    }

    /// Where each of them ends.
    pub(super) fn bottoms(&self) -> Vec<f64> {
        let all = (0..self.len()).filter_map(|at| self.at(at));
        all.map(|line| line.get_bounding_client_rect().bottom())
            .collect()
    }

    /// The first line of which this holds, or how many there are; lines stand in order, so it is found
    /// by halving.
    pub(super) fn first(&self, is_reached: impl Fn(&DomRect) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len());
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

    /// Whether the heading of a day is between these heights of the window.
    pub(super) fn has_heading(frame: &HtmlElement, top: f64, bottom: f64) -> bool {
        let Ok(days) = frame.query_selector_all("li.day") else {
            return false;
        };
        let days = (0..days.length()).filter_map(|at| days.get(at)?.dyn_into::<HtmlElement>().ok());
        let mut rects = days.map(|day| day.get_bounding_client_rect());
        rects.any(|day| day.bottom() > top && day.top() < bottom)
    }
}
