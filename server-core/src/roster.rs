//! The roster of an account and the subscriptions in it (RO rows).

use std::collections::{BTreeMap, VecDeque};

use protocol::jid::{BareJid, Jid};
use protocol::roster::{self, Item, Subscription};
use protocol::sm::Slot;
use protocol::stanza::Address;
use protocol::{Condition, Element, Iq, IqKind, Presence, PresenceType, Stanza, Text, ns};
use sha2::{Digest as _, Sha256};

use crate::accept::refusal;
use crate::account::Account;
use crate::core::{Context, Core};
use crate::ids;
use crate::io::Output;
use crate::limits::Limits;
use crate::parcel::{Hidden, Parcel, frame};
use crate::pending::Pending;
use crate::records::{Change, ChangeError, Contact};
use crate::session::SessionId;
use crate::subscription;

/// The contacts of one account; changes are made one after the other.
#[derive(Default)]
pub(crate) struct Roster {
    pub(crate) contacts: BTreeMap<BareJid, Contact>,
    ver: u64,
    is_changing: bool,
    waiting: VecDeque<Wish>,
}

/// Something that changes the roster.
pub(crate) enum Wish {
    /// A device edits a contact.
    Set {
        session: SessionId,
        slot: Option<Slot>,
        iq: Iq,
    },
    /// A device sends a subscription stanza.
    Outbound {
        session: SessionId,
        slot: Option<Slot>,
        kind: PresenceType,
        to: BareJid,
        stanza: Box<Stanza>,
    },
    /// A contact sends one.
    Inbound {
        kind: PresenceType,
        from: BareJid,
        stanza: Box<Stanza>,
        /// SHA-256 of the token of the invitation that it came with, if it did (RG-09).
        invitation: Option<[u8; 32]>,
    },
    /// Somebody made an account with an invitation of this one. The store knows already; what is written
    /// once more has a version that the devices can tell from all others.
    Befriend { friend: BareJid },
    /// Presence of a contact that came behind one of these.
    Presence {
        from: Jid,
        frame: Box<Stanza>,
        hidden: Hidden,
    },
}

/// A change that is being written, and what follows.
pub(crate) struct RosterDone {
    pub(crate) account: BareJid,
    contact: Contact,
    wish: Wish,
    steps: Vec<Step>,
}

/// What follows a change.
enum Step {
    Push,
    /// Sends a subscription stanza on to the contact.
    Route(PresenceType, Box<Stanza>),
    /// Shows a subscription stanza to the account's devices.
    Show(Box<Stanza>),
    /// Asks the contact's account for the newest items of its nodes.
    Greet,
    /// Sends the presence of all devices to the contact.
    Appear,
    /// Sends unavailable presence of all devices to the contact.
    Vanish,
}

impl Roster {
    pub(crate) fn new(contacts: Vec<Contact>, ver: u64) -> Self {
        let contacts = contacts
            .into_iter()
            .map(|c| (c.item.jid.clone(), c))
            .collect();
        Self {
            contacts,
            ver,
            ..Self::default()
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.is_changing && self.waiting.is_empty()
    }

    /// The contacts who see the account's presence.
    pub(crate) fn watchers(&self) -> Vec<BareJid> {
        self.with(|item| item.subscription.has_from())
    }

    /// The contacts whose presence the account sees.
    pub(crate) fn watched(&self) -> Vec<BareJid> {
        self.with(|item| item.subscription.has_to())
    }

    fn with(&self, is_wanted: impl Fn(&Item) -> bool) -> Vec<BareJid> {
        let wanted = self
            .contacts
            .values()
            .filter(|contact| is_wanted(&contact.item));
        wanted.map(|contact| contact.item.jid.clone()).collect()
    }

    pub(crate) fn sees(&self, contact: &BareJid) -> bool {
        self.contacts
            .get(contact)
            .is_some_and(|c| c.item.subscription.has_to())
    }

    pub(crate) fn is_seen_by(&self, contact: &BareJid) -> bool {
        self.contacts
            .get(contact)
            .is_some_and(|c| c.item.subscription.has_from())
    }

    /// Whether somebody has a subscription, or asks for one.
    pub(crate) fn is_known_to(&self, other: &BareJid) -> bool {
        self.contacts.get(other).is_some_and(|contact| {
            let subscription = contact.item.subscription;
            contact.request.is_some() || subscription.has_from() || subscription.has_to()
        })
    }

    /// Whether a contact is in one of these groups.
    pub(crate) fn is_in_group(&self, contact: &BareJid, groups: &[String]) -> bool {
        let contact = self.contacts.get(contact).filter(|contact| contact.listed);
        contact.is_some_and(|c| c.item.groups.iter().any(|group| groups.contains(group)))
    }

    fn contact(&self, jid: &BareJid) -> Contact {
        let fresh = || Contact {
            item: Item::new(jid.clone()),
            listed: false,
            request: None,
            ver: 0,
        };
        self.contacts.get(jid).cloned().unwrap_or_else(fresh)
    }

    /// The answer to a roster get, and the changes to push behind it (RO-06).
    fn answer(&self, known: Option<&str>) -> (Option<Element>, Vec<Contact>) {
        let ver = self.ver.to_string();
        let known = known
            .and_then(|known| known.parse::<u64>().ok())
            .filter(|known| *known <= self.ver && era(*known) == era(self.ver));
        if let Some(known) = known {
            let mut newer: Vec<_> = self
                .contacts
                .values()
                .filter(|c| c.ver > known)
                .cloned()
                .collect();
            newer.sort_by_key(|contact| contact.ver);
            return (None, newer);
        }
        let listed = self.contacts.values().filter(|contact| contact.listed);
        let items = listed.map(|contact| contact.item.to_element());
        (Some(roster::query(Some(&ver), items)), Vec::new())
    }
}

impl Account {
    pub(crate) fn on_roster_get(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: &Iq,
    ) {
        let IqKind::Get(query) = &iq.kind else { return };
        let (answer, changes) = self.roster.answer(query.get_attr("ver"));
        if let Some(session) = self.sessions.get_mut(&id) {
            session.wants_roster = true;
        }
        self.answer(cx, id, slot, &iq.result(answer));
        for contact in changes {
            self.push_to(cx, id, &contact);
        }
    }

    pub(crate) fn change_roster(&mut self, cx: &mut Context, wish: Wish) {
        self.roster.waiting.push_back(wish);
        self.next_wish(cx);
    }

    fn next_wish(&mut self, cx: &mut Context) {
        while !self.roster.is_changing
            && let Some(wish) = self.roster.waiting.pop_front()
        {
            match wish {
                Wish::Presence {
                    from,
                    frame,
                    hidden,
                } => self.on_contact_presence(cx, &from, &frame, &hidden),
                change @ (Wish::Set { .. }
                | Wish::Outbound { .. }
                | Wish::Inbound { .. }
                | Wish::Befriend { .. }) => {
                    self.begin(cx, change);
                }
            }
        }
    }

    fn begin(&mut self, cx: &mut Context, wish: Wish) {
        let (contact, steps) = match self.plan(cx, &wish) {
            Ok(planned) => planned,
            Err(condition) => return self.refuse(cx, &wish, condition),
        };
        if let Wish::Outbound { kind, to, .. } = &wish
            && *kind == PresenceType::Subscribe
            && self.asks_too_many(cx, to)
        {
            return self.refuse(cx, &wish, Condition::PolicyViolation);
        }
        if self.roster.contact(&contact.item.jid) == contact {
            // Nothing to write, but perhaps something to pass on.
            self.finish(cx, &contact, wish, steps);
            return;
        }
        let mut contact = contact;
        contact.ver = self.roster.ver + 1;
        let change = self.change_of(&contact, &wish);
        self.roster.is_changing = true;
        self.in_flight += 1;
        let account = self.jid.clone();
        let ticket = cx.await_answer(Pending::Roster(Box::new(RosterDone {
            account,
            contact,
            wish,
            steps,
        })));
        cx.output(Output::Change {
            ticket,
            change: Box::new(change),
        });
    }

    fn plan(&self, cx: &Context, wish: &Wish) -> Result<(Contact, Vec<Step>), Condition> {
        match wish {
            Wish::Set { iq, .. } => self.plan_set(&cx.config.limits, iq),
            Wish::Outbound {
                kind, to, stanza, ..
            } => Ok(self.plan_outbound(*kind, to, stanza)),
            Wish::Inbound {
                kind,
                from,
                stanza,
                invitation,
            } => Ok(match invitation {
                Some(_) => self.plan_accepting(from),
                None => self.plan_inbound(*kind, from, stanza),
            }),
            Wish::Befriend { friend } => Ok(self.plan_befriending(friend)),
            Wish::Presence { .. } => Err(Condition::BadRequest),
        }
    }

    fn change_of(&self, contact: &Contact, wish: &Wish) -> Change {
        let (account, contact) = (self.jid.clone(), contact.clone());
        match wish {
            Wish::Inbound {
                invitation: Some(token),
                ..
            } => Change::Accept {
                account,
                contact,
                token: *token,
            },
            Wish::Set { .. }
            | Wish::Outbound { .. }
            | Wish::Inbound { .. }
            | Wish::Befriend { .. }
            | Wish::Presence { .. } => Change::Contact { account, contact },
        }
    }

    /// RO-03, RO-05.
    fn plan_set(&self, limits: &Limits, iq: &Iq) -> Result<(Contact, Vec<Step>), Condition> {
        let IqKind::Set(query) = &iq.kind else {
            return Err(Condition::BadRequest);
        };
        let mut items = query
            .children()
            .filter(|child| child.is("item", ns::ROSTER));
        let (Some(element), None) = (items.next(), items.next()) else {
            return Err(Condition::BadRequest);
        };
        let item = Item::from_element(element).ok_or(Condition::BadRequest)?;
        let mut contact = self.roster.contact(&item.jid);
        if roster::is_removal(element) {
            return self.plan_removal(contact);
        }
        check_item(limits, &item)?;
        let is_new = !contact.listed;
        let listed = self
            .roster
            .contacts
            .values()
            .filter(|contact| contact.listed)
            .count();
        if is_new && listed >= limits.roster_items {
            return Err(Condition::ResourceConstraint);
        }
        contact.listed = true;
        contact.item.name = item.name;
        contact.item.groups = item.groups;
        Ok((contact, vec![Step::Push]))
    }

    fn plan_removal(&self, mut contact: Contact) -> Result<(Contact, Vec<Step>), Condition> {
        if !contact.listed {
            return Err(Condition::ItemNotFound);
        }
        let item = &contact.item;
        let mut steps = vec![Step::Push];
        for (is_due, kind) in [
            (
                item.subscription.has_to() || item.ask,
                PresenceType::Unsubscribe,
            ),
            (
                item.subscription.has_from() || contact.request.is_some(),
                PresenceType::Unsubscribed,
            ),
        ] {
            if is_due {
                steps.push(Step::Route(kind, Box::new(Presence::bare(kind))));
            }
        }
        if item.subscription.has_from() {
            steps.push(Step::Vanish);
        }
        let ver = contact.ver;
        contact = Contact {
            item: Item::new(contact.item.jid),
            listed: false,
            request: None,
            ver,
        };
        Ok((contact, steps))
    }

    fn plan_outbound(
        &self,
        kind: PresenceType,
        to: &BareJid,
        stanza: &Stanza,
    ) -> (Contact, Vec<Step>) {
        let before = self.roster.contact(to);
        let mut contact = before.clone();
        let effect = subscription::outbound(&mut contact, kind);
        let mut steps = Vec::new();
        if contact.listed && (contact.item != before.item || !before.listed) {
            steps.push(Step::Push);
        }
        if effect.passes {
            steps.push(Step::Route(kind, Box::new(stanza.clone())));
        }
        let (had, has) = (
            before.item.subscription.has_from(),
            contact.item.subscription.has_from(),
        );
        match (had, has) {
            (false, true) => steps.push(Step::Appear),
            (true, false) => steps.push(Step::Vanish),
            _ => {}
        }
        (contact, steps)
    }

    fn plan_inbound(
        &self,
        kind: PresenceType,
        from: &BareJid,
        stanza: &Stanza,
    ) -> (Contact, Vec<Step>) {
        let before = self.roster.contact(from);
        let mut contact = before.clone();
        let effect = subscription::inbound(&mut contact, kind);
        let mut shown = stanza.clone();
        shown.header.to = self.jid.clone().into();
        let mut steps = Vec::new();
        if effect.passes && kind == PresenceType::Subscribe {
            contact.request = Some(frame(&shown));
        }
        if effect.passes {
            steps.push(Step::Show(Box::new(shown)));
        }
        if contact.listed && contact.item != before.item {
            steps.push(Step::Push);
        }
        if !before.item.subscription.has_to() && contact.item.subscription.has_to() {
            steps.push(Step::Greet);
        }
        if effect.auto_subscribed {
            let subscribed = Presence::bare(PresenceType::Subscribed);
            steps.push(Step::Route(PresenceType::Subscribed, Box::new(subscribed)));
            steps.push(Step::Appear);
        }
        if before.item.subscription.has_from() && !contact.item.subscription.has_from() {
            steps.push(Step::Vanish);
        }
        (contact, steps)
    }

    /// Who asks with an invitation of the account is accepted, and asked back (RG-09).
    fn plan_accepting(&self, from: &BareJid) -> (Contact, Vec<Step>) {
        let mut contact = self.roster.contact(from);
        let has_to = contact.item.subscription.has_to();
        contact.item.subscription = Subscription::of(has_to, true);
        contact.item.ask |= !has_to;
        contact.item.approved = false;
        contact.listed = true;
        contact.request = None;
        let route = |kind| Step::Route(kind, Box::new(Presence::bare(kind)));
        let mut steps = vec![Step::Push, route(PresenceType::Subscribed), Step::Appear];
        if !has_to {
            steps.push(route(PresenceType::Subscribe));
        }
        (contact, steps)
    }

    /// RG-08.
    fn plan_befriending(&self, friend: &BareJid) -> (Contact, Vec<Step>) {
        let mut contact = self.roster.contact(friend);
        contact.item.subscription = Subscription::Both;
        contact.item.ask = false;
        contact.listed = true;
        contact.request = None;
        (contact, vec![Step::Push, Step::Greet, Step::Appear])
    }

    fn finish(&mut self, cx: &mut Context, contact: &Contact, wish: Wish, steps: Vec<Step>) {
        let peer = contact.item.jid.clone();
        for step in steps {
            match step {
                Step::Push => self.push(cx, contact),
                Step::Route(kind, stanza) => self.route_subscription(cx, &peer, kind, *stanza),
                Step::Show(stanza) => self.show_to_available(cx, &frame(&stanza)),
                Step::Greet => self.greet(cx, &peer),
                Step::Appear => self.appear_to(cx, &peer.clone().into()),
                Step::Vanish => {
                    let hidden = self.blocked.resources_of(&peer);
                    self.vanish_to(cx, &peer.clone().into(), &hidden);
                }
            }
        }
        match wish {
            Wish::Set { session, slot, iq } => self.answer(cx, session, slot, &iq.result(None)),
            Wish::Outbound { session, slot, .. } => self.settle(cx, session, slot),
            Wish::Inbound { .. } | Wish::Befriend { .. } | Wish::Presence { .. } => {}
        }
    }

    fn refuse(&mut self, cx: &mut Context, wish: &Wish, condition: Condition) {
        match wish {
            Wish::Set { session, slot, iq } => {
                self.answer(cx, *session, *slot, &iq.error(condition))
            }
            Wish::Outbound {
                session,
                slot,
                stanza,
                ..
            } => {
                self.answer_error(cx, *session, stanza, &refusal(condition));
                self.settle(cx, *session, *slot);
            }
            Wish::Inbound { .. } | Wish::Befriend { .. } | Wish::Presence { .. } => {}
        }
    }

    pub(crate) fn route_subscription(
        &self,
        cx: &mut Context,
        to: &BareJid,
        kind: PresenceType,
        mut stanza: Stanza,
    ) {
        stanza.header.from = self.jid.clone().into();
        stanza.header.to = to.clone().into();
        if cx.is_local(to.domain().as_str()) && to.node().is_some() {
            let from = self.jid.clone();
            cx.dispatch(
                to.clone(),
                Parcel::Subscription {
                    from,
                    kind,
                    stanza: Box::new(stanza),
                },
            );
        }
    }

    /// RO-04: every device that fetched the roster hears of a change, its originator too.
    fn push(&mut self, cx: &mut Context, contact: &Contact) {
        let interested = self
            .sessions
            .values()
            .filter(|session| session.wants_roster);
        let interested: Vec<_> = interested.map(|session| session.id).collect();
        for id in interested {
            self.push_to(cx, id, contact);
        }
    }

    fn push_to(&mut self, cx: &mut Context, id: SessionId, contact: &Contact) {
        let Some(jid) = self.sessions.get(&id).map(|session| session.jid.clone()) else {
            return;
        };
        let item = match contact.listed {
            true => contact.item.to_element(),
            false => roster::removal(&contact.item.jid),
        };
        let query = roster::query(Some(&contact.ver.to_string()), [item]);
        let push = Iq::set(ids::opaque(&mut cx.rng), query)
            .to(jid)
            .from(self.jid.clone());
        self.send_now(cx, id, push.write());
    }

    pub(crate) fn on_inbound_subscription(
        &mut self,
        cx: &mut Context,
        from: BareJid,
        kind: PresenceType,
        mut stanza: Stanza,
    ) {
        let invitation = self.invitation_in(&from, kind, &stanza);
        // A token is stored nowhere, not even with a request that was made with a wrong one.
        stanza
            .children
            .retain(|child| !child.is("preauth", ns::PREAUTH));
        self.change_roster(
            cx,
            Wish::Inbound {
                kind,
                from,
                stanza: Box::new(stanza),
                invitation,
            },
        );
    }

    /// The invitation that a request comes with, if it needs one.
    fn invitation_in(
        &self,
        from: &BareJid,
        kind: PresenceType,
        stanza: &Stanza,
    ) -> Option<[u8; 32]> {
        if kind != PresenceType::Subscribe || self.roster.is_seen_by(from) {
            return None;
        }
        let preauth = stanza.find("preauth", ns::PREAUTH)?.element().ok()?;
        let token = preauth.get_attr("token")?;
        Some(Sha256::digest(token).into())
    }

    /// Requests that nobody answered yet, for a device that came (RO-10); not of who is blocked (BL-02).
    pub(crate) fn open_requests(&self) -> Vec<Text> {
        let contacts = self.roster.contacts.values();
        let heard = contacts.filter(|contact| !self.blocked.blocks_account(&contact.item.jid));
        heard
            .filter_map(|contact| contact.request.clone())
            .collect()
    }
}

impl Core {
    /// The store answered a change.
    pub(crate) fn on_changed(&mut self, pending: Pending, result: Result<(), ChangeError>) {
        match pending {
            Pending::Roster(done) => {
                let jid = done.account.clone();
                self.with(&jid, |account, cx| {
                    account.on_roster_changed(cx, *done, result)
                });
            }
            Pending::Account(request) => crate::iq::account::on_changed(self, *request, result),
            Pending::Granted(granted) => crate::iq::invite::on_changed(self, *granted, result),
            Pending::Flags(done) => self.on_flags(&done, result),
            Pending::Blocking(done) => self.on_blocking_changed(*done, result),
            Pending::Node(done) => {
                let jid = done.account.clone();
                self.with(&jid, |account, cx| {
                    account.on_node_changed(cx, *done, result)
                });
            }
            Pending::Session(jid) => {
                self.with(&jid, |account, _| account.on_recorded(result));
            }
            Pending::Append(_)
            | Pending::Page(_)
            | Pending::Ends(_)
            | Pending::Items(_)
            | Pending::Devices(_)
            | Pending::Binding(_)
            | Pending::Hash(_)
            | Pending::Login(_)
            | Pending::Locate(_) => {}
        }
    }
}

impl Account {
    fn on_roster_changed(
        &mut self,
        cx: &mut Context,
        done: RosterDone,
        result: Result<(), ChangeError>,
    ) {
        self.roster.is_changing = false;
        self.in_flight = self.in_flight.saturating_sub(1);
        let RosterDone {
            contact,
            wish,
            steps,
            ..
        } = done;
        // That somebody joined is in the store already.
        if result.is_ok() || matches!(wish, Wish::Befriend { .. }) {
            self.roster.ver = contact.ver;
            self.roster
                .contacts
                .insert(contact.item.jid.clone(), contact.clone());
            self.finish(cx, &contact, wish, steps);
        } else if let (Err(ChangeError::Token), Some(wish)) = (result, without_invitation(&wish)) {
            self.begin(cx, wish);
        } else {
            tracing::warn!("roster change could not be saved");
            self.refuse(cx, &wish, Condition::InternalServerError);
        }
        self.next_wish(cx);
    }

    /// A subscription stanza of one of the account's devices.
    pub(crate) fn on_outbound_subscription(
        &mut self,
        cx: &mut Context,
        session: SessionId,
        slot: Option<Slot>,
        presence: Presence,
    ) {
        let Address::Jid(to) = &presence.stanza.header.to else {
            self.answer_error(cx, session, &presence.stanza, &Condition::BadRequest.into());
            return self.settle(cx, session, slot);
        };
        let to: BareJid = Jid::to_bare(to);
        if to == self.jid {
            return self.settle(cx, session, slot);
        }
        let (kind, stanza) = (presence.kind, Box::new(presence.stanza));
        self.change_roster(
            cx,
            Wish::Outbound {
                session,
                slot,
                kind,
                to,
                stanza,
            },
        );
    }
}

/// A request whose invitation is not valid is one without (RG-09).
fn without_invitation(wish: &Wish) -> Option<Wish> {
    match wish {
        Wish::Inbound {
            kind,
            from,
            stanza,
            invitation: Some(_),
        } => Some(Wish::Inbound {
            kind: *kind,
            from: from.clone(),
            stanza: stanza.clone(),
            invitation: None,
        }),
        Wish::Set { .. }
        | Wish::Outbound { .. }
        | Wish::Inbound { .. }
        | Wish::Befriend { .. }
        | Wish::Presence { .. } => None,
    }
}

fn check_item(limits: &Limits, item: &Item) -> Result<(), Condition> {
    let is_bad = |text: &str| text.is_empty() || text.len() > limits.roster_name_bytes;
    let name_too_long = item
        .name
        .as_ref()
        .is_some_and(|name| name.len() > limits.roster_name_bytes);
    if name_too_long || item.groups.iter().any(|group| is_bad(group)) {
        return Err(Condition::NotAcceptable);
    }
    let mut sorted = item.groups.clone();
    sorted.sort();
    sorted.dedup();
    if sorted.len() < item.groups.len() {
        return Err(Condition::BadRequest);
    }
    if item.groups.len() > limits.roster_groups {
        return Err(Condition::ResourceConstraint);
    }
    Ok(())
}

/// Versions count within an era; restoring a backup begins another, in which earlier ones mean nothing.
fn era(ver: u64) -> u64 {
    ver >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: RO-02 PT-15
    #[test]
    fn a_version_of_before_a_backup_was_restored_is_unknown() {
        let contact = Contact {
            item: Item::new(BareJid::new("juliet@localhost").unwrap()),
            listed: true,
            request: None,
            ver: 3,
        };
        let begun_anew = (7 << 32) + 3;
        let roster = Roster::new(vec![contact], begun_anew);
        let is_whole = |known: u64| roster.answer(Some(&known.to_string())).0.is_some();
        assert!(!is_whole(begun_anew));
        for other in [2, 3, 50, (6 << 32) + 3, begun_anew + 1] {
            assert!(is_whole(other), "{other}");
        }
    }
}
