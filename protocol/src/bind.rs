//! Resource binding (RFC 6120 §7).

use crate::jid::FullJid;
use crate::ns;
use crate::xml::Element;

/// The stream feature.
pub fn feature() -> Element {
    Element::new("bind", ns::BIND)
}

/// `<bind/>` of a request.
pub fn request(resource: Option<&str>) -> Element {
    let bind = Element::new("bind", ns::BIND);
    match resource {
        Some(resource) => bind.child(Element::new("resource", ns::BIND).text(resource)),
        None => bind,
    }
}

/// `<bind/>` of an answer.
pub fn bound(jid: &FullJid) -> Element {
    Element::new("bind", ns::BIND).child(Element::new("jid", ns::BIND).text(jid.as_str()))
}

/// The address that an answer gives.
pub fn jid_of(bind: &Element) -> Option<FullJid> {
    FullJid::new(&bind.find("jid", ns::BIND)?.own_text()).ok()
}
