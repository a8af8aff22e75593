//! What the events have told so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use protocol::BareJid;
use server_core::Limits;

use crate::seen::Line;

/// Everything known.
pub(super) struct Facts {
    pub(super) logs: BTreeMap<String, Log>,
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) conns: BTreeMap<u64, Conn>,
    pub(super) sessions: Vec<Session>,
    pub(super) devices: Vec<Device>,
    pub(super) unacked_max: usize,
    pub(super) page_max: u32,
    pub(super) quiet_ms: u64,
}

/// One account's log as it was committed.
#[derive(Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// So many of the oldest are gone by retention.
    pub(super) gone: u64,
    by_id: HashMap<String, u64>,
    by_mid: HashMap<String, u64>,
}

pub(super) struct Entry {
    pub(super) aid: String,
    pub(super) line: Line,
    pub(super) own: bool,
    pub(super) txn: u64,
}

impl Log {
    /// Position of the newest entry.
    pub(super) fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn pos_of(&self, aid: &str) -> Option<u64> {
        self.by_id.get(aid).copied()
    }

    pub(super) fn pos_of_message(&self, mid: &str) -> Option<u64> {
        self.by_mid.get(mid).copied()
    }

    pub(super) fn at(&self, pos: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(pos.checked_sub(1)?).ok()?)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let pos = self.head() + 1;
        self.by_id.insert(entry.aid.clone(), pos);
        self.by_mid.insert(entry.line.mid.clone(), pos);
        self.entries.push(entry);
    }
}

/// One message that somebody wrote.
#[derive(Default)]
pub(super) struct Message {
    pub(super) dev: usize,
    /// Which of the devices it was that had this number one after the other.
    pub(super) life: u32,
    pub(super) account: String,
    pub(super) to: String,
    pub(super) text: String,
    /// In which order its device wrote it.
    pub(super) order: u64,
    /// Addresses of the sessions from which the server took it.
    pub(super) from: BTreeSet<String>,
    /// Archive ids that its senders computed.
    pub(super) aids: BTreeSet<String>,
    /// How often the server took it.
    pub(super) rx: u32,
    /// Logs that did not take it.
    pub(super) failed: BTreeSet<String>,
    /// How often it had been taken when a notice said that it is not archived.
    pub(super) noticed: Option<u32>,
    /// Whether its device was wiped: it may be gone.
    pub(super) withdrawn: bool,
    /// Whether its device shows it as failed.
    pub(super) shown_failed: bool,
}

/// One connection.
#[derive(Default)]
pub(super) struct Conn {
    pub(super) dev: usize,
    pub(super) account: String,
    /// What was enabled: a prefix for s11, none for mr2.
    pub(super) mode: Option<Option<String>>,
    /// The session that it carries, as the server and as the client see it.
    pub(super) session: Option<usize>,
    pub(super) client_session: Option<usize>,
    /// Whether stream management was asked for with the login.
    pub(super) enables_inline: bool,
    /// What the client asked to resume: its h and position.
    pub(super) resume: Option<(u32, Option<String>)>,
    /// The open query: (iq, after, next position that it must bring, entries so far).
    pub(super) query: Option<Query>,
}

/// A query of the archive that is being answered.
pub(super) struct Query {
    pub(super) iq: String,
    pub(super) after: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) len: u32,
    pub(super) max: u32,
}

/// How a session gets copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Plain,
    Carbons,
    Mr2,
    S11,
}

/// One session.
pub(super) struct Session {
    pub(super) account: String,
    pub(super) dev: usize,
    pub(super) mode: Mode,
    pub(super) prefix: Option<String>,
    pub(super) jid: String,
    pub(super) sm: Option<String>,
    pub(super) conn: Option<u64>,
    /// Whether the server counts; whether the client does.
    pub(super) is_counting: bool,
    pub(super) is_client_counting: bool,
    /// What the server took and did not tell as handled: own lines with (message, computed id).
    pub(super) rx: VecDeque<Option<(String, Option<String>)>>,
    /// The last h that the server told.
    pub(super) told: u32,
    /// How many stanzas the server wrote, and how many the client acknowledged.
    pub(super) out: u32,
    pub(super) out_acked: u32,
    /// Digests of what is not acknowledged, and of what must come again now.
    pub(super) unacked: VecDeque<u64>,
    pub(super) again: VecDeque<u64>,
    /// How many stanzas the client wrote, and the last h that it heard.
    pub(super) tx: u32,
    pub(super) heard: u32,
    /// Notices and refusals that were written: message ids.
    pub(super) excused: BTreeSet<String>,
    /// Messages that `<resumed/>` covers and whose notices are still to come: before any page.
    pub(super) owed: BTreeSet<String>,
    /// Up to here every entry was copied or acknowledged; unknown until the first.
    pub(super) cursor: Option<u64>,
    /// The log's end when the session was bound.
    pub(super) bound_at: u64,
    /// Own entries ahead of the cursor that an h covers.
    pub(super) covered: BTreeSet<u64>,
    /// Whether the client counts what it takes, how much that was, and which copies of entries are not
    /// acknowledged: (count, position).
    pub(super) is_client_taking: bool,
    pub(super) taken: u32,
    pub(super) copies: VecDeque<(u32, u64)>,
    /// The count at the newest own message that lies in the log and was acknowledged.
    pub(super) last_archived: u32,
    /// Whether the server came back from its disk since it was bound; whether it did so just now.
    pub(super) is_restored: bool,
    pub(super) is_lost: bool,
    pub(super) is_inactive: bool,
    /// The log's end when its modes were in force (ordinary sessions).
    pub(super) ready_at: Option<u64>,
    /// Priority of its presence, while it is available.
    pub(super) priority: Option<i8>,
    /// Entries that an ordinary session was given live.
    pub(super) given: BTreeSet<u64>,
}

/// One device.
#[derive(Default)]
pub(super) struct Device {
    pub(super) account: String,
    pub(super) is_engine: bool,
    /// Confirmed rows by place: their position in the log, if they have one.
    pub(super) rows: BTreeMap<i64, Row>,
    /// Archived rows that wait for their place.
    pub(super) provisional: BTreeMap<i64, u64>,
    pub(super) outbox: BTreeMap<u64, String>,
    /// How far its conversations are read, by peer.
    pub(super) reads: BTreeMap<String, u64>,
    pub(super) cursor: Option<u64>,
    /// The conversation on the screen, and its lines: (key, position).
    pub(super) shown: (String, Vec<(String, Option<u64>)>),
    pub(super) sends: u64,
    /// How often the device was wiped: it comes back as another one.
    pub(super) life: u32,
    /// How far pages brought an ordinary client.
    pub(super) paged: u64,
    /// What ordinary clients asked for last.
    pub(super) open_query: Option<String>,
}

/// A confirmed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Entry(u64),
    Gap,
    /// Not in the archive.
    Loose,
}

impl Facts {
    pub(super) fn new(accounts: &[BareJid], limits: &Limits) -> Self {
        let logs = accounts.iter();
        let logs = logs.map(|account| (account.to_string(), Log::default()));
        Self {
            logs: logs.collect(),
            messages: BTreeMap::new(),
            conns: BTreeMap::new(),
            sessions: Vec::new(),
            devices: Vec::new(),
            unacked_max: limits.unacked_stanzas,
            page_max: limits.page.1,
            quiet_ms: 0,
        }
    }

    pub(super) fn on_device(&mut self, dev: usize, account: &str, kind: &str) {
        let device = Device {
            account: account.to_owned(),
            is_engine: kind == "engine",
            sends: self.devices.get(dev).map_or(0, |device| device.sends),
            life: self.devices.get(dev).map_or(0, |device| device.life + 1),
            ..Device::default()
        };
        match self.devices.get_mut(dev) {
            Some(known) => *known = device,
            None => self.devices.push(device),
        }
    }

    pub(super) fn on_open(&mut self, conn: u64, dev: usize) {
        let account = self.devices.get(dev).map(|device| device.account.clone());
        let conn_of = Conn {
            dev,
            account: account.unwrap_or_default(),
            ..Conn::default()
        };
        self.conns.insert(conn, conn_of);
    }

    pub(super) fn on_lost(&mut self, conn: u64, by: &str) {
        let Some(known) = self.conns.get_mut(&conn) else {
            return;
        };
        if by == "device" {
            known.client_session = None;
            known.query = None;
        } else if let Some(session) = known.session.take()
            && let Some(session) = self.sessions.get_mut(session)
            && session.conn == Some(conn)
        {
            session.conn = None;
        }
    }

    /// How many entries of a log have to stay for a while: those of which a device was told, or will be
    /// out of the server's memory, and that it did not place yet, and those that settle its own lines. Archives keep them for days; what goes
    /// sooner is placed where it was heard of, for lack of anything better.
    pub(super) fn unsettled(&self, account: &str) -> u64 {
        let Some(log) = self.logs.get(account) else {
            return 0;
        };
        let own = self.devices.iter().enumerate();
        let own = own.filter(|(_, device)| device.account == account);
        let oldest = own.filter_map(|(dev, device)| {
            let waiting = device.outbox.values();
            let waiting = waiting.filter_map(|mid| log.pos_of_message(mid)).min();
            let sessions = self.sessions.iter().filter(|session| session.dev == dev);
            let told = sessions.clone();
            let told = told.filter_map(|s| s.covered.last().copied().max(s.cursor));
            let next = device.cursor.unwrap_or(0) + 1;
            let is_told = told.max().is_some_and(|told| told >= next);
            let is_in_memory = |s: &Session| !s.is_lost && s.cursor.unwrap_or(0) < log.head();
            let unplaced = (is_told || sessions.clone().any(is_in_memory)).then_some(next);
            waiting.into_iter().chain(unplaced).min()
        });
        oldest.min().map_or(0, |oldest| log.head() + 1 - oldest)
    }

    /// Only the oldest entries ever go, and none comes again (MAM-24).
    pub(super) fn on_trim(&mut self, account: &str, keep: u64) {
        if let Some(log) = self.logs.get_mut(account) {
            log.gone = log.gone.max(log.head().saturating_sub(keep));
        }
    }

    pub(super) fn on_crash(&mut self) {
        for session in &mut self.sessions {
            session.conn = None;
            session.is_lost = true;
        }
        for conn in self.conns.values_mut() {
            conn.session = None;
        }
    }

    pub(super) fn on_sign_out(&mut self, dev: usize) {
        let own = self.messages.values_mut();
        for message in own.filter(|message| message.dev == dev) {
            message.withdrawn = true;
        }
    }

    pub(super) fn on_reload(&mut self, dev: usize) {
        if let Some(device) = self.devices.get_mut(dev) {
            device.paged = 0;
            device.open_query = None;
            device.shown = Default::default();
        }
        let own = self.sessions.iter_mut().filter(|s| s.dev == dev);
        own.for_each(|session| session.is_client_counting = session.sm.is_some());
    }

    /// The log of an account.
    pub(super) fn log(&self, account: &str) -> Option<&Log> {
        self.logs.get(account)
    }

    pub(super) fn session_of(&mut self, conn: u64) -> Option<&mut Session> {
        let session = self.conns.get(&conn)?.session?;
        self.sessions.get_mut(session)
    }
}

/// The account of an address.
pub(super) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}
