//! Answers: archive, roster, read state.

use protocol::blocking::{self, Blocklist};
use protocol::mam::{Fin, Query};
use protocol::roster::Item;
use protocol::rsm::PageInfo;
use protocol::stanza::Address;
use protocol::{Condition, Element, Iq, IqKind, avatar, mds, ns, pubsub, roster};

use super::stanzas::{mark, result_at};
use super::{Entry, Server, account};

impl Server {
    pub(super) fn on_iq(&mut self, iq: &Iq) {
        let (IqKind::Get(payload) | IqKind::Set(payload)) = &iq.kind else {
            return;
        };
        if payload.is("bind", ns::BIND) {
            return self.on_bind(iq);
        }
        let answer = if payload.is("query", ns::MAM) {
            if self.holds_pages {
                return self.held_queries.push(iq.clone());
            }
            if !self.has_mam {
                iq.error(Condition::ServiceUnavailable)
            } else {
                match self.page(&Query::from_element(payload).unwrap()) {
                    Ok(fin) => iq.result(Some(fin.to_element())),
                    Err(condition) => iq.error(condition),
                }
            }
        } else if payload.is("query", ns::ROSTER) && matches!(iq.kind, IqKind::Get(_)) {
            let items = self.roster.iter().map(Item::to_element);
            iq.result(Some(roster::query(Some("v1"), items)))
        } else if payload.is("query", ns::DISCO_INFO) {
            let vars = [ns::MAM, ns::SID];
            let vars = vars.into_iter().filter(|_| self.has_mam);
            let vars = vars.chain(self.assists.then_some(ns::MDS_ASSIST));
            let vars = vars.map(|var| Element::new("feature", ns::DISCO_INFO).attr("var", var));
            let info = Element::new("query", ns::DISCO_INFO).children_from(vars);
            iq.result(Some(info))
        } else if payload.is("pubsub", ns::PUBSUB) {
            self.on_pubsub(iq)
        } else if payload.is("blocklist", ns::BLOCKING) {
            iq.result(Some(self.blocked.to_element()))
        } else if let Some(request) = blocking::Request::from_element(payload) {
            self.on_blocking(iq, request.unwrap())
        } else if payload.is("ping", ns::PING) && self.refuses_pings {
            iq.error(Condition::ServiceUnavailable)
        } else if let Some(answer) = self.on_people(iq, payload) {
            answer
        } else if payload.is("preauth", ns::PREAUTH) {
            let token = payload.get_attr("token").unwrap().to_owned();
            if self.tokens.contains(&token) {
                iq.result(None)
            } else {
                iq.error(Condition::ItemNotFound)
            }
        } else if payload.is("query", ns::REGISTER) {
            if self.taken {
                iq.error(Condition::Conflict)
            } else {
                self.tokens.clear();
                self.taken = true;
                iq.result(None)
            }
        } else {
            iq.result(None)
        };
        let mut answer = answer;
        answer.from = match iq.to.jid() {
            // Somebody else's nodes are answered in their name.
            Some(to) if to.is_bare() && to.node().is_some() && *to != account() => {
                Address::Jid(to.clone())
            }
            _ => Address::Absent,
        };
        match self.conn.as_ref().and_then(|conn| conn.session) {
            Some(index) => self.send_to(index, answer.write()),
            None => self.say(answer.write()),
        }
    }

    /// The newest archive query that is held.
    pub(crate) fn take_query(&mut self) -> Option<Iq> {
        self.held_queries.pop()
    }

    /// Sends the end of a page of these entries.
    pub(crate) fn end_page(&mut self, iq: &Iq, entries: &[Entry], complete: bool) {
        let id = |entry: &Entry| entry.id.to_string();
        let page = PageInfo {
            first: entries.first().map(id),
            last: entries.last().map(id),
            count: None,
        };
        let fin = Fin { complete, page };
        self.answer_by_hand(iq.result(Some(fin.to_element())));
    }

    /// Sends results without the end of their page.
    pub(crate) fn give_results(&mut self, iq: &Iq, entries: &[Entry]) {
        let queryid = query_of(iq).queryid.unwrap();
        let to = self.jid();
        for entry in entries {
            let result = result_at(&queryid, entry, self.archive_stamp);
            self.inject(&result.to(to.clone()).write());
        }
    }

    pub(crate) fn refuse_query(&mut self, iq: &Iq, condition: Condition) {
        self.answer_by_hand(iq.error(condition));
    }

    fn answer_by_hand(&mut self, mut answer: Iq) {
        answer.from = Address::Absent;
        self.inject(&answer.write());
    }

    /// Takes it, and tells every device that asked for the list.
    fn on_blocking(&mut self, iq: &Iq, request: blocking::Request) -> Iq {
        if self.refuses_blocking {
            return iq.error(Condition::InternalServerError);
        }
        let push = Iq::set("block-push".to_owned(), request.to_element());
        match request {
            blocking::Request::Block(jids) => self.blocked.block(jids),
            blocking::Request::Unblock(jids) => self.blocked.unblock(&jids),
            blocking::Request::UnblockAll => self.blocked = Blocklist::default(),
        }
        self.inject(&push.write());
        iq.result(None)
    }

    /// Nodes of people: pictures, and what is published of the own account.
    fn on_person(&mut self, request: pubsub::Request, iq: &Iq) -> Iq {
        match request {
            pubsub::Request::Items { node, ids, .. } => {
                assert_eq!(node, avatar::DATA);
                let [id] = &ids[..] else {
                    panic!("one picture at a time: {ids:?}");
                };
                let Some(payload) = self.pictures.get(id) else {
                    return iq.error(Condition::ItemNotFound);
                };
                let item = pubsub::Item::new(id.clone(), payload);
                iq.result(Some(pubsub::items_result(&node, &[item], false)))
            }
            pubsub::Request::Publish { node, items, .. } => {
                if self.refuses_profile {
                    return iq.error(Condition::ResourceConstraint);
                }
                let items: Vec<_> = items
                    .into_iter()
                    .map(|item| pubsub::Item::new(item.id.unwrap(), &item.payload))
                    .collect();
                if node == avatar::DATA {
                    let item = items[0].clone();
                    self.pictures
                        .insert(item.id.clone(), item.element().unwrap());
                }
                let kind = pubsub::EventKind::Items(items);
                let event = pubsub::Event { node, kind };
                self.inject(&event.to_stanza(account(), true).write());
                iq.result(None)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn on_pubsub(&mut self, iq: &Iq) -> Iq {
        let request = pubsub::Request::of_iq(iq).expect("devices ask for what there is");
        let node = match &request {
            pubsub::Request::Items { node, .. } | pubsub::Request::Publish { node, .. } => node,
            other => panic!("{other:?}"),
        };
        if node != mds::NODE {
            return self.on_person(request, iq);
        }
        let Some(marks) = &self.marks else {
            return iq.error(Condition::FeatureNotImplemented);
        };
        if self.node_failures > 0 {
            self.node_failures -= 1;
            return iq.error(self.node_error);
        }
        match pubsub::Request::of_iq(iq).expect("devices ask for what there is") {
            pubsub::Request::Items { node, page, .. } => {
                assert_eq!(node, mds::NODE);
                let mut rest = marks.iter().skip_while(|(chat, _)| {
                    page.after.as_ref().is_some_and(|after| *chat <= after)
                });
                let items: Vec<_> = rest.by_ref().take(2).map(|(c, id)| mark(c, id)).collect();
                let is_part = rest.next().is_some();
                iq.result(Some(pubsub::items_result(mds::NODE, &items, is_part)))
            }
            pubsub::Request::Publish { items, options, .. } => {
                assert!(options.is_some(), "the node must be private");
                for item in items {
                    let id = item.payload.find("stanza-id", ns::SID).unwrap();
                    let id = id.get_attr("id").unwrap().to_owned();
                    self.keep_mark(&item.id.unwrap(), &id);
                }
                iq.result(None)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn page(&mut self, query: &Query) -> Result<Fin, Condition> {
        let at = |id: &str| {
            let found = self
                .archive
                .iter()
                .position(|entry| entry.id.as_str() == id);
            found.ok_or(Condition::ItemNotFound)
        };
        let len = self.page_len.min(query.page.max.unwrap() as usize);
        let (mut start, mut end) = (0, self.archive.len());
        if let Some(after) = &query.after_id {
            start = at(after)? + 1;
        }
        if let Some(before) = query.page.before.as_ref().filter(|b| !b.is_empty()) {
            end = at(before)?;
        }
        let complete = end - start <= len;
        if query.page.before.is_some() {
            start = start.max(end.saturating_sub(len));
        } else {
            end = end.min(start + len);
        }
        let index = self.conn.as_ref().unwrap().session.unwrap();
        let entries = self.archive[start..end].to_vec();
        for entry in &entries {
            let queryid = query.queryid.as_deref().unwrap();
            let frame =
                result_at(queryid, entry, self.archive_stamp).to(self.sessions[index].jid.clone());
            self.send_to(index, frame.write());
        }
        let id = |entry: &Entry| entry.id.to_string();
        let page = PageInfo {
            first: entries.first().map(id),
            last: entries.last().map(id),
            count: self.counts.then(|| (self.archive.len() - start) as u64),
        };
        Ok(Fin { complete, page })
    }
}

/// What an archive query asks for.
pub(crate) fn query_of(iq: &Iq) -> Query {
    match &iq.kind {
        IqKind::Set(payload) => Query::from_element(payload).unwrap(),
        other => panic!("{other:?}"),
    }
}
