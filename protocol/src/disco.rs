//! Service discovery (XEP-0030) and the capabilities hash (XEP-0115 §5).

use crate::ns;
use crate::xml::Element;

/// What an entity is and can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// (category, type, name)
    pub identities: Vec<(&'static str, &'static str, &'static str)>,
    /// Namespaces of features.
    pub features: Vec<&'static str>,
}

impl Info {
    /// Writes `<query/>` with the node echoed.
    pub fn to_element(&self, node: Option<&str>) -> Element {
        let identities = self.identities.iter().map(|(category, kind, name)| {
            Element::new("identity", ns::DISCO_INFO)
                .attr("category", category)
                .attr("type", kind)
                .attr_opt("name", Some(name).filter(|name| !name.is_empty()))
        });
        let features = self.features.iter();
        let features = features.map(|var| Element::new("feature", ns::DISCO_INFO).attr("var", var));
        Element::new("query", ns::DISCO_INFO)
            .attr_opt("node", node)
            .children_from(identities)
            .children_from(features)
    }

    /// The capabilities hash: base64 of SHA-1 over the sorted description (DI-02).
    pub fn caps_ver(&self) -> String {
        crate::caps::hash(&self.to_element(None)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: DI-02
    #[test]
    fn the_simple_example_of_xep_0115_gives_its_hash() {
        let info = Info {
            identities: vec![("client", "pc", "Exodus 0.9.1")],
            features: vec![
                "http://jabber.org/protocol/muc",
                "http://jabber.org/protocol/caps",
                "http://jabber.org/protocol/disco#items",
                "http://jabber.org/protocol/disco#info",
            ],
        };
        assert_eq!(info.caps_ver(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }
}
