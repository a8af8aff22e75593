//! What both ends of a Balcony stream agree on.
//!
//! Text of one WebSocket message goes in, a typed [`Frame`] comes out, and back. Every rule that the
//! server and a client must compute alike (archive ids, who gets a copy, what is archived, counters
//! modulo 2³²) lives here and nowhere else. The crate knows no accounts, sessions, stores or clocks,
//! and not which end it runs on.

pub mod archive_id;
pub mod avatar;
pub mod bind;
pub mod bind2;
pub mod blocking;
pub mod caps;
pub mod chat_state;
pub mod correct;
pub mod csi;
pub mod delay;
pub mod devices;
pub mod disco;
pub mod fallback;
pub mod fast;
pub mod fork;
pub mod form;
pub mod forward;
pub mod frame;
pub mod invite;
pub mod iq;
pub mod jid;
pub mod mam;
pub mod markers;
pub mod mds;
pub mod message;
mod mutant;
pub mod nick;
pub mod ns;
pub mod password;
pub mod presence;
pub mod pubsub;
pub mod reactions;
pub mod receipts;
pub mod register;
pub mod reply;
pub mod retract;
pub mod roster;
pub mod rsm;
pub mod s11;
pub mod sasl;
pub mod sasl2;
pub mod scram;
pub mod sid;
pub mod sm;
pub mod spec;
pub mod stanza;
pub mod stanza_error;
pub mod stream_error;
pub mod time;
pub mod xml;

pub use bytestring::ByteString as Text;
pub use mutant::mutant;

pub use crate::archive_id::{ArchiveId, IdPrefix};
pub use crate::frame::Frame;
pub use crate::iq::{Iq, IqKind};
pub use crate::jid::{BareJid, FullJid, Jid};
pub use crate::message::{Message, MessageType};
pub use crate::presence::{Presence, PresenceType};
pub use crate::sm::{Handled, Unacked, Watermark};
pub use crate::stanza::{Header, Stanza, StanzaKind};
pub use crate::stanza_error::{Condition, StanzaError};
pub use crate::stream_error::{StreamCondition, StreamError};
pub use crate::time::Now;
pub use crate::xml::{Element, ParseError, XmlLimits};
