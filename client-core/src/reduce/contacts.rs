//! Contacts and requests, in one transaction with the roster's version (RO-08).

use protocol::BareJid;
use protocol::roster::{Item, Subscription};

use super::State;
use crate::history::{Batch, Contact, Person, Wanting, Wish};

/// So many unanswered requests are listed.
const REQUESTS_MAX: usize = 1_000;
/// So many wishes wait for a stream.
const WISHES_MAX: usize = 64;

impl State {
    /// The roster as it is; `None` if nothing changed since the version that is kept. Open requests stay.
    pub(super) fn roster(
        &mut self,
        batch: &mut Batch,
        items: Option<Vec<Item>>,
        ver: Option<String>,
    ) {
        if let Some(items) = items {
            let before = std::mem::take(&mut self.contacts);
            for item in items {
                let wants = before.get(&item.jid).is_some_and(|contact| contact.wants);
                let wants = wants && !item.subscription.has_from();
                let contact = Contact { item, wants };
                self.contacts.insert(contact.item.jid.clone(), contact);
            }
            for jid in before.into_values().filter(|c| c.wants).map(|c| c.item.jid) {
                self.contacts.entry(jid.clone()).or_insert_with(|| Contact {
                    item: Item::new(jid),
                    wants: true,
                });
            }
            batch.reset_contacts = true;
            batch.drop_contacts.clear();
            batch.contacts = self.contacts.values().cloned().collect();
            self.device.roster_ver = None;
        }
        self.device.roster_ver = ver.or(self.device.roster_ver.take());
    }

    /// A session begins: its initial presence brings the open requests again, and until then there are
    /// none (RO-10).
    pub(super) fn forget_requests(&mut self, batch: &mut Batch) {
        let wanting = self.contacts.values().filter(|contact| contact.wants);
        let wanting: Vec<_> = wanting.map(|contact| contact.item.jid.clone()).collect();
        for jid in &wanting {
            self.settled(batch, jid);
        }
    }

    pub(super) fn pushed(&mut self, batch: &mut Batch, item: Item, ver: Option<String>) {
        let wanted = self.contacts.get(&item.jid).is_some_and(|c| c.wants);
        let wants = wanted && !item.subscription.has_from();
        self.put_contact(batch, Contact { item, wants });
        self.device.roster_ver = ver.or(self.device.roster_ver.take());
    }

    pub(super) fn removed(&mut self, batch: &mut Batch, jid: &BareJid, ver: Option<String>) {
        self.drop_contact(batch, jid);
        if self.people.remove(jid).is_some() {
            batch.people.retain(|person| person.jid != *jid);
            batch.drop_people.push(jid.clone());
        }
        self.device.roster_ver = ver.or(self.device.roster_ver.take());
    }

    pub(super) fn described(&mut self, batch: &mut Batch, person: Person) {
        if self.people.get(&person.jid) != Some(&person) {
            batch.people.retain(|other| other.jid != person.jid);
            batch.people.push(person.clone());
            self.people.insert(person.jid.clone(), person);
        }
    }

    /// Somebody asks. What the person answered already is told again until the answer is there.
    pub(super) fn asked(&mut self, batch: &mut Batch, jid: BareJid) {
        let mut wishes = self.device.wishes.iter();
        if wishes.any(|wish| wish.jid == jid && is_answer(&wish.wanting)) {
            return;
        }
        let waiting = self.contacts.values().filter(|c| c.wants).count();
        let known = self.contacts.get(&jid).cloned();
        let contact = known.unwrap_or_else(|| Contact {
            item: Item::new(jid),
            wants: false,
        });
        let is_new = !contact.wants && !contact.item.subscription.has_from();
        if is_new && waiting < REQUESTS_MAX {
            let wants = true;
            self.put_contact(batch, Contact { wants, ..contact });
        }
    }

    pub(super) fn settled(&mut self, batch: &mut Batch, jid: &BareJid) {
        let Some(contact) = self.contacts.get(jid).filter(|c| c.wants).cloned() else {
            return;
        };
        if is_request_only(&contact) {
            self.drop_contact(batch, jid);
        } else {
            let wants = false;
            self.put_contact(batch, Contact { wants, ..contact });
        }
    }

    /// A request that somebody answered is no more, also while the answer waits.
    pub(super) fn wished(&mut self, batch: &mut Batch, jid: BareJid, wanting: Wanting) {
        if self.device.wishes.len() >= WISHES_MAX {
            return;
        }
        if is_answer(&wanting) {
            self.settled(batch, &jid);
        }
        self.block_as_wished(&jid, &wanting);
        if let Wanting::Rename(name) = &wanting {
            self.rename(batch, &jid, name.clone());
        }
        let seq = self.device.next_seq;
        self.device.next_seq += 1;
        self.device.wishes.push(Wish { seq, jid, wanting });
        batch.is_lasting = true;
    }

    /// A contact is called otherwise at once; the server tells it to all devices.
    fn rename(&mut self, batch: &mut Batch, jid: &BareJid, name: Option<String>) {
        if let Some(mut contact) = self.contacts.get(jid).cloned() {
            contact.item.name = name;
            self.put_contact(batch, contact);
        }
    }

    pub(super) fn fulfilled(&mut self, seq: u64) {
        self.device.wishes.retain(|wish| wish.seq != seq);
    }

    fn put_contact(&mut self, batch: &mut Batch, contact: Contact) {
        let jid = contact.item.jid.clone();
        if self.contacts.get(&jid) != Some(&contact) {
            batch.contacts.retain(|other| other.item.jid != jid);
            batch.contacts.push(contact.clone());
            self.contacts.insert(jid, contact);
        }
    }

    fn drop_contact(&mut self, batch: &mut Batch, jid: &BareJid) {
        self.contacts.remove(jid);
        batch.contacts.retain(|other| other.item.jid != *jid);
        batch.drop_contacts.push(jid.clone());
    }
}

/// Whether it answers a request.
fn is_answer(wanting: &Wanting) -> bool {
    match wanting {
        Wanting::Accept | Wanting::Refuse | Wanting::Block => true,
        Wanting::Add | Wanting::Remove | Wanting::Rename(_) | Wanting::Unblock => false,
    }
}

/// Whether this person stands in no roster and only asked.
pub(crate) fn is_request_only(contact: &Contact) -> bool {
    let item = &contact.item;
    let is_bare = item.name.is_none() && item.groups.is_empty() && !item.ask && !item.approved;
    contact.wants && is_bare && item.subscription == Subscription::None
}
