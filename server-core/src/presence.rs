//! Who sees which device (RFC 6121 §4, RO-12..15).

use protocol::jid::{BareJid, Jid};
use protocol::sm::Slot;
use protocol::stanza::Address;
use protocol::{Condition, Presence, PresenceType, Stanza, Text};

use crate::account::Account;
use crate::core::Context;
use crate::hold::{LatestOf, Urgency};
use crate::parcel::{Parcel, frame};
use crate::pep::Interests;
use crate::session::{SentKind, SessionId};

/// Addresses to which one session may have sent presence directly.
const DIRECTED_MAX: usize = 1_000;

impl Account {
    pub(crate) fn on_presence(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        stanza: Stanza,
    ) {
        let Some(presence) = Presence::of_stanza(stanza.clone()) else {
            self.answer_error(cx, id, &stanza, &Condition::BadRequest.into());
            return self.settle(cx, id, slot);
        };
        if presence.kind.is_subscription() {
            return self.on_outbound_subscription(cx, id, slot, presence);
        }
        match (&presence.stanza.header.to, presence.kind) {
            (Address::Malformed(_), _) => {
                self.answer_error(cx, id, &stanza, &Condition::JidMalformed.into());
            }
            (Address::Absent, PresenceType::Available) => self.become_available(cx, id, presence),
            (Address::Absent, PresenceType::Unavailable) => {
                self.become_unavailable(cx, id, &presence.stanza)
            }
            (Address::Jid(to), PresenceType::Available | PresenceType::Unavailable) => {
                let to = to.clone();
                self.send_directed(cx, id, &to, presence);
            }
            _ => {}
        }
        self.settle(cx, id, slot);
    }

    fn become_available(&mut self, cx: &mut Context, id: SessionId, mut presence: Presence) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        presence.stanza.header.from = session.jid.clone().into();
        let is_initial = session.presence.is_none();
        session.presence = Some(presence.clone());
        self.broadcast(cx, &presence.stanza);
        self.tell_own(cx, id, &presence.stanza);
        if is_initial {
            self.show_contacts_to(cx, id);
        }
        self.offer_spool(cx, id);
        self.on_caps(cx, id, &presence.stanza);
    }

    /// A session is available for the first time: it sees who else is, and what waits for an answer.
    fn show_contacts_to(&mut self, cx: &mut Context, id: SessionId) {
        self.show_own_to(cx, id);
        for contact in self.roster.watched() {
            if cx.is_local(contact.domain().as_str()) {
                cx.dispatch(contact, Parcel::Probe { from: self.own() });
            }
        }
        for request in self.open_requests() {
            self.send_now(cx, id, request);
        }
    }

    fn become_unavailable(&mut self, cx: &mut Context, id: SessionId, stanza: &Stanza) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let mut stanza = stanza.clone();
        stanza.header.from = session.jid.clone().into();
        let was_available = session.presence.take().is_some();
        let directed = std::mem::take(&mut session.directed);
        session.interests = Interests::default();
        if was_available {
            self.broadcast(cx, &stanza);
            self.tell_own(cx, id, &stanza);
        }
        for to in directed {
            if !(was_available && self.roster.is_seen_by(&to.to_bare())) {
                dispatch(cx, &to, &stanza);
            }
        }
    }

    /// The session ends: whoever saw it learns so, once (CO-17).
    pub(crate) fn leave(&mut self, cx: &mut Context, id: SessionId) {
        let unavailable = Presence::bare(PresenceType::Unavailable);
        self.become_unavailable(cx, id, &unavailable);
    }

    fn send_directed(&mut self, cx: &mut Context, id: SessionId, to: &Jid, presence: Presence) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let mut stanza = presence.stanza;
        stanza.header.from = session.jid.clone().into();
        let has_room = session.directed.len() < DIRECTED_MAX;
        if presence.kind == PresenceType::Available && has_room {
            session.directed.insert(to.clone());
        } else {
            session.directed.remove(to);
        }
        dispatch(cx, to, &stanza);
    }

    /// Whoever is blocked now sees no more of devices that came to them directly.
    pub(crate) fn end_directed_presence(&mut self, cx: &mut Context) {
        for session in self.sessions.values_mut() {
            let blocked = session.directed.iter().filter(|to| self.blocked.blocks(to));
            let blocked: Vec<_> = blocked.cloned().collect();
            for to in blocked {
                session.directed.remove(&to);
                let contact = to.to_bare();
                let was_shown = session.presence.is_some() && self.roster.is_seen_by(&contact);
                if was_shown && self.blocked.blocks_account(&contact) {
                    continue; // and hears of it as a contact
                }
                let unavailable = Presence::bare(PresenceType::Unavailable);
                dispatch(cx, &to, &unavailable.from(session.jid.clone()));
            }
        }
    }

    fn broadcast(&self, cx: &mut Context, stanza: &Stanza) {
        for contact in self.watchers() {
            dispatch(cx, &contact.into(), stanza);
        }
    }

    /// The account's other devices see each other.
    fn tell_own(&mut self, cx: &mut Context, sender: SessionId, stanza: &Stanza) {
        let mut stanza = stanza.clone();
        stanza.header.to = self.jid.clone().into();
        let text = frame(&stanza);
        let others = self
            .sessions
            .values()
            .filter(|s| s.id != sender && s.presence.is_some());
        let others: Vec<_> = others.map(|session| session.id).collect();
        for id in others {
            self.show(cx, id, &stanza.header.from, &text);
        }
    }

    fn show_own_to(&mut self, cx: &mut Context, id: SessionId) {
        let others = self.sessions.values().filter(|session| session.id != id);
        let others: Vec<_> = others.filter_map(|s| s.presence.clone()).collect();
        for presence in others {
            let mut stanza = presence.stanza;
            stanza.header.to = self.jid.clone().into();
            self.show(cx, id, &stanza.header.from, &frame(&stanza));
        }
    }

    /// Presence of a contact arrives: for all available devices, or the one it names (RT-10).
    pub(crate) fn on_contact_presence(&mut self, cx: &mut Context, from: &Jid, stanza: &Stanza) {
        let text = frame(stanza);
        let from = Address::from(from.clone());
        match stanza.header.to.jid().and_then(|to| to.try_as_full().ok()) {
            Some(full) => {
                if let Some(id) = self.by_jid(full) {
                    self.show(cx, id, &from, &text);
                }
            }
            None => {
                for id in self.available() {
                    self.show(cx, id, &from, &text);
                }
            }
        }
    }

    /// RO-13.
    pub(crate) fn on_probe(&mut self, cx: &mut Context, from: &Jid) {
        let contact = from.to_bare();
        if self.roster.is_seen_by(&contact) {
            self.appear_to(cx, &contact);
        }
    }

    pub(crate) fn appear_to(&self, cx: &mut Context, contact: &BareJid) {
        for presence in self
            .sessions
            .values()
            .filter_map(|session| session.presence.as_ref())
        {
            dispatch(cx, &contact.clone().into(), &presence.stanza);
        }
    }

    pub(crate) fn vanish_to(&self, cx: &mut Context, contact: &BareJid) {
        for session in self
            .sessions
            .values()
            .filter(|session| session.presence.is_some())
        {
            let stanza = Presence::bare(PresenceType::Unavailable).from(session.jid.clone());
            dispatch(cx, &contact.clone().into(), &stanza);
        }
    }

    pub(crate) fn show_to_available(&mut self, cx: &mut Context, text: &Text) {
        for id in self.available() {
            self.send_now(cx, id, text.clone());
        }
    }

    fn available(&self) -> Vec<SessionId> {
        let available = self
            .sessions
            .values()
            .filter(|session| session.presence.is_some());
        available.map(|session| session.id).collect()
    }

    fn show(&mut self, cx: &mut Context, id: SessionId, from: &Address, text: &Text) {
        let urgency = match from.jid() {
            Some(from) => Urgency::Latest(LatestOf::Presence, from.clone()),
            None => Urgency::Now,
        };
        self.send(cx, id, text.clone(), SentKind::Droppable, urgency);
    }
}

/// Sends presence on to an account of this server; others are not federated with.
fn dispatch(cx: &mut Context, to: &Jid, stanza: &Stanza) {
    if !cx.is_local(to.domain().as_str()) {
        return;
    }
    let Some(from) = stanza.header.from.jid().cloned() else {
        return;
    };
    let mut frame = stanza.clone();
    frame.header.to = to.clone().into();
    cx.dispatch(to.to_bare(), Parcel::Presence { from, frame });
}
