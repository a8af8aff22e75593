//! INV-02 to INV-08, INV-19: logs and what is committed to them.

use super::facts::{Entry, Facts, Message, bare};
use super::{Violation, hold};
use crate::seen::Line;
use crate::server::Server;

impl Facts {
    pub(super) fn on_send(
        &mut self,
        dev: usize,
        mid: &str,
        to: &str,
        text: &str,
    ) -> Result<(), Violation> {
        let Some(device) = self.devices.get_mut(dev) else {
            return Ok(());
        };
        device.sends += 1;
        let message = Message {
            dev,
            life: device.life,
            account: device.account.clone(),
            to: to.to_owned(),
            text: text.to_owned(),
            order: device.sends,
            ..Message::default()
        };
        let known = self.messages.insert(mid.to_owned(), message);
        hold!("INV-05", known.is_none(), "message id {mid} is used twice");
        Ok(())
    }

    pub(super) fn on_commit(
        &mut self,
        account: &str,
        pos: u64,
        aid: &str,
        line: &Line,
        (own, txn): (bool, u64),
    ) -> Result<(), Violation> {
        let is_right = self.commit_is_right(account, pos, aid, line, own);
        if let Some(log) = self.logs.get_mut(account) {
            log.push(Entry {
                aid: aid.to_owned(),
                line: line.clone(),
                own,
                txn,
            });
        }
        is_right
    }

    fn commit_is_right(
        &self,
        account: &str,
        pos: u64,
        aid: &str,
        line: &Line,
        own: bool,
    ) -> Result<(), Violation> {
        let Some(log) = self.logs.get(account) else {
            return Err(Violation::new("INV-08", format!("a log of {account}")));
        };
        let first = log.pos_of_message(&line.mid);
        hold!(
            "INV-07",
            first.is_none(),
            "{account}: message {} lies at {first:?} and at {pos}",
            line.mid
        );
        let is_fresh = log.pos_of(aid).is_none();
        hold!("INV-05", is_fresh, "{account}: id {aid} twice");
        self.commit_is_sent(account, line, own)?;
        let message = self.messages.get(&line.mid);
        let next = log.head() + 1;
        hold!(
            "INV-04",
            pos == next,
            "{account}: position {pos}, not {next}"
        );
        let dots = aid.matches('.').count();
        let computed = message.map(|message| &message.aids).filter(|_| own);
        match computed.filter(|aids| !aids.is_empty()) {
            Some(aids) => {
                hold!("INV-06", aids.contains(aid), "{aid} is none of {aids:?}");
                hold!("INV-05", dots == 1, "own id {aid}");
            }
            None => hold!("INV-05", dots == 0, "id {aid} looks like an own one"),
        }
        Ok(())
    }

    /// INV-08, and INV-19's second half.
    fn commit_is_sent(&self, account: &str, line: &Line, own: bool) -> Result<(), Violation> {
        if line.bounced {
            return Ok(());
        }
        let mid = &line.mid;
        let Some(message) = self.messages.get(mid) else {
            let what = format!("{account}: {mid} was never sent");
            return Err(Violation::new("INV-08", what));
        };
        let side = if own { &message.account } else { &message.to };
        let is_theirs = side == account && bare(&line.from) == message.account;
        let is_same = is_theirs && message.text == line.text && bare(&line.to) == message.to;
        hold!("INV-08", is_same, "{account}: {line:?} was not sent so");
        let is_from = message.from.contains(&line.from);
        hold!("INV-21", is_from, "{mid} is from {:?}", message.from);
        let is_new = !own || message.noticed.is_none_or(|rx| message.rx > rx);
        hold!("INV-19", is_new, "{mid} was said not to be archived");
        Ok(())
    }

    pub(super) fn on_fail(&mut self, account: &str, mid: &str, _own: bool) {
        if let Some(message) = self.messages.get_mut(mid) {
            message.failed.insert(account.to_owned());
        }
    }

    /// INV-03: what lies on the disk is what was committed, entry by entry; INV-02 follows, since the
    /// two sides of a message are one transaction there.
    pub(super) fn compare_logs(&self, server: &Server) -> Result<(), Violation> {
        for (account, log) in &self.logs {
            let Ok(jid) = protocol::BareJid::new(account) else {
                continue;
            };
            // It may be told to fail just now.
            let Ok(entries) = server.store.entries_after_now(&jid, 0, usize::MAX) else {
                continue;
            };
            let gone = usize::try_from(log.gone).unwrap_or(usize::MAX);
            let known = log.entries.get(gone..).unwrap_or_default();
            let (is, was) = (entries.len(), known.len());
            hold!("INV-03", is == was, "{account}: {is} entries, not {was}");
            let places = (log.gone + 1..).zip(known);
            for (entry, (place, known)) in entries.iter().zip(places) {
                hold!("INV-03", entry.pos == place, "{account}: {place} moved");
                let is_same = entry.id.as_str() == known.aid;
                let line = crate::seen::stored(&entry.stanza);
                let is_same = is_same && line.as_ref() == Some(&known.line);
                let (pos, aid) = (entry.pos, &known.aid);
                hold!("INV-03", is_same, "{account}: {pos} was {aid}");
            }
        }
        Ok(())
    }

    /// INV-02, INV-07 and the rest of INV-15: every message lies where it belongs.
    pub(super) fn messages_are_in_their_logs(&self) -> Result<(), Violation> {
        for (mid, message) in &self.messages {
            let sender = self.log(&message.account);
            let sent = sender.and_then(|log| log.pos_of_message(mid));
            let is_ordinary = !self.devices.get(message.dev).is_some_and(|d| d.is_engine);
            // A receipt that a sibling sent first, or that came too late, is not sent.
            let is_signal = message.text.is_empty();
            let may_miss = is_ordinary
                || is_signal
                || message.withdrawn
                || message.shown_failed
                || message.failed.contains(&message.account);
            let text = &message.text;
            hold!(
                "INV-07",
                sent.is_some() || may_miss,
                "{mid} ({text:?}) of {} is in no log of its sender",
                message.account
            );
            let Some(log) = self
                .log(&message.to)
                .filter(|_| message.to != message.account)
            else {
                continue;
            };
            let received = log.pos_of_message(mid);
            let is_due = sent.is_some() && !message.failed.contains(&message.to);
            hold!(
                "INV-02",
                received.is_some() || !is_due,
                "{mid} ({text:?}) is not in the log of {}",
                message.to
            );
            let txn = |log: Option<&super::facts::Log>, pos: Option<u64>| {
                log.zip(pos)
                    .and_then(|(log, pos)| log.at(pos))
                    .map(|e| e.txn)
            };
            let (a, b) = (txn(sender, sent), txn(Some(log), received));
            let is_one = a.is_none() || b.is_none() || a == b;
            let announced =
                message.failed.contains(&message.account) || message.failed.contains(&message.to);
            hold!(
                "INV-02",
                is_one || announced,
                "{mid}: transactions {a:?}, {b:?}"
            );
        }
        Ok(())
    }

    /// INV-15: the logs of a pair hold their messages in one order. INV-18: and in that of writing.
    pub(super) fn pairs_agree(&self) -> Result<(), Violation> {
        for (account, log) in &self.logs {
            let mut last: std::collections::BTreeMap<&str, u64> = Default::default();
            let mut written: std::collections::BTreeMap<(usize, u32, &str), u64> =
                Default::default();
            for (pos, entry) in (1_u64..).zip(&log.entries) {
                let Some(message) = self.messages.get(&entry.line.mid) else {
                    continue;
                };
                let mid = &entry.line.mid;
                let key = (message.dev, message.life, message.to.as_str());
                // What failed once and was tried again comes later.
                let before = match message.failed.is_empty() {
                    true => written.insert(key, message.order),
                    false => None,
                };
                let in_order = before.is_none_or(|before| before < message.order);
                hold!(
                    "INV-18",
                    in_order,
                    "{account}: {mid} at {pos} stands behind what was written after it"
                );
                let peer = match entry.own {
                    true => message.to.as_str(),
                    false => message.account.as_str(),
                };
                let theirs = self.log(peer).filter(|_| peer != account);
                let Some(theirs) = theirs.and_then(|log| log.pos_of_message(mid)) else {
                    continue;
                };
                let before = last.insert(peer, theirs);
                let in_order = before.is_none_or(|before| before < theirs);
                hold!("INV-15", in_order, "{account} and {peer} differ at {mid}");
            }
        }
        Ok(())
    }
}
