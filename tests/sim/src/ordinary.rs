//! An ordinary client, scripted: it signs in, is available, talks, counts, resumes, and catches up by
//! MAM after every new bind. It knows neither s11 nor a history on disk.

use std::collections::VecDeque;

use protocol::mam::Query;
use protocol::presence::{Presence, PresenceType};
use protocol::rsm::PageRequest;
use protocol::scram::{ClientExchange, ScramHash, Secret};
use protocol::sm::SmNonza;
use protocol::{
    BareJid, Element, Frame, Handled, Iq, Stanza, StanzaKind, Text, XmlLimits, bind, csi, frame,
    ns, sasl,
};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::device::Effect;
use crate::plan::Kind;
use crate::seen::Seen;
use crate::server;

/// So long without a word from the server before it is asked.
const SILENCE_MS: u64 = 20_000;
/// So long the answer may take.
const ANSWER_MS: u64 = 15_000;
/// The iq that is answered once a new session's modes and presence are in force.
pub(crate) const READY: &str = "ready";
/// So long signing in may take.
const OPENING_MS: u64 = 30_000;

/// One ordinary client.
pub(crate) struct Ordinary {
    account: BareJid,
    kind: Kind,
    rng: ChaCha20Rng,
    priority: i8,
    phase: Phase,
    out: VecDeque<Effect>,
    now_ms: u64,
    deadline_ms: Option<u64>,
    asked_ms: Option<u64>,
    next: u64,
    /// Lines that wait for a stream.
    waiting: VecDeque<(BareJid, String)>,
    sm: Option<Counters>,
    is_hidden: bool,
    /// The newest entry that a page brought.
    cursor: Option<String>,
    /// The query that is open.
    query: Option<String>,
    wants_pages: bool,
    /// The stream of somebody else that it tries to take.
    pub(crate) steals: Option<String>,
}

/// Stream management of one session.
struct Counters {
    id: Option<String>,
    handled: Handled,
    told: Handled,
    unacked: protocol::Unacked<Text>,
}

enum Phase {
    /// Connects again when the deadline passes.
    Offline,
    Connecting,
    Opening,
    /// With the mechanisms that were offered.
    Challenge(ClientExchange, Vec<String>),
    Verdict,
    Reopening,
    Resuming,
    EnablingMr2,
    Binding,
    Up,
}

impl Ordinary {
    pub(crate) fn new(account: &BareJid, kind: Kind, seed: [u8; 32], now_ms: u64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let priority = *[-1, 0, 0, 5].choose(&mut rng).unwrap_or(&0);
        Self {
            account: account.clone(),
            kind,
            rng,
            priority,
            phase: Phase::Offline,
            out: VecDeque::new(),
            now_ms,
            deadline_ms: Some(now_ms + 1),
            asked_ms: None,
            next: 0,
            waiting: VecDeque::new(),
            sm: None,
            is_hidden: false,
            cursor: None,
            query: None,
            wants_pages: false,
            steals: None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// Whether nothing waits: no line, no page.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_up() && self.waiting.is_empty() && self.query.is_none() && !self.wants_pages
    }

    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.deadline_ms
    }

    pub(crate) fn on_connected(&mut self) {
        self.phase = Phase::Opening;
        self.open();
    }

    pub(crate) fn on_lost(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.phase = Phase::Offline;
        self.wants_pages |= self.query.take().is_some();
        self.deadline_ms = Some(now_ms + self.rng.random_range(200..4_000));
    }

    pub(crate) fn on_tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if self.deadline_ms.is_none_or(|at| at > now_ms) {
            return;
        }
        match self.phase {
            Phase::Offline => {
                self.phase = Phase::Connecting;
                self.asked_ms = None;
                self.deadline_ms = Some(now_ms + OPENING_MS);
                self.out.push_back(Effect::Connect);
            }
            Phase::Up if self.asked_ms.is_none() => {
                self.asked_ms = Some(now_ms);
                self.deadline_ms = Some(now_ms + ANSWER_MS);
                self.send(SmNonza::Request.write());
            }
            _ => {
                self.phase = Phase::Offline;
                self.deadline_ms = Some(now_ms + 1_000);
                self.out.push_back(Effect::Disconnect);
            }
        }
    }

    pub(crate) fn say(&mut self, to: &BareJid, text: String) {
        self.waiting.push_back((to.clone(), text));
        self.pump();
    }

    pub(crate) fn hide(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
        if self.is_up() {
            self.send(csi::state(!is_hidden).to_string());
        }
    }

    /// Fetches what no page brought yet.
    pub(crate) fn refresh(&mut self) {
        self.wants_pages = true;
        self.ask();
    }

    pub(crate) fn on_frame(&mut self, text: &Text, seen: &[Seen], now_ms: u64) {
        self.now_ms = now_ms;
        if self.is_up() {
            self.asked_ms = None;
            self.deadline_ms = Some(now_ms + SILENCE_MS);
            return seen.iter().for_each(|seen| self.on_seen(seen));
        }
        match seen {
            [Seen::Bound { .. }] if matches!(self.phase, Phase::Binding) => self.on_bound(),
            [Seen::ModeOn { .. }] if matches!(self.phase, Phase::EnablingMr2) => self.bind(),
            [Seen::Resumed { h, .. }] if matches!(self.phase, Phase::Resuming) => {
                self.on_resumed(Handled(*h));
            }
            [Seen::NotResumed { .. }] if matches!(self.phase, Phase::Resuming) => {
                self.sm = None;
                self.begin_bind();
            }
            [Seen::Close | Seen::StreamError { .. }] => self.out.push_back(Effect::Disconnect),
            _ => {
                if let Ok(Frame::Nonza(element)) = Frame::parse(text, XmlLimits::RELAYED) {
                    self.on_opening(&element);
                }
            }
        }
    }

    fn on_opening(&mut self, element: &Element) {
        let phase = std::mem::replace(&mut self.phase, Phase::Offline);
        self.phase = match (phase, element.name(), element.ns()) {
            (Phase::Opening, "features", ns::STREAMS) => {
                let nonce = format!(
                    "{:016x}{:016x}{:016x}",
                    self.bits(),
                    self.bits(),
                    self.bits()
                );
                let name = self.account.node().map_or("", |node| node.as_str());
                let hash = ScramHash::Sha256;
                let (exchange, first) = ClientExchange::new(hash, name, &nonce);
                self.send(sasl::write("auth", Some(hash.mechanism()), &first));
                let offered = element.find("mechanisms", ns::SASL);
                let offered = offered.into_iter().flat_map(Element::children);
                Phase::Challenge(exchange, offered.map(Element::own_text).collect())
            }
            (Phase::Challenge(exchange, offered), "challenge", ns::SASL) => {
                let secret = Secret::Keys(server::keys());
                let challenge = sasl::data_of(element).unwrap_or_default();
                let offered: Vec<_> = offered.iter().map(String::as_str).collect();
                if let Ok(answer) = exchange.answer(&challenge, &secret, &offered) {
                    self.send(sasl::write("response", None, &answer.message));
                }
                Phase::Verdict
            }
            (Phase::Verdict, "success", ns::SASL) => {
                self.open();
                Phase::Reopening
            }
            (Phase::Reopening, "features", ns::STREAMS) => return self.choose(),
            (phase, ..) => phase,
        };
    }

    fn choose(&mut self) {
        if let Some(previd) = self.steals.take() {
            let (previd, h) = (Some(previd), Some(Handled(0)));
            self.send(
                SmNonza::Resume {
                    previd,
                    h,
                    pos: None,
                }
                .write(),
            );
            self.phase = Phase::Resuming;
            return;
        }
        let resumable = self
            .sm
            .as_ref()
            .and_then(|sm| Some((sm.id.clone()?, sm.handled)));
        let Some((id, handled)) = resumable else {
            return self.begin_bind();
        };
        let (previd, h) = (Some(id), Some(handled));
        self.send(
            SmNonza::Resume {
                previd,
                h,
                pos: None,
            }
            .write(),
        );
        self.phase = Phase::Resuming;
    }

    fn begin_bind(&mut self) {
        if self.kind == Kind::Mr2 {
            self.send(Element::new("enable", ns::MR2).to_string());
            self.phase = Phase::EnablingMr2;
        } else {
            self.bind();
        }
    }

    fn bind(&mut self) {
        self.phase = Phase::Binding;
        let iq = self.iq_id();
        self.send(Iq::set(iq, bind::request(None)).write());
    }

    fn on_bound(&mut self) {
        self.up();
        let (resume, max_s) = (true, None);
        self.send(SmNonza::Enable { resume, max_s }.write());
        self.sm = Some(Counters {
            id: None,
            handled: Handled(0),
            told: Handled(0),
            unacked: protocol::Unacked::new(Handled(0)),
        });
        if self.kind == Kind::Carbons {
            self.request(|id| Iq::set(id, Element::new("enable", ns::CARBONS)));
        }
        let priority = Element::new("priority", ns::CLIENT).text(self.priority.to_string());
        let presence = Presence::bare(PresenceType::Available).child(&priority);
        self.count(presence.write());
        // What is committed once this is answered, this session must be given.
        let ping = Element::new("ping", ns::PING);
        self.count(Iq::get(READY, ping).write());
        self.refresh();
        if self.is_hidden {
            self.hide(true);
        }
        self.pump();
    }

    fn on_resumed(&mut self, h: Handled) {
        self.up();
        let Some(sm) = &mut self.sm else { return };
        if sm.unacked.ack(h).map(Iterator::count).is_err() {
            return self.out.push_back(Effect::Disconnect);
        }
        sm.told = sm.handled;
        let again: Vec<_> = sm.unacked.iter().cloned().collect();
        self.out.extend(again.into_iter().map(Effect::Send));
        if self.is_hidden {
            self.hide(true);
        }
        self.pump();
        self.ask();
    }

    fn up(&mut self) {
        self.phase = Phase::Up;
        self.asked_ms = None;
        self.deadline_ms = Some(self.now_ms + SILENCE_MS);
    }

    fn on_seen(&mut self, seen: &Seen) {
        let is_counting = self.sm.as_ref().is_some_and(|sm| sm.id.is_some());
        if let Some(sm) = self.sm.as_mut().filter(|_| is_counting && seen.counts()) {
            sm.handled = sm.handled.plus(1);
            if sm.handled.since(sm.told) >= 5 {
                self.ack();
            }
        }
        match seen {
            Seen::Enabled { sm: id } => {
                if let Some(sm) = &mut self.sm {
                    sm.id.clone_from(id);
                }
            }
            Seen::Request => self.ack(),
            Seen::Ack { h } => {
                let known = self
                    .sm
                    .as_mut()
                    .map(|sm| sm.unacked.ack(Handled(*h)).map(Iterator::count));
                if matches!(known, Some(Err(_))) {
                    self.out.push_back(Effect::Disconnect);
                }
            }
            Seen::Result { queryid, line } if self.query.as_ref() == Some(queryid) => {
                self.cursor = line.ids.first().map(|(_, id)| id.clone());
            }
            Seen::Fin { iq, complete } if self.query.as_ref() == Some(iq) => {
                self.query = None;
                self.wants_pages |= !complete;
                self.ask();
            }
            Seen::Iq { kind, iq, .. } if kind == "error" && self.query.as_ref() == Some(iq) => {
                // The store could not read; again with the next sign of life.
                self.query = None;
                self.wants_pages = true;
            }
            Seen::Iq { kind, iq, .. } if kind == "get" || kind == "set" => {
                let mut answer = Stanza::new(StanzaKind::Iq).typed("result");
                answer.header.id = Some(iq.clone());
                self.count(answer.write());
            }
            Seen::Iq { .. } if self.wants_pages => self.ask(),
            Seen::Close | Seen::StreamError { .. } => {
                self.sm = None;
                self.out.push_back(Effect::Disconnect);
            }
            _ => {}
        }
        if self.wants_pages && matches!(seen, Seen::Ack { .. }) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        if !self.is_up() || self.query.is_some() || !self.wants_pages {
            return;
        }
        self.wants_pages = false;
        let after = self.cursor.clone();
        let id = self.request(|id| {
            let query = Query {
                queryid: Some(id.clone()),
                after_id: after,
                page: PageRequest {
                    max: Some(20),
                    ..PageRequest::default()
                },
                ..Query::default()
            };
            Iq::set(id, query.to_element())
        });
        self.query = Some(id);
    }

    fn pump(&mut self) {
        while self.is_up()
            && let Some((to, text)) = self.waiting.pop_front()
        {
            let mid = format!("{:016x}", self.bits());
            let mut message = Stanza::new(StanzaKind::Message)
                .to(to.clone())
                .typed("chat")
                .id(mid.clone())
                .child(&Element::new("body", ns::CLIENT).text(&text));
            if self.rng.random_bool(0.3) {
                // Not its to say (SI-01, SI-02).
                for by in [&to, &self.account] {
                    let forged = Element::new("stanza-id", ns::SID);
                    message = message.child(&forged.attr("by", by).attr("id", "forged"));
                }
            }
            self.out.push_back(Effect::Sends(mid, to, text));
            self.count(message.write());
        }
    }

    fn request(&mut self, iq: impl FnOnce(String) -> Iq) -> String {
        let id = self.iq_id();
        self.count(iq(id.clone()).write());
        id
    }

    fn iq_id(&mut self) -> String {
        self.next += 1;
        format!("q{}", self.next)
    }

    fn open(&mut self) {
        let open = frame::Open {
            to: Some(self.account.domain().to_string()),
            version: Some("1.0".to_owned()),
            ..frame::Open::default()
        };
        self.send(open.write());
    }

    fn ack(&mut self) {
        if let Some(sm) = &mut self.sm {
            sm.told = sm.handled;
            let ack = SmNonza::Ack(Some(sm.handled)).write();
            self.send(ack);
        }
    }

    fn send(&mut self, frame: String) {
        self.out.push_back(Effect::Send(frame.into()));
    }

    /// Sends a stanza that stream management counts.
    fn count(&mut self, frame: String) {
        let frame = Text::from(frame);
        if let Some(sm) = &mut self.sm {
            sm.unacked.push(frame.clone());
        }
        self.out.push_back(Effect::Send(frame));
    }

    fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }
}
