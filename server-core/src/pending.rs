//! What is to be done once the driver answers.

use std::sync::Arc;

use protocol::jid::BareJid;
use protocol::sm::Slot;
use protocol::{ArchiveId, Element, Iq};

use crate::archive::Keep;
use crate::dormant::Restoring;
use crate::envelope::Envelope;
use crate::io::ConnId;
use crate::iq::blocking::BlockingDone;
use crate::iq::mam::PageRequest;
use crate::pep::{ItemsRead, NodeDone};
use crate::records::SessionKey;
use crate::roster::RosterDone;
use crate::session::SessionId;
use crate::spool::FlagsDone;

/// One question that is out.
pub(crate) enum Pending {
    /// Whether the login of a connection still holds.
    Login(ConnId),
    Append(Box<SentMessage>),
    Page(Box<PageRequest>),
    Ends(Box<Request>),
    Binding(Binding),
    Roster(Box<RosterDone>),
    Blocking(Box<BlockingDone>),
    Node(Box<NodeDone>),
    Items(Box<ItemsRead>),
    Hash(Box<Request>),
    Account(Box<Request>),
    Granted(Box<Granted>),
    Devices(Box<Request>),
    Flags(FlagsDone),
    /// The record of a session of this account is being written.
    Session(BareJid),
    Locate(Box<Restoring>),
}

/// A login that binds and waits to hear where the archive begins.
pub(crate) struct Binding {
    pub(crate) account: BareJid,
    pub(crate) conn: ConnId,
    /// Where the log stood when the store was asked.
    pub(crate) head: u64,
}

/// An iq that is being answered.
pub(crate) struct Request {
    pub(crate) account: BareJid,
    pub(crate) session: SessionId,
    pub(crate) slot: Option<Slot>,
    pub(crate) iq: Iq,
}

/// A secret that is being written, and the answer that tells it then.
pub(crate) struct Granted {
    pub(crate) request: Request,
    pub(crate) answer: Element,
}

/// A message that is being written.
pub(crate) struct SentMessage {
    pub(crate) account: BareJid,
    /// The session that sent it; absent for records of the server's own.
    pub(crate) session: Option<(SessionId, Option<Slot>)>,
    /// The session's key and its count with this message, if it can be resumed.
    pub(crate) counted: Option<(SessionKey, u64)>,
    pub(crate) envelope: Arc<Envelope>,
    /// The id that the sender computed, if it could (S11-12).
    pub(crate) own_id: Option<ArchiveId>,
    /// What is written of it.
    pub(crate) keep: Keep,
    /// Whether the recipient's entry was flagged to wait for an ordinary client.
    pub(crate) spool: bool,
}
