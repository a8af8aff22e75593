//! A small server for one account, by hand: what a device needs to talk to, and what tests break.

mod inline;
mod keys;
mod login;
mod messages;
mod others;
pub(crate) mod people;
mod requests;
mod stanzas;
mod stream;

use std::collections::{BTreeMap, VecDeque};

use protocol::blocking::Blocklist;
use protocol::roster::Item;
use protocol::sasl2::Authenticate;
use protocol::scram::{ServerExchange, StoredKeys};
use protocol::{
    ArchiveId, BareJid, Condition, Element, Frame, FullJid, IdPrefix, Iq, Stanza, StanzaKind, Text,
    XmlLimits, ns,
};

pub(crate) use self::inline::Tokens;
pub(crate) use self::keys::client_keys;
use self::keys::stored_keys;
pub(crate) use self::requests::query_of;
pub(crate) use self::stanzas::{chat, friend, result, signal, text_of, wrap};

pub(crate) const PASSWORD: &str = "wherefore art thou";

pub(crate) fn account() -> BareJid {
    BareJid::new("juliet@capulet.example").unwrap()
}

pub(crate) fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@montague.example")).unwrap()
}

/// One archived message.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: ArchiveId,
    pub(crate) message: Stanza,
}

impl Entry {
    /// A line of Romeo's under this id.
    pub(crate) fn named(name: &str) -> Self {
        let from = bare("romeo").with_resource_str("phone").unwrap();
        Self {
            id: ArchiveId::parse(name).unwrap(),
            message: chat(&format!("message-{name}"), name)
                .to(account())
                .from(from),
        }
    }
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
    pub(crate) blocked: Blocklist,
    /// Payloads of everybody's data nodes, by id.
    pub(crate) pictures: BTreeMap<String, Element>,
    pub(crate) refuses_profile: bool,
    pub(crate) refuses_blocking: bool,
    /// How far chats were read, by contact: the node of MD-01; without it there is no eventing.
    pub(crate) marks: Option<BTreeMap<String, String>>,
    /// The time at which the archive says that everything was archived.
    pub(crate) archive_stamp: i64,
    /// Whether archive pages say how much there is.
    pub(crate) counts: bool,
    /// Whether read state beside a marker is published (MD-04).
    pub(crate) assists: bool,
    /// Whether a crash takes such a state with it before it is written.
    pub(crate) loses_assists: bool,
    /// So many requests to nodes fail, and how.
    pub(crate) node_failures: u32,
    pub(crate) node_error: Condition,
    pub(crate) tokens: Vec<String>,
    pub(crate) taken: bool,
    /// What is answered to those who ask for invitations and devices.
    pub(crate) people: Result<(), Condition>,
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
            blocked: Blocklist::default(),
            pictures: BTreeMap::new(),
            refuses_profile: false,
            refuses_blocking: false,
            marks: Some(BTreeMap::new()),
            archive_stamp: 1_000,
            counts: false,
            assists: false,
            loses_assists: false,
            node_failures: 0,
            node_error: Condition::InternalServerError,
            tokens: Vec::new(),
            people: Ok(()),
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

    /// Answers what was asked, and holds what is asked next.
    pub(crate) fn release_page(&mut self) {
        self.release_pages();
        self.holds_pages = true;
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
}
