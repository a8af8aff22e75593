//! A small server for one account, by hand: what a device needs to talk to, and what tests break.

mod inline;

use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

use protocol::mam::{Fin, Query};
use protocol::roster::Item;
use protocol::rsm::PageInfo;
use protocol::sasl2::Authenticate;
use protocol::scram::{ClientFirst, ClientKeys, ScramHash, ServerExchange, StoredKeys};
use protocol::sm::SmNonza;
use protocol::stanza::Address;
use protocol::time::Stamp;
use protocol::{
    ArchiveId, BareJid, Condition, Element, Frame, FullJid, Handled, IdPrefix, Iq, IqKind, Message,
    Stanza, StanzaKind, Text, XmlLimits, bind, delay, markers, mds, ns, pubsub, receipts, roster,
    s11, sasl, sid,
};

pub(crate) use self::inline::Tokens;

pub(crate) const PASSWORD: &str = "wherefore art thou";

pub(crate) fn account() -> BareJid {
    BareJid::new("juliet@capulet.example").unwrap()
}

pub(crate) fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@montague.example")).unwrap()
}

const SALT: [u8; 16] = [7; 16];
const ITERATIONS: u32 = 4_096;

/// The keys of the password, derived once for all tests.
pub(crate) fn client_keys() -> ClientKeys {
    static KEYS: OnceLock<ClientKeys> = OnceLock::new();
    let derive = || {
        let hash = ScramHash::Sha256;
        let salted = hash.salted_password(PASSWORD, &SALT, ITERATIONS);
        ClientKeys::of_salted(hash, &salted, SALT.to_vec(), ITERATIONS)
    };
    KEYS.get_or_init(derive).clone()
}

fn stored_keys() -> StoredKeys {
    static KEYS: OnceLock<StoredKeys> = OnceLock::new();
    let hash = ScramHash::Sha256;
    let derive = || StoredKeys::of_password(hash, PASSWORD, SALT.to_vec(), ITERATIONS);
    KEYS.get_or_init(derive).clone()
}

/// One archived message.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: ArchiveId,
    pub(crate) message: Stanza,
}

/// One bound resource; outlives its connection.
struct Session {
    id: String,
    prefix: Option<IdPrefix>,
    jid: FullJid,
    counts: bool,
    handled: u32,
    /// How many were handled when an own message was last written: what a crash leaves (S11-60).
    handled_on_disk: u32,
    /// What was sent and is not acked, counted from `acked`.
    unacked: VecDeque<String>,
    acked: u32,
    memory_lost: bool,
}

#[derive(Default)]
struct Conn {
    exchange: Option<(ServerExchange, String)>,
    asked: Option<Authenticate>,
    is_authenticated: bool,
    is_bound: bool,
    prefix: Option<IdPrefix>,
    session: Option<usize>,
}

/// What becomes of the next own messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Archive,
    /// Not archived, with a notice.
    Unarchived,
    /// Refused with an error, not archived.
    Refuse,
    /// Archived, then bounced.
    Bounce,
}

pub(crate) struct Server {
    keys: StoredKeys,
    pub(crate) archive: Vec<Entry>,
    /// What became of own ids.
    outcomes: BTreeMap<String, Fate>,
    sessions: Vec<Session>,
    conn: Option<Conn>,
    /// Frames on their way to the device.
    pub(crate) to_device: VecDeque<Text>,
    /// All frames that came, for tests to look at.
    pub(crate) seen: Vec<String>,
    /// Whether a login takes one exchange.
    pub(crate) has_inline: bool,
    pub(crate) device_tokens: Tokens,
    pub(crate) has_s11: bool,
    pub(crate) has_mam: bool,
    pub(crate) has_sm: bool,
    pub(crate) page_len: usize,
    pub(crate) fate: Fate,
    /// Whether nothing is acknowledged.
    pub(crate) holds_acks: bool,
    /// Whether archive queries wait until this is lifted.
    pub(crate) holds_pages: bool,
    /// Whether pings are answered by an error.
    pub(crate) refuses_pings: bool,
    /// Whether nothing is answered at all.
    pub(crate) is_frozen: bool,
    held_queries: Vec<Iq>,
    pub(crate) tampers_mechanisms: bool,
    pub(crate) tampers_signature: bool,
    pub(crate) roster: Vec<Item>,
    /// How far chats were read, by contact: the node of MD-01; without it there is no eventing.
    pub(crate) marks: Option<BTreeMap<String, String>>,
    /// The time at which the archive says that everything was archived.
    pub(crate) archive_stamp: i64,
    /// Whether archive pages say how much there is.
    pub(crate) counts: bool,
    /// Whether read state beside a marker is published (MD-04).
    pub(crate) assists: bool,
    pub(crate) tokens: Vec<String>,
    pub(crate) taken: bool,
    made: u8,
    /// Counts entries, so that an id is given once for all time.
    appended: u64,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            keys: stored_keys(),
            archive: Vec::new(),
            outcomes: BTreeMap::new(),
            sessions: Vec::new(),
            conn: None,
            to_device: VecDeque::new(),
            seen: Vec::new(),
            has_inline: false,
            device_tokens: Tokens::default(),
            has_s11: true,
            has_mam: true,
            has_sm: true,
            page_len: 3,
            fate: Fate::Archive,
            holds_acks: false,
            holds_pages: false,
            refuses_pings: false,
            is_frozen: false,
            held_queries: Vec::new(),
            tampers_mechanisms: false,
            tampers_signature: false,
            roster: Vec::new(),
            marks: Some(BTreeMap::new()),
            archive_stamp: 1_000,
            counts: false,
            assists: false,
            tokens: Vec::new(),
            taken: false,
            made: 0,
            appended: 0,
        }
    }

    pub(crate) fn connect(&mut self) {
        assert!(self.conn.is_none(), "one socket at a time");
        self.conn = Some(Conn::default());
    }

    /// The connection breaks; what was on its way to the device is lost.
    pub(crate) fn cut(&mut self) {
        self.conn = None;
        self.to_device.clear();
        self.held_queries.clear();
    }

    /// All sessions end.
    pub(crate) fn expire(&mut self) {
        self.cut();
        self.sessions.clear();
    }

    /// The server dies and comes back: sessions stand on disk, their queues are gone (S11-62).
    pub(crate) fn crash(&mut self) {
        self.cut();
        for session in &mut self.sessions {
            session.memory_lost = true;
            session.handled = session.handled_on_disk;
        }
    }

    /// Nothing is known of what was sent.
    pub(crate) fn forget_outcomes(&mut self) {
        self.outcomes.clear();
    }

    /// Entries before this index are removed by age.
    pub(crate) fn trim(&mut self, count: usize) {
        self.archive.drain(..count);
    }

    /// A message of `name` arrives for the account.
    pub(crate) fn arrive(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        self.deliver(name, chat(id, text))
    }

    /// As [`Server::arrive`], from somebody who wants to be told of it.
    pub(crate) fn arrive_asking(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        let asking = chat(id, text).child(&receipts::request());
        self.deliver(name, asking.child(&markers::markable()))
    }

    /// Any message of `name` arrives for the account.
    pub(crate) fn deliver(&mut self, name: &str, message: Stanza) -> ArchiveId {
        let from = bare(name).with_resource_str("phone").unwrap();
        let message = message.to(account()).from(from);
        let id = self.append(None, message.clone());
        let copy = message.child(&sid::stanza_id(&account(), &id));
        self.send_all(None, &copy);
        id
    }

    /// Another device of the account writes to `name`.
    pub(crate) fn write_elsewhere(&mut self, name: &str, id: &str, text: &str) -> ArchiveId {
        self.send_elsewhere(name, chat(id, text))
    }

    /// Another device of the account sends any message to `name`.
    pub(crate) fn send_elsewhere(&mut self, name: &str, message: Stanza) -> ArchiveId {
        let from = account().with_resource_str("phone").unwrap();
        let message = message.to(bare(name)).from(from);
        let id = self.append(None, message.clone());
        self.send_all(None, &wrap("sent", &message, Some(&id)));
        id
    }

    /// Another device of the account read a chat up to an entry.
    pub(crate) fn mark_elsewhere(&mut self, name: &str, id: &ArchiveId) {
        self.keep_mark(&bare(name).to_string(), id.as_str());
    }

    fn keep_mark(&mut self, chat: &str, id: &str) {
        let marks = self.marks.as_mut().unwrap();
        marks.insert(chat.to_owned(), id.to_owned());
        let kind = pubsub::EventKind::Items(vec![mark(chat, id)]);
        let node = mds::NODE.to_owned();
        let event = pubsub::Event { node, kind };
        self.send_all(None, &event.to_stanza(account(), true));
    }

    fn append(&mut self, id: Option<ArchiveId>, message: Stanza) -> ArchiveId {
        let id = id.unwrap_or_else(|| {
            let mut bits = [0x5a; 16];
            self.appended += 1;
            bits[..8].copy_from_slice(&self.appended.to_be_bytes());
            ArchiveId::from_bits(bits)
        });
        assert!(
            self.archive.iter().all(|e| e.id != id),
            "an id for all time"
        );
        self.archive.push(Entry {
            id: id.clone(),
            message,
        });
        id
    }

    /// Sends a stanza to every session but one.
    fn send_all(&mut self, but: Option<usize>, stanza: &Stanza) {
        for index in 0..self.sessions.len() {
            if Some(index) != but {
                let to = self.sessions[index].jid.clone();
                let is_wrap = stanza.children.iter().any(|c| c.is("sent", ns::MR2));
                let stanza = if is_wrap {
                    stanza.clone().to(to)
                } else {
                    stanza.clone()
                };
                self.send_to(index, stanza.write());
            }
        }
    }

    fn send_to(&mut self, index: usize, frame: String) {
        let session = &mut self.sessions[index];
        if session.counts && !session.memory_lost {
            session.unacked.push_back(frame.clone());
        }
        if self
            .conn
            .as_ref()
            .is_some_and(|conn| conn.session == Some(index))
        {
            self.to_device.push_back(frame.into());
        }
    }

    /// Sends any text to the device, counted if it is a stanza.
    pub(crate) fn inject(&mut self, frame: &str) {
        let index = self.conn.as_ref().and_then(|conn| conn.session);
        match index.filter(|_| !frame.starts_with("<a ")) {
            Some(index) => self.send_to(index, frame.to_owned()),
            None => self.to_device.push_back(frame.to_owned().into()),
        }
    }

    pub(crate) fn jid(&self) -> FullJid {
        self.sessions.last().unwrap().jid.clone()
    }

    /// The archive queries that were held back are answered.
    pub(crate) fn release_pages(&mut self) {
        self.holds_pages = false;
        for iq in std::mem::take(&mut self.held_queries) {
            self.on_iq(&iq);
        }
    }

    fn say(&mut self, frame: impl Into<String>) {
        self.to_device.push_back(frame.into().into());
    }

    /// A frame of the device.
    pub(crate) fn receive(&mut self, text: &Text) {
        self.seen.push(text.to_string());
        if self.conn.is_none() || self.is_frozen {
            return;
        }
        let frame = Frame::parse(text, XmlLimits::AFTER_LOGIN).expect("devices send good frames");
        match frame {
            Frame::Open(_) => self.on_open(),
            Frame::Close { .. } => {
                self.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
                if let Some(index) = self.conn.as_ref().and_then(|conn| conn.session) {
                    self.sessions.remove(index);
                    self.conn = Some(Conn::default());
                }
            }
            Frame::Nonza(element) if element.ns() == ns::SASL => self.on_sasl(&element),
            Frame::Nonza(element) if element.ns() == ns::SASL2 => self.on_sasl2(&element),
            Frame::Nonza(element) => self.on_nonza(&element),
            Frame::Stanza(stanza) => self.on_stanza(stanza),
        }
    }

    fn on_open(&mut self) {
        self.say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='capulet.example' id='x' version='1.0'/>");
        let is_authenticated = self.conn.as_ref().unwrap().is_authenticated;
        let features = if is_authenticated {
            let mut features = vec![
                bind::feature(),
                protocol::csi::feature(),
                Element::new("ver", ns::ROSTER_VER),
            ];
            if self.has_sm {
                features.push(protocol::sm::feature());
            }
            if self.has_s11 {
                features.push(s11::feature());
            }
            features
        } else {
            let mut names = vec!["SCRAM-SHA-1", "SCRAM-SHA-256"];
            if self.tampers_mechanisms {
                names.remove(0);
            }
            let inline = self.has_inline.then(|| self.inline_feature());
            [sasl::mechanisms(&names)]
                .into_iter()
                .chain(inline)
                .collect()
        };
        self.say(protocol::frame::write_features(&features));
    }

    fn on_sasl(&mut self, element: &Element) {
        let data = sasl::data_of(element).unwrap();
        if element.name() == "auth" {
            let first = ClientFirst::parse(&data).unwrap();
            assert_eq!(first.username, "juliet");
            let names = ["SCRAM-SHA-1", "SCRAM-SHA-256"];
            let (exchange, challenge) =
                ServerExchange::new(first, self.keys.clone(), "servernonceservernonce", &names);
            self.conn.as_mut().unwrap().exchange = Some((exchange, String::new()));
            self.say(sasl::write("challenge", None, &challenge));
            return;
        }
        let (exchange, _) = self.conn.as_mut().unwrap().exchange.take().unwrap();
        match exchange.finish(&data) {
            Ok(signature) => {
                self.conn.as_mut().unwrap().is_authenticated = true;
                let signature = if self.tampers_signature {
                    "v=AAAA".to_owned()
                } else {
                    signature
                };
                self.say(sasl::write("success", None, &signature));
            }
            Err(_) => self.say(sasl::SaslFailure::NotAuthorized.write()),
        }
    }

    fn on_nonza(&mut self, element: &Element) {
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

    fn ack(&mut self, index: usize) {
        if !self.holds_acks && self.sessions[index].counts {
            let h = Some(Handled(self.sessions[index].handled));
            self.say(SmNonza::Ack(h).write());
        }
    }

    fn take_ack(&mut self, index: usize, h: Handled) {
        let session = &mut self.sessions[index];
        let settled = h.since(Handled(session.acked)) as usize;
        assert!(
            settled <= session.unacked.len(),
            "acked more than was sent, or went back"
        );
        session.unacked.drain(..settled);
        session.acked = h.0;
    }

    fn on_resume(&mut self, previd: Option<&str>, h: Handled, pos: Option<&ArchiveId>) {
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

    fn on_stanza(&mut self, stanza: Stanza) {
        let index = self.conn.as_ref().unwrap().session;
        if let Some(index) = index
            && self.sessions[index].counts
        {
            self.sessions[index].handled = self.sessions[index].handled.wrapping_add(1);
        }
        match stanza.kind {
            StanzaKind::Iq => {
                let iq = Iq::of_stanza(&stanza).expect("devices send good iqs");
                self.on_iq(&iq);
            }
            StanzaKind::Presence => {}
            StanzaKind::Message => {
                self.on_message(index.expect("bound"), stanza);
                self.ack(index.unwrap());
            }
        }
    }

    fn on_message(&mut self, index: usize, mut stanza: Stanza) {
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
            self.keep_mark(&chat, &id);
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

    fn bounce(&mut self, index: usize, stanza: &Stanza, id: &ArchiveId) {
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

    fn on_iq(&mut self, iq: &Iq) {
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
        } else if payload.is("ping", ns::PING) && self.refuses_pings {
            iq.error(Condition::ServiceUnavailable)
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
        answer.from = Address::Absent;
        match self.conn.as_ref().and_then(|conn| conn.session) {
            Some(index) => self.send_to(index, answer.write()),
            None => self.say(answer.write()),
        }
    }

    fn on_pubsub(&mut self, iq: &Iq) -> Iq {
        let Some(marks) = &self.marks else {
            return iq.error(Condition::FeatureNotImplemented);
        };
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

    fn on_bind(&mut self, iq: &Iq) {
        self.made += 1;
        let resource = format!("r{}", self.made);
        let jid = account().with_resource_str(&resource).unwrap();
        let conn = self.conn.as_mut().unwrap();
        // The device is known by its keys only: whatever it had before is over.
        self.sessions.clear();
        self.sessions.push(Session {
            id: format!("sm-{}", self.made),
            prefix: conn.prefix.clone(),
            jid: jid.clone(),
            counts: false,
            handled: 0,
            handled_on_disk: 0,
            unacked: VecDeque::new(),
            acked: 0,
            memory_lost: false,
        });
        conn.session = Some(0);
        conn.is_bound = true;
        self.say(iq.result(Some(bind::bound(&jid))).write());
    }

    fn page(&mut self, query: &Query) -> Result<Fin, Condition> {
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

fn mark(chat: &str, id: &str) -> pubsub::Item {
    let displayed = mds::Displayed {
        chat: protocol::Jid::new(chat).unwrap(),
        id: ArchiveId::parse(id).unwrap(),
    };
    pubsub::Item::new(chat, &displayed.to_element(&account()))
}

/// A message without text.
pub(crate) fn signal(id: &str, payload: &Element) -> Stanza {
    let message = Stanza::new(StanzaKind::Message).typed("chat").id(id);
    message.child(payload)
}

/// Somebody who may see the account's presence.
pub(crate) fn friend(name: &str) -> Item {
    Item {
        subscription: roster::Subscription::Both,
        ..Item::new(bare(name))
    }
}

pub(crate) fn chat(id: &str, text: &str) -> Stanza {
    let body = Element::new("body", ns::CLIENT).text(text);
    let message = Stanza::new(StanzaKind::Message).typed("chat").id(id);
    message.child(&body)
}

pub(crate) fn forwarded(message: &Stanza) -> Element {
    forwarded_at(message, 1_000)
}

fn forwarded_at(message: &Stanza, stamp: i64) -> Element {
    let inner = Element::parse(&message.write(), XmlLimits::AFTER_LOGIN).unwrap();
    Element::new("forwarded", ns::FORWARD)
        .child(delay::delay(Stamp(stamp), None))
        .child(inner)
}

pub(crate) fn result(queryid: &str, entry: &Entry) -> Stanza {
    result_at(queryid, entry, 1_000)
}

fn result_at(queryid: &str, entry: &Entry, stamp: i64) -> Stanza {
    let result = Element::new("result", ns::MAM)
        .attr("queryid", queryid)
        .attr("id", &entry.id)
        .child(forwarded_at(&entry.message, stamp));
    Stanza::new(StanzaKind::Message).child(&result)
}

pub(crate) fn wrap(direction: &str, message: &Stanza, id: Option<&ArchiveId>) -> Stanza {
    let message = match id {
        Some(id) => message.clone().child(&sid::stanza_id(&account(), id)),
        None => message.clone(),
    };
    let wrapper = Element::new(direction, ns::MR2).child(forwarded(&message));
    Stanza::new(StanzaKind::Message)
        .typed("chat")
        .from(account())
        .child(&wrapper)
}

/// The text of an entry.
pub(crate) fn text_of(entry: &Entry) -> String {
    let message = Message::of_stanza(entry.message.clone()).unwrap();
    message.body().unwrap_or_default()
}
