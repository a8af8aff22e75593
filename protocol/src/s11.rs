//! Our own elements (protocol.md §16).

use crate::archive_id::{ArchiveId, IdPrefix};
use crate::jid::BareJid;
use crate::ns;
use crate::stanza_error::{Condition, StanzaError};
use crate::time::Stamp;
use crate::xml::Element;

/// The stream feature.
pub fn feature() -> Element {
    Element::new("s11", ns::S11)
}

/// `<enable/>`, sent between authentication and binding.
pub fn enable() -> Element {
    Element::new("enable", ns::S11)
}

/// The answer to `<enable/>`: the prefix of the session's own archive ids.
pub fn enabled(prefix: &IdPrefix) -> Element {
    Element::new("enabled", ns::S11).attr("prefix", prefix)
}

/// The refusal of `<enable/>` for `ns` (ours or mr2's, S11-01, MR-01).
pub fn failed(ns: &str, condition: Condition) -> Element {
    Element::new("failed", ns).child(condition.to_element())
}

/// `<sign-out/>`, the payload of an iq set to the own account: the token of this session's device dies;
/// everywhere, those of all devices, and the other sessions end (AU-29).
pub fn sign_out(everywhere: bool) -> Element {
    Element::new("sign-out", ns::S11).attr_opt("everywhere", everywhere.then_some("true"))
}

/// Whether a `<sign-out/>` means all devices.
pub fn is_everywhere(sign_out: &Element) -> bool {
    matches!(sign_out.get_attr("everywhere"), Some("true" | "1"))
}

/// `<invitation/>`, told to whoever holds its token, before there is an account: who invites, if it is a
/// person, and until when (RG-02).
pub fn invitation(inviter: Option<&BareJid>, expires: Stamp) -> Element {
    Element::new("invitation", ns::S11)
        .attr_opt("from", inviter)
        .attr("expires", expires)
}

/// The prefix that an `<enabled/>` tells.
pub fn prefix_of(enabled: &Element) -> Option<IdPrefix> {
    let prefix = enabled
        .is("enabled", ns::S11)
        .then(|| enabled.get_attr("prefix"))?;
    prefix.and_then(IdPrefix::parse)
}

/// `<resend/>`: the message keeps the archive id that it had under this prefix (S11-20).
pub fn resend(prefix: &IdPrefix) -> Element {
    Element::new("resend", ns::S11).attr("prefix", prefix)
}

/// Why a message could not be archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The archive is full.
    Quota,
    /// The message is too large for it.
    Size,
    /// The store failed.
    Storage,
}

impl Reason {
    /// The attribute's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Size => "size",
            Self::Storage => "storage",
        }
    }

    /// The reason of an attribute's value; anything unknown is a failing store.
    pub fn parse(text: &str) -> Self {
        match text {
            "quota" => Self::Quota,
            "size" => Self::Size,
            _ => Self::Storage,
        }
    }
}

/// `<unarchived/>`, in a copy instead of a stanza-id, or with the message's id in a notice (S11-33, 34).
pub fn unarchived(by: &BareJid, message_id: Option<&str>, reason: Reason) -> Element {
    Element::new("unarchived", ns::S11)
        .attr("by", by)
        .attr_opt("id", message_id)
        .attr("reason", reason.name())
}

/// `<bounced/>`: the archived record that an own message came back (S11-36).
pub fn bounced(failed: &ArchiveId, peer: &BareJid, error: &StanzaError) -> Element {
    Element::new("bounced", ns::S11)
        .attr("id", failed)
        .attr("peer", peer)
        .child(error.to_element())
}
