//! What goes from one account to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::jid::{BareJid, Jid};
use protocol::s11::Reason;
use protocol::{Condition, Iq, PresenceType, Stanza, StanzaError, StanzaKind, Text};

use crate::archive::Entry;
use crate::beside::{bounce, bounce_missing};
use crate::core::Context;
use crate::envelope::Envelope;
use crate::iq;
use crate::pep::{self, Interest, Notice};

/// Something for an account, from itself or another one.
pub(crate) enum Parcel {
    /// Its log has a further entry.
    Entry {
        entry: Arc<Entry>,
        envelope: Option<Arc<Envelope>>,
        /// Whether it was flagged to wait for an ordinary client; absent for own messages.
        flagged: Option<bool>,
    },
    /// A message beside its log.
    Message(Loose),
    /// An iq for one of its resources.
    Iq(Box<Stanza>),
    /// Presence of a contact's resource.
    Presence {
        from: Jid,
        frame: Stanza,
        hidden: Hidden,
    },
    /// A contact asks for the account's presence.
    Probe { from: Jid },
    /// An iq for the account itself, from a session of another one.
    Question(Box<Iq>),
    /// A node of another account, or of this one, changed: for sessions that want to know.
    Notice(Notice),
    /// A session has come to want to know of nodes: of the account, or of a contact who asks for it.
    Interest(Interest),
    /// Somebody made an account with an invitation of this one (RG-08).
    Joined(BareJid),
    /// A subscription stanza from a contact.
    Subscription {
        from: BareJid,
        kind: PresenceType,
        stanza: Box<Stanza>,
    },
}

/// The resources of the addressee that the sender blocks by themselves: they are shown nothing (BL-04).
pub(crate) type Hidden = BTreeSet<String>;

/// A message that has no place in the log.
#[derive(Clone, Debug)]
pub(crate) struct Loose {
    pub(crate) envelope: Arc<Envelope>,
    /// Why it is not archived, if that is a failure (S11-35).
    pub(crate) unarchived: Option<Reason>,
    /// Whether the account is the sender: copies go to its other devices.
    pub(crate) outgoing: bool,
    /// What the sender is told if nobody gets it.
    pub(crate) bounce: Option<Bounce>,
}

/// How to answer a message that reached nobody.
#[derive(Clone, Debug)]
pub(crate) struct Bounce {
    /// The entry in the sender's log, if it has one (S11-36).
    pub(crate) entry: Option<protocol::ArchiveId>,
}

impl Parcel {
    /// Whether the account must be loaded for it; else it is for those who are there.
    pub(crate) fn needs_account(&self) -> bool {
        match self {
            Self::Subscription { .. } | Self::Iq(_) | Self::Question(_) | Self::Interest(_) => true,
            Self::Message(loose) => !loose.outgoing,
            Self::Entry { .. }
            | Self::Presence { .. }
            | Self::Probe { .. }
            | Self::Notice(_)
            | Self::Joined(_) => {
                // Who is not there finds the contact in the store.
                false
            }
        }
    }

    /// Who is heard of by it, if that is anybody but the account itself or its archive.
    pub(crate) fn sender(&self) -> Option<Jid> {
        match self {
            Self::Message(loose) => (!loose.outgoing).then(|| loose.envelope.from.clone()),
            Self::Iq(stanza) => stanza.header.from.jid().cloned(),
            Self::Question(iq) => iq.from.jid().cloned(),
            Self::Presence { from, .. } | Self::Probe { from } => Some(from.clone()),
            Self::Notice(notice) => Some(notice.owner.clone().into()),
            Self::Interest(interest) => Some(interest.session.clone().into()),
            Self::Subscription { from, .. } => Some(from.clone().into()),
            Self::Entry { .. } | Self::Joined(_) => None,
        }
    }

    /// Nobody is there for it: whoever waits is told so, in the same words whether there is no such
    /// account or it blocks the sender (SEC-24, SEC-50, BL-02).
    pub(crate) fn come_back(self, cx: &mut Context) {
        match self {
            Self::Message(loose) => bounce_missing(cx, loose),
            Self::Iq(stanza) => iq::refuse(cx, &stanza),
            Self::Question(iq) => pep::answer_for_nobody(cx, &iq),
            Self::Entry { .. }
            | Self::Presence { .. }
            | Self::Probe { .. }
            | Self::Notice(_)
            | Self::Interest(_)
            | Self::Joined(_)
            | Self::Subscription { .. } => {}
        }
    }

    /// Nobody knows who is there, for the account `to` cannot be read: whoever waits may try again.
    pub(crate) fn come_back_later(self, cx: &mut Context, to: &BareJid) {
        let error = StanzaError::new(Condition::ResourceConstraint);
        match self {
            Self::Message(loose) => bounce(cx, loose, &error),
            Self::Iq(stanza) => iq::send_back(cx, &stanza, &error),
            Self::Question(iq) => pep::answer_other(cx, &iq.error(error)),
            Self::Subscription { from, stanza, .. } => {
                let mut frame = Stanza::new(StanzaKind::Presence)
                    .typed("error")
                    .from(to.clone())
                    .to(from.clone())
                    .child(&error.to_element());
                frame.header.id.clone_from(&stanza.header.id);
                let contact = to.clone().into();
                cx.dispatch(
                    from,
                    Self::Presence {
                        from: contact,
                        frame,
                        hidden: Hidden::new(),
                    },
                );
            }
            Self::Entry { .. }
            | Self::Presence { .. }
            | Self::Probe { .. }
            | Self::Notice(_)
            | Self::Joined(_)
            | Self::Interest(_) => {}
        }
    }
}

/// A frame of a stanza.
pub(crate) fn frame(stanza: &Stanza) -> Text {
    stanza.write().into()
}
