//! The bounds that an operator may change (reliability.md §5).

use serde::{Deserialize, Serialize};
use server_core::Limits as CoreLimits;

use super::ConfigError;

/// Bounds of a server; the LIM rows that each is named after say what lies beyond.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// LIM-01: milliseconds from connection to complete HTTP header, and between requests.
    pub header_ms: u64,
    /// LIM-01: bytes of an HTTP header; at least 8,192.
    pub header_bytes: usize,
    /// LIM-01: fields of an HTTP header.
    pub headers: usize,
    /// LIM-08: connections of one address (IPv4) or network of 64 bits (IPv6).
    pub connections_per_ip: usize,
    /// Whether this machine's own addresses are free of LIM-08 and LIM-15.
    pub loopback_exempt: bool,
    /// LIM-08: connections in all; 90 % of the file descriptors where nothing is said.
    pub connections: Option<usize>,
    /// LIM-02: milliseconds from upgrade to a bound session.
    pub login_ms: u64,
    /// LIM-03: login attempts of one connection.
    pub login_attempts: u32,
    /// LIM-15: failed logins of one address within ten minutes before the next are delayed.
    pub login_failures: u32,
    /// LIM-04: bytes of one stanza before login.
    pub stanza_bytes_before_login: usize,
    /// LIM-04: bytes of one stanza after login.
    pub stanza_bytes: usize,
    /// LIM-05: milliseconds for which a message may be under way.
    pub message_ms: u64,
    /// LIM-06: control frames in a second.
    pub controls_per_s: u32,
    /// LIM-06: control frames at once.
    pub controls_burst: u32,
    /// LIM-07: bytes sent to a connection and not yet on the wire.
    pub unsent_bytes: usize,
    /// LIM-07: frames sent to a connection and not yet on the wire.
    pub unsent_frames: usize,
    /// LIM-07: milliseconds for which a connection may take nothing.
    pub blocked_ms: u64,
    /// LIM-08: sessions of one account.
    pub sessions_per_account: usize,
    /// LIM-09: stanzas not acknowledged by a session.
    pub unacked_stanzas: usize,
    /// LIM-09: bytes of the same.
    pub unacked_bytes: usize,
    /// LIM-09: seconds for which a detached session is kept at most.
    pub resume_s: u32,
    /// LIM-14: bytes that a session may bring in a second.
    pub bytes_per_s: u32,
    /// LIM-14: bytes that it may bring at once.
    pub bytes_burst: u32,
    /// LIM-14: messages that a session may bring in a second.
    pub messages_per_s: u32,
    /// LIM-14: messages that it may bring at once.
    pub messages_burst: u32,
    /// LIM-14: stanzas of one session that are being handled.
    pub unsettled_stanzas: usize,
    /// LIM-18: bytes of one account's log.
    pub archive_bytes: u64,
    /// LIM-18: percent of these bytes that all senders together may fill who are no contacts.
    pub archive_strangers_percent: u8,
    /// LIM-17: bytes that any one of them may fill to whom the account has not written.
    pub archive_stranger_bytes: u64,
    /// MAM-24: milliseconds between two looks for what is no longer kept.
    pub tend_ms: u64,
    /// LIM-24: messages written in one transaction at most.
    pub append_batch: usize,
    /// LIM-24: answers of the store that are awaited at once.
    pub in_flight: usize,
    /// Archive reads that run at once.
    pub reads: usize,
    /// WS-22: milliseconds between pings.
    pub ping_ms: u64,
    /// WS-22: milliseconds without any frame after which a connection counts as dead.
    pub idle_ms: u64,
    /// WS-16: milliseconds that the closing of a connection may take.
    pub close_ms: u64,
    /// Milliseconds that stopping the server may take.
    pub shutdown_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let core = CoreLimits::default();
        Self {
            header_ms: 10_000,
            header_bytes: 16_384,
            headers: 100,
            connections_per_ip: 64,
            loopback_exempt: true,
            connections: None,
            login_ms: core.login_ms,
            login_attempts: core.login_attempts,
            login_failures: 20,
            stanza_bytes_before_login: core.stanza_bytes_before_login,
            stanza_bytes: core.stanza_bytes,
            message_ms: 30_000,
            controls_per_s: 20,
            controls_burst: 100,
            unsent_bytes: core.unsent_bytes,
            unsent_frames: core.unsent_frames,
            blocked_ms: core.blocked_ms,
            sessions_per_account: core.sessions_per_account,
            unacked_stanzas: core.unacked_stanzas,
            unacked_bytes: core.unacked_bytes,
            resume_s: core.resume_s,
            bytes_per_s: 64 << 10,
            bytes_burst: 512 << 10,
            messages_per_s: 30,
            messages_burst: 200,
            unsettled_stanzas: core.unsettled_stanzas,
            archive_bytes: 1 << 30,
            archive_strangers_percent: 5,
            archive_stranger_bytes: 64 << 10,
            tend_ms: 60_000,
            append_batch: 256,
            in_flight: 1_024,
            reads: 4,
            ping_ms: 30_000,
            idle_ms: 60_000,
            close_ms: 5_000,
            shutdown_ms: 10_000,
        }
    }
}

impl Limits {
    /// LIM-04: what the WebSocket layer takes at most, a little more than a stanza.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.stanza_bytes.saturating_add(4_096)
    }

    /// The bounds that the cores keep themselves.
    pub(crate) fn core(&self) -> CoreLimits {
        CoreLimits {
            login_ms: self.login_ms,
            login_attempts: self.login_attempts,
            stanza_bytes_before_login: self.stanza_bytes_before_login,
            stanza_bytes: self.stanza_bytes,
            unsent_bytes: self.unsent_bytes,
            unsent_frames: self.unsent_frames,
            blocked_ms: self.blocked_ms,
            sessions_per_account: self.sessions_per_account,
            unacked_stanzas: self.unacked_stanzas,
            unacked_bytes: self.unacked_bytes,
            resume_s: self.resume_s,
            unsettled_stanzas: self.unsettled_stanzas,
            ..CoreLimits::default()
        }
    }

    /// LIM-18: bytes of one account's log that strangers may fill.
    pub(crate) fn strangers_bytes(&self) -> u64 {
        let percent = u64::from(self.archive_strangers_percent.min(100));
        (self.archive_bytes / 100).saturating_mul(percent)
    }

    /// Refuses bounds with which nothing works.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (name, is_zero) in [
            ("header_ms", self.header_ms == 0),
            ("headers", self.headers == 0),
            ("connections_per_ip", self.connections_per_ip == 0),
            ("connections", self.connections == Some(0)),
            ("login_ms", self.login_ms == 0),
            ("stanza_bytes", self.stanza_bytes == 0),
            ("controls_per_s", self.controls_per_s == 0),
            ("unsent_frames", self.unsent_frames == 0),
            ("bytes_per_s", self.bytes_per_s == 0),
            ("messages_per_s", self.messages_per_s == 0),
            ("unsettled_stanzas", self.unsettled_stanzas == 0),
            ("tend_ms", self.tend_ms == 0),
            ("append_batch", self.append_batch == 0),
            ("in_flight", self.in_flight == 0),
            ("reads", self.reads == 0),
            ("ping_ms", self.ping_ms == 0),
            ("idle_ms", self.idle_ms == 0),
        ] {
            if is_zero {
                return Err(ConfigError::ZeroLimit(name));
            }
        }
        Ok(())
    }
}
