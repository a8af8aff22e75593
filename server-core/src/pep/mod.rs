//! Personal eventing: nodes of an account, who may read them and who hears of them (PE and MD rows).
//!
//! While an account is in memory its nodes are known, and their items stay in the store. What is asked
//! is done in its turn: a change is durable before anything else is looked at, and what was read is
//! told before the next change, so that every answer and every notification tells of what lies on the disk.

mod assist;
mod caps;
mod change;
mod notify;
mod plan;
mod read;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use protocol::jid::{BareJid, FullJid};
use protocol::pubsub::{Access, Config, Item, Request};
use protocol::sm::Slot;
use protocol::{Condition, Element, Iq, IqKind, StanzaError, ns};

pub(crate) use self::caps::{Interests, KnownCaps};
pub(crate) use self::change::NodeDone;
pub(crate) use self::notify::{Interest, Notice};
pub(crate) use self::read::{ItemsRead, answer_for_nobody};
use crate::account::Account;
use crate::core::Context;
use crate::nodes::Node;
use crate::parcel::Parcel;
use crate::roster::Roster;
use crate::session::SessionId;

/// The nodes of one account.
#[derive(Default)]
pub(crate) struct Pep {
    nodes: BTreeMap<String, Config>,
    is_changing: bool,
    /// So many reads are not answered yet.
    reading: usize,
    waiting: VecDeque<Job>,
}

/// Something to do with nodes.
enum Job {
    /// Somebody asks.
    Request(Box<(Asker, Request)>),
    /// A marker brought a read state (MD-04).
    Assist(Item),
    /// A session that has come gets the newest items (PE-09).
    Last(FullJid, Arc<BTreeSet<String>>),
}

/// Who is answered.
pub(crate) enum Asker {
    /// A session of the account.
    Own(SessionId, Option<Slot>, Iq),
    /// A session of another account.
    Other(Iq),
    /// Nobody.
    None,
}

impl Job {
    fn asked(asker: Asker, request: Request) -> Self {
        Self::Request(Box::new((asker, request)))
    }

    /// Whether nodes are others afterwards.
    fn changes(&self) -> bool {
        match self {
            Self::Request(asked) => match asked.1 {
                Request::Items { .. } | Request::Configuration { .. } => false,
                Request::Publish { .. }
                | Request::Retract { .. }
                | Request::Create { .. }
                | Request::Configure { .. }
                | Request::Purge { .. }
                | Request::Delete { .. } => true,
            },
            Self::Assist(_) => true,
            Self::Last(..) => false,
        }
    }
}

impl Pep {
    pub(crate) fn new(nodes: Vec<Node>) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.name, node.config));
        Self {
            nodes: nodes.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.is_changing && self.waiting.is_empty()
    }

    /// The next job, if it need not wait. A change waits for reads: an answer that comes behind the
    /// notification of a change tells of that change (PE-04).
    fn next(&mut self) -> Option<Job> {
        let is_read = || self.waiting.front().is_some_and(|job| !job.changes());
        let may_begin = !self.is_changing && (self.reading == 0 || is_read());
        may_begin.then(|| self.waiting.pop_front()).flatten()
    }
}

impl Account {
    /// A session of the account asks something of its nodes.
    pub(crate) fn on_pubsub(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
    ) {
        match Request::of_iq(&iq) {
            Ok(request) => self.do_in_turn(cx, Job::asked(Asker::Own(id, slot, iq), request)),
            Err(error) => self.answer(cx, id, slot, &iq.error(error)),
        }
    }

    /// A session of another account asks.
    pub(crate) fn on_question(&mut self, cx: &mut Context, iq: Iq) {
        let IqKind::Get(payload) = &iq.kind else {
            return;
        };
        if payload.ns() == ns::DISCO_ITEMS {
            let answer = self.list_nodes(&iq, payload);
            return self.reply(cx, Asker::Other(iq), Ok(answer));
        }
        if payload.ns() == ns::DISCO_INFO {
            let asker = iq.from.jid().map(protocol::Jid::to_bare);
            let answer = match asker.is_some_and(|asker| self.roster.is_seen_by(&asker)) {
                true => crate::iq::disco::account(&iq, payload, false),
                false => iq.error(Condition::ServiceUnavailable),
            };
            return self.reply(cx, Asker::Other(iq), Ok(answer));
        }
        match Request::of_iq(&iq) {
            Ok(request @ Request::Items { .. }) => {
                self.do_in_turn(cx, Job::asked(Asker::Other(iq), request));
            }
            Ok(_) => self.refuse_asker(cx, Asker::Other(iq), Condition::Forbidden.into()),
            Err(error) => self.refuse_asker(cx, Asker::Other(iq), error),
        }
    }

    /// The nodes that the asker may read (DI-01).
    pub(crate) fn list_nodes(&self, iq: &Iq, query: &Element) -> Iq {
        let node = query.get_attr("node");
        let reader = iq.from.jid().map(protocol::Jid::to_bare);
        let may_read = |config: &Config| {
            let reader = reader.as_ref();
            reader.is_some_and(|reader| may_read(&self.jid, &self.roster, config, reader))
        };
        let nodes = self.pep.nodes.iter();
        let nodes = nodes.filter(|(_, config)| node.is_none() && may_read(config));
        let items = nodes.map(|(name, _)| {
            Element::new("item", ns::DISCO_ITEMS)
                .attr("jid", &self.jid)
                .attr("node", name)
        });
        iq.result(Some(
            Element::new("query", ns::DISCO_ITEMS)
                .attr_opt("node", node)
                .children_from(items),
        ))
    }

    fn do_in_turn(&mut self, cx: &mut Context, job: Job) {
        self.pep.waiting.push_back(job);
        self.next_job(cx);
    }

    fn next_job(&mut self, cx: &mut Context) {
        while let Some(job) = self.pep.next() {
            match job {
                Job::Request(asked) => {
                    let (asker, request) = *asked;
                    self.on_request(cx, asker, request);
                }
                Job::Assist(item) => self.keep_read_state(cx, item),
                Job::Last(to, nodes) => self.send_last(cx, &to, &nodes),
            }
        }
    }

    fn on_request(&mut self, cx: &mut Context, asker: Asker, request: Request) {
        match request {
            Request::Items {
                node,
                max,
                ids,
                page,
            } => self.read_items(cx, asker, node, (max, ids, page)),
            Request::Configuration { node } => match self.pep.nodes.get(&node) {
                Some(config) => {
                    let configure = Element::new("configure", ns::PUBSUB_OWNER)
                        .attr("node", node)
                        .child(config.to_form());
                    let answer = Element::new("pubsub", ns::PUBSUB_OWNER).child(configure);
                    self.reply_with(cx, asker, Some(answer));
                }
                None => self.refuse_asker(cx, asker, Condition::ItemNotFound.into()),
            },
            Request::Publish { .. }
            | Request::Retract { .. }
            | Request::Create { .. }
            | Request::Configure { .. }
            | Request::Purge { .. }
            | Request::Delete { .. } => match self.plan_node(cx, request) {
                Ok(plan) => self.change_node(cx, asker, plan),
                Err(error) => self.refuse_asker(cx, asker, error),
            },
        }
    }

    fn reply_with(&mut self, cx: &mut Context, asker: Asker, payload: Option<Element>) {
        let answer = match &asker {
            Asker::Own(_, _, iq) | Asker::Other(iq) => iq.result(payload),
            Asker::None => return,
        };
        self.reply(cx, asker, Ok(answer));
    }

    fn refuse_asker(&mut self, cx: &mut Context, asker: Asker, error: StanzaError) {
        self.reply(cx, asker, Err(error));
    }

    fn reply(&mut self, cx: &mut Context, asker: Asker, answer: Result<Iq, StanzaError>) {
        match asker {
            Asker::Own(id, slot, iq) => {
                let answer = answer.unwrap_or_else(|error| iq.error(error));
                self.answer(cx, id, slot, &answer);
            }
            Asker::Other(iq) => {
                answer_other(cx, &answer.unwrap_or_else(|error| iq.error(error)));
            }
            Asker::None => {}
        }
    }
}

/// Sends an answer to a session of another account.
pub(crate) fn answer_other(cx: &mut Context, answer: &Iq) {
    if let Some(to) = answer.to.jid().map(protocol::Jid::to_bare) {
        cx.dispatch(to, Parcel::Iq(Box::new(answer.to_stanza())));
    }
}

/// Whether somebody may read a node, at this moment (PE-06).
fn may_read(owner: &BareJid, roster: &Roster, config: &Config, reader: &BareJid) -> bool {
    if reader == owner {
        return true;
    }
    match config.access {
        Access::Open => true,
        Access::Presence => roster.is_seen_by(reader),
        Access::Roster => roster.is_in_group(reader, &config.groups),
        Access::Whitelist => false,
    }
}
