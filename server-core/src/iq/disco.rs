//! Service discovery and version (DI rows).

use protocol::disco::Info;
use protocol::{Condition, Element, Iq, ns};

use super::invite;
use crate::features;

/// What the server is.
pub(crate) fn server(iq: &Iq, query: &Element) -> Iq {
    match (query.ns(), query.get_attr("node")) {
        (ns::DISCO_ITEMS, Some(ns::COMMANDS)) => return invite::list(iq),
        (ns::DISCO_INFO, node @ Some(protocol::invite::NODE)) => {
            return iq.result(Some(invite::info().to_element(node)));
        }
        _ => {}
    }
    answer(iq, query, &features::server_info())
}

/// What an account is.
pub(crate) fn account(iq: &Iq, query: &Element, own: bool) -> Iq {
    answer(iq, query, &features::account_info(own))
}

/// An empty list of items.
pub(crate) fn nothing(iq: &Iq, query: &Element) -> Iq {
    let node = query.get_attr("node");
    iq.result(Some(
        Element::new("query", ns::DISCO_ITEMS).attr_opt("node", node),
    ))
}

/// Name and version; the operating system is nobody's business (SEC-72).
pub(crate) fn version(iq: &Iq) -> Iq {
    let child = |name, text| Element::new(name, ns::VERSION).text(text);
    let query = Element::new("query", ns::VERSION)
        .child(child("name", "Balcony"))
        .child(child("version", env!("CARGO_PKG_VERSION")));
    iq.result(Some(query))
}

fn answer(iq: &Iq, query: &Element, info: &Info) -> Iq {
    if query.ns() == ns::DISCO_ITEMS {
        return nothing(iq, query);
    }
    match query.get_attr("node") {
        Some(node) if !node.ends_with(&info.caps_ver()) => iq.error(Condition::ItemNotFound),
        node => iq.result(Some(info.to_element(node))),
    }
}
