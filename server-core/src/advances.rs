//! What accounts do to people who do not know them, counted over an hour: whom they write to, and whom
//! they ask for their presence (LIM-17), and how many they invite (LIM-16). Only in memory: another process begins to count anew.

use std::collections::{BTreeMap, VecDeque};

use protocol::jid::{BareJid, Jid};
use protocol::stanza::Address;
use protocol::{MessageType, Stanza};

use crate::account::Account;
use crate::core::Context;

const HOUR_MS: u64 = 3_600_000;
/// So many advances of all accounts are kept; beyond, the oldest are forgotten before their hour is over.
const KEPT_MAX: usize = 20_000;

/// Advances of one kind, of all accounts.
#[derive(Default)]
pub(crate) struct Advances {
    /// When, and whose; oldest first.
    log: VecDeque<(u64, BareJid)>,
    /// To whom each account made them, oldest first.
    made: BTreeMap<BareJid, VecDeque<BareJid>>,
}

impl Advances {
    /// Whether an account made one to somebody within the hour.
    fn has(&self, who: &BareJid, to: &BareJid) -> bool {
        self.made.get(who).is_some_and(|made| made.contains(to))
    }

    /// Counts one. `false` if an account has made as many as it may.
    fn make(&mut self, now_ms: u64, (who, to): (&BareJid, &BareJid), max: usize) -> bool {
        self.forget(now_ms);
        let made = self.made.get(who).map_or(0, VecDeque::len);
        if made >= max {
            return false;
        }
        self.log.push_back((now_ms, who.clone()));
        let made = self.made.entry(who.clone()).or_default();
        made.push_back(to.clone());
        true
    }

    fn forget(&mut self, now_ms: u64) {
        let is_over = |(at, _): &(u64, BareJid)| now_ms.saturating_sub(*at) >= HOUR_MS;
        while self.log.len() >= KEPT_MAX || self.log.front().is_some_and(is_over) {
            let Some((_, who)) = self.log.pop_front() else {
                return;
            };
            if let Some(made) = self.made.get_mut(&who) {
                made.pop_front();
                if made.is_empty() {
                    self.made.remove(&who);
                }
            }
        }
    }
}

impl Account {
    /// Counts a message as an advance if it is one. `true` if there were too many: then only those hear
    /// of it with whom the account has exchanged messages before, which the store knows.
    pub(crate) fn is_too_forward(&self, cx: &mut Context, stanza: &Stanza) -> bool {
        let Address::Jid(to) = &stanza.header.to else {
            return false;
        };
        let to = to.to_bare();
        let kind = MessageType::parse(stanza.header.kind.as_deref());
        let is_answer = kind == MessageType::Error;
        if is_answer || to.node().is_none() || to == self.jid {
            return false;
        }
        if cx.written_to.has(&self.jid, &to) || self.is_known_to(&to) {
            return false;
        }
        let (now_ms, max) = (cx.now.mono_ms, cx.config.limits.new_recipients_per_hour);
        !cx.written_to.make(now_ms, (&self.jid, &to), max)
    }

    /// Counts a subscription request to somebody who does not know the account. `true` if there were
    /// too many.
    pub(crate) fn asks_too_many(&self, cx: &mut Context, to: &BareJid) -> bool {
        let (now_ms, max) = (cx.now.mono_ms, cx.config.limits.requests_per_hour);
        !self.roster.is_known_to(to) && !cx.asked.make(now_ms, (&self.jid, to), max)
    }

    /// Counts an invitation. `true` if there were too many.
    pub(crate) fn invites_too_many(&self, cx: &mut Context) -> bool {
        let (now_ms, max) = (cx.now.mono_ms, cx.config.limits.invitations.1);
        !cx.invited.make(now_ms, (&self.jid, &self.jid), max)
    }

    /// Whether somebody has shown that they know the account: by a subscription, or lately by a message.
    fn is_known_to(&self, other: &BareJid) -> bool {
        let is_theirs = |from: &Jid| {
            let resource = from.as_str().strip_prefix(other.as_str());
            resource.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.roster.is_known_to(other) || self.tail.senders().any(is_theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(name: &str) -> BareJid {
        BareJid::new(name).unwrap()
    }

    // proves: LIM-17
    #[test]
    fn an_hour_later_there_is_room_again_one_by_one() {
        let mut advances = Advances::default();
        let romeo = jid("romeo@localhost");
        let mut make = |at, to| advances.make(at, (&romeo, &jid(to)), 2);
        assert!(make(1_000, "a@localhost"));
        assert!(make(2_000, "b@localhost"));
        assert!(!make(HOUR_MS, "c@localhost"));
        assert!(make(1_000 + HOUR_MS, "c@localhost"));
        assert!(!make(1_999 + HOUR_MS, "d@localhost"));
        assert!(make(2_000 + HOUR_MS, "d@localhost"));
        assert!(!advances.has(&romeo, &jid("b@localhost")));
        assert!(advances.has(&romeo, &jid("c@localhost")));
    }

    // proves: LIM-17
    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut advances = Advances::default();
        let (first, to) = (jid("a0@localhost"), jid("b@localhost"));
        for n in 0..KEPT_MAX + 5 {
            let who = jid(&format!("a{n}@localhost"));
            assert!(advances.make(1_000, (&who, &to), 1), "{n}");
        }
        assert_eq!(
            (advances.log.len(), advances.made.len()),
            (KEPT_MAX, KEPT_MAX)
        );
        assert!(advances.make(1_000, (&first, &to), 1), "forgotten by then");
        advances.forget(2_000 + HOUR_MS);
        assert_eq!((advances.log.len(), advances.made.len()), (0, 0));
    }
}
