//! What a [`super::Memory`] holds, and how it changes.

use std::collections::BTreeMap;

use protocol::BareJid;
use protocol::blocking::Blocklist;
use protocol::retract::Retraction;
use protocol::roster::{Item, Subscription};
use protocol::scram::StoredKeys;
use protocol::time::Stamp;
use server_core::archive::{
    Append, AppendError, FirstOutcome, Keep, Outcome, Receipt, RecipientSide,
};
use server_core::records::{
    Change, ChangeError, Contact, Invite, KeyEpoch, SessionKey, SessionLife, SessionRecord,
    trim_sessions,
};
use server_core::tokens::{DeviceId, StoredToken};

use super::fault::{FailingSide, Faults};
use super::log::Log;
use super::nodes::Nodes;
use super::tokens::Known;
use crate::ids::Ids;
use crate::retention::{CHUNK_ROWS, INVITE_KEPT_MS};
use crate::{Limits, Retention};

/// One account.
pub(super) struct Account {
    pub(super) user: u64,
    pub(super) keys: Vec<StoredKeys>,
    pub(super) epoch: KeyEpoch,
    pub(super) tokens: Vec<(DeviceId, StoredToken)>,
    pub(super) devices: BTreeMap<DeviceId, Known>,
    pub(super) links: Vec<StoredToken>,
    pub(super) contacts: BTreeMap<BareJid, Contact>,
    pub(super) roster_ver: u64,
    pub(super) blocked: Blocklist,
    pub(super) nodes: Nodes,
    pub(super) log: Log,
    pub(super) retention: Option<Retention>,
    pub(super) sessions: BTreeMap<SessionKey, SessionRecord>,
}

/// Everything.
pub(super) struct State {
    pub(super) ids: Ids,
    pub(super) limits: Limits,
    pub(super) accounts: BTreeMap<BareJid, Account>,
    pub(super) invites: BTreeMap<[u8; 32], Invite>,
    pub(super) faults: Faults,
    users: u64,
    epochs: i64,
}

impl State {
    /// No accounts.
    pub(super) fn new(ids: Ids, limits: Limits) -> Self {
        Self {
            ids,
            limits,
            accounts: BTreeMap::new(),
            invites: BTreeMap::new(),
            faults: Faults::default(),
            users: 0,
            epochs: 0,
        }
    }

    /// Writes one append.
    pub(super) fn append(&mut self, now: Stamp, append: &Append) -> Result<Outcome, AppendError> {
        let failing = self.faults.next_append();
        if failing == Some(FailingSide::Whole) {
            return Err(AppendError::Storage);
        }
        let Some(sender) = self.accounts.get_mut(&append.sender) else {
            return Err(AppendError::Storage);
        };
        if let Some(record) = &append.session {
            sender.count(record);
        }
        if let Some(id) = &append.own_id
            && let Some(outcome) = sender.log.repetition(id, &append.digest)
        {
            return Ok(outcome);
        }
        let is_known = matches!(append.keep, Keep::EntriesIfKnown(_)) && self.know(append);
        let keep = match is_known {
            true => Keep::Entries,
            false => append.keep,
        };
        let Some(sender) = self.accounts.get_mut(&append.sender) else {
            return Err(AppendError::Storage);
        };
        let outcome = match keep {
            Keep::Entries => return Ok(Outcome::Stored(self.entries(now, append, failing))),
            Keep::OutcomeOnly => FirstOutcome::NotArchived,
            Keep::EntriesIfKnown(condition) | Keep::Refusal(condition) => {
                FirstOutcome::Refused(condition)
            }
        };
        if let Some(id) = &append.own_id {
            sender.log.remember(now, id, append.digest, outcome);
        }
        if let Keep::EntriesIfKnown(condition) = keep {
            return Ok(Outcome::Refused(condition));
        }
        Ok(Outcome::Stored(Receipt {
            stamp: now,
            sender: None,
            recipient: RecipientSide::None,
        }))
    }

    /// Whether the two have ever exchanged messages.
    fn know(&self, append: &Append) -> bool {
        let (sender, peer) = (&append.sender, &append.peer);
        let has = |of: &BareJid, with| {
            let account = self.accounts.get(of);
            account.is_some_and(|account| account.log.peers.contains(with))
        };
        has(sender, peer) || has(peer, sender)
    }

    fn entries(&mut self, now: Stamp, append: &Append, failing: Option<FailingSide>) -> Receipt {
        let recipient = append.recipient.as_ref().filter(|r| **r != append.sender);
        // Whoever is blocked finds nobody there (BL-02).
        let is_blocked = recipient
            .and_then(|jid| self.accounts.get(jid))
            .is_some_and(|account| append.is_blocked_by(&account.blocked));
        let newest = |jid: &BareJid| self.accounts.get(jid).and_then(|a| a.log.newest());
        let stamp = [newest(&append.sender), recipient.and_then(newest)]
            .into_iter()
            .flatten()
            .fold(now, Stamp::max);
        let (ids, limits) = (&self.ids, &self.limits);
        let len = append.stanza.len();
        let room = |jid: &BareJid, account: &Account, side| {
            if failing == Some(side) {
                return Err(AppendError::Storage);
            }
            limits.room(jid, account.log.bytes, len)
        };
        let sender = self.accounts.get_mut(&append.sender);
        let sender = sender.map(|account| {
            let own_id = append.own_id.as_ref();
            let room = room(&append.sender, account, FailingSide::Sender);
            if let (Err(error), Some(id)) = (&room, own_id) {
                let outcome = FirstOutcome::Unarchived(error.reason());
                account.log.remember(now, id, append.digest, outcome);
            }
            let ids = (ids, account.user);
            let log = &mut account.log;
            let peer = (&append.peer, false);
            room.map(|()| log.push(ids, own_id, peer, stamp, &append.stanza))
        });
        if let Some(jid) = recipient.filter(|jid| !is_blocked && self.accounts.contains_key(*jid))
            && let Some(account) = self.accounts.get_mut(&append.sender)
            && !account.lists(jid)
        {
            account.log.answer(jid);
        }
        let recipient = recipient.map_or(RecipientSide::None, |jid| {
            let account = self.accounts.get_mut(jid).filter(|_| !is_blocked);
            let Some(account) = account else {
                return RecipientSide::NoAccount;
            };
            let is_stranger = !account.lists(&append.sender);
            let share = if is_stranger {
                let used = account.log.strangers_bytes(&append.sender);
                limits.strangers_room(jid, used, len)
            } else {
                Ok(())
            };
            match room(jid, account, FailingSide::Recipient).and(share) {
                Err(error) => RecipientSide::Failed(error),
                Ok(()) => {
                    let ids = (ids, account.user);
                    let log = &mut account.log;
                    let peer = (&append.sender, true);
                    if protocol::mutant("one-side-committed") && (log.head() + 1).is_multiple_of(8)
                    {
                        return RecipientSide::None;
                    }
                    let place = log.push(ids, None, peer, stamp, &append.stanza);
                    if is_stranger {
                        log.count_stranger(&append.sender, place.pos, len);
                    }
                    if append.spool {
                        log.spool.insert(place.pos);
                    }
                    RecipientSide::Stored(place)
                }
            }
        });
        let has_entry = matches!(sender, Some(Ok(_)));
        if let Some(retraction) = &append.retracts
            && !is_blocked
            && (has_entry || matches!(recipient, RecipientSide::Stored(_)))
        {
            self.retract(retraction, append, stamp);
        }
        Receipt {
            stamp,
            sender,
            recipient,
        }
    }

    /// Leaves a tombstone of the message in both logs (IM-15).
    fn retract(&mut self, retraction: &Retraction, append: &Append, stamp: Stamp) {
        let sides = [
            (&append.sender, &append.peer, false),
            (&append.peer, &append.sender, true),
        ];
        let count = if append.sender == append.peer { 1 } else { 2 };
        for (owner, peer, is_received) in sides.into_iter().take(count) {
            if let Some(account) = self.accounts.get_mut(owner) {
                account.log.retract(retraction, (peer, is_received), stamp);
            }
        }
    }

    /// Makes one change.
    pub(super) fn change(&mut self, now: Stamp, change: Change) -> Result<(), ChangeError> {
        if self.faults.next_change() {
            return Err(ChangeError::Storage);
        }
        match change {
            Change::Contact { account, contact } => self.existing(&account)?.write(contact),
            Change::Block { account, jids, max } => {
                let account = self.existing(&account)?;
                let mut blocked = account.blocked.clone();
                blocked.block(jids);
                if blocked.len() > max {
                    return Err(ChangeError::Full);
                }
                account.blocked = blocked;
            }
            Change::Unblock { account, jids } => self.existing(&account)?.blocked.unblock(&jids),
            Change::UnblockAll { account } => {
                self.existing(&account)?.blocked = Blocklist::default();
            }
            Change::Node {
                account,
                node,
                change,
            } => self.existing(&account)?.nodes.change(&node, change)?,
            Change::Invite { invite, max } => self.invite_friend(now, invite, max)?,
            Change::Accept {
                account,
                contact,
                token,
            } => {
                let invite = self.invites.get(&token);
                let is_valid = invite.is_some_and(|invite| {
                    invite.inviter.as_ref() == Some(&account) && invite.expires >= now
                });
                let kept = self.existing(&account)?;
                if !is_valid {
                    return Err(ChangeError::Token);
                }
                kept.write(contact);
                self.invites.remove(&token);
            }
            Change::Register {
                account,
                keys,
                token,
            } => self.register(now, account, keys, token)?,
            Change::SetKeys { account, keys } => {
                let epoch = self.next_epoch();
                let account = self.existing(&account)?;
                (account.keys, account.epoch) = (keys, epoch);
                account.revoke(None);
            }
            Change::UseToken(token_use) => {
                let account = self.existing(&token_use.account)?;
                account.use_token(now, *token_use)?;
            }
            Change::LinkDevice { account, link } => self.existing(&account)?.link(now, link),
            Change::NameDevice {
                account,
                device,
                name,
            } => self.existing(&account)?.name_device(device, name)?,
            Change::RevokeTokens { account, device } => {
                let epoch = self.next_epoch();
                let account = self.existing(&account)?;
                account.epoch = epoch;
                account.revoke(device);
            }
            Change::Spool { account, spans } => {
                let log = &mut self.existing(&account)?.log;
                let head = log.head();
                for (first, last) in spans {
                    log.spool.extend(first..=last.min(head));
                }
            }
            Change::Unspool {
                account,
                first,
                last,
            } => {
                let spool = &mut self.existing(&account)?.log.spool;
                spool.retain(|pos| !(first..=last).contains(pos));
            }
            Change::Session { account, record } => {
                let account = self.existing(&account)?;
                if let Some(known) = record.device.and_then(|of| account.devices.get_mut(&of)) {
                    known.last = now;
                }
                account.write_session(now, record);
            }
            Change::Delete { account } => {
                self.accounts
                    .remove(&account)
                    .ok_or(ChangeError::NoAccount)?;
                for other in self.accounts.values_mut() {
                    other.log.forget_answer(&account);
                }
                self.invites
                    .retain(|_, invite| invite.inviter.as_ref() != Some(&account));
            }
        }
        Ok(())
    }

    /// Clears one chunk away; tells whether there was anything.
    pub(super) fn tend(&mut self, now: Stamp) -> bool {
        let invites = self.invites.len();
        self.invites
            .retain(|_, invite| invite.expires.0 >= now.0.saturating_sub(INVITE_KEPT_MS));
        let mut left = CHUNK_ROWS;
        for account in self.accounts.values_mut() {
            let keep = account.retention.unwrap_or(self.limits.retention);
            left = left.saturating_sub(account.log.trim(now, keep, left));
        }
        left < CHUNK_ROWS || self.invites.len() < invites
    }

    /// A server begins.
    pub(super) fn detach_sessions(&mut self, now: Stamp) {
        for account in self.accounts.values_mut() {
            account.sessions.values_mut().for_each(|s| s.detach(now));
            account.sessions.retain(|_, s| !s.is_forgotten(now));
        }
    }

    /// The invitation of a token, whether or not it has expired.
    pub(super) fn invite(&self, token: &[u8; 32]) -> Option<&Invite> {
        let invite = self.invites.get(token)?;
        (!invite.setup || self.accounts.is_empty()).then_some(invite)
    }

    pub(super) fn existing(&mut self, account: &BareJid) -> Result<&mut Account, ChangeError> {
        self.accounts.get_mut(account).ok_or(ChangeError::NoAccount)
    }

    fn next_epoch(&mut self) -> KeyEpoch {
        self.epochs += 1;
        KeyEpoch(self.epochs)
    }

    fn invite_friend(&mut self, now: Stamp, invite: Invite, max: usize) -> Result<(), ChangeError> {
        let inviter = invite.inviter.as_ref().ok_or(ChangeError::NoAccount)?;
        self.existing(&inviter.clone())?;
        let is_open = |other: &&Invite| other.inviter == invite.inviter && other.expires >= now;
        if self.invites.values().filter(is_open).count() >= max {
            return Err(ChangeError::Full);
        }
        self.invites.insert(invite.token, invite);
        Ok(())
    }

    fn register(
        &mut self,
        now: Stamp,
        jid: BareJid,
        keys: Vec<StoredKeys>,
        token: Option<[u8; 32]>,
    ) -> Result<(), ChangeError> {
        let name = jid.node().map(|node| node.as_str());
        // The token first: only who holds one learns which names are taken (RG-04).
        let invite = match &token {
            None => None,
            Some(token) => {
                let invite = self.invite(token).ok_or(ChangeError::Token)?;
                if invite.reserved.is_some() && invite.reserved.as_deref() != name {
                    return Err(ChangeError::Token);
                }
                Some(invite.clone())
            }
        };
        let is_reserved = self.invites.values().any(|other| {
            other.reserved.is_some()
                && other.reserved.as_deref() == name
                && other.expires >= now
                && Some(other.token) != token
        });
        if is_reserved || self.accounts.contains_key(&jid) {
            return Err(ChangeError::Exists);
        }
        self.invites
            .retain(|key, invite| !invite.setup && Some(*key) != token);
        self.users += 1;
        let mut account = Account {
            user: self.users,
            keys,
            epoch: self.next_epoch(),
            tokens: Vec::new(),
            devices: BTreeMap::new(),
            links: Vec::new(),
            contacts: BTreeMap::new(),
            roster_ver: 0,
            blocked: Blocklist::default(),
            nodes: Nodes::default(),
            log: Log::default(),
            retention: None,
            sessions: BTreeMap::new(),
        };
        if let Some(inviter) = invite.and_then(|invite| invite.inviter)
            && let Some(inviting) = self.accounts.get_mut(&inviter)
        {
            inviting.befriend(&jid);
            account.befriend(&inviter);
        }
        self.accounts.insert(jid, account);
        Ok(())
    }
}

impl Account {
    fn lists(&self, jid: &BareJid) -> bool {
        self.contacts.get(jid).is_some_and(|contact| contact.listed)
    }

    /// Raises a record's count, or writes the record if there is none.
    fn count(&mut self, record: &SessionRecord) {
        let counted = self.sessions.entry(record.key);
        let counted = counted.or_insert_with(|| record.clone());
        counted.handled = counted.handled.max(record.handled);
    }

    /// Writes a whole record; its count never falls.
    fn write_session(&mut self, now: Stamp, record: SessionRecord) {
        self.count(&record);
        if let Some(kept) = self.sessions.get_mut(&record.key) {
            (kept.life, kept.device) = (record.life, record.device);
        }
        if matches!(record.life, SessionLife::Ended(_)) {
            let mut sessions = self.sessions.values().cloned().collect();
            trim_sessions(&mut sessions, now);
            self.sessions = sessions.into_iter().map(|s| (s.key, s)).collect();
        }
    }

    fn write(&mut self, contact: Contact) {
        if contact.listed {
            self.log.accept(&contact.item.jid);
        }
        self.roster_ver = self.roster_ver.max(contact.ver);
        self.contacts.insert(contact.item.jid.clone(), contact);
    }

    /// Makes somebody a contact with subscription `both`; what the user wrote about them stays.
    fn befriend(&mut self, jid: &BareJid) {
        let known = self.contacts.get(jid).map(|contact| contact.item.clone());
        let item = known.unwrap_or_else(|| Item::new(jid.clone()));
        self.write(Contact {
            item: Item {
                subscription: Subscription::Both,
                ask: false,
                ..item
            },
            listed: true,
            request: None,
            ver: self.roster_ver + 1,
        });
    }
}
