//! Queries of the account's archive (XEP-0313, MAM rows).

use protocol::fork::Mode;
use protocol::jid::{BareJid, FullJid};
use protocol::mam::{self, Fin, Query};
use protocol::mutant;
use protocol::rsm::PageInfo;
use protocol::sm::Slot;
use protocol::{ArchiveId, Condition, Element, Iq, IqKind, Text, ns};

use crate::account::Account;
use crate::archive::{Ends, Entry, Filter, Page, PageQuery, Paging, ReadError};
use crate::core::Context;
use crate::io::Output;
use crate::limits::Limits;
use crate::pending::{Pending, Request};
use crate::session::{AwaitedPage, SessionId};

/// Bytes of a `queryid`, which every result of a page repeats (SEC-47).
const QUERYID_LEN_MAX: usize = protocol::message::MESSAGE_ID_LEN_MAX;

/// A page that is being read.
pub(crate) struct PageRequest {
    pub(crate) account: BareJid,
    session: SessionId,
    slot: Option<Slot>,
    iq: Iq,
    queryid: Option<String>,
    flip: bool,
    /// Whether it asks for one end of the set: then what matches is the whole set (RSM §2.4), and not
    /// only what is left of it behind another page.
    is_first: bool,
    query: PageQuery,
    /// So many of the account's messages must be answered before the store is asked (P5).
    after_appends: u64,
}

impl Account {
    pub(crate) fn on_mam(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        payload: &Element,
    ) {
        match (&iq.kind, payload.name()) {
            (IqKind::Get(_), "metadata") => {
                let account = self.jid.clone();
                let request = Request {
                    account: account.clone(),
                    session: id,
                    slot,
                    iq,
                };
                self.in_flight += 1;
                let ticket = cx.await_answer(Pending::Ends(Box::new(request)));
                cx.output(Output::ReadEnds { ticket, account });
            }
            (IqKind::Get(_), "query") => self.answer(cx, id, slot, &iq.result(Some(mam::form()))),
            // Gaps that preferences make would look like losses (MAM-25).
            (_, "prefs") => {
                self.answer(cx, id, slot, &iq.error(Condition::FeatureNotImplemented));
            }
            (IqKind::Set(_), "query") => match plan(&cx.config.limits, &self.jid, payload) {
                Ok((query, parsed)) => {
                    self.clear_spool(cx);
                    let (queryid, flip) = (parsed.queryid, parsed.flip_page);
                    let begins = |id: &Option<String>| id.as_ref().is_none_or(String::is_empty);
                    let is_first = begins(&parsed.page.after) && begins(&parsed.page.before);
                    let account = self.jid.clone();
                    let request = PageRequest {
                        account,
                        session: id,
                        slot,
                        iq,
                        queryid,
                        flip,
                        is_first,
                        query,
                        after_appends: self.appends.0,
                    };
                    self.queries_waiting.push_back(Box::new(request));
                    self.next_query(cx);
                }
                Err(error) => self.answer(cx, id, slot, &iq.error(error)),
            },
            _ => self.answer(cx, id, slot, &iq.error(Condition::BadRequest)),
        }
    }

    /// MAM-26: two at a time, those of one session one after the other.
    pub(crate) fn next_query(&mut self, cx: &mut Context) {
        while self.queries_running < cx.config.limits.queries_per_account
            && let Some(request) = self.take_query()
        {
            self.queries_running += 1;
            self.in_flight += 1;
            let query = Box::new(request.query.clone());
            let ticket = cx.await_answer(Pending::Page(request));
            cx.output(Output::ReadPage { ticket, query });
        }
    }

    /// The oldest query whose session waits for no other page. What was taken before a query, also on
    /// streams that ended since, is written or has failed before the store is asked: who does not find
    /// a message there may send it again (P5).
    fn take_query(&mut self) -> Option<Box<PageRequest>> {
        let session = |id| self.sessions.get(&id);
        let is_free = |id| session(id).is_none_or(|s| matches!(s.awaited_page, AwaitedPage::No));
        let mut waiting = self.queries_waiting.iter();
        let answered = self.appends.1;
        let is_settled = |request: &PageRequest| {
            request.after_appends <= answered || mutant("page-before-appends")
        };
        let at = waiting.position(|request| is_settled(request) && is_free(request.session))?;
        let request = self.queries_waiting.remove(at)?;
        if let Some(session) = self.sessions.get_mut(&request.session) {
            session.awaited_page = AwaitedPage::Reading;
        }
        Some(request)
    }

    pub(crate) fn on_page(
        &mut self,
        cx: &mut Context,
        request: PageRequest,
        result: Result<Page, ReadError>,
    ) {
        self.queries_running = self.queries_running.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
        let id = request.session;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.awaited_page = AwaitedPage::Read(Box::new((request, result)));
        }
        self.next_query(cx);
        self.walk(cx, id);
    }

    /// A page goes out once the cursor has passed its newest entry, and nothing newer goes before it,
    /// so that live entries and pages never contradict each other (MAM-17). Gives whether the cursor
    /// may go on.
    pub(crate) fn give_page(&mut self, cx: &mut Context, id: SessionId) -> bool {
        let Some(session) = self.sessions.get(&id) else {
            return false;
        };
        let newest = match &session.awaited_page {
            AwaitedPage::No => return true,
            AwaitedPage::Reading => return mutant("live-while-a-page-is-read"),
            AwaitedPage::Read(read) => newest_of(read),
        };
        let waits = session.mode == Mode::S11 && session.conn.is_some();
        let waits = waits && !mutant("page-before-the-cursor");
        if waits && !self.walk_to(cx, id, newest) {
            return false;
        }
        // One page goes out when the peer has taken what came before it (LIM-07).
        let session = self.sessions.get_mut(&id);
        let session = session.filter(|session| session.conn.is_none() || session.takes_more(cx));
        let page = session
            .map(|session| std::mem::replace(&mut session.awaited_page, AwaitedPage::Reading));
        let Some(AwaitedPage::Read(read)) = page else {
            return false;
        };
        let (request, result) = *read;
        self.answer_page(cx, &request, result);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.awaited_page = AwaitedPage::No;
        }
        self.next_query(cx);
        true
    }

    fn answer_page(
        &mut self,
        cx: &mut Context,
        request: &PageRequest,
        result: Result<Page, ReadError>,
    ) {
        let (id, slot, iq) = (request.session, request.slot, &request.iq);
        let Some(jid) = self.sessions.get(&id).map(|session| session.jid.clone()) else {
            return;
        };
        let page = match result {
            Ok(page) => page,
            Err(ReadError::UnknownId) => {
                return self.answer(cx, id, slot, &iq.error(Condition::ItemNotFound));
            }
            Err(ReadError::Storage) => {
                return self.answer(cx, id, slot, &iq.error(Condition::InternalServerError));
            }
        };
        let results = page
            .entries
            .iter()
            .map(|entry| result_frame(request, &jid, entry));
        let mut results: Vec<_> = results.collect();
        if request.flip {
            results.reverse();
        }
        for frame in results {
            self.send_now(cx, id, frame);
        }
        let id_of = |entry: Option<&std::sync::Arc<Entry>>| entry.map(|entry| entry.id.to_string());
        let fin = Fin {
            complete: page.complete,
            page: PageInfo {
                first: id_of(page.entries.first()),
                last: id_of(page.entries.last()),
                count: page
                    .count
                    .filter(|_| request.is_first || request.query.max == 0),
            },
        };
        self.answer(cx, id, slot, &iq.result(Some(fin.to_element())));
    }

    /// MAM-23.
    pub(crate) fn on_ends(
        &mut self,
        cx: &mut Context,
        request: &Request,
        result: Result<Ends, ReadError>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let answer = match result {
            Ok(ends) => {
                let end = |name, (id, stamp): (ArchiveId, protocol::time::Stamp)| {
                    Element::new(name, ns::MAM)
                        .attr("id", id)
                        .attr("timestamp", stamp)
                };
                let ends = ends.map(|(oldest, newest)| [end("start", oldest), end("end", newest)]);
                let metadata = Element::new("metadata", ns::MAM);
                request
                    .iq
                    .result(Some(metadata.children_from(ends.into_iter().flatten())))
            }
            Err(_) => request.iq.error(Condition::InternalServerError),
        };
        self.answer(cx, request.session, request.slot, &answer);
    }
}

/// Position of the newest entry of a page; 0 if it has none.
pub(crate) fn newest_of((_, result): &(PageRequest, Result<Page, ReadError>)) -> u64 {
    let page = result.as_ref().ok();
    let newest = page.and_then(|page| page.entries.last());
    newest.map_or(0, |entry| entry.pos)
}

fn plan(
    limits: &Limits,
    account: &BareJid,
    payload: &Element,
) -> Result<(PageQuery, Query), protocol::StanzaError> {
    let query = Query::from_element(payload)?;
    let queryid = query.queryid.as_ref();
    if queryid.is_some_and(|id| id.len() > QUERYID_LEN_MAX) {
        return Err(Condition::BadRequest.into());
    }
    if query.ids.len() > limits.ids_per_query {
        return Err(Condition::PolicyViolation.into());
    }
    // An id that cannot be one is an id that nobody has (MAM-11).
    let ids = |texts: Vec<&String>| -> Result<Vec<ArchiveId>, Condition> {
        texts
            .into_iter()
            .map(|id| ArchiveId::parse(id).ok_or(Condition::ItemNotFound))
            .collect()
    };
    let is_last_page = query.page.before.as_deref() == Some("");
    let before = query.page.before.iter().filter(|id| !id.is_empty());
    let filter = Filter {
        with: query.with.clone(),
        start: query.start,
        end: query.end,
        after: ids(query.after_id.iter().chain(&query.page.after).collect())?,
        before: ids(query.before_id.iter().chain(before.clone()).collect())?,
        ids: ids(query.ids.iter().collect())?,
    };
    let backward = is_last_page || before.count() > 0;
    let (usual, most) = limits.page;
    let page = PageQuery {
        account: account.clone(),
        filter,
        paging: if backward {
            Paging::Backward
        } else {
            Paging::Forward
        },
        max: query.page.max.unwrap_or(usual).min(most),
    };
    Ok((page, query))
}

/// One `<result/>`; written by hand because a page has many.
fn result_frame(request: &PageRequest, to: &FullJid, entry: &Entry) -> Text {
    let mut out = String::with_capacity(entry.stanza.len() + 400);
    out.push_str("<message xmlns='jabber:client' from='");
    protocol::xml::escape_attribute(&mut out, request.account.as_str());
    out.push_str("' to='");
    protocol::xml::escape_attribute(&mut out, to.as_str());
    out.push_str("'><result xmlns='urn:xmpp:mam:2' id='");
    out.push_str(entry.id.as_str());
    if let Some(queryid) = &request.queryid {
        out.push_str("' queryid='");
        protocol::xml::escape_attribute(&mut out, queryid);
    }
    out.push_str("'><forwarded xmlns='urn:xmpp:forward:0'>");
    protocol::delay::delay(entry.stamp, Some(request.account.as_str()))
        .write(&mut out, ns::FORWARD);
    out.push_str(&entry.stanza);
    out.push_str("</forwarded></result></message>");
    out.into()
}
