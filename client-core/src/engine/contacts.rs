//! Requests in both directions: the roster, presence and small talk between machines.

use protocol::caps::{self, Caps};
use protocol::roster::{self, Item};
use protocol::stanza::Address;
use protocol::{
    BareJid, Condition, Element, Iq, Jid, Presence, PresenceType, Stanza, StanzaError, avatar,
    disco, mds, nick, ns, register,
};

use super::Engine;
use crate::history::{Wanting, Wish};
use crate::reduce::Event;

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Roster,
    /// What the own account can do (SI-05).
    Disco,
    /// What its server does for this device (MD-05).
    Features,
    /// How far its other devices read (MD-03).
    Marks,
    /// To keep how far this one read.
    Publish,
    /// Who is blocked.
    Blocklist,
    /// To block somebody, or no longer: the wish with this number.
    Block(u64),
    /// An invitation for a friend.
    Invite,
    /// A link for one more device.
    Link,
    /// The account's devices.
    Devices,
    /// A change of one of them.
    Device,
    /// To keep the own picture.
    Picture,
    /// To tell all contacts of the own name or picture.
    Profile,
    /// Something whose answer changes nothing.
    Other,
}

/// Names this software in presence.
const CAPS_NODE: &str = "urn:x-balcony:client";
/// So many requests wait at once.
const REQUESTS_MAX: usize = 256;

impl Engine {
    /// Sends a request.
    pub(super) fn ask(&mut self, request: Request, iq: impl FnOnce(String) -> Iq) {
        let id = self.expect(request);
        self.send(iq(id).write(), None);
    }

    /// Awaits the answer to a request; gives its id.
    pub(super) fn expect(&mut self, request: Request) -> String {
        let id = self.ids.request();
        if self.requests.len() < REQUESTS_MAX {
            self.requests.insert(id.clone(), request);
        }
        id
    }

    pub(super) fn ping(&mut self) {
        let ping = Element::new("ping", ns::PING);
        let domain = BareJid::from_parts(None, self.account.domain());
        self.ask(Request::Other, |id| Iq::get(id, ping).to(domain));
    }

    /// What stands in for s11 with a server that does not have it (S11-05).
    pub(super) fn ask_for_carbons(&mut self) {
        let carbons = Element::new("enable", ns::CARBONS);
        self.ask(Request::Other, |id| Iq::set(id, carbons));
        let info = Element::new("query", ns::DISCO_INFO);
        let account = self.account.clone();
        self.ask(Request::Disco, |id| Iq::get(id, info).to(account));
    }

    pub(super) fn on_answer(&mut self, id: &str, payload: Option<&Element>) {
        match self.requests.remove(id) {
            Some(Request::Roster) => self.on_roster(payload),
            Some(Request::Disco) => {
                let has = |var: &str| {
                    payload.is_some_and(|query| {
                        query.children().any(|c| c.get_attr("var") == Some(var))
                    })
                };
                self.wire.has_archive = Some(has(ns::MAM) && has(ns::SID));
                self.introduce();
            }
            Some(Request::Features) => {
                let mut features = payload.into_iter().flat_map(caps::features);
                let is_assisted = features.any(|feature| feature == ns::MDS_ASSIST);
                self.note(Event::Assisted(is_assisted));
            }
            Some(Request::Marks) => self.on_marks_page(payload),
            Some(Request::Publish) => self.on_published(),
            Some(Request::Blocklist) => self.on_blocklist(payload),
            Some(
                request @ (Request::Invite | Request::Link | Request::Devices | Request::Device),
            ) => self.on_people(request, Ok(payload)),
            Some(Request::Picture) => self.on_picture_kept(),
            Some(Request::Profile) => self.on_profile(true),
            Some(Request::Block(_) | Request::Other) | None => {}
        }
    }

    pub(super) fn on_refusal(&mut self, id: &str, error: &StanzaError) {
        match self.requests.remove(id) {
            Some(Request::Disco) => {
                self.wire.has_archive = Some(false);
                self.introduce();
            }
            Some(Request::Marks) => self.on_marks_refused(error),
            Some(Request::Publish) => self.on_publishing_refused(error),
            Some(Request::Block(seq)) => {
                self.note_device(Event::Fulfilled { seq });
                self.ask_for_blocklist();
            }
            Some(
                request @ (Request::Invite | Request::Link | Request::Devices | Request::Device),
            ) => self.on_people(request, Err(error)),
            Some(Request::Picture | Request::Profile) => self.on_profile(false),
            Some(Request::Roster | Request::Features | Request::Blocklist | Request::Other)
            | None => {}
        }
    }

    fn on_roster(&mut self, payload: Option<&Element>) {
        let query = payload.filter(|query| query.is("query", ns::ROSTER));
        let items = query.map(|query| {
            let items = query.children().filter(|c| c.is("item", ns::ROSTER));
            let items = items.filter(|item| !roster::is_removal(item));
            items.filter_map(Item::from_element).collect()
        });
        let ver = query.and_then(|query| query.get_attr("ver"));
        let ver = ver.map(str::to_owned);
        self.note(Event::Roster { items, ver });
    }

    /// Somebody asks this device something.
    pub(super) fn on_request(&mut self, iq: &Iq, payload: &Element) {
        let is_set = matches!(iq.kind, protocol::IqKind::Set(_));
        if is_set && payload.is("query", ns::ROSTER) {
            return self.on_push(iq, payload);
        }
        if is_set && payload.ns() == ns::BLOCKING {
            return self.on_blocking_push(iq, payload);
        }
        let is_get = matches!(iq.kind, protocol::IqKind::Get(_));
        let answer = if is_get && payload.is("ping", ns::PING) {
            iq.result(None)
        } else if is_get && payload.is("query", ns::DISCO_INFO) {
            iq.result(Some(info().to_element(payload.get_attr("node"))))
        } else if is_get && payload.is("query", ns::VERSION) {
            iq.result(Some(version()))
        } else {
            iq.error(Condition::ServiceUnavailable)
        };
        self.answer(answer);
    }

    /// A roster push; believed only from the own account (RO-07).
    fn on_push(&mut self, iq: &Iq, query: &Element) {
        if !self.is_of_own_account(iq) {
            return tracing::debug!("roster push from elsewhere ignored");
        }
        let ver = query.get_attr("ver").map(str::to_owned);
        if let Some(element) = query.find("item", ns::ROSTER)
            && let Some(item) = Item::from_element(element)
        {
            self.note(if roster::is_removal(element) {
                let jid = item.jid;
                Event::Removed { jid, ver }
            } else {
                Event::Pushed { item, ver }
            });
        }
        self.answer(iq.result(None));
    }

    pub(super) fn is_of_own_account(&self, iq: &Iq) -> bool {
        match &iq.from {
            Address::Absent => true,
            Address::Jid(from) => *from == self.account,
            Address::Malformed(_) => false,
        }
    }

    /// The server stamps the sender, so an answer states none.
    pub(super) fn answer(&mut self, mut answer: Iq) {
        answer.from = Address::Absent;
        self.send(answer.write(), None);
    }

    pub(super) fn on_presence(&mut self, stanza: Stanza) {
        let Some(presence) = Presence::of_stanza(stanza) else {
            return;
        };
        let Some(from) = presence.stanza.header.from.jid() else {
            return;
        };
        let bare = from.to_bare();
        if bare == self.account {
            return;
        }
        match presence.kind {
            PresenceType::Available => self.set_online(from, true),
            PresenceType::Unavailable => self.set_online(from, false),
            PresenceType::Subscribe => self.note(Event::Asked(bare)),
            PresenceType::Unsubscribe => self.note(Event::Settled(bare)),
            PresenceType::Error
            | PresenceType::Probe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribed => {}
        }
    }

    fn set_online(&mut self, from: &Jid, is_online: bool) {
        let resource = from
            .resource()
            .map_or_else(String::new, |part| part.to_string());
        let jid = from.to_bare();
        self.note(Event::Presence {
            jid: jid.clone(),
            device: resource,
            is_online,
        });
        let is_online = self.state.online.has(&jid);
        self.shown.set_online(jid, is_online);
    }

    /// Asks for what was wanted and was not asked for on this stream.
    pub(super) fn fulfil_wishes(&mut self) {
        let wishes = self.state.device.wishes.iter();
        let new = wishes.filter(|wish| !self.wire.wished.contains(&wish.seq));
        for Wish { seq, jid, wanting } in new.cloned().collect::<Vec<_>>() {
            self.wire.wished.insert(seq);
            match wanting {
                Wanting::Add => self.add_contact(&jid, seq),
                Wanting::Accept => {
                    self.tell(&jid, PresenceType::Subscribed, None);
                    self.add_contact(&jid, seq);
                }
                Wanting::Refuse => self.tell(&jid, PresenceType::Unsubscribed, Some(seq)),
                Wanting::Remove => self.remove_contact(&jid, seq),
                Wanting::Rename(name) => self.rename_contact(&jid, name, seq),
                Wanting::Block => self.block(jid, true, seq),
                Wanting::Unblock => self.block(jid, false, seq),
            }
        }
    }

    /// Stanzas of this number are with the server; gives whether it was a wish.
    pub(super) fn fulfil(&mut self, seq: u64) -> bool {
        let mut wishes = self.state.device.wishes.iter();
        let is_wish = wishes.any(|wish| wish.seq == seq);
        if is_wish {
            self.note_device(Event::Fulfilled { seq });
        }
        is_wish
    }

    /// The last stanza of each wish stands for all of them.
    fn add_contact(&mut self, jid: &BareJid, seq: u64) {
        let known = self.state.contacts.get(jid);
        let known = known.map(|contact| contact.item.clone());
        let element = listed(&known.unwrap_or_else(|| Item::new(jid.clone())));
        self.ask(Request::Other, |id| {
            Iq::set(id, roster::query(None, [element]))
        });
        let invitation = self.invitation.take_if(|(inviter, _)| inviter == jid);
        match invitation {
            Some((_, token)) => {
                let request = Presence::bare(PresenceType::Subscribe).to(jid.clone());
                self.send(request.child(&register::preauth(&token)).write(), None);
            }
            None => self.tell(jid, PresenceType::Subscribe, None),
        }
        // Who is asked may see the asker too: approved in advance, so that one answer suffices (RO-11).
        self.tell(jid, PresenceType::Subscribed, Some(seq));
    }

    /// Changes what a contact is called; of somebody who is none, there is nothing to change.
    fn rename_contact(&mut self, jid: &BareJid, name: Option<String>, seq: u64) {
        let Some(contact) = self.state.contacts.get(jid) else {
            return self.note_device(Event::Fulfilled { seq });
        };
        let element = listed(&Item {
            name,
            ..contact.item.clone()
        });
        let id = self.ids.request();
        let query = roster::query(None, [element]);
        self.send(Iq::set(id, query).write(), Some(seq));
    }

    fn remove_contact(&mut self, jid: &BareJid, seq: u64) {
        let asked = self.state.contacts.get(jid).is_some_and(|c| c.item.ask);
        if asked {
            self.tell(jid, PresenceType::Unsubscribe, None);
        }
        let removal = roster::query(None, [roster::removal(jid)]);
        let id = self.ids.request();
        self.send(Iq::set(id, removal).write(), Some(seq));
    }

    fn tell(&mut self, jid: &BareJid, kind: PresenceType, seq: Option<u64>) {
        self.send(Presence::bare(kind).to(jid.clone()).write(), seq);
    }
}

/// A contact as the roster is to have it: who may see whom is the server's to say (RO-03).
fn listed(item: &Item) -> Element {
    let element = Element::new("item", ns::ROSTER).attr("jid", &item.jid);
    let groups = item.groups.iter();
    let groups = groups.map(|group| Element::new("group", ns::ROSTER).text(group));
    element
        .attr_opt("name", item.name.as_deref())
        .children_from(groups)
}

/// What presence says of it (DI-02).
pub(super) fn caps() -> Caps {
    Caps {
        node: CAPS_NODE.to_owned(),
        ver: info().caps_ver(),
        is_sha1: true,
    }
}

fn info() -> disco::Info {
    disco::Info {
        identities: vec![("client", "web", "Balcony")],
        features: vec![
            ns::CHAT_MARKERS,
            ns::CHAT_STATES,
            ns::DISCO_INFO,
            ns::FALLBACK,
            ns::PING,
            ns::REACTIONS,
            ns::RECEIPTS,
            ns::REPLACE,
            ns::REPLY,
            ns::RETRACT,
            ns::VERSION,
            avatar::NOTIFY,
            mds::NOTIFY,
            nick::NOTIFY,
        ],
    }
}

fn version() -> Element {
    let text = |name, text| Element::new(name, ns::VERSION).text(text);
    Element::new("query", ns::VERSION)
        .child(text("name", "Balcony"))
        .child(text("version", env!("CARGO_PKG_VERSION")))
}
