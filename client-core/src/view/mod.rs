//! The read model: what a screen may show.

mod fold;
mod shown;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use protocol::devices::{Device, DeviceLink};
use protocol::invite::Invitation;
use protocol::roster::Subscription;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, FullJid};
use serde::{Deserialize, Serialize};

pub(crate) use self::shown::Shown;
pub(crate) use self::window::Target;
use crate::failure::Failure;
use crate::history::Picture;

/// Everything a screen shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// How the link to the server stands.
    pub connection: Connection,
    /// Whether somebody is signed in.
    pub sign_in: SignIn,
    /// The bound address, for developers.
    pub jid: Option<FullJid>,
    /// Own lines that wait to be sent or archived.
    pub waiting: usize,
    /// Conversations and contacts in one list, the most recent first, those without lines last by name.
    pub chats: Vec<ChatSummary>,
    /// People who asked to become contacts.
    pub requests: Vec<BareJid>,
    /// What the account tells of itself.
    pub own: OwnProfile,
    /// Accounts and whole domains that are blocked, by address.
    pub blocked: Vec<BareJid>,
    /// The open conversation.
    pub timeline: Option<Timeline>,
    /// Invitations and the account's devices, as far as somebody asked.
    pub people: People,
}

/// What the server is asked for when somebody wants to see it, and what is kept nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// The latest invitation.
    pub invitation: Told<Invitation>,
    /// The latest link for one more device.
    pub link: Told<DeviceLink>,
    /// The account's devices.
    pub devices: Told<Vec<Device>>,
    /// Why the latest change of a device was not made.
    pub trouble: Option<Trouble>,
}

/// Something that the server is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Told<T> {
    /// Nobody asked.
    #[default]
    Unasked,
    /// The answer is awaited.
    Asked,
    /// The answer.
    Got(T),
    /// There will be none.
    Failed(Trouble),
}

/// Why the server gave no answer, or not the one that was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no connection.
    Offline,
    /// There are too many for now (LIM-16).
    TooMany,
    /// The server said no.
    Refused,
}

/// What the account tells of itself, as far as this device knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnProfile {
    /// What it calls itself.
    pub nick: Option<String>,
    /// Its picture.
    pub picture: Option<Arc<Picture>>,
    /// What became of the last change made here.
    pub saving: Saving,
}

/// What became of a change of the own profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// There was none.
    #[default]
    Nothing,
    /// The server has not answered.
    UnderWay,
    /// It is kept.
    Done,
    /// It is not: the server refused, or there is no connection.
    Failed,
}

/// A part of the [`View`] that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// `connection`, `jid` or `waiting`.
    Connection,
    /// `sign_in`.
    SignIn,
    /// `chats`, `requests`, `own` or `blocked`.
    Chats,
    /// `timeline`.
    Timeline,
    /// `people`.
    People,
}

/// How the link to the server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// No connection is wanted.
    #[default]
    Idle,
    /// There is none; the next try is at this moment of the driver's monotonic clock (milliseconds).
    Offline {
        /// `mono_ms` of the next try.
        retry_at_ms: u64,
    },
    /// A connection is being made.
    Connecting,
    /// Connected; entries that were missed are being fetched.
    CatchingUp {
        /// How many came so far.
        fetched: u32,
        /// How many there are in all, if the archive says so.
        total: Option<u32>,
    },
    /// Everything is known.
    Live,
    /// The device's own storage failed; reload to go on.
    Broken,
}

/// Whether somebody is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignIn {
    /// Nobody.
    #[default]
    Out,
    /// A login is under way for the first time.
    Trying,
    /// It succeeded, now or before on this device.
    In,
    /// It was refused; a password is needed (again).
    Refused(Refusal),
}

/// Why a login or registration was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Name and password do not fit.
    WrongPassword,
    /// The device has no token that works, and nothing else to log in with.
    SignInAgain,
    /// The name is taken.
    NameTaken,
    /// The name or password cannot be used.
    NotAcceptable,
    /// The link was used before or has expired.
    LinkInvalid,
    /// The server did not prove that it is the one that knows the account, or somebody stands between
    /// (AU-06, AU-13).
    Untrusted,
    /// The server said no for another reason.
    Other,
}

/// One conversation or contact in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSummary {
    /// The other person.
    pub peer: BareJid,
    /// What the user calls them: the roster's name, what they call themselves, or the local part.
    pub name: String,
    /// Their picture.
    pub picture: Option<Arc<Picture>>,
    /// Text of the last line; empty if there is none.
    pub last_text: String,
    /// Whether the last line is an own one.
    pub last_own: bool,
    /// What is known of its fate, if it is an own one.
    pub last_mark: Option<Mark>,
    /// Whether the last line was retracted; it has no text then.
    pub last_retracted: bool,
    /// When; absent without lines.
    pub last_stamp: Option<Stamp>,
    /// Received lines that were not read.
    pub unread: u32,
    /// Who sees whose presence.
    pub subscription: Subscription,
    /// Whether the contact was asked and has not answered.
    pub asked: bool,
    /// Whether the contact is online, as far as is known.
    pub online: bool,
    /// Whether the person is blocked: no line goes either way.
    pub blocked: bool,
    /// Whether the person is in the contacts.
    pub is_contact: bool,
    /// Whether the contact is writing to this account just now (XEP-0085).
    pub composing: bool,
}

/// The open conversation.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The other person.
    pub peer: BareJid,
    /// Lines, oldest first; a line keeps its key for life.
    pub lines: Vec<Arc<Line>>,
    /// Whether older lines can still be loaded.
    pub has_older: bool,
    /// Whether older lines are being loaded.
    pub loading_older: bool,
    /// Whether they are to come from the archive, which takes a connection.
    pub searching_archive: bool,
    /// How many entries were found so far for the gap that is being filled.
    pub filled: u32,
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Stable from Enter to archived.
    pub key: String,
    /// Whether this account sent it.
    pub own: bool,
    /// The text as it reads now; a gap and a retracted line have none.
    pub text: String,
    /// When it was archived, or written; corrections change nothing about that.
    pub stamp: Stamp,
    /// What is known of its fate, and of that of its corrections.
    pub mark: Mark,
    /// Archive id in the own archive, for developers.
    pub id: Option<ArchiveId>,
    /// The line that it answers.
    pub reply: Option<Quote>,
    /// How it read before it was corrected, oldest first.
    pub edits: Vec<Version>,
    /// With what people reacted to it.
    pub reactions: Vec<Reaction>,
    /// Whether who wrote it took it back: then nothing is left but its place.
    pub is_retracted: bool,
    /// Whether the text is shown as it stands, without styling (XEP-0393).
    pub is_unstyled: bool,
}

/// What an answer shows of the line that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Whether this account wrote that line.
    pub own: bool,
    /// How it begins; nothing if it was retracted or is not loaded.
    pub text: Option<String>,
    /// Its key, if it is loaded.
    pub key: Option<String>,
}

/// How a line read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The text.
    pub text: String,
    /// Since when.
    pub stamp: Stamp,
}

/// One emoji with which somebody reacted to a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Whether this account chose it.
    pub own: bool,
    /// Whether the other person did.
    pub other: bool,
    /// Whether an own choice is not in the archive yet.
    pub is_waiting: bool,
}

/// What is known of a line's fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// In the outbox: not yet known to be archived.
    Waiting,
    /// In the own archive. Received lines have this too.
    Archived,
    /// In the own archive, and on a device of the addressee. Never in a row: receipts tell it.
    Received,
    /// In the own archive, and displayed to the addressee. Never in a row: markers tell it.
    Read,
    /// Delivered but not archived, because saving failed.
    NotSaved,
    /// Delivered and by its nature not archived.
    NotKept,
    /// Refused or given up.
    Failed(Failure),
    /// Not a line but a gap: messages may be missing here, and cannot be had any more.
    Gap,
    /// A gap that is being filled from the archive. Never in a row.
    Filling,
}
