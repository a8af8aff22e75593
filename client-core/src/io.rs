//! What goes into the [`Engine`](crate::Engine) and what comes out.

use protocol::scram::{ClientKeys, Secret};
use protocol::{BareJid, Text};

use crate::history::{Batch, Row, RowQuery};
use crate::view::Change;

/// What happened outside.
#[derive(Clone)]
pub enum Input {
    /// The person or the program wants something.
    Intent(Intent),
    /// The socket asked for by [`Output::Connect`] is open and speaks the subprotocol `xmpp`.
    Connected,
    /// One text frame arrived.
    Frame(Text),
    /// The socket is closed, or could not be opened; the reason is for the log.
    Disconnected(String),
    /// The [`Output::Commit`] is durable.
    Committed,
    /// The [`Output::Commit`] failed and nothing of it was written, or an [`Output::Query`] could not be
    /// answered: the device stops.
    StorageFailed(String),
    /// The answer to an [`Output::Query`], oldest first.
    Rows {
        /// Which query.
        query: u64,
        /// The rows found; fewer than asked for means that there are no older ones.
        rows: Vec<Row>,
    },
    /// The browser says that the network is there, or the machine woke up: check the link at once.
    Online,
    /// The page was hidden or shown (CS-08).
    Visible(bool),
    /// The deadline passed.
    Tick,
}

/// What the person wants.
#[derive(Clone)]
pub enum Intent {
    /// Connect and log in; with a token, make the account first (RG-02).
    SignIn {
        /// Password, or keys kept from an earlier login; needed only where the device has no token that
        /// works.
        secret: Option<Secret>,
        /// The set-up or invitation token with which the account is made.
        register: Option<String>,
    },
    /// Connect and log in as a device that another one gave its link; in return the device gets a token
    /// of its own (SEC-32).
    SignInByLink(String),
    /// What the account's owner is to read of this device in the list of devices.
    CallDevice(String),
    /// Close the stream for good (WS-19). The driver then wipes the slot.
    SignOut {
        /// Whether all other devices of the account are signed out, too; needs a connection.
        everywhere: bool,
    },
    /// Show this conversation; it counts as read as far as it is seen.
    OpenChat(BareJid),
    /// Show no conversation.
    CloseChat,
    /// Send a line to a contact. Works offline too.
    Send {
        /// The contact.
        to: BareJid,
        /// The text; never empty.
        body: String,
        /// [`Line::key`](crate::Line::key) of the line that it answers.
        reply_to: Option<String>,
    },
    /// Give an own line of the open conversation another text (IM-10).
    Edit {
        /// [`Line::key`](crate::Line::key).
        key: String,
        /// The text; never empty.
        body: String,
    },
    /// React to a line of the open conversation (IM-13).
    React {
        /// [`Line::key`](crate::Line::key).
        key: String,
        /// All own reactions to it from now on, in this order; none takes all back.
        emojis: Vec<String>,
    },
    /// Take an own line of the open conversation back, for everybody and for good (IM-14).
    Retract {
        /// [`Line::key`](crate::Line::key).
        key: String,
    },
    /// A key was pressed in the field for the next line; said again with every key (IM-08).
    Composing {
        /// For whom the line is.
        to: BareJid,
        /// Whether there is something in the field.
        is_composing: bool,
    },
    /// Whether other people are told that somebody is writing to them (IM-08); they are unless this
    /// says otherwise.
    ShareTyping(bool),
    /// What of the open conversation somebody looks at (IM-07).
    Seen {
        /// [`Line::key`](crate::Line::key) of the newest line in view; none if the end is in view, and
        /// lines that arrive live are shown as they come. That ends with the connection, with a hidden
        /// page, and with [`Intent::LookAway`]: it must be said again then.
        key: Option<String>,
    },
    /// Nobody looks any more, as when another window has the focus; what was seen stays seen.
    LookAway,
    /// Whether other people are told that their lines arrived and were displayed (IM-06); they are
    /// unless this says otherwise.
    ShareReading(bool),
    /// Send a failed line again, as a new message if the server refused it.
    Retry {
        /// [`Line::key`](crate::Line::key).
        key: String,
    },
    /// Drop a failed line.
    Discard {
        /// [`Line::key`](crate::Line::key).
        key: String,
    },
    /// Load older lines of the open conversation, from this device first, then from the archive.
    Older,
    /// Ask a person to become a contact.
    AddContact(BareJid),
    /// Accept somebody's request and ask back.
    AcceptContact(BareJid),
    /// Refuse somebody's request.
    RefuseContact(BareJid),
    /// Remove a contact.
    RemoveContact(BareJid),
    /// Call a contact so from now on; by no name, the contact is called by its own.
    RenameContact {
        /// The contact.
        jid: BareJid,
        /// The name.
        name: Option<String>,
    },
    /// Hear nothing of an account any more (XEP-0191).
    Block(BareJid),
    /// Hear of it again.
    Unblock(BareJid),
    /// Become a contact of whoever sent an invitation (RG-09).
    FollowInvitation {
        /// Who sent it.
        inviter: BareJid,
        /// Its token.
        token: String,
    },
    /// Make an invitation; [`People::invitation`](crate::view::People) tells it (RG-06).
    Invite,
    /// Make a link for one more device; [`People::link`](crate::view::People) tells it.
    LinkDevice,
    /// Ask for the account's devices; [`People::devices`](crate::view::People) tells them (SEC-67).
    ListDevices,
    /// Call a device something else.
    NameDevice {
        /// Its id in the list.
        id: String,
        /// Its name.
        name: String,
    },
    /// Sign another device out.
    SignOutDevice {
        /// Its id in the list.
        id: String,
    },
    /// Call oneself so before all contacts, or by no name (XEP-0172); needs a connection.
    SetNick(Option<String>),
    /// Show this PNG to all contacts, or none (XEP-0084); needs a connection.
    SetPicture(Option<Vec<u8>>),
}

/// What is to be done outside, in this order.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "an output lives until it is carried out, and few wait at a time; on wasm32 none is large"
)]
pub enum Output {
    /// Open a WebSocket to the server.
    Connect,
    /// Send one text frame.
    Transmit(Text),
    /// Close the socket; answer with [`Input::Disconnected`].
    Disconnect,
    /// Write this in one transaction and answer with [`Input::Committed`] (P7); there is no other commit
    /// before that.
    Commit(Batch),
    /// Read rows and answer with [`Input::Rows`].
    Query(RowQuery),
    /// Login succeeded with these keys; the driver may keep them in a form that cannot be read out (AU-32).
    KeepKeys {
        /// The keys.
        keys: ClientKeys,
        /// SaltedPassword, from which the driver can make non-extractable keys; only after a login by password.
        salted_password: Option<Vec<u8>>,
    },
    /// A line that was to be sent cannot be kept, or never be sent as it is: give it back to where it was
    /// written (INV-17).
    Unsaved {
        /// The contact.
        to: BareJid,
        /// The text.
        body: String,
    },
    /// The kept keys do not work any more; forget them.
    ForgetKeys,
    /// This part of the [`View`](crate::View) is not what it was.
    Changed(Change),
}
