//! The specifications that Balcony follows; documentation is made of this table.

/// One specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Number as people write it.
    pub number: &'static str,
    /// Title.
    pub title: &'static str,
    /// The version that was read.
    pub version: &'static str,
    /// What is missing, or nothing.
    pub missing: &'static str,
}

const fn spec(
    number: &'static str,
    title: &'static str,
    version: &'static str,
    missing: &'static str,
) -> Spec {
    Spec {
        number,
        title,
        version,
        missing,
    }
}

/// Every specification of which something is built.
pub const SPECS: &[Spec] = &[
    spec(
        "RFC 6120",
        "XMPP: Core",
        "2011",
        "federation; TLS inside the stream",
    ),
    spec(
        "RFC 6121",
        "XMPP: Instant Messaging and Presence",
        "2011",
        "",
    ),
    spec(
        "RFC 7395",
        "XMPP over WebSocket",
        "2014",
        "redirects by the server",
    ),
    spec(
        "RFC 5802, RFC 7677",
        "SCRAM-SHA-1, SCRAM-SHA-256",
        "2015",
        "channel binding",
    ),
    spec("XEP-0030", "Service Discovery", "2.5", ""),
    spec(
        "XEP-0050",
        "Ad-Hoc Commands",
        "1.3.0",
        "commands of several steps",
    ),
    spec(
        "XEP-0059",
        "Result Set Management",
        "1.0",
        "paging by index",
    ),
    spec("XEP-0077", "In-Band Registration", "2.4", "forms"),
    spec(
        "XEP-0084",
        "User Avatar",
        "1.1.4",
        "pictures elsewhere than in the data node; pictures that are no PNG",
    ),
    spec("XEP-0085", "Chat State Notifications", "2.1", ""),
    spec(
        "XEP-0115",
        "Entity Capabilities",
        "1.6.0",
        "clients' capabilities are not asked for",
    ),
    spec(
        "XEP-0156",
        "Discovering Alternative Connection Methods",
        "1.4.0",
        "",
    ),
    spec(
        "XEP-0172",
        "User Nickname",
        "1.1",
        "names in presence and messages",
    ),
    spec("XEP-0184", "Message Delivery Receipts", "1.4.0", ""),
    spec("XEP-0191", "Blocking Command", "1.3", ""),
    spec("XEP-0198", "Stream Management", "1.6.2", "location"),
    spec("XEP-0199", "XMPP Ping", "2.0.1", ""),
    spec("XEP-0203", "Delayed Delivery", "2.0", ""),
    spec("XEP-0280", "Message Carbons", "1.0.1", ""),
    spec("XEP-0297", "Stanza Forwarding", "1.0", ""),
    spec("XEP-0308", "Last Message Correction", "1.2.1", ""),
    spec(
        "XEP-0313",
        "Message Archive Management",
        "1.1.3",
        "preferences",
    ),
    spec("XEP-0333", "Displayed Markers", "0.5.0", ""),
    spec("XEP-0334", "Message Processing Hints", "1.0.0", ""),
    spec("XEP-0352", "Client State Indication", "1.0.0", ""),
    spec("XEP-0359", "Unique and Stable Stanza IDs", "0.7.0", ""),
    spec(
        "XEP-0379",
        "Pre-Authenticated Roster Subscription",
        "0.3.3",
        "",
    ),
    spec("XEP-0386", "Bind 2", "1.1.0", ""),
    spec(
        "XEP-0388",
        "Extensible SASL Profile",
        "1.0.2",
        "tasks after the login",
    ),
    spec("XEP-0393", "Message Styling", "1.1.1", ""),
    spec("XEP-0424", "Message Retraction", "0.4.2", ""),
    spec("XEP-0428", "Fallback Indication", "0.2.1", ""),
    spec("XEP-0444", "Message Reactions", "0.2.1", ""),
    spec(
        "XEP-0401",
        "Ad-hoc Account Invitation Generation",
        "0.5.0",
        "invitations by administrators",
    ),
    spec(
        "XEP-0445",
        "Pre-Authenticated In-Band Registration",
        "0.2.0",
        "",
    ),
    spec("XEP-0461", "Message Replies", "0.2.0", ""),
    spec("XEP-0474", "SASL SCRAM Downgrade Protection", "0.4.0", ""),
    spec("XEP-0478", "Stream Limits Advertisement", "0.2.0", ""),
    spec(
        "XEP-0484",
        "Fast Authentication Streamlining Tokens",
        "0.2.0",
        "counters; TLS early data",
    ),
];
