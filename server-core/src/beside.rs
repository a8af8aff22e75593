//! Messages that have no place in the log: chat states, headlines, errors, what no archive took; and
//! what comes back because nobody was there.

use std::sync::Arc;

use protocol::fork::Mode;
use protocol::jid::{BareJid, Jid};
use protocol::s11::{self, Reason};
use protocol::{ArchiveId, Condition, Message, MessageType, Stanza, StanzaError, StanzaKind};

use crate::account::Account;
use crate::archive::{Append, Keep};
use crate::copies;
use crate::core::Context;
use crate::envelope::Envelope;
use crate::ids;
use crate::io::Output;
use crate::parcel::{Loose, Parcel};
use crate::pending::{Pending, SentMessage};
use crate::session::{SentKind, SessionId};

impl Account {
    /// A message beside the log arrives at one of its two accounts.
    pub(crate) fn on_loose(&mut self, cx: &mut Context, loose: Loose) {
        let notice = loose.unarchived.map(|reason| {
            let mut out = String::new();
            s11::unarchived(&self.jid, None, reason).write(&mut out, "");
            out
        });
        let text = copies::direct(
            &loose.envelope.stanza,
            notice.as_deref().unwrap_or_default(),
        );
        let answer = self.as_carbon(&loose.envelope);
        let envelope = answer.as_ref().unwrap_or(&loose.envelope);
        let mut targets = self.targets_beside(envelope);
        if loose.outgoing {
            targets.retain(|(_, copy)| *copy != copies::Copy::Direct);
        }
        let reached = !targets.is_empty();
        let is_alone = targets.len() == 1 && !loose.outgoing;
        for (session, copy) in targets {
            let kind = match is_alone {
                true => SentKind::Loose(Box::new(loose.clone())),
                false => SentKind::Droppable,
            };
            self.give(cx, session, envelope, &text, (copy, kind));
        }
        if !reached && !loose.outgoing {
            self.on_unreached(cx, loose);
        }
    }

    /// An error that answers a message which carbons sessions have: they get it too (CC-02).
    fn as_carbon(&self, envelope: &Envelope) -> Option<Arc<Envelope>> {
        let full = envelope.to.try_as_full().ok()?;
        let session = self.sessions.get(&self.by_jid(full)?)?;
        let answers = envelope.kind == MessageType::Error
            && session
                .asked
                .contains(&(envelope.id.clone()?, envelope.from.to_bare()));
        answers.then(|| {
            Arc::new(Envelope {
                carbons: true,
                ..envelope.clone()
            })
        })
    }

    /// Who gets a message that is not in the log: s11 sessions by their rule, and where it says no
    /// (headlines, errors to a resource) by the table like everybody.
    fn targets_beside(&self, envelope: &Envelope) -> Vec<(SessionId, copies::Copy)> {
        let mut targets = copies::for_others(envelope, &self.jid, self.sessions.values());
        let addressed = match envelope.is_to(&self.jid) {
            true => copies::addressed(envelope, self.sessions.values()),
            false => Vec::new(),
        };
        for session in self
            .sessions
            .values()
            .filter(|session| session.mode == Mode::S11)
        {
            let copy = copies::for_s11(envelope, &self.jid, &session.jid);
            let by_table = addressed.contains(&session.id) && envelope.from != session.jid;
            if let Some(copy) = by_table.then_some(copies::Copy::Direct).or(copy) {
                targets.push((session.id, copy));
            }
        }
        targets
    }

    fn on_unreached(&self, cx: &mut Context, loose: Loose) {
        let failure = match (loose.unarchived, &loose.envelope.kind) {
            // Nobody has it and no archive holds it (S11-34).
            (Some(_), _) => Some(StanzaError::new(Condition::ResourceConstraint)),
            (None, MessageType::Groupchat) if loose.envelope.to.is_bare() => {
                Some(StanzaError::new(Condition::ServiceUnavailable))
            }
            (None, _) => None,
        };
        if let Some(error) = failure {
            bounce(cx, loose, &error);
        }
    }
}

/// Sends a message beside the log to its addressee, or back if the domain is not served (RT-17).
pub(crate) fn dispatch_in(cx: &mut Context, loose: Loose, unarchived: Option<Reason>) {
    let to = loose.envelope.to.to_bare();
    if !cx.is_local(to.domain().as_str()) {
        return bounce(cx, loose, &Condition::RemoteServerNotFound.into());
    }
    if to.node().is_none() {
        return bounce(cx, loose, &Condition::ServiceUnavailable.into());
    }
    let unarchived = loose.unarchived.or(unarchived);
    cx.dispatch(
        to,
        Parcel::Message(Loose {
            unarchived,
            ..loose
        }),
    );
}

/// The addressee does not exist (protocol.md §7, first rows of the table).
pub(crate) fn bounce_missing(cx: &mut Context, loose: Loose) {
    if matches!(
        loose.envelope.kind,
        MessageType::Normal | MessageType::Chat | MessageType::Groupchat
    ) {
        bounce(cx, loose, &Condition::ServiceUnavailable.into());
    }
}

/// The only session that was given a message beside the log ended without taking it (SM-29, S11-34).
pub(crate) fn bounce_untaken(cx: &mut Context, loose: Loose) {
    let condition = match loose.unarchived {
        Some(_) => Condition::ResourceConstraint,
        None if loose.envelope.has_body => Condition::ServiceUnavailable,
        None => return,
    };
    bounce(cx, loose, &condition.into());
}

/// Tells the sender that a message came back, and lets the log remember it (RT-18, S11-36).
pub(crate) fn bounce(cx: &mut Context, loose: Loose, error: &StanzaError) {
    let envelope = &loose.envelope;
    if envelope.chat_state
        || envelope.kind == MessageType::Error
        || envelope.kind == MessageType::Headline
    {
        return;
    }
    let mut answer = Stanza::new(StanzaKind::Message)
        .typed("error")
        .from(envelope.to.clone())
        .to(envelope.from.clone());
    answer.header.id.clone_from(&envelope.id);
    let answer = Message(answer.child(&error.to_element()));
    let sender = envelope.from.to_bare();
    let back = Envelope::new(&answer, envelope.to.clone(), envelope.from.clone());
    let back = Loose {
        envelope: Arc::new(back),
        unarchived: None,
        outgoing: false,
        bounce: None,
    };
    cx.dispatch(sender.clone(), Parcel::Message(back));
    if let Some(entry) = loose.bounce.and_then(|bounce| bounce.entry) {
        record_bounce(cx, &sender, &entry, &envelope.to.to_bare(), error);
    }
}

fn record_bounce(
    cx: &mut Context,
    sender: &BareJid,
    entry: &ArchiveId,
    peer: &BareJid,
    error: &StanzaError,
) {
    let record = Stanza::new(StanzaKind::Message)
        .typed("normal")
        .from(sender.clone())
        .to(sender.clone())
        .id(ids::opaque(&mut cx.rng))
        .child(&s11::bounced(entry, peer, error));
    let record = Message(record);
    let envelope = Envelope::new(
        &record,
        Jid::from(sender.clone()),
        Jid::from(sender.clone()),
    );
    let append = Append {
        sender: sender.clone(),
        resource: None,
        recipient: None,
        peer: sender.clone(),
        own_id: None,
        digest: record.digest(),
        keep: Keep::Entries,
        retracts: None,
        spool: false,
        stanza: envelope.stanza.clone(),
        session: None,
    };
    let ticket = cx.await_answer(Pending::Append(Box::new(SentMessage {
        account: sender.clone(),
        session: None,
        counted: None,
        envelope: Arc::new(envelope),
        own_id: None,
        keep: Keep::Entries,
        spool: false,
    })));
    cx.output(Output::Append {
        ticket,
        append: Box::new(append),
    });
}
