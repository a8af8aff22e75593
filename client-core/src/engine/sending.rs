//! From the outbox to the wire, and what acks settle.

use std::collections::{BTreeMap, BTreeSet};

use protocol::chat_state::ChatState;
use protocol::mds::Displayed;
use protocol::mutant;
use protocol::reactions::Reactions;
use protocol::retract::Retraction;
use protocol::sm::SmNonza;
use protocol::time::Stamp;
use protocol::{
    BareJid, Element, Handled, IdPrefix, Stanza, StanzaKind, Text, correct, delay, fallback,
    markers, ns, receipts, reply, s11,
};

use super::Engine;
use crate::failure::Failure;
use crate::history::{OutboxItem, Signal};
use crate::io::Output;
use crate::reduce::Event;
use crate::stream::{Counting, Sent, Stream};
use crate::view::Mark;

/// So many own messages are on the wire at once.
const ON_WIRE_MAX: usize = 100;
/// Older lines are not sent again without asking (S11-24).
const RESEND_MAX_MS: i64 = 14 * 24 * 60 * 60 * 1_000;

const RECHECK_FIRST_MS: u64 = 1_000;
const RECHECK_MAX_MS: u64 = 60_000;

/// What of the outbox is on its way on this stream.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Items that were sent on this stream.
    pub(super) on_wire: BTreeSet<u64>,
    /// Items that `<resumed/>` covers: the page that follows has them, or a notice that still comes
    /// says that no page ever will.
    pub(super) covered: BTreeSet<u64>,
    /// Items that were acked but whose place only the archive can tell.
    pub(super) acked: BTreeSet<u64>,
    /// Wishes that were sent on this stream.
    pub(super) wished: BTreeSet<u64>,
    /// Items that the person wants to be sent however old they are.
    pub(super) insisted: BTreeSet<u64>,
    /// Items that may have been sent under the prefix of this very stream, to a server that has
    /// forgotten (S11-63).
    pub(super) again: BTreeSet<u64>,
    /// Whether messages may be sent: not before the archive told which of them it has (S11-20).
    pub(super) may_send: bool,
    /// Whether the account has an archive; unknown at first.
    pub(super) has_archive: Option<bool>,
    /// When the archive is asked again for what was not exact.
    pub(super) recheck_at_ms: Option<u64>,
    rechecks: u32,
}

impl Wire {
    pub(super) fn begin(&mut self) {
        self.recheck_at_ms = None;
        self.rechecks = 0;
    }
}

impl Engine {
    /// Sends a stanza, counted and kept until it is acked.
    pub(super) fn send(&mut self, text: String, seq: Option<u64>) {
        let text = Text::from(text);
        self.out.push_back(Output::Transmit(text.clone()));
        let Some(stream) = &mut self.stream else {
            return;
        };
        if stream.push(Sent { text, seq }) {
            self.pulse.sent(self.now.mono_ms);
        } else {
            // Nobody is going to ack it: only the archive can tell.
            let item = seq.filter(|seq| !self.fulfil(*seq));
            self.wire.acked.extend(item);
        }
    }

    /// Sends what waits, in the order in which it was written.
    pub(super) fn pump(&mut self) {
        if self.has_seen_enough() {
            self.wire.may_send = true;
            // The server knows what became of what is covered and came by no page (S11-22).
            for seq in std::mem::take(&mut self.wire.covered) {
                self.wire.on_wire.remove(&seq);
            }
        }
        let may_send = self.wire.may_send || mutant("resend-before-catching-up");
        if !self.link.is_up() || !may_send {
            return;
        }
        self.assign_prefixes();
        for seq in self.sendable() {
            let Some(item) = self.state.outbox.get(&seq).cloned() else {
                continue;
            };
            if self.is_too_old(&item) {
                let why = Failure::TooOld;
                self.note(Event::GaveUp { seq, why });
                continue;
            }
            if item.is_said() {
                self.set_active(true);
            }
            let prefix = self
                .stream
                .as_ref()
                .and_then(|stream| stream.prefix.as_ref());
            let is_again = self.wire.again.contains(&seq);
            let text = write_message(&item, &self.account, prefix, is_again);
            self.wire.on_wire.insert(seq);
            self.send(text, Some(seq));
        }
    }

    /// Whether the archive told all that it has of what may lie there already: also what lies behind a
    /// gap that is being filled (S11-54), for what is sent again is given the place of its ack.
    fn has_seen_enough(&self) -> bool {
        let device = &self.state.device;
        let fills_gap = device.fills_gap() && device.oldest.is_some();
        let is_new = |item: &OutboxItem| item.prefix.is_none();
        !self.state.catching && (!fills_gap || self.state.outbox.values().all(is_new))
    }

    /// The prefix must be durable before the message is sent under it (P6).
    fn assign_prefixes(&mut self) {
        let Some(prefix) = self.stream.as_ref().and_then(|s| s.prefix.clone()) else {
            return;
        };
        let mut items = self.state.outbox.values();
        if items.any(|item| {
            let is_other = item.prefix.as_ref() != Some(&prefix);
            let is_renamed = is_other && mutant("resend-under-a-new-prefix");
            (item.prefix.is_none() || is_renamed) && item.failed.is_none()
        }) {
            self.note(Event::Prefixed(prefix));
        }
    }

    /// Items to send: durable as they are, and nothing that was written before them waits for that.
    fn sendable(&self) -> Vec<u64> {
        let is_exact = self.state.exact;
        let durable = self.shown.outbox().iter();
        let waiting = durable.filter(|(seq, _)| {
            let planned = self.state.outbox.get(seq);
            planned.is_some_and(|item| item.failed.is_none()) && !self.wire.on_wire.contains(seq)
        });
        let ready = waiting
            .take_while(|(_, item)| item.failed.is_none() && (item.prefix.is_some() || !is_exact));
        let in_flight = self.stream.as_ref().map_or(0, |s| s.waiting_len());
        let room = ON_WIRE_MAX.saturating_sub(in_flight);
        ready.map(|(seq, _)| *seq).take(room).collect()
    }

    fn is_too_old(&self, item: &OutboxItem) -> bool {
        let own_prefix = self
            .stream
            .as_ref()
            .and_then(|stream| stream.prefix.as_ref());
        let is_resent = item.prefix.is_some() && item.prefix.as_ref() != own_prefix;
        let age_ms = self.now.wall_ms.saturating_sub(item.written.0);
        is_resent && age_ms > RESEND_MAX_MS && !self.wire.insisted.contains(&item.seq)
    }

    pub(super) fn on_sm(&mut self, nonza: SmNonza) {
        match nonza {
            SmNonza::Request => self.on_ack_request(),
            SmNonza::Ack(Some(h)) => self.on_ack(h),
            SmNonza::Ack(None) => self.drop_link(),
            SmNonza::Enabled { id, .. } => self.on_enabled(id),
            SmNonza::Failed { .. } => {
                if let Some(stream) = &mut self.stream
                    && stream.counting == Counting::Asked
                {
                    stream.counting = Counting::Off;
                }
            }
            SmNonza::Enable { .. } | SmNonza::Resume { .. } | SmNonza::Resumed { .. } => {}
        }
    }

    fn on_enabled(&mut self, id: Option<String>) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        if stream.counting != Counting::Asked {
            return;
        }
        stream.count(id);
        self.keep_stream();
    }

    /// Notes that the stream can be resumed, if it can.
    pub(super) fn keep_stream(&mut self) {
        let kept = self.stream.as_ref().and_then(Stream::to_kept);
        if let Some(kept) = kept {
            self.note_device(Event::Kept(kept));
        }
    }

    fn on_ack(&mut self, h: Handled) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        match stream.ack(h) {
            Ok(settled) => self.on_settled(settled),
            Err(error) => {
                tracing::warn!(%error, "impossible ack");
                let frame = error.to_stream_error().write();
                self.out.push_back(Output::Transmit(frame.into()));
                self.give_up_stream();
                self.drop_link();
            }
        }
    }

    /// Stanzas are with the server: own messages are entries now (S11-51).
    pub(super) fn on_settled(&mut self, settled: Vec<Sent>) {
        for seq in settled.into_iter().filter_map(|sent| sent.seq) {
            if self.fulfil(seq) {
                continue;
            }
            if self.state.exact {
                let stamp = Stamp(self.now.wall_ms);
                self.note(Event::Archived { seq, stamp });
            } else if self.state.outbox.contains_key(&seq) {
                self.wire.acked.insert(seq);
            }
        }
    }

    /// A resumption covers stanzas; it does not tell the places of own messages, nor whether their
    /// notices were lost with the former connection (S11-33, S11-41).
    pub(super) fn on_covered(&mut self, settled: Vec<Sent>) {
        if !self.state.exact || mutant("covered-taken-for-placed") {
            return self.on_settled(settled);
        }
        let covered = settled.into_iter().filter_map(|sent| sent.seq);
        let messages: Vec<_> = covered.filter(|seq| !self.fulfil(*seq)).collect();
        self.wire.covered.extend(messages);
    }

    /// Whether nothing stands in the way of the next page; what does is over with an input, not in time.
    /// Everything is written before: what was typed meanwhile would wait behind a page.
    pub(super) fn can_ask_archive(&self) -> bool {
        self.link.is_up() && !self.is_writing() && self.checking.is_none()
    }

    /// Asks the archive for the next page, if one is due.
    pub(super) fn ask_archive(&mut self) {
        if !self.can_ask_archive() {
            return;
        }
        match self.wire.has_archive {
            Some(true) => {}
            Some(false) => return self.live_without_archive(),
            None => return,
        }
        if self.state.catching {
            self.is_live = false;
        }
        let now_ms = self.now.mono_ms;
        if let Some(iq) = self.catch_up.ask(&self.state, &mut self.ids, now_ms) {
            self.send(iq, None);
        }
    }

    /// Without an archive what arrives is all there is.
    fn live_without_archive(&mut self) {
        for seq in std::mem::take(&mut self.wire.acked) {
            if let Some(item) = self.state.outbox.get(&seq) {
                let message_id = item.message_id.clone();
                let mark = Mark::NotKept;
                self.note(Event::Unarchived { message_id, mark });
            }
        }
        if self.state.catching || !self.state.provisional.is_empty() {
            self.note_device(Event::Page(crate::reduce::Page {
                kind: crate::reduce::PageKind::After,
                entries: Vec::new(),
                complete: true,
                newest_held: 0,
                known: BTreeMap::new(),
            }));
        }
    }

    /// Without exact copies only the archive tells the places of what was sent and came (S11-05).
    pub(super) fn recheck(&mut self) {
        let now_ms = self.now.mono_ms;
        if self.wire.recheck_at_ms.is_some_and(|at| at <= now_ms) {
            self.wire.recheck_at_ms = None;
            self.state.catching = true;
        }
    }

    pub(super) fn plan_recheck(&mut self) {
        self.wire
            .acked
            .retain(|seq| self.state.outbox.contains_key(seq));
        let is_open = !self.state.provisional.is_empty() || !self.wire.acked.is_empty();
        let is_inexact = !self.state.exact && self.wire.has_archive == Some(true);
        if !is_open {
            self.wire.rechecks = 0;
        } else if is_inexact && !self.state.catching && self.wire.recheck_at_ms.is_none() {
            let wait_ms = RECHECK_FIRST_MS << self.wire.rechecks.min(6);
            self.wire.rechecks += 1;
            self.wire.recheck_at_ms = Some(self.now.mono_ms + wait_ms.min(RECHECK_MAX_MS));
        }
    }
}

/// What an own message holds: the same however often it is sent (S11-16).
fn payload_of(item: &OutboxItem, account: &BareJid) -> Vec<Element> {
    match &item.signal {
        Some(Signal::Received(of)) => vec![receipts::received(of)],
        Some(Signal::Displayed(of)) => vec![markers::displayed(of)]
            .into_iter()
            .chain(assist_of(item, account))
            .collect(),
        Some(Signal::Corrected { of, text }) => {
            let mut payload = text_of(item, text, account);
            payload.push(correct::replace(of));
            payload
        }
        Some(Signal::Reacted { of, emojis }) => {
            let reactions = Reactions::new(of.clone(), emojis.iter().cloned());
            vec![reactions.to_element(), Element::new("store", ns::HINTS)]
        }
        Some(Signal::Retracted(of)) => Retraction::payload(of).into(),
        None => {
            let mut payload = text_of(item, &item.body, account);
            payload.extend(item.asks.receipt.then(receipts::request));
            payload.extend(item.asks.marker.then(markers::markable));
            payload.extend(item.asks.states.then(|| ChatState::Active.to_element()));
            payload
        }
    }
}

/// A text, with what it answers before it for programs that know no answers (IM-16).
fn text_of(item: &OutboxItem, text: &str, account: &BareJid) -> Vec<Element> {
    let body = |text: &str| Element::new("body", ns::CLIENT).text(text);
    let Some(reply) = &item.beside.reply else {
        return vec![body(text)];
    };
    let to = if reply.is_own { account } else { &item.to };
    let answered = reply::Reply {
        id: reply.of.clone(),
        to: Some(to.clone()),
    };
    let quoted = 0..reply.quote.chars().count();
    let fallback = (quoted.end > 0).then(|| fallback::part(ns::REPLY, quoted));
    let payload = [
        body(&format!("{}{text}", reply.quote)),
        answered.to_element(),
    ];
    payload.into_iter().chain(fallback).collect()
}

/// What lets the server tell the own devices how far was read; it takes that out again (MD-04).
fn assist_of(item: &OutboxItem, account: &BareJid) -> Option<Element> {
    let displayed = Displayed {
        chat: item.to.clone().into(),
        id: item.assist.clone()?,
    };
    Some(displayed.to_element(account))
}

/// An own message, under the id that it had first (S11-20); `is_again` if it may have been sent under
/// the stream's own prefix.
fn write_message(
    item: &OutboxItem,
    account: &BareJid,
    own_prefix: Option<&IdPrefix>,
    is_again: bool,
) -> String {
    let message = Stanza::new(StanzaKind::Message)
        .to(item.to.clone())
        .typed("chat")
        .id(item.message_id.clone());
    let message = payload_of(item, account)
        .iter()
        .fold(message, |message, child| message.child(child));
    let first_prefix = item
        .prefix
        .as_ref()
        .filter(|prefix| is_again || Some(*prefix) != own_prefix);
    let message = match first_prefix
        .filter(|_| own_prefix.is_some() && !mutant("resend-without-its-prefix"))
    {
        Some(first) => message
            .child(&s11::resend(first))
            .child(&delay::delay(item.written, None)),
        None => message,
    };
    message.write()
}
