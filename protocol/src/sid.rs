//! Stanza ids (XEP-0359).

use crate::archive_id::ArchiveId;
use crate::jid::{BareJid, Jid};
use crate::ns;
use crate::stanza::Child;
use crate::xml::Element;

/// Writes `<stanza-id/>`.
pub fn stanza_id(by: &BareJid, id: &ArchiveId) -> Element {
    Element::new("stanza-id", ns::SID)
        .attr("by", by)
        .attr("id", id)
}

/// The archive id that a message carries for `account`: one only, and stated by the account itself (SI-05).
pub fn trusted_id(children: &[Child], account: &BareJid) -> Option<ArchiveId> {
    let mut own = children
        .iter()
        .filter_map(by_of)
        .filter(|(by, _)| by == account);
    let (_, id) = own.next()?;
    if own.next().is_some() { None } else { id }
}

/// Who states the `<stanza-id/>` and which id; `None` for every other element.
pub fn by_of(child: &Child) -> Option<(Jid, Option<ArchiveId>)> {
    if !child.is("stanza-id", ns::SID) {
        return None;
    }
    let element = child.element().ok()?;
    let by = Jid::new(element.get_attr("by")?).ok()?;
    Some((by, element.get_attr("id").and_then(ArchiveId::parse)))
}
