//! What becomes of what the device sends.

use protocol::{ArchiveId, Condition, IdPrefix, Stanza, StanzaKind, ns, s11, sid};

use super::stanzas::wrap;
use super::{Fate, Server, account};

impl Server {
    pub(super) fn on_message(&mut self, index: usize, mut stanza: Stanza) {
        let session = &mut self.sessions[index];
        session.handled_on_disk = session.handled;
        let jid = session.jid.clone();
        let message_id = stanza.header.id.clone().unwrap();
        let resend = stanza.find("resend", ns::S11).map(|c| c.element().unwrap());
        let resend = resend.and_then(|r| IdPrefix::parse(r.get_attr("prefix").unwrap()));
        stanza.children.retain(|child| !child.is("resend", ns::S11));
        let assist = stanza
            .find("displayed", ns::MDS)
            .map(|c| c.element().unwrap());
        if let Some(displayed) = assist.filter(|_| self.assists) {
            let id = displayed.find("stanza-id", ns::SID).unwrap();
            let id = id.get_attr("id").unwrap().to_owned();
            stanza
                .children
                .retain(|child| !child.is("displayed", ns::MDS));
            let chat = stanza.header.to.as_str().unwrap().to_owned();
            if !self.loses_assists {
                self.keep_mark(&chat, &id);
            }
        }
        let stanza = stanza.from(jid.clone());
        let prefix = resend.or(self.sessions[index].prefix.clone());
        let id = prefix
            .as_ref()
            .and_then(|p| ArchiveId::of_own(p, &message_id));
        let logged = id.as_ref().and_then(|id| self.outcomes.get(id.as_str()));
        let (fate, is_new) = logged.map_or((self.fate, true), |fate| (*fate, false));
        if let Some(id) = &id {
            self.outcomes.insert(id.to_string(), fate);
        }
        let to = stanza.header.to.jid().unwrap().to_bare();
        match fate {
            Fate::Unarchived => {
                let reason = s11::Reason::Quota;
                let notice = s11::unarchived(&account(), Some(&message_id), reason);
                let notice = Stanza::new(StanzaKind::Message)
                    .typed("headline")
                    .from(account())
                    .to(jid)
                    .child(&notice);
                self.send_to(index, notice.write());
            }
            Fate::Refuse => {
                let error = stanza.error(&Condition::NotAcceptable.into(), to, &jid);
                self.send_to(index, error.unwrap().write());
            }
            Fate::Archive | Fate::Bounce if is_new => {
                let id = self.append(id, stanza.clone());
                self.send_all(Some(index), &wrap("sent", &stanza, Some(&id)));
                if fate == Fate::Bounce {
                    self.bounce(index, &stanza, &id);
                }
            }
            Fate::Archive | Fate::Bounce => {}
        }
    }

    pub(super) fn bounce(&mut self, index: usize, stanza: &Stanza, id: &ArchiveId) {
        let jid = self.sessions[index].jid.clone();
        let to = stanza.header.to.jid().unwrap().to_bare();
        let reason = Condition::ServiceUnavailable.into();
        let error = stanza.error(&reason, to.clone(), &jid).unwrap();
        self.send_to(index, error.write());
        // The record follows the ack, as the log has it.
        self.ack(index);
        let record = Stanza::new(StanzaKind::Message)
            .typed("normal")
            .id(format!("bounce-{}", self.archive.len()))
            .from(account())
            .to(account())
            .child(&s11::bounced(id, &to, &reason));
        let entry = self.append(None, record.clone());
        self.send_all(None, &record.child(&sid::stanza_id(&account(), &entry)));
    }
}
