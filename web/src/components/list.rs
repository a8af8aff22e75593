//! The lines that are on the page, as elements of one list.
//!
//! What stays is never moved, so that it keeps its layout and the focus. Leptos' own list of keyed views moves all
//! that stands behind whatever comes or goes, which for some hundred lines costs a frame.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::tachys::view::Mountable;
use leptos::tachys::view::any_view::AnyView;
use web_sys::{Element, HtmlElement};

use super::part::Slot;

/// The elements of a list, with the room above and below.
pub(crate) struct List {
    element: Element,
    above: HtmlElement,
    below: HtmlElement,
    /// Whose children the views are.
    owner: Owner,
    view: Box<dyn Fn(Slot) -> AnyView>,
    items: Vec<Item>,
}

/// One of them; its signals end with it.
struct Item {
    key: String,
    owner: Owner,
    shown: Box<dyn Mountable>,
}

impl List {
    /// An empty list.
    pub(crate) fn new(
        owner: Owner,
        element: Element,
        (above, below): (HtmlElement, HtmlElement),
        view: impl Fn(Slot) -> AnyView + 'static,
    ) -> Self {
        Self {
            element,
            above,
            below,
            owner,
            view: Box::new(view),
            items: Vec::new(),
        }
    }

    /// Leaves so many pixels of room above and below.
    pub(super) fn make_room(&self, above: f64, below: f64) {
        for (element, px) in [(&self.above, above), (&self.below, below)] {
            let height = format!("{px:.2}px");
            let _ = element.style().set_property("height", &height);
        }
    }

    /// Has exactly these in the list, in this order.
    pub(super) fn show(&mut self, slots: &[Slot]) {
        let wanted: HashSet<String> = slots.iter().map(Slot::key).collect();
        let items = std::mem::take(&mut self.items);
        let (mut left, gone): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| wanted.contains(&item.key));
        gone.into_iter().for_each(Item::go);
        let mut last_first: Vec<Item> = Vec::with_capacity(slots.len());
        for slot in slots.iter().rev() {
            let item = match left.pop_if(|item| item.key == slot.key()) {
                Some(item) => item,
                None => {
                    let mut item = self.taken(&mut left, slot);
                    match last_first.last() {
                        Some(next) => drop(next.shown.insert_before_this(&mut *item.shown)),
                        None => item.shown.mount(&self.element, None),
                    }
                    item
                }
            };
            last_first.push(item);
        }
        last_first.reverse();
        self.items = last_first;
    }

    /// The item of a slot: one that stood elsewhere, or a new one.
    fn taken(&self, left: &mut Vec<Item>, slot: &Slot) -> Item {
        let key = slot.key();
        if let Some(at) = left.iter().rposition(|item| item.key == key) {
            let mut item = left.remove(at);
            item.shown.unmount();
            return item;
        }
        let owner = self.owner.with(Owner::new);
        let shown = owner.with(|| untrack(|| (self.view)(slot.clone()).build()));
        Item {
            key,
            owner,
            shown: Box::new(shown),
        }
    }
}

impl Item {
    fn go(mut self) {
        self.shown.unmount();
        self.owner.cleanup();
    }
}
