//! Bringing an account into memory, and out of use when what is there no longer holds.

use std::collections::VecDeque;

use protocol::{BareJid, StreamCondition, StreamError};

use crate::account::Account;
use crate::archive::ReadError;
use crate::core::Core;
use crate::io::{ConnId, Output};
use crate::parcel::Parcel;
use crate::pep::Pep;
use crate::records::AccountRecord;
use crate::roster::Roster;
use crate::tail::Tail;

/// How an account stands to its record in the store.
pub(crate) enum State {
    /// The record is on its way; what came meanwhile waits.
    Loading {
        conns: Vec<ConnId>,
        parcels: VecDeque<Parcel>,
    },
    /// It is served from memory.
    Ready,
    /// It could not be loaded, or is removed: only its last connections are not gone yet. For whoever
    /// comes next it is loaded anew.
    Gone,
}

impl State {
    /// The record is asked for, and nobody waits yet.
    pub(crate) fn begin() -> Self {
        Self::Loading {
            conns: Vec::new(),
            parcels: VecDeque::new(),
        }
    }
}

impl Account {
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// What is in memory of the account is not what the store holds: nobody is served from it any more.
    pub(crate) fn forget(&mut self) {
        match self.state {
            State::Loading { .. } => self.is_outdated = true,
            State::Ready => self.state = State::Gone,
            State::Gone => {}
        }
    }

    /// Its keys were changed, or it was removed and perhaps made anew, behind this process's back.
    pub(crate) fn revoke(&mut self) {
        self.is_revoked = true;
        self.forget();
    }

    /// Its record is asked for.
    pub(crate) fn begin_loading(&mut self) {
        self.state = State::begin();
    }
}

impl Core {
    /// The record of an account came.
    pub(crate) fn on_loaded(
        &mut self,
        jid: &BareJid,
        result: Result<Option<AccountRecord>, ReadError>,
    ) {
        let Some(account) = self.accounts.get_mut(jid) else {
            return;
        };
        let State::Loading { conns, parcels } = &mut account.state else {
            return;
        };
        if std::mem::take(&mut account.is_outdated) {
            let account = jid.clone();
            return self.cx.output(Output::Load { account });
        }
        let (conns, parcels) = (std::mem::take(conns), std::mem::take(parcels));
        account.state = match &result {
            Ok(Some(_)) => State::Ready,
            Ok(None) | Err(_) => State::Gone,
        };
        let record = match result {
            Ok(Some(record)) => record,
            Ok(None) => return self.on_missing(jid, &conns, parcels),
            Err(_) => return self.on_unreadable(jid, &conns, parcels),
        };
        account.tail = Tail::new(record.head);
        account.spool.any = record.has_spool;
        account.newest = record.newest;
        account.roster = Roster::new(record.contacts, record.roster_ver);
        account.blocked = record.blocked;
        account.pep = Pep::new(record.nodes);
        account.dormant = record.sessions;
        if std::mem::take(&mut account.is_revoked) {
            account.end_dormant(&mut self.cx, None);
        }
        for parcel in parcels {
            self.with(jid, |account, cx| account.on_parcel(cx, parcel));
        }
        for conn in conns {
            self.begin(conn);
        }
        self.with(jid, |_, _| ());
    }

    /// There is no such account: whoever waits for it is told as if nobody were there (SEC-24).
    fn on_missing(&mut self, jid: &BareJid, conns: &[ConnId], parcels: VecDeque<Parcel>) {
        for parcel in parcels {
            parcel.come_back(&mut self.cx);
        }
        self.abandon(jid, conns, StreamCondition::NotAuthorized);
    }

    /// The account cannot be read now: whoever waits for it is told to try again later.
    fn on_unreadable(&mut self, jid: &BareJid, conns: &[ConnId], parcels: VecDeque<Parcel>) {
        for parcel in parcels {
            self.flag_unheard(jid, &parcel);
            parcel.come_back_later(&mut self.cx, jid);
        }
        self.abandon(jid, conns, StreamCondition::InternalServerError);
    }

    fn abandon(&mut self, jid: &BareJid, conns: &[ConnId], condition: StreamCondition) {
        for conn in conns {
            self.with(jid, |account, cx| {
                account.fail(cx, *conn, &StreamError::new(condition))
            });
        }
        self.with(jid, |_, _| ());
    }
}
