//! Who sees which device (RFC 6121 §4, RO-12..15).

use protocol::blocking::Blocklist;
use protocol::jid::{BareJid, Jid};
use protocol::sm::Slot;
use protocol::stanza::Address;
use protocol::{Condition, Presence, PresenceType, Stanza, Text};

use crate::account::Account;
use crate::core::Context;
use crate::hold::{LatestOf, Urgency};
use crate::parcel::{Hidden, Parcel, frame};
use crate::pep::Interests;
use crate::session::{SentKind, Session, SessionId};

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
                self.present(cx, &to, &stanza);
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
        self.present(cx, to, &stanza);
    }

    /// Whoever is blocked now sees no more of devices that came to them directly.
    pub(crate) fn end_directed_presence(&mut self, cx: &mut Context, before: &Blocklist) {
        self.hide_directed_presence(cx, before);
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
                dispatch(cx, &to, &unavailable(session), Hidden::new());
            }
        }
    }

    /// The same of single resources of those whom a device came to as a whole.
    fn hide_directed_presence(&self, cx: &mut Context, before: &Blocklist) {
        for session in self.sessions.values() {
            let shown = |to: &&Jid| to.resource().is_none() && !self.blocked.blocks(to);
            for to in session.directed.iter().filter(shown) {
                let contact = to.to_bare();
                if session.presence.is_some() && self.roster.is_seen_by(&contact) {
                    continue; // they hear of it as a contact
                }
                let hidden = before.resources_of(&contact);
                let now = self.blocked.resources_of(&contact);
                for resource in now.difference(&hidden) {
                    if let Ok(full) = contact.with_resource_str(resource) {
                        dispatch(cx, &full.into(), &unavailable(session), Hidden::new());
                    }
                }
            }
        }
    }

    fn broadcast(&self, cx: &mut Context, stanza: &Stanza) {
        for contact in self.watchers() {
            self.present(cx, &contact.into(), stanza);
        }
    }

    /// Shows presence to an address, but to none of its resources that are blocked (BL-04).
    fn present(&self, cx: &mut Context, to: &Jid, stanza: &Stanza) {
        let hidden = match to.resource() {
            None => self.blocked.resources_of(&to.to_bare()),
            Some(_) => Hidden::new(),
        };
        dispatch(cx, to, stanza, hidden);
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
    pub(crate) fn on_contact_presence(
        &mut self,
        cx: &mut Context,
        from: &Jid,
        stanza: &Stanza,
        hidden: &Hidden,
    ) {
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
                    let session = self.sessions.get(&id);
                    if !session.is_some_and(|s| hidden.contains(s.jid.resource().as_str())) {
                        self.show(cx, id, &from, &text);
                    }
                }
            }
        }
    }

    /// RO-13: whoever is not to see the account learns so; the account itself needs not ask.
    pub(crate) fn on_probe(&mut self, cx: &mut Context, from: &Jid) {
        let contact = from.to_bare();
        if self.roster.is_seen_by(&contact) {
            return self.appear_to(cx, &contact.into());
        }
        let kind = PresenceType::Unsubscribed;
        self.route_subscription(cx, &contact, kind, Presence::bare(kind));
    }

    /// Shows all devices to a contact, or to one of its resources.
    pub(crate) fn appear_to(&self, cx: &mut Context, contact: &Jid) {
        let presences = self.sessions.values().filter_map(|s| s.presence.as_ref());
        for presence in presences {
            self.present(cx, contact, &presence.stanza);
        }
    }

    /// Takes all devices away from a contact, but from resources that saw none, or from one resource.
    pub(crate) fn vanish_to(&self, cx: &mut Context, contact: &Jid, hidden: &Hidden) {
        let available = self.sessions.values().filter(|s| s.presence.is_some());
        for session in available {
            dispatch(cx, contact, &unavailable(session), hidden.clone());
        }
    }

    /// Resources of a contact are blocked by themselves, or are no longer (BL-04).
    pub(crate) fn change_hidden(&self, cx: &mut Context, contact: &BareJid, before: &Hidden) {
        let now = self.blocked.resources_of(contact);
        let full = |resource: &String| contact.with_resource_str(resource).map(Jid::from).ok();
        for gone in now.difference(before).filter_map(full) {
            self.vanish_to(cx, &gone, &Hidden::new());
        }
        for back in before.difference(&now).filter_map(full) {
            self.appear_to(cx, &back);
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

fn unavailable(session: &Session) -> Stanza {
    Presence::bare(PresenceType::Unavailable).from(session.jid.clone())
}

/// Sends presence on to an account of this server; others are not federated with.
fn dispatch(cx: &mut Context, to: &Jid, stanza: &Stanza, hidden: Hidden) {
    if !cx.is_local(to.domain().as_str()) {
        return;
    }
    let Some(from) = stanza.header.from.jid().cloned() else {
        return;
    };
    let mut frame = stanza.clone();
    frame.header.to = to.clone().into();
    let presence = Parcel::Presence {
        from,
        frame,
        hidden,
    };
    cx.dispatch(to.to_bare(), presence);
}
