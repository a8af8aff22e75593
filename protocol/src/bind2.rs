//! Binding and enabling in one step (XEP-0386), both ends.

use crate::ns;
use crate::sm::SmNonza;
use crate::stanza_error::Condition;
use crate::time::Stamp;
use crate::xml::Element;
use crate::{ArchiveId, csi};

/// Characters of a tag at most; the rest is cut off.
const TAG_LEN_MAX: usize = 32;

/// `<bind/>` of a login: what the new session shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindRequest {
    /// Name of the software, with which the resource begins (BI-04).
    pub tag: Option<String>,
    /// `<enable/>` of stream management: whether to be resumable, and for how many seconds.
    pub sm: Option<(bool, Option<u32>)>,
    /// Whether our own mode is enabled.
    pub s11: bool,
    /// Whether mr2 as its draft says is enabled.
    pub mr2: bool,
    /// Whether carbons are enabled.
    pub carbons: bool,
    /// Whether the session starts inactive (XEP-0352).
    pub inactive: bool,
}

impl BindRequest {
    /// Reads `<bind/>`; what is not known is not enabled.
    pub fn from_element(bind: &Element) -> Self {
        let enables = |ns| bind.find("enable", ns).is_some();
        let sm = bind.find("enable", ns::SM).and_then(SmNonza::from_element);
        let sm = match sm {
            Some(SmNonza::Enable { resume, max_s }) => Some((resume, max_s)),
            Some(_) | None => None,
        };
        let tag = bind.find("tag", ns::BIND2).map(Element::own_text);
        let tag = tag.map(|tag| tag.chars().take(TAG_LEN_MAX).collect());
        let mut states = bind.children().filter_map(csi::parse);
        Self {
            tag: tag.filter(|tag: &String| !tag.is_empty()),
            sm,
            s11: enables(ns::S11),
            mr2: enables(ns::MR2),
            carbons: enables(ns::CARBONS),
            inactive: states.any(|is_active| !is_active),
        }
    }

    /// The element.
    pub fn to_element(&self) -> Element {
        let tag = self.tag.as_ref();
        let tag = tag.map(|tag| Element::new("tag", ns::BIND2).text(tag));
        let sm = self.sm.map(|(resume, max_s)| {
            let enable = SmNonza::Enable { resume, max_s };
            enable.to_element()
        });
        let modes = [
            (self.s11, ns::S11),
            (self.mr2, ns::MR2),
            (self.carbons, ns::CARBONS),
        ];
        let modes = modes.into_iter().filter(|(is_on, _)| *is_on);
        Element::new("bind", ns::BIND2)
            .children_from(tag)
            .children_from(sm)
            .children_from(modes.map(|(_, ns)| Element::new("enable", ns)))
            .children_from(self.inactive.then(|| csi::state(false)))
    }
}

/// Writes `<bound/>`: the archive's ends (BI-05, BI-10), unless they are not known, and what was enabled
/// or not (BI-13).
pub fn bound(metadata: Option<Element>, results: impl IntoIterator<Item = Element>) -> Element {
    Element::new("bound", ns::BIND2)
        .children_from(metadata)
        .children_from(results)
}

/// Writes `<failed/>`: nothing was bound.
pub fn failed(condition: Condition) -> Element {
    Element::new("failed", ns::BIND2).child(condition.to_element())
}

/// Writes `<metadata/>` of an archive: its oldest and newest entry, if there are any.
pub fn metadata(ends: Option<[(&ArchiveId, Stamp); 2]>) -> Element {
    let end = |name, (id, stamp): (&ArchiveId, Stamp)| {
        Element::new(name, ns::MAM)
            .attr("id", id)
            .attr("timestamp", stamp)
    };
    let ends = ends.map(|[oldest, newest]| [end("start", oldest), end("end", newest)]);
    Element::new("metadata", ns::MAM).children_from(ends.into_iter().flatten())
}

/// The newest entry of the archive at the moment of binding, as `<bound/>` tells it.
pub fn newest(bound: &Element) -> Option<ArchiveId> {
    let metadata = bound.find("metadata", ns::MAM)?;
    let end = metadata.find("end", ns::MAM)?;
    ArchiveId::parse(end.get_attr("id")?)
}

/// Writes `<bind/>` of the offer: what can be enabled.
pub fn feature(enables: &[&str]) -> Element {
    let new = |name| Element::new(name, ns::BIND2);
    let features = enables.iter().map(|var| new("feature").attr("var", var));
    new("bind").child(new("inline").children_from(features))
}

/// What `<bind/>` of an offer says can be enabled.
pub(crate) fn offered(bind: &Element) -> Vec<String> {
    let inline = bind.find("inline", ns::BIND2).into_iter();
    let features = inline.flat_map(Element::children);
    let features = features.filter(|child| child.is("feature", ns::BIND2));
    let vars = features.filter_map(|feature| feature.get_attr("var"));
    vars.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::XmlLimits;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let everything = BindRequest {
            tag: Some("Balcony".into()),
            sm: Some((true, Some(600))),
            s11: true,
            mr2: true,
            carbons: true,
            inactive: true,
        };
        for request in [everything, BindRequest::default()] {
            let text = request.to_element().to_string();
            let element = Element::parse(&text, XmlLimits::AFTER_LOGIN).unwrap();
            assert_eq!(BindRequest::from_element(&element), request);
        }
    }

    // proves: SM-33
    #[test]
    fn a_long_tag_is_cut_and_every_spelling_of_true_counts() {
        let text = format!(
            "<bind xmlns='urn:xmpp:bind:0'><tag>{}</tag><enable xmlns='urn:xmpp:sm:3' resume='1'/>\
             <active xmlns='urn:xmpp:csi:0'/><enable xmlns='urn:example:unknown'/></bind>",
            "ü".repeat(100)
        );
        let element = Element::parse(&text, XmlLimits::AFTER_LOGIN).unwrap();
        let request = BindRequest::from_element(&element);
        assert_eq!(request.tag, Some("ü".repeat(TAG_LEN_MAX)));
        assert_eq!(request.sm, Some((true, None)));
        assert!(!request.inactive);
    }

    // proves: BI-10
    #[test]
    fn an_empty_archive_has_metadata_without_ends() {
        let empty = bound(Some(metadata(None)), []);
        assert_eq!(
            empty.to_string(),
            "<bound xmlns='urn:xmpp:bind:0'><metadata xmlns='urn:xmpp:mam:2'/></bound>"
        );
        assert_eq!(newest(&empty), None);
        let (first, last) = (ArchiveId::from_bits([1; 16]), ArchiveId::from_bits([2; 16]));
        let ends = [(&first, Stamp(0)), (&last, Stamp(1))];
        assert_eq!(newest(&bound(Some(metadata(Some(ends))), [])), Some(last));
    }
}
