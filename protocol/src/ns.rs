//! XML namespaces, each named once.

/// Framing of XMPP over WebSocket (RFC 7395).
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// Stream features and stream errors (RFC 6120 §4).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Conditions of stream errors (RFC 6120 §4.9).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 6120 §8.3).
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Stanzas of a client stream.
pub const CLIENT: &str = "jabber:client";
/// The `xml:` prefix.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The `xmlns` attributes themselves.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// SASL as in RFC 6120 §6.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Login in one exchange (XEP-0388).
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// Login by token (XEP-0484).
pub const FAST: &str = "urn:xmpp:fast:0";
/// Binding and enabling in one step (XEP-0386).
pub const BIND2: &str = "urn:xmpp:bind:0";
/// Resource binding (RFC 6120 §7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// The session request that RFC 3921 had and nobody needs any more.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Stream management (XEP-0198).
pub const SM: &str = "urn:xmpp:sm:3";
/// Client state indication (XEP-0352).
pub const CSI: &str = "urn:xmpp:csi:0";
/// Message archive management (XEP-0313).
pub const MAM: &str = "urn:xmpp:mam:2";
/// Result set management (XEP-0059).
pub const RSM: &str = "http://jabber.org/protocol/rsm";
/// Forwarded stanzas (XEP-0297).
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// Stanza ids (XEP-0359).
pub const SID: &str = "urn:xmpp:sid:0";
/// Message carbons (XEP-0280).
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// Tells that the carbons rules of XEP-0280 §6.1 are followed.
pub const CARBONS_RULES: &str = "urn:xmpp:carbons:rules:0";
/// Processing hints (XEP-0334).
pub const HINTS: &str = "urn:xmpp:hints";
/// Delayed delivery (XEP-0203).
pub const DELAY: &str = "urn:xmpp:delay";
/// Message routing 2, whose wrappers an s11 session receives.
pub const MR2: &str = "urn:xmpp:mr2:0";
/// Our own protocol (`docs/protocol.md`, S11 rows).
pub const S11: &str = "urn:x-balcony:s11:0";
/// Data forms (XEP-0004).
pub const DATA: &str = "jabber:x:data";
/// Contact lists (RFC 6121 §2).
pub const ROSTER: &str = "jabber:iq:roster";
/// Roster versioning feature (RFC 6121 §2.6).
pub const ROSTER_VER: &str = "urn:xmpp:features:rosterver";
/// Pre-approval feature (RFC 6121 §3.4).
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// Service discovery, information (XEP-0030).
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Service discovery, items (XEP-0030).
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// Entity capabilities (XEP-0115).
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// Ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// Software version (XEP-0092).
pub const VERSION: &str = "jabber:iq:version";
/// In-band registration (XEP-0077).
pub const REGISTER: &str = "jabber:iq:register";
/// The stream feature of XEP-0077.
pub const REGISTER_FEATURE: &str = "http://jabber.org/features/iq-register";
/// Registration by token (XEP-0445), the stream feature.
pub const IBR_TOKEN: &str = "urn:xmpp:ibr-token:0";
/// Pre-authenticated registration and subscription (XEP-0379).
pub const PREAUTH: &str = "urn:xmpp:pars:0";
/// Ad-hoc commands (XEP-0050).
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// Limits of a stream (XEP-0478).
pub const STREAM_LIMITS: &str = "urn:xmpp:stream-limits:0";
/// Blocking (XEP-0191).
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// The condition that tells a client that it blocks its addressee.
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// Delivery receipts (XEP-0184).
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// Displayed markers (XEP-0333).
pub const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// Chat states (XEP-0085).
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Reactions (XEP-0444).
pub const REACTIONS: &str = "urn:xmpp:reactions:0";
/// Retractions (XEP-0424).
pub const RETRACT: &str = "urn:xmpp:message-retract:1";
/// Corrections (XEP-0308).
pub const REPLACE: &str = "urn:xmpp:message-correct:0";
/// Replies (XEP-0461).
pub const REPLY: &str = "urn:xmpp:reply:0";
/// Text for programs that do not know a feature (XEP-0428).
pub const FALLBACK: &str = "urn:xmpp:fallback:0";
/// Message styling (XEP-0393): says that a text has none.
pub const STYLING: &str = "urn:xmpp:styling:0";
/// Explicit message encryption (XEP-0380).
pub const EME: &str = "urn:xmpp:eme:0";
/// Stateless file sharing (XEP-0447).
pub const FILE_SHARING: &str = "urn:xmpp:sfs:0";
/// Publish and subscribe, and personal eventing (XEP-0060, XEP-0163).
pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// What only the owner of a node asks for.
pub const PUBSUB_OWNER: &str = "http://jabber.org/protocol/pubsub#owner";
/// Notifications.
pub const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// Conditions of their own.
pub const PUBSUB_ERRORS: &str = "http://jabber.org/protocol/pubsub#errors";
/// Node and payload of the synced read state (XEP-0490).
pub const MDS: &str = "urn:xmpp:mds:displayed:0";
/// Server-assisted displayed markers (XEP-0490 §5).
pub const MDS_ASSIST: &str = "urn:xmpp:mds:server-assist:0";
/// Multi-user chat, the user's half (XEP-0045).
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
