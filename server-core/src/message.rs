//! A message from a session: written, and sent on its way.

use std::sync::Arc;

use protocol::fork::Mode;
use protocol::jid::BareJid;
use protocol::mutant;
use protocol::retract::Retraction;
use protocol::s11::{self, Reason};
use protocol::sm::Slot;
use protocol::stanza::Address;
use protocol::{ArchiveId, Condition, Stanza, StanzaError, StanzaKind};

use crate::accept::{Accepted, refusal};
use crate::account::Account;
use crate::archive::{
    Append, AppendError, Entry, FirstOutcome, Keep, Outcome, Receipt, RecipientSide,
};
use crate::beside::{bounce_missing, dispatch_in};
use crate::core::{Context, Core};
use crate::envelope::Envelope;
use crate::io::Output;
use crate::parcel::{Bounce, Loose, Parcel};
use crate::pending::{Pending, SentMessage};
use crate::records::{SessionLife, SessionRecord};
use crate::session::{Own, SessionId};

/// So many messages of a session may lie ahead of its cursor before it may send no more.
const OWN_AHEAD_MAX: usize = 1_024;

/// A stanza of a session that waits its turn (CO-07).
pub(crate) enum Work {
    /// A message that is being written; the store answers in the order in which it was asked.
    Append,
    /// A message that has no place in the log.
    Loose(Option<Slot>, Arc<Envelope>),
    /// Presence or an iq.
    Other(Option<Slot>, Stanza),
}

impl Account {
    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        mut stanza: Stanza,
    ) {
        if self.assist(cx, &mut stanza) && stanza.children.is_empty() {
            return self.settle(cx, id, slot);
        }
        match self.accept(cx, id, stanza) {
            Ok(Some(accepted)) => self.send_message(cx, id, slot, accepted),
            Ok(None) => self.settle(cx, id, slot),
            Err((stanza, condition)) => {
                self.answer_error(cx, id, &stanza, &refusal(condition));
                self.settle(cx, id, slot);
            }
        }
    }

    fn send_message(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        accepted: Accepted,
    ) {
        let Accepted {
            message,
            own_id,
            keep,
        } = accepted;
        let header = message.header();
        let (Some(from), Some(to)) = (header.from.jid().cloned(), header.to.jid().cloned()) else {
            return;
        };
        let envelope = Arc::new(Envelope::new(&message, from, to));
        if let Some(session) = self.sessions.get_mut(&id)
            && let Some(message_id) = envelope.id.as_deref().filter(|_| envelope.carbons)
        {
            session.remember_asked(message_id, envelope.to.to_bare());
        }
        let Some(keep) = keep else {
            return self.queue(cx, id, Work::Loose(slot, envelope));
        };
        let archives = keep.makes_entries();
        let peer = envelope.to.to_bare();
        let spool = archives && peer != self.jid && !cx.takers.contains(&peer);
        let record = self.counting(id, slot);
        let counted = record.as_ref().map(|record| (record.key, record.handled));
        let append = Append {
            sender: self.jid.clone(),
            resource: envelope.from.resource().map(ToOwned::to_owned),
            recipient: cx.is_local(peer.domain().as_str()).then(|| peer.clone()),
            peer,
            own_id: own_id.clone(),
            digest: message.digest(),
            keep,
            spool,
            retracts: Retraction::of(&message),
            stanza: envelope.stanza.clone(),
            session: record.map(Box::new),
        };
        let ticket = cx.await_answer(Pending::Append(Box::new(SentMessage {
            account: self.jid.clone(),
            session: Some((id, slot)),
            counted,
            envelope,
            own_id,
            keep,
            spool,
        })));
        cx.output(Output::Append {
            ticket,
            append: Box::new(append),
        });
        self.in_flight += 1;
        self.appends.0 += 1;
        if mutant("ack-before-commit") {
            self.settle(cx, id, slot);
        }
        self.queue(cx, id, Work::Append);
    }

    /// The record of a session once the stanza of this slot is handled (S11-60).
    fn counting(&self, id: SessionId, slot: Option<Slot>) -> Option<SessionRecord> {
        let record = self.sessions.get(&id)?.record(SessionLife::Attached)?;
        let handled = slot?.count();
        Some(SessionRecord { handled, ..record })
    }

    // ---- order (CO-07)

    /// Does the work at once, or behind what waits already.
    pub(crate) fn queue(&mut self, cx: &mut Context, id: SessionId, work: Work) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.work.push_back(work);
        }
        self.do_work(cx, id);
    }

    /// Does what stands before the next append.
    fn do_work(&mut self, cx: &mut Context, id: SessionId) {
        while let Some(session) = self.sessions.get_mut(&id) {
            match session.work.pop_front() {
                Some(append @ Work::Append) => return session.work.push_front(append),
                Some(Work::Loose(slot, envelope)) => {
                    self.send_loose(cx, &envelope);
                    self.settle(cx, id, slot);
                }
                Some(Work::Other(slot, stanza)) => self.on_other(cx, id, slot, stanza),
                None => return,
            }
        }
    }

    /// The session ends: what it sent and was only waiting its turn still goes out.
    pub(crate) fn drain_work(&mut self, cx: &mut Context, session: &crate::session::Session) {
        for work in &session.work {
            if let Work::Loose(_, envelope) = work {
                self.send_loose(cx, envelope);
            }
        }
    }

    fn send_loose(&self, cx: &mut Context, envelope: &Arc<Envelope>) {
        let loose = Loose {
            envelope: envelope.clone(),
            unarchived: None,
            outgoing: false,
            bounce: None,
        };
        self.fork_out(cx, &loose, None);
        dispatch_in(cx, loose, None);
    }

    /// Copies of an outgoing message for the account's other devices, beside the log.
    fn fork_out(&self, cx: &mut Context, loose: &Loose, unarchived: Option<Reason>) {
        if !loose.envelope.is_to(&self.jid) {
            let out = Loose {
                unarchived,
                outgoing: true,
                bounce: None,
                ..loose.clone()
            };
            cx.dispatch(self.jid.clone(), Parcel::Message(out));
        }
    }

    pub(crate) fn settle(&mut self, cx: &mut Context, id: SessionId, slot: Option<Slot>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.settle(cx, slot);
            if !session.own.is_empty() {
                self.walk(cx, id);
            }
        }
        self.resume_settled(cx);
    }

    pub(crate) fn answer_error(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        stanza: &Stanza,
        error: &StanzaError,
    ) {
        let Some(jid) = self.sessions.get(&id).map(|session| session.jid.clone()) else {
            return;
        };
        let from = match &stanza.header.to {
            Address::Absent => Address::Jid(self.own()),
            given @ (Address::Jid(_) | Address::Malformed(_)) => given.clone(),
        };
        if let Some(answer) = stanza.error(error, from, &jid) {
            self.send_now(cx, id, answer.write());
        }
    }

    // ---- what the store says

    fn on_written(
        &mut self,
        cx: &mut Context,
        sent: &SentMessage,
        outcome: &Written,
        is_written: bool,
    ) {
        let Some((id, slot)) = sent.session else {
            return;
        };
        if let Some((key, count)) = sent.counted.filter(|_| is_written) {
            self.count_ended(key, count);
        }
        if let Some(session) = self.sessions.get_mut(&id)
            && matches!(session.work.front(), Some(Work::Append))
        {
            session.work.pop_front();
        }
        match outcome {
            Written::At(pos) => self.settle_at(cx, id, slot, *pos, sent.own_id.is_none()),
            Written::Not(reason) => {
                if mutant("notice-after-ack") {
                    self.settle(cx, id, slot);
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.ack(cx);
                    }
                }
                if !mutant("no-notice") {
                    self.notify_unarchived(cx, id, sent, *reason);
                }
                self.settle(cx, id, slot);
            }
            Written::ByPolicy => self.settle(cx, id, slot),
            Written::Refused(condition) => {
                self.refuse_sent(cx, id, sent, *condition);
                self.settle(cx, id, slot);
            }
        }
        self.do_work(cx, id);
        self.walk(cx, id); // one may have waited for this answer
        self.next_query(cx); // and so may a page
    }

    /// The message lies in the log: it counts as handled when the cursor passes it (P3).
    fn settle_at(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        pos: u64,
        needs_copy: bool,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.mode != Mode::S11 {
            if session.hold.is_inactive {
                self.release(cx, id); // before an ack can cover it (CS-03)
            }
            return self.settle(cx, id, slot);
        }
        if session.cursor >= pos {
            return self.settle(cx, id, slot);
        }
        if session.own.contains_key(&pos) {
            // The same message came twice before the cursor got there: both are handled with it.
            return self.settle(cx, id, slot);
        }
        // The cursor may wait for an `<a/>`, which must not wait behind more messages (LIM-14).
        let owes_credit = session.own.len() >= OWN_AHEAD_MAX;
        if let Some(conn) = session.conn.filter(|_| !owes_credit) {
            cx.credit(conn);
        }
        let own = Own {
            slot,
            needs_copy,
            owes_credit,
        };
        session.own.insert(pos, own);
        self.walk(cx, id);
        self.resume_settled(cx);
    }

    /// S11-33: the notice stands on the wire before any ack that covers the message.
    fn notify_unarchived(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        sent: &SentMessage,
        reason: Reason,
    ) {
        let Some(session) = self
            .sessions
            .get(&id)
            .filter(|session| session.mode == Mode::S11)
        else {
            return;
        };
        tracing::debug!(reason = reason.name(), "message delivered but not archived");
        let notice = s11::unarchived(&self.jid, sent.envelope.id.as_deref(), reason);
        let stanza = Stanza::new(StanzaKind::Message)
            .typed("headline")
            .from(self.jid.clone())
            .to(session.jid.clone())
            .child(&notice);
        self.send_now(cx, id, stanza.write());
    }

    fn refuse_sent(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        sent: &SentMessage,
        condition: Condition,
    ) {
        let mut stanza = Stanza::new(StanzaKind::Message).to(sent.envelope.to.clone());
        stanza.header.id.clone_from(&sent.envelope.id);
        self.answer_error(cx, id, &stanza, &refusal(condition));
    }
}

/// What became of the sender's side of a message.
enum Written {
    At(u64),
    Not(Reason),
    ByPolicy,
    Refused(Condition),
}

impl Core {
    /// The store answered an append.
    pub(crate) fn on_appended(&mut self, sent: SentMessage, result: Result<Outcome, AppendError>) {
        if sent.session.is_some()
            && let Some(account) = self.accounts.get_mut(&sent.account)
        {
            account.in_flight = account.in_flight.saturating_sub(1);
            account.appends.1 += 1;
        }
        let is_written = result.is_ok();
        let outcome = match (result, sent.keep) {
            (Ok(Outcome::Refused(condition)), _)
            | (Ok(Outcome::Stored(_)) | Err(_), Keep::Refusal(condition)) => {
                Written::Refused(condition)
            }
            (Ok(Outcome::Stored(receipt)), _) => self.on_stored(&sent, receipt),
            (Ok(Outcome::Repeated(first)), _) => match first {
                FirstOutcome::Archived { pos } => Written::At(pos),
                FirstOutcome::NotArchived => Written::ByPolicy,
                FirstOutcome::Unarchived(reason) => Written::Not(reason),
                FirstOutcome::Refused(condition) => Written::Refused(condition),
            },
            (Ok(Outcome::Conflict), _) => Written::Refused(Condition::Conflict),
            (Err(error), _) => self.on_stored(&sent, nothing_stored(&sent, error)),
        };
        self.with(&sent.account.clone(), |account, cx| {
            account.on_written(cx, &sent, &outcome, is_written)
        });
    }

    fn on_stored(&mut self, sent: &SentMessage, receipt: Receipt) -> Written {
        let cx = &mut self.cx;
        let envelope = &sent.envelope;
        let loose = |unarchived| Loose {
            envelope: envelope.clone(),
            unarchived,
            outgoing: false,
            bounce: Some(Bounce {
                entry: entry_of(&receipt),
            }),
        };
        let account = self.accounts.get(&sent.account);
        let written = match &receipt.sender {
            Some(Ok(place)) => {
                publish(cx, &sent.account, place, &receipt, (envelope, None));
                Written::At(place.pos)
            }
            failed_or_by_policy => {
                let reason = failed_or_by_policy
                    .as_ref()
                    .and_then(|r| r.as_ref().err())
                    .map(AppendError::reason);
                if let Some(account) = account {
                    account.fork_out(cx, &loose(None), reason);
                }
                reason.map_or(Written::ByPolicy, Written::Not)
            }
        };
        let recipient = envelope.to.to_bare();
        let is_note = recipient == sent.account;
        match &receipt.recipient {
            RecipientSide::Stored(place) => {
                let flagged = Some(sent.spool);
                publish(cx, &recipient, place, &receipt, (envelope, flagged));
            }
            RecipientSide::Failed(error) => dispatch_in(cx, loose(Some(error.reason())), None),
            RecipientSide::NoAccount => bounce_missing(cx, loose(None)),
            RecipientSide::None if is_note && matches!(written, Written::At(_)) => {}
            RecipientSide::None => {
                let failed = if let Written::Not(reason) = &written {
                    Some(*reason)
                } else {
                    None
                };
                dispatch_in(cx, loose(None), failed.filter(|_| is_note));
            }
        }
        written
    }
}

/// The receipt of a message that no archive took.
fn nothing_stored(sent: &SentMessage, error: AppendError) -> Receipt {
    let is_note = sent.envelope.to.to_bare() == sent.account;
    let archives = sent.keep.makes_entries();
    let recipient = match archives && !is_note {
        true => RecipientSide::Failed(error.clone()),
        false => RecipientSide::None,
    };
    Receipt {
        stamp: protocol::time::Stamp::default(),
        sender: archives.then_some(Err(error)),
        recipient,
    }
}

fn entry_of(receipt: &Receipt) -> Option<ArchiveId> {
    receipt
        .sender
        .as_ref()
        .and_then(|side| side.as_ref().ok())
        .map(|place| place.id.clone())
}

fn publish(
    cx: &mut Context,
    account: &BareJid,
    place: &crate::archive::Place,
    receipt: &Receipt,
    (envelope, flagged): (&Arc<Envelope>, Option<bool>),
) {
    let entry = Entry {
        pos: place.pos,
        id: place.id.clone(),
        stamp: receipt.stamp,
        stanza: envelope.stanza.clone(),
    };
    cx.dispatch(
        account.clone(),
        Parcel::Entry {
            entry: Arc::new(entry),
            envelope: Some(envelope.clone()),
            flagged,
        },
    );
}
