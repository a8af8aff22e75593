//! What people tell of themselves: names and pictures (XEP-0172, XEP-0084).

use std::collections::BTreeMap;

use protocol::avatar::{self, Png};
use protocol::pubsub::{self, Event as Told, EventKind};
use protocol::stanza::Address;
use protocol::{BareJid, Element, Iq, Stanza, nick};

use super::Engine;
use super::contacts::Request;
use crate::history::{Person, Picture};
use crate::reduce::Event;
use crate::view::Saving;

/// So many pictures are fetched at once.
const FETCHED_MAX: usize = 4;

/// What of profiles is under way.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    /// Whose picture was asked for, and which, by request.
    fetching: BTreeMap<String, (BareJid, String)>,
    /// The own picture, while it is being kept: it is announced once it is.
    publishing: Option<Png>,
}

impl Engine {
    /// Somebody tells of themselves; gives whether the stanza says that.
    pub(super) fn is_description(&mut self, stanza: &Stanza) -> bool {
        let Some(from) = stanza.header.from.jid().filter(|from| from.is_bare()) else {
            return false;
        };
        let jid = from.to_bare();
        let Some(Told { node, kind }) = Told::of_stanza(stanza) else {
            return false;
        };
        let items = match &kind {
            EventKind::Items(items) => items.as_slice(),
            EventKind::Retracted(_) | EventKind::Purged | EventKind::Deleted => &[],
        };
        let item = items.last();
        match node.as_str() {
            nick::NODE => self.describe(jid, |person| {
                person.nick = item.and_then(nick::of_item);
            }),
            avatar::METADATA => self.describe(jid, |person| {
                let id = item.and_then(avatar::announced);
                let is_here = |picture: &Picture| Some(&picture.id) == id.as_ref();
                person
                    .picture
                    .take_if(|picture| id.is_none() || !is_here(picture));
                person.wanted = id.filter(|_| person.picture.is_none());
            }),
            _ => return false,
        }
        true
    }

    /// Changes what is kept of somebody whose word counts: a contact's, or the own account's.
    fn describe(&mut self, jid: BareJid, change: impl FnOnce(&mut Person)) {
        if jid != self.account && !self.state.contacts.contains_key(&jid) {
            return;
        }
        let known = self.state.people.get(&jid).cloned();
        let mut person = known.unwrap_or_else(|| Person::new(jid));
        change(&mut person);
        self.note(Event::Described(person));
    }

    /// Asks for pictures that were announced and are not here, a few at a time.
    pub(super) fn fetch_pictures(&mut self) {
        if !self.is_live || !self.link.is_up() {
            return;
        }
        let free = FETCHED_MAX.saturating_sub(self.profiles.fetching.len());
        if free == 0 {
            return;
        }
        let people = self.state.people.values();
        let wanted = people.filter_map(|person| Some((person.jid.clone(), person.wanted.clone()?)));
        let is_new =
            |wanted: &(BareJid, String)| !self.profiles.fetching.values().any(|w| w == wanted);
        let wanted: Vec<_> = wanted.filter(is_new).take(free).collect();
        for (jid, id) in wanted {
            let request = self.ids.request();
            let mut iq = avatar::fetch(&id).to_iq(request.clone());
            if jid != self.account {
                iq = iq.to(jid.clone());
            }
            self.profiles.fetching.insert(request, (jid, id));
            self.send(iq.write(), None);
        }
    }

    /// Whether this answers a question for a picture, from whom it is of.
    pub(super) fn is_picture(&self, iq: &Iq) -> bool {
        let asked = self.profiles.fetching.get(&iq.id);
        asked.is_some_and(|(jid, _)| match &iq.from {
            Address::Jid(from) => from == jid,
            Address::Absent => *jid == self.account,
            Address::Malformed(_) => false,
        })
    }

    /// The picture, if it is the one that was announced; what cannot be had is asked for when it is announced again.
    pub(super) fn on_picture(&mut self, request: &str, payload: Option<&Element>) {
        let Some((jid, id)) = self.profiles.fetching.remove(request) else {
            return;
        };
        let items = payload
            .and_then(pubsub::items_of_result)
            .unwrap_or_default();
        let png = items.first().and_then(|item| Png::of_item(item, &id));
        self.describe(jid, |person| {
            if person.wanted.as_ref() == Some(&id) {
                person.wanted = None;
                person.picture = png.map(|png| Picture {
                    id,
                    base64: png.to_base64(),
                });
            }
        });
    }

    /// What was asked on a session that is gone is not answered any more.
    pub(super) fn forget_profile(&mut self) {
        self.profiles.fetching.clear();
        self.profiles.publishing = None;
        if self.view().own.saving == Saving::UnderWay {
            self.shown.set_saving(Saving::Failed);
        }
    }

    pub(super) fn set_nick(&mut self, name: Option<&str>) {
        if !self.link.is_up() {
            return self.shown.set_saving(Saving::Failed);
        }
        self.shown.set_saving(Saving::UnderWay);
        let request = nick::publish(name);
        self.ask(Request::Profile, |id| request.to_iq(id));
    }

    pub(super) fn set_picture(&mut self, bytes: Option<Vec<u8>>) {
        if !self.link.is_up() {
            return self.shown.set_saving(Saving::Failed);
        }
        let Some(bytes) = bytes else {
            self.shown.set_saving(Saving::UnderWay);
            return self.ask(Request::Profile, |id| avatar::announce_none().to_iq(id));
        };
        let png = Png::new(bytes).filter(|png| png.bytes().len() <= avatar::OWN_BYTES_MAX);
        let Some(png) = png else {
            return self.shown.set_saving(Saving::Failed);
        };
        self.shown.set_saving(Saving::UnderWay);
        let request = png.publish();
        self.profiles.publishing = Some(png);
        self.ask(Request::Picture, |id| request.to_iq(id));
    }

    /// The own picture is kept: now all may know of it.
    pub(super) fn on_picture_kept(&mut self) {
        if let Some(png) = self.profiles.publishing.take() {
            self.ask(Request::Profile, |id| png.announce().to_iq(id));
        }
    }

    /// What all may know of the own account is kept, or not.
    pub(super) fn on_profile(&mut self, is_kept: bool) {
        self.profiles.publishing = None;
        self.shown.set_saving(match is_kept {
            true => Saving::Done,
            false => Saving::Failed,
        });
    }
}
