//! What is taken out of a message before anything else is done with it.

use protocol::fork::Mode;
use protocol::jid::Jid;
use protocol::mutant;
use protocol::stanza::{Child, Stanza};
use protocol::{ArchiveId, Condition, IdPrefix, ns, sid};

use crate::core::Context;

/// What of a message is taken out before anything else is done with it, and what that told.
pub(crate) struct Stripped {
    pub(crate) resend: Option<Child>,
    pub(crate) removed: bool,
}

/// Takes out what a client must not say (RT-13, SI-01, SI-02, CO-13) and what is for the server only.
pub(crate) fn strip(cx: &Context, stanza: &mut Stanza) -> Stripped {
    let before = stanza.children.len();
    let mut resend = None;
    stanza.children.retain(|child| {
        if child.is("resend", ns::S11) {
            resend = Some(child.clone());
            return false;
        }
        !is_forged(cx, child)
    });
    Stripped {
        resend,
        removed: stanza.children.len() < before,
    }
}

fn is_forged(cx: &Context, child: &Child) -> bool {
    // A trailing dot is the same domain to whoever prepares addresses (CO-09).
    let is_local = |jid: &Jid| cx.is_local(jid.domain().as_str().trim_end_matches('.'));
    match &*child.ns {
        ns::CARBONS | ns::MR2 => matches!(&*child.name, "sent" | "received"),
        ns::MAM => matches!(&*child.name, "result" | "fin"),
        ns::S11 => matches!(&*child.name, "unarchived" | "bounced"),
        ns::SID if &*child.name == "stanza-id" => {
            sid::by_of(child).is_none_or(|(by, _)| is_local(&by))
        }
        ns::DELAY if &*child.name == "delay" => {
            let element = child.element().ok();
            let from = element.as_ref().and_then(|delay| delay.get_attr("from"));
            from.and_then(|from| Jid::new(from).ok())
                .is_some_and(|from| is_local(&from))
        }
        _ => false,
    }
}

/// The archive id that the sender computed, if it is an s11 session and the id is computable.
pub(crate) fn own_id(
    mode: Mode,
    prefix: Option<&IdPrefix>,
    stanza: &Stanza,
    resend: Option<Child>,
) -> Result<Option<ArchiveId>, Condition> {
    let (Mode::S11, Some(prefix)) = (mode, prefix) else {
        return Ok(None);
    };
    let message_id = stanza.header.id.as_deref().unwrap_or_default();
    let Some(resend) = resend.filter(|_| !mutant("resend-prefix-ignored")) else {
        return Ok(ArchiveId::of_own(prefix, message_id));
    };
    let resend = resend.element().map_err(|_| Condition::BadRequest)?;
    let first = resend
        .get_attr("prefix")
        .and_then(IdPrefix::parse)
        .ok_or(Condition::BadRequest)?;
    ArchiveId::of_own(&first, message_id)
        .map(Some)
        .ok_or(Condition::BadRequest)
}
