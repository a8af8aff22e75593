//! From line to line by the keys, also to lines that are not on the page.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::frame::line_with_focus;
use super::scroll::Scroll;

/// Moves the focus from line to line by the arrow keys, and by as many as fill the frame.
pub(super) fn walk(scroll: Scroll, event: &KeyboardEvent) {
    let Some(frame) = scroll.frame() else {
        return;
    };
    let focused = line_with_focus(&frame);
    let height = f64::from(frame.client_height());
    let target = scroll.part.extents.with_value(|extents| {
        let at = focused.and_then(|key| extents.index_of(&key));
        let end = extents.lines().len().checked_sub(1)?;
        // As far as a frame reaches; the next one always is.
        let is_near = |other: &usize, at: usize| {
            let range = (*other).min(at)..(*other).max(at);
            range.len() <= 1 || extents.between(range) <= height
        };
        Some(match (event.key().as_str(), at) {
            ("ArrowUp", Some(at)) => at.saturating_sub(1),
            ("ArrowUp", None) | ("End", Some(_)) => end,
            ("ArrowDown", Some(at)) => (at + 1).min(end),
            ("Home", Some(_)) => 0,
            ("PageUp", Some(at)) => {
                let up = (0..=at).rev().take_while(|other| is_near(other, at));
                up.last().unwrap_or(at)
            }
            ("PageDown", Some(at)) => {
                let down = (at..=end).take_while(|other| is_near(other, at));
                down.last().unwrap_or(at)
            }
            _ => return None,
        })
    });
    if let Some(target) = target {
        event.prevent_default();
        scroll.touch();
        scroll.focus(target);
    }
}
