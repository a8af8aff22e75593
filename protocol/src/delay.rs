//! Delayed delivery (XEP-0203).

use crate::ns;
use crate::time::Stamp;
use crate::xml::Element;

/// Writes `<delay/>`.
pub fn delay(stamp: Stamp, from: Option<&str>) -> Element {
    Element::new("delay", ns::DELAY)
        .attr_opt("from", from)
        .attr("stamp", stamp)
}

/// The moment that a `<delay/>` states.
pub fn stamp_of(delay: &Element) -> Option<Stamp> {
    delay.get_attr("stamp").and_then(Stamp::parse)
}
