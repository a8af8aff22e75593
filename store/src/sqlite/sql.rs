//! Every statement on the logs, in one place, so that a test can hold each against its plan.

macro_rules! conv_walk {
    ($seq:literal, $order:literal) => {
        concat!(
            "SELECT m.",
            $seq,
            ", r.id, m.ts, m.stanza FROM msg m CROSS JOIN arch r ",
            "WHERE m.k BETWEEN ?1 AND ?2 AND m.",
            $seq,
            " IS NOT NULL ",
            "AND r.user = ?3 AND r.seq = m.",
            $seq,
            " ORDER BY m.k ",
            $order
        )
    };
}

macro_rules! log_walk {
    ($order:literal) => {
        concat!(
            "SELECT r.seq, r.id, m.ts, m.stanza FROM arch r CROSS JOIN msg m ",
            "WHERE r.user = ?1 AND r.seq BETWEEN ?2 AND ?3 AND m.k = r.k ORDER BY r.seq ",
            $order
        )
    };
}

macro_rules! conv_first {
    ($seq:literal) => {
        concat!(
            "SELECT ",
            $seq,
            " FROM msg WHERE k BETWEEN ?1 AND ?2 AND ",
            $seq,
            " IS NOT NULL ORDER BY k LIMIT 1"
        )
    };
}

macro_rules! conv_count {
    ($seq:literal) => {
        concat!(
            "SELECT count(*) FROM msg WHERE k BETWEEN ?1 AND ?2 AND ",
            $seq,
            " IS NOT NULL"
        )
    };
}

macro_rules! clear_row {
    ($other:literal) => {
        concat!(
            "DELETE FROM msg WHERE k = ?1 AND NOT EXISTS ",
            "(SELECT 1 FROM arch r WHERE r.user = ?2 AND r.seq = msg.",
            $other,
            ")"
        )
    };
}

pub(super) const USER_OF: &str = "SELECT user FROM account WHERE jid = ?1";
/// What a login is checked against.
pub(super) const LOGIN: &str = "SELECT user, epoch, disabled FROM account WHERE jid = ?1";
pub(super) const KEYS: &str =
    "SELECT mechanism, salt, iterations, stored_key, server_key FROM credential WHERE user = ?1";
pub(super) const TOKENS: &str = "SELECT verifier, answer, made, expires, used FROM token \
     WHERE user = ?1 AND device = ?2 AND mechanism = ?3 ORDER BY used";
pub(super) const DEVICE_LINKS: &str =
    "SELECT verifier, answer, made, expires, 0 FROM device_link WHERE user = ?1";
pub(super) const DEVICES: &str = "SELECT d.device, d.name, d.first, d.last, \
     (SELECT max(t.expires) FROM token t WHERE t.user = d.user AND t.device = d.device) \
     FROM account a JOIN device d ON d.user = a.user WHERE a.jid = ?1";
pub(super) const SEE_DEVICE: &str =
    "UPDATE device SET last = max(last, ?3) WHERE user = ?1 AND device = ?2";
pub(super) const PARTY_OF: &str = "SELECT id FROM party WHERE jid = ?1 ORDER BY id DESC LIMIT 1";
pub(super) const PARTIES_OF: &str = "SELECT id FROM party WHERE jid = ?1 ORDER BY id";
pub(super) const NEW_PARTY: &str = "INSERT INTO party (jid) VALUES (?1)";

pub(super) const LOG: &str = "SELECT head, bytes, ts, strangers_bytes FROM log WHERE user = ?1";
pub(super) const SET_LOG: &str =
    "UPDATE log SET head = ?2, bytes = ?3, ts = ?4, strangers_bytes = ?5 WHERE user = ?1";

pub(super) const LISTED: &str = "SELECT listed FROM contact WHERE user = ?1 AND jid = ?2";
/// What is counted of one party's entries from a position on, if that position is counted.
pub(super) const STRANGER: &str =
    "SELECT bytes FROM stranger WHERE user = ?1 AND party = ?2 AND since <= ?3";
/// What is counted of an address, whoever had it, and whether this party was answered.
pub(super) const STRANGER_OF_JID: &str = "SELECT coalesce(sum(s.bytes), 0), \
     coalesce(max(s.answered AND s.party = ?3), 0) FROM party p CROSS JOIN stranger s WHERE p.jid = ?2 AND s.user = ?1 AND s.party = p.id";
pub(super) const ADD_STRANGER: &str = "INSERT INTO stranger (user, party, since, bytes) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes";
pub(super) const SHRINK_STRANGER: &str =
    "UPDATE stranger SET bytes = bytes - ?3 WHERE user = ?1 AND party = ?2";
pub(super) const ANSWER_STRANGER: &str = "INSERT INTO stranger (user, party, since, bytes, answered) \
     VALUES (?1, ?2, ?3, 0, 1) ON CONFLICT DO UPDATE SET answered = 1";
pub(super) const CLEAR_STRANGER: &str =
    "DELETE FROM stranger WHERE user = ?1 AND party = ?2 RETURNING bytes";
pub(super) const SHRINK_STRANGERS: &str =
    "UPDATE log SET strangers_bytes = max(0, strangers_bytes - ?2) WHERE user = ?1";

pub(super) const CONV: &str =
    "SELECT conv FROM conv WHERE a = ?1 AND b = ?2 ORDER BY conv DESC LIMIT 1";
pub(super) const CONVS: &str = "SELECT conv FROM conv WHERE a = ?1 AND b = ?2 ORDER BY conv";
pub(super) const NEW_CONV: &str = "INSERT INTO conv (a, b) VALUES (?1, ?2)";
pub(super) const CONV_PAIR: &str = "SELECT a, b FROM conv WHERE conv = ?1";
pub(super) const NEWEST_K: &str = "SELECT max(k) FROM msg WHERE k BETWEEN ?1 AND ?2";

pub(super) const NEW_MSG: &str =
    "INSERT INTO msg (k, ts, dir, seq_a, seq_b, stanza) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(super) const NEW_ARCH: &str = "INSERT INTO arch (user, seq, k, id) VALUES (?1, ?2, ?3, ?4)";
pub(super) const SEQ_OF_ID: &str = "SELECT seq FROM arch WHERE user = ?1 AND id = ?2";
pub(super) const K_OF_SEQ: &str = "SELECT k FROM arch WHERE user = ?1 AND seq = ?2";
pub(super) const STANZA_OF_ID: &str = "SELECT r.seq, m.stanza FROM arch r CROSS JOIN msg m \
     WHERE r.user = ?1 AND r.id = ?2 AND m.k = r.k";
pub(super) const TS_OF_SEQ: &str = "SELECT m.ts FROM arch r CROSS JOIN msg m \
     WHERE r.user = ?1 AND r.seq = ?2 AND m.k = r.k";
pub(super) const OLDEST: &str = "SELECT seq FROM arch WHERE user = ?1 ORDER BY seq LIMIT 1";
pub(super) const NEWEST: &str = "SELECT seq FROM arch WHERE user = ?1 ORDER BY seq DESC LIMIT 1";

pub(super) const LOG_FORWARD: &str = log_walk!("ASC");
pub(super) const LOG_BACKWARD: &str = log_walk!("DESC");

pub(super) const SENT: &str = "SELECT digest, outcome FROM sent WHERE user = ?1 AND id = ?2";
pub(super) const NEW_SENT: &str =
    "INSERT INTO sent (user, id, digest, outcome, ts) VALUES (?1, ?2, ?3, ?4, ?5)";
/// The same for an outcome that may be known already.
pub(super) const KEEP_SENT: &str = "INSERT INTO sent (user, id, digest, outcome, ts) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
pub(super) const PRUNE_SENT: &str = "DELETE FROM sent WHERE (user, id) IN \
     (SELECT user, id FROM sent WHERE ts < ?1 ORDER BY ts LIMIT ?2)";
pub(super) const NEW_SPOOL: &str = "INSERT OR IGNORE INTO spool (user, seq) VALUES (?1, ?2)";
pub(super) const NEW_SPOOLS: &str = "INSERT OR IGNORE INTO spool (user, seq) \
     SELECT user, seq FROM arch WHERE user = ?1 AND seq BETWEEN ?2 AND ?3";
pub(super) const CLEAR_SPOOL: &str = "DELETE FROM spool WHERE user = ?1 AND seq BETWEEN ?2 AND ?3";
pub(super) const HAS_SPOOL: &str = "SELECT 1 FROM spool WHERE user = ?1 LIMIT 1";
pub(super) const SPOOLED: &str = "SELECT r.seq, r.id, m.ts, m.stanza \
     FROM spool s CROSS JOIN arch r CROSS JOIN msg m \
     WHERE s.user = ?1 AND s.seq > ?2 AND r.user = s.user AND r.seq = s.seq AND m.k = r.k \
     ORDER BY s.seq";
macro_rules! put_session {
    ($update:literal) => {
        concat!(
            "INSERT INTO session (user, key, resource, prefix, handled, max_s, ended, until, device) ",
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (user, key) DO UPDATE SET ",
            $update
        )
    };
}

pub(super) const SESSIONS: &str = "SELECT key, resource, prefix, handled, max_s, ended, until, device \
     FROM session WHERE user = ?1 ORDER BY key";
pub(super) const SET_SESSION: &str = put_session!(
    "handled = max(handled, excluded.handled), ended = excluded.ended, until = excluded.until, \
     device = excluded.device"
);
pub(super) const COUNT_SESSION: &str = put_session!("handled = max(handled, excluded.handled)");
pub(super) const CLEAR_SESSION: &str = "DELETE FROM session WHERE user = ?1 AND key = ?2";
pub(super) const CLEAR_SESSIONS: &str = "DELETE FROM session WHERE user = ?1";

pub(super) const PRUNE_INVITES: &str = "DELETE FROM invite WHERE expires < ?1";

pub(super) const DOOMED: &str = "SELECT user FROM doomed LIMIT 1";
pub(super) const CLEAR_SENT: &str = "DELETE FROM sent WHERE (user, id) IN \
     (SELECT user, id FROM sent WHERE user = ?1 LIMIT ?2)";
/// What is left of an account whose log and outcomes are gone.
pub(super) const CLEAR_REST: [&str; 4] = [
    "DELETE FROM stranger WHERE user = ?1",
    CLEAR_RETENTION,
    "DELETE FROM log WHERE user = ?1",
    "DELETE FROM doomed WHERE user = ?1",
];

pub(super) const DIR_AND_TS: &str = "SELECT dir, ts FROM msg WHERE k = ?1";
pub(super) const PLACES: &str = "SELECT dir, ts, seq_a, seq_b FROM msg WHERE k = ?1";
pub(super) const STANZA: &str = "SELECT stanza FROM msg WHERE k = ?1";
pub(super) const SET_STANZA: &str = "UPDATE msg SET stanza = ?2 WHERE k = ?1";
pub(super) const ID_AT: &str = "SELECT id FROM arch WHERE user = ?1 AND seq = ?2";
/// The row that has so many above it in a range, itself counted.
pub(super) const ROW_BELOW: &str =
    "SELECT k FROM msg WHERE k BETWEEN ?1 AND ?2 ORDER BY k DESC LIMIT 1 OFFSET ?3 - 1";
/// The rows of a range that one side sent and that have these bytes somewhere.
pub(super) const SENT_WITH: &str = "SELECT k, stanza FROM msg \
     WHERE k BETWEEN ?1 AND ?2 AND dir = ?3 AND instr(stanza, ?4) > 0 ORDER BY k DESC";
pub(super) const OLDER_CONV: &str = "SELECT o.conv FROM conv c CROSS JOIN conv o \
     WHERE c.conv = ?1 AND o.a = c.a AND o.b = c.b AND o.conv < c.conv ORDER BY o.conv DESC LIMIT 1";
pub(super) const NEW_RETRACTION: &str =
    "INSERT OR REPLACE INTO retraction (k, before) VALUES (?1, ?2)";
pub(super) const NEXT_RETRACTION: &str = "SELECT k, before FROM retraction ORDER BY k LIMIT 1";
pub(super) const CLEAR_RETRACTION: &str = "DELETE FROM retraction WHERE k = ?1";

/// Goes through all accounts, which are few beside their messages.
pub(super) const ACCOUNTS: &str = "SELECT user FROM account";
pub(super) const LEFTOVERS: &str = "SELECT EXISTS (SELECT 1 FROM sent WHERE ts < ?1) \
     OR EXISTS (SELECT 1 FROM invite WHERE expires < ?2)";
pub(super) const LOG_SIZE: &str = "SELECT head, bytes, strangers_bytes FROM log WHERE user = ?1";
pub(super) const SHRINK_LOG: &str = "UPDATE log SET bytes = max(0, bytes - ?2), \
     strangers_bytes = max(0, strangers_bytes - ?3) WHERE user = ?1";
pub(super) const OLDEST_ENTRY: &str = "SELECT r.seq, r.k, r.id IS NOT NULL, m.ts, length(m.stanza), m.dir \
     FROM arch r CROSS JOIN msg m WHERE r.user = ?1 AND m.k = r.k ORDER BY r.seq LIMIT 1";
pub(super) const NAMED_ENTRY: &str = "SELECT r.id, m.stanza FROM arch r CROSS JOIN msg m \
     WHERE r.user = ?1 AND r.seq = ?2 AND m.k = r.k";
pub(super) const CLEAR_ARCH: &str = "DELETE FROM arch WHERE user = ?1 AND seq = ?2";
pub(super) const RETENTION: &str = "SELECT age_ms, entries, bytes FROM retention WHERE user = ?1";
pub(super) const SET_RETENTION: &str =
    "INSERT OR REPLACE INTO retention (user, age_ms, entries, bytes) VALUES (?1, ?2, ?3, ?4)";
pub(super) const CLEAR_RETENTION: &str = "DELETE FROM retention WHERE user = ?1";

/// The statements on one side of a conversation: its `a` or its `b`.
pub(super) struct SideSql {
    /// Rows of a range, oldest first.
    pub(super) forward: &'static str,
    /// Rows of a range, newest first.
    pub(super) backward: &'static str,
    /// Position of a range's first row.
    pub(super) first: &'static str,
    /// Rows in a range.
    pub(super) count: &'static str,
    /// Takes a row away if the log of the other side, whose number is given, does not hold it.
    pub(super) clear: &'static str,
}

pub(super) const SIDE_A: SideSql = SideSql {
    forward: conv_walk!("seq_a", "ASC"),
    backward: conv_walk!("seq_a", "DESC"),
    first: conv_first!("seq_a"),
    count: conv_count!("seq_a"),
    clear: clear_row!("seq_b"),
};
pub(super) const SIDE_B: SideSql = SideSql {
    forward: conv_walk!("seq_b", "ASC"),
    backward: conv_walk!("seq_b", "DESC"),
    first: conv_first!("seq_b"),
    count: conv_count!("seq_b"),
    clear: clear_row!("seq_a"),
};

impl SideSql {
    /// The statements on the side of `own`.
    pub(super) fn of(own: i64, other: i64) -> &'static Self {
        if own <= other { &SIDE_A } else { &SIDE_B }
    }
}

/// Whom an account blocks.
pub(super) const BLOCKED: &str = "SELECT jid FROM blocked WHERE user = ?1 ORDER BY jid";

/// Blocks an address.
pub(super) const BLOCK: &str =
    "INSERT INTO blocked (user, jid) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

/// Blocks an address no longer.
pub(super) const UNBLOCK: &str = "DELETE FROM blocked WHERE user = ?1 AND jid = ?2";

/// Blocks nobody any longer.
pub(super) const UNBLOCK_ALL: &str = "DELETE FROM blocked WHERE user = ?1";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    USER_OF,
    LOGIN,
    KEYS,
    TOKENS,
    DEVICE_LINKS,
    DEVICES,
    SEE_DEVICE,
    PARTY_OF,
    PARTIES_OF,
    NEW_PARTY,
    LOG,
    SET_LOG,
    LISTED,
    BLOCKED,
    BLOCK,
    UNBLOCK,
    UNBLOCK_ALL,
    STRANGER,
    STRANGER_OF_JID,
    SHRINK_STRANGER,
    ANSWER_STRANGER,
    ADD_STRANGER,
    CLEAR_STRANGER,
    SHRINK_STRANGERS,
    CONV,
    CONVS,
    NEW_CONV,
    CONV_PAIR,
    NEWEST_K,
    NEW_MSG,
    NEW_ARCH,
    SEQ_OF_ID,
    K_OF_SEQ,
    STANZA_OF_ID,
    TS_OF_SEQ,
    OLDEST,
    NEWEST,
    LOG_FORWARD,
    LOG_BACKWARD,
    SENT,
    NEW_SENT,
    PRUNE_SENT,
    SESSIONS,
    SET_SESSION,
    COUNT_SESSION,
    CLEAR_SESSION,
    CLEAR_SESSIONS,
    PRUNE_INVITES,
    KEEP_SENT,
    DIR_AND_TS,
    PLACES,
    STANZA,
    SET_STANZA,
    ID_AT,
    ROW_BELOW,
    SENT_WITH,
    OLDER_CONV,
    CLEAR_RETRACTION,
    CLEAR_SENT,
    NEW_SPOOL,
    NEW_SPOOLS,
    CLEAR_SPOOL,
    HAS_SPOOL,
    SPOOLED,
    CLEAR_REST[0],
    LEFTOVERS,
    LOG_SIZE,
    SHRINK_LOG,
    OLDEST_ENTRY,
    NAMED_ENTRY,
    CLEAR_ARCH,
    RETENTION,
    SET_RETENTION,
    CLEAR_RETENTION,
    SIDE_A.forward,
    SIDE_A.backward,
    SIDE_A.first,
    SIDE_A.count,
    SIDE_A.clear,
    SIDE_B.forward,
    SIDE_B.backward,
    SIDE_B.first,
    SIDE_B.count,
    SIDE_B.clear,
];
