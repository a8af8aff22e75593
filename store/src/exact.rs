//! Which stanzas a full JID matches (MAM-10).

use protocol::{Frame, Jid, Text, XmlLimits};

/// Whether the stanza is from or to exactly this address.
pub(crate) fn is_from_or_to(stanza: &Text, jid: &Jid) -> bool {
    match Frame::parse(stanza, XmlLimits::RELAYED) {
        Ok(Frame::Stanza(stanza)) => {
            let header = stanza.header;
            [&header.from, &header.to]
                .map(|address| address.jid())
                .contains(&Some(jid))
        }
        _ => false,
    }
}
