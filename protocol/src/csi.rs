//! Client state indication (XEP-0352).

use crate::ns;
use crate::xml::Element;

/// The stream feature.
pub fn feature() -> Element {
    Element::new("csi", ns::CSI)
}

/// `<active/>` or `<inactive/>`.
pub fn state(active: bool) -> Element {
    Element::new(if active { "active" } else { "inactive" }, ns::CSI)
}

/// Whether the nonza says active; `None` if it says neither.
pub fn parse(element: &Element) -> Option<bool> {
    match element.name() {
        _ if element.ns() != ns::CSI => None,
        "active" => Some(true),
        "inactive" => Some(false),
        _ => None,
    }
}
