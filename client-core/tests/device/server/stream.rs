//! Stream management: counting, acks, resumption with and without memory.

use protocol::sm::SmNonza;
use protocol::{ArchiveId, Condition, Element, Handled, IdPrefix, ns, s11, sid};

use super::stanzas::wrap;
use super::{Server, account};

impl Server {
    pub(super) fn on_nonza(&mut self, element: &Element) {
        if element.is("enable", ns::S11) {
            self.made += 1;
            let prefix = IdPrefix::from_bits([self.made; 16]);
            self.conn.as_mut().unwrap().prefix = Some(prefix.clone());
            return self.say(s11::enabled(&prefix).to_string());
        }
        let index = self.conn.as_ref().unwrap().session;
        match SmNonza::from_element(element) {
            Some(SmNonza::Enable { .. }) => {
                let session = &mut self.sessions[index.unwrap()];
                session.counts = true;
                let id = Some(session.id.clone());
                let max_s = Some(600);
                self.say(SmNonza::Enabled { id, max_s }.write());
            }
            Some(SmNonza::Request) => self.ack(index.unwrap()),
            Some(SmNonza::Ack(Some(h))) => self.take_ack(index.unwrap(), h),
            Some(SmNonza::Resume { previd, h, pos }) => {
                self.on_resume(previd.as_deref(), h.unwrap(), pos.as_ref());
            }
            _ => {}
        }
    }

    pub(super) fn ack(&mut self, index: usize) {
        if !self.holds_acks && self.sessions[index].counts {
            let h = Some(Handled(self.sessions[index].handled));
            self.say(SmNonza::Ack(h).write());
        }
    }

    pub(super) fn take_ack(&mut self, index: usize, h: Handled) {
        let session = &mut self.sessions[index];
        let settled = h.since(Handled(session.acked)) as usize;
        assert!(
            settled <= session.unacked.len(),
            "acked more than was sent, or went back"
        );
        session.unacked.drain(..settled);
        session.acked = h.0;
    }

    pub(super) fn on_resume(&mut self, previd: Option<&str>, h: Handled, pos: Option<&ArchiveId>) {
        let found = self.sessions.iter().position(|s| Some(&*s.id) == previd);
        let at = |pos: &ArchiveId| self.archive.iter().position(|e| e.id == *pos);
        let after = pos.and_then(at).map(|at| at + 1);
        let index = found.filter(|i| !self.sessions[*i].memory_lost || after.is_some());
        let Some(index) = index else {
            let condition = Condition::ItemNotFound;
            return self.say(SmNonza::Failed { h: None, condition }.write());
        };
        let conn = self.conn.as_mut().unwrap();
        conn.session = Some(index);
        conn.is_bound = true;
        let session = &mut self.sessions[index];
        let previd = session.id.clone();
        let resumed = SmNonza::Resumed {
            previd,
            h: Handled(session.handled),
            is_restored: session.memory_lost,
        };
        if session.memory_lost {
            session.memory_lost = false;
            session.acked = h.0;
            session.unacked.clear();
            self.say(resumed.write());
            let missed = self.archive[after.unwrap()..].to_vec();
            for entry in missed {
                let is_own = entry.message.header.from.jid().unwrap().to_bare() == account();
                let copy = if is_own {
                    wrap("sent", &entry.message, Some(&entry.id))
                        .to(self.sessions[index].jid.clone())
                } else {
                    entry.message.child(&sid::stanza_id(&account(), &entry.id))
                };
                self.send_to(index, copy.write());
            }
        } else {
            self.take_ack(index, h);
            self.say(resumed.write());
            for frame in self.sessions[index].unacked.clone() {
                self.say(frame);
            }
        }
    }
}
