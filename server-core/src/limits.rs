//! Every bound of a server in one place (reliability.md §5), and what a server is called.

use std::sync::Arc;

use protocol::XmlLimits;

/// What both [`Opening`](crate::Opening) and [`Core`](crate::Core) need to know of their server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The domain that is served, prepared.
    pub domain: Arc<str>,
    /// Whether anybody may make an account (RG-01).
    pub open_registration: bool,
    /// Whether PLAIN is offered (AU-01).
    pub allow_plain: bool,
    /// Secret of the server, from which unknown users get stable fake salts (AU-08).
    pub secret: [u8; 32],
    /// Where the web client is reached, without a slash at the end; absent if that is not known.
    pub web: Option<Arc<str>>,
    /// The bounds.
    pub limits: Limits,
}

/// The bounds; the LIM rows that each is named after say what lies beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// LIM-02: milliseconds from upgrade to a bound session.
    pub login_ms: u64,
    /// LIM-03: login attempts of one connection.
    pub login_attempts: u32,
    /// LIM-04: bytes of one stanza before login.
    pub stanza_bytes_before_login: usize,
    /// LIM-04: bytes of one stanza after login.
    pub stanza_bytes: usize,
    /// LIM-10..13 before login.
    pub xml_before_login: XmlLimits,
    /// LIM-10..13 after login.
    pub xml: XmlLimits,
    /// LIM-07: bytes sent to a connection and not yet on the wire.
    pub unsent_bytes: usize,
    /// LIM-07: frames sent to a connection and not yet on the wire.
    pub unsent_frames: usize,
    /// LIM-07: milliseconds for which a connection may take nothing.
    pub blocked_ms: u64,
    /// LIM-08: sessions of one account.
    pub sessions_per_account: usize,
    /// LIM-09: stanzas sent to a session and not acknowledged, or waiting for a detached one.
    pub unacked_stanzas: usize,
    /// LIM-09: bytes of the same.
    pub unacked_bytes: usize,
    /// LIM-09: seconds for which a detached session is kept at most.
    pub resume_s: u32,
    /// LIM-14: stanzas of one session that are being handled.
    pub unsettled_stanzas: usize,
    /// LIM-19: entries of a page where nothing else is asked for, and at most.
    pub page: (u32, u32),
    /// LIM-19: ids that one query may name.
    pub ids_per_query: usize,
    /// LIM-19: queries of one account that run at once.
    pub queries_per_account: usize,
    /// LIM-17: people who do not know an account to whom it may write within an hour.
    pub new_recipients_per_hour: usize,
    /// LIM-17: subscription requests of one account within an hour.
    pub requests_per_hour: usize,
    /// LIM-16: invitations of one account that nobody used yet, and such as it makes within an hour.
    pub invitations: (usize, usize),
    /// RG-07: milliseconds for which an invitation may be used.
    pub invitation_ms: i64,
    /// LIM-20: contacts of one roster.
    pub roster_items: usize,
    /// LIM-20: groups of one contact.
    pub roster_groups: usize,
    /// RO-03: bytes of a contact's or a group's name.
    pub roster_name_bytes: usize,
    /// LIM-20: addresses that one account blocks.
    pub blocked: usize,
    /// LIM-20: nodes of one account, and items of one node.
    pub nodes: (usize, u32),
    /// LIM-20: bytes of one item's payload, and of all items of one account.
    pub item_bytes: (usize, u64),
    /// Bytes of payload in one answer; the rest is another page.
    pub items_page_bytes: usize,
    /// DI-03: descriptions of clients that are remembered.
    pub known_caps: usize,
    /// LIM-25: copies held back from an inactive session.
    pub held_copies: usize,
    /// Bytes of the same.
    pub held_bytes: usize,
    /// LIM-25: milliseconds for which they are held at most.
    pub held_ms: u64,
    /// Entries of a log that are kept in memory for walking.
    pub tail_entries: usize,
    /// Entries that are read at once when a cursor lies before the tail.
    pub read_entries: usize,
    /// Where stream management begins to count, 0 by XEP-0198; anything else is for tests of what
    /// happens at 2^32 (SM-04).
    pub first_h: u32,
    /// AU-25: milliseconds for which a token works.
    pub token_ms: i64,
    /// AU-26: milliseconds after which a token that is used is replaced by the next one.
    pub token_rotate_ms: i64,
    /// SEC-32: milliseconds for which a link lets one more device sign in.
    pub device_link_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_ms: 30_000,
            login_attempts: 5,
            stanza_bytes_before_login: 16_384,
            stanza_bytes: 262_144,
            xml_before_login: XmlLimits::BEFORE_LOGIN,
            xml: XmlLimits::AFTER_LOGIN,
            unsent_bytes: 4 << 20,
            unsent_frames: 4_096,
            blocked_ms: 30_000,
            sessions_per_account: 32,
            unacked_stanzas: 5_000,
            unacked_bytes: 8 << 20,
            resume_s: 600,
            unsettled_stanzas: 32,
            page: (100, 250),
            ids_per_query: 100,
            queries_per_account: 2,
            new_recipients_per_hour: 20,
            requests_per_hour: 20,
            invitations: (50, 20),
            invitation_ms: 7 * 86_400_000,
            roster_items: 2_000,
            blocked: 2_000,
            roster_groups: 200,
            roster_name_bytes: 1_023,
            nodes: (256, 1_000),
            item_bytes: (64 << 10, 16 << 20),
            items_page_bytes: 128 << 10,
            known_caps: 1_000,
            held_copies: 256,
            held_bytes: 1 << 20,
            held_ms: 600_000,
            tail_entries: 256,
            read_entries: 128,
            first_h: 0,
            token_ms: 21 * 86_400_000,
            token_rotate_ms: 86_400_000,
            device_link_ms: 600_000,
        }
    }
}
