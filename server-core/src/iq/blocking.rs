//! Blocking (XEP-0191, BL rows): who is blocked finds nobody here, and who blocks is not seen.

use protocol::blocking::{self, Blocklist, Request};
use protocol::jid::{BareJid, Jid};
use protocol::sm::Slot;
use protocol::{Condition, Element, Iq, IqKind, Stanza, StanzaError};

use crate::account::Account;
use crate::core::{Context, Core};
use crate::ids;
use crate::parcel::Parcel;
use crate::pending::{self, Pending};
use crate::records::{Change, ChangeError};
use crate::requests::Task;
use crate::session::SessionId;

/// A change of the blocklist that is being written.
pub(crate) struct BlockingDone {
    asked: pending::Request,
    wish: Request,
}

impl Account {
    /// Whether nothing of this sender is heard here; of the account itself, always (BL-02).
    pub(crate) fn blocks(&self, from: &Jid) -> bool {
        self.blocked.blocks(from) && from.to_bare() != self.jid
    }

    /// Why a stanza does not go out: it is to somebody who is blocked (BL-03). The server itself can be
    /// asked always.
    pub(crate) fn refusal_to_send(&self, stanza: &Stanza) -> Option<Condition> {
        let to = stanza.header.to.jid()?;
        let is_blocked = to.node().is_some() && self.blocks(to);
        is_blocked.then_some(Condition::NotAcceptable)
    }

    /// The contacts who see the account's presence.
    pub(crate) fn watchers(&self) -> Vec<BareJid> {
        let mut watchers = self.roster.watchers();
        watchers.retain(|contact| !self.blocked.blocks_account(contact));
        watchers
    }

    /// BL-01.
    pub(crate) fn on_blocking(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        payload: &Element,
    ) {
        if matches!(iq.kind, IqKind::Get(_)) {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.wants_blocklist = true;
            }
            return self.answer(cx, id, slot, &iq.result(Some(self.blocked.to_element())));
        }
        let wish = match Request::from_element(payload) {
            Some(Ok(wish)) => wish,
            Some(Err(condition)) => return self.answer(cx, id, slot, &iq.error(condition)),
            None => return self.answer(cx, id, slot, &iq.error(Condition::BadRequest)),
        };
        let account = self.jid.clone();
        let change = match &wish {
            Request::Block(jids) => Change::Block {
                account: account.clone(),
                jids: jids.clone(),
                max: cx.config.limits.blocked,
            },
            Request::Unblock(jids) => Change::Unblock {
                account: account.clone(),
                jids: jids.clone(),
            },
            Request::UnblockAll => Change::UnblockAll {
                account: account.clone(),
            },
        };
        let asked = pending::Request {
            account,
            session: id,
            slot,
            iq,
        };
        let done = Pending::Blocking(Box::new(BlockingDone { asked, wish }));
        self.begin_task(cx, id, Task::Change(done, Box::new(change)));
    }

    fn on_blocking_changed(
        &mut self,
        cx: &mut Context,
        BlockingDone { asked, wish }: BlockingDone,
        result: Result<(), ChangeError>,
    ) {
        let answer = match result {
            Ok(()) => asked.iq.result(None),
            Err(ChangeError::Full) => asked.iq.error(Condition::ResourceConstraint),
            Err(error) => {
                tracing::warn!(%error, "blocklist not changed");
                asked.iq.error(Condition::InternalServerError)
            }
        };
        if result.is_ok() {
            self.change_blocklist(cx, &wish);
        }
        self.answer(cx, asked.session, asked.slot, &answer);
        if result.is_ok() {
            self.push_blocking(cx, &wish);
        }
        self.end_task(cx);
    }

    /// Whoever is blocked now sees the account go, whoever is not any more sees it come (BL-04).
    fn change_blocklist(&mut self, cx: &mut Context, request: &Request) {
        let before = self.blocked.clone();
        match request {
            Request::Block(jids) => self.blocked.block(jids.iter().cloned()),
            Request::Unblock(jids) => self.blocked.unblock(jids),
            Request::UnblockAll => self.blocked = Blocklist::default(),
        }
        for contact in self.roster.watchers() {
            let was_blocked = before.blocks_account(&contact);
            let hidden = before.resources_of(&contact);
            match (was_blocked, self.blocked.blocks_account(&contact)) {
                (false, true) => self.vanish_to(cx, &contact.into(), &hidden),
                (true, false) => self.appear_to(cx, &contact.into()),
                (false, false) => self.change_hidden(cx, &contact, &hidden),
                (true, true) => {}
            }
        }
        for contact in self.roster.watched() {
            let (now, blocks) = (&self.blocked, self.blocks(&contact.clone().into()));
            let was_unheard = before.blocks_account(&contact)
                || !before
                    .resources_of(&contact)
                    .is_subset(&now.resources_of(&contact));
            if was_unheard && !blocks && cx.is_local(contact.domain().as_str()) {
                cx.dispatch(contact, Parcel::Probe { from: self.own() });
            }
        }
        self.end_directed_presence(cx, &before);
    }

    /// Every device that fetched the list hears of a change, its originator too.
    fn push_blocking(&mut self, cx: &mut Context, request: &Request) {
        let interested = self.sessions.values().filter(|s| s.wants_blocklist);
        let interested: Vec<_> = interested.map(|s| (s.id, s.jid.clone())).collect();
        for (id, jid) in interested {
            let push = Iq::set(ids::opaque(&mut cx.rng), request.to_element());
            let push = push.to(jid).from(self.jid.clone());
            self.send_now(cx, id, push.write());
        }
    }
}

/// What a device is told that writes to somebody it blocks.
pub(crate) fn blocked_error() -> StanzaError {
    let error = StanzaError::new(Condition::NotAcceptable).of_type("cancel");
    error.with(blocking::blocked())
}

impl Core {
    /// The store answered a change of a blocklist.
    pub(crate) fn on_blocking_changed(
        &mut self,
        done: BlockingDone,
        result: Result<(), ChangeError>,
    ) {
        self.with(&done.asked.account.clone(), |account, cx| {
            account.on_blocking_changed(cx, done, result);
        });
    }
}
