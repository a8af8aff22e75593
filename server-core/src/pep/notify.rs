//! Who hears of a change, and how (PE-04, PE-09, CS-02).

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::Stanza;
use protocol::jid::{BareJid, FullJid, Jid};
use protocol::pubsub::{Config, Event, EventKind};

use super::Job;
use crate::account::Account;
use crate::core::Context;
use crate::hold::{LatestOf, Urgency};
use crate::parcel::{Hidden, Parcel, frame};
use crate::session::{SentKind, SessionId};

/// A change of a node on its way to sessions that want to know of it.
#[derive(Clone)]
pub(crate) struct Notice {
    pub(crate) owner: BareJid,
    node: String,
    /// The item, of which only the latest state is worth waiting.
    item: Option<String>,
    /// The only session that it is for, if it is not for all.
    to: Option<FullJid>,
    /// Which resources hear nothing of it.
    hidden: Arc<Hidden>,
    stanza: Arc<Stanza>,
}

/// A session that has come to want to know of nodes.
pub(crate) struct Interest {
    pub(crate) session: FullJid,
    pub(crate) nodes: Arc<BTreeSet<String>>,
}

impl Account {
    /// Tells own sessions and these contacts, as far as they want to know.
    pub(super) fn tell(
        &mut self,
        cx: &mut Context,
        node: &str,
        config: &Config,
        kind: EventKind,
        contacts: &[BareJid],
    ) {
        let notice = self.notice(node, config, kind);
        self.on_notice(cx, &notice);
        for contact in contacts {
            if cx.is_local(contact.domain().as_str()) {
                let hidden = self.blocked.resources_of(contact);
                let notice = Notice {
                    hidden: hidden.into(),
                    ..notice.clone()
                };
                cx.dispatch(contact.clone(), Parcel::Notice(notice));
            }
        }
    }

    /// Tells one session, own or not.
    pub(super) fn tell_one(
        &mut self,
        cx: &mut Context,
        node: &str,
        config: &Config,
        kind: EventKind,
        to: &FullJid,
    ) {
        let mut notice = self.notice(node, config, kind);
        notice.to = Some(to.clone());
        cx.dispatch(to.to_bare(), Parcel::Notice(notice));
    }

    fn notice(&self, node: &str, config: &Config, kind: EventKind) -> Notice {
        let item = match &kind {
            EventKind::Items(items) => items.first().map(|item| item.id.clone()),
            EventKind::Retracted(ids) => ids.first().cloned(),
            EventKind::Purged | EventKind::Deleted => None,
        };
        let node = node.to_owned();
        let event = Event {
            node: node.clone(),
            kind,
        };
        Notice {
            owner: self.jid.clone(),
            node,
            item,
            to: None,
            hidden: Arc::default(),
            stanza: Arc::new(event.to_stanza(self.jid.clone(), config.deliver_payloads)),
        }
    }

    /// A notice arrives: for sessions that are available and whose software asks for this
    /// node; who is not available has no interests.
    pub(crate) fn on_notice(&mut self, cx: &mut Context, notice: &Notice) {
        let wants = |session: &&crate::session::Session| {
            session.interests.nodes.contains(&notice.node)
                && notice.to.as_ref().is_none_or(|to| *to == session.jid)
                && !notice.hidden.contains(session.jid.resource().as_str())
        };
        let sessions = self.sessions.values().filter(wants);
        let sessions: Vec<_> = sessions.map(|s| (s.id, s.jid.clone())).collect();
        for (id, jid) in sessions {
            let mut stanza = Stanza::clone(&notice.stanza);
            stanza.header.to = jid.into();
            let urgency = notice.urgency();
            self.send(cx, id, frame(&stanza), SentKind::Droppable, urgency);
        }
    }

    /// The account sees a contact from now on: what is newest of its nodes comes too.
    pub(crate) fn greet(&self, cx: &mut Context, contact: &BareJid) {
        let sessions = self.sessions.values();
        for session in sessions.filter(|session| !session.interests.nodes.is_empty()) {
            let interest = Interest {
                session: session.jid.clone(),
                nodes: session.interests.nodes.clone(),
            };
            cx.dispatch(contact.clone(), Parcel::Interest(interest));
        }
    }

    /// A session has come, of this account or of a contact.
    pub(crate) fn on_interest(&mut self, cx: &mut Context, interest: Interest) {
        self.do_in_turn(cx, Job::Last(interest.session, interest.nodes));
    }

    /// A session has come to want to know of nodes: the account and its contacts send what is newest.
    pub(super) fn show_interest(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        nodes: BTreeSet<String>,
    ) {
        let Some(session) = self.sessions.get(&id).map(|session| session.jid.clone()) else {
            return;
        };
        if nodes.is_empty() {
            return;
        }
        let nodes = Arc::new(nodes);
        let whom = self.roster.watched();
        for account in std::iter::once(self.jid.clone()).chain(whom) {
            if cx.is_local(account.domain().as_str()) {
                let (session, nodes) = (session.clone(), nodes.clone());
                cx.dispatch(account, Parcel::Interest(Interest { session, nodes }));
            }
        }
    }
}

impl Notice {
    fn urgency(&self) -> Urgency {
        match &self.item {
            Some(item) => {
                let of = LatestOf::Item(self.node.clone(), item.clone());
                Urgency::Latest(of, Jid::from(self.owner.clone()))
            }
            None => Urgency::Later,
        }
    }
}
