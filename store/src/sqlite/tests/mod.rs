//! What only SQLite can get wrong.

mod backup;
mod crash;
mod durable;
mod failing;
mod gate;
mod tending;

use std::path::Path;

use rusqlite::Connection;

use super::schema;

/// A connection for looking behind the store's back.
fn look(path: &Path) -> Connection {
    schema::writer(path).unwrap()
}

fn count(conn: &Connection, query: &str) -> i64 {
    conn.query_row(query, [], |row| row.get(0)).unwrap()
}

/// Holds the file against SQLite's own checks.
fn check_integrity(conn: &Connection) {
    let verdict: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    // Each entry has its row, and each row says where its entries are.
    let stray = "SELECT count(*) FROM arch r LEFT JOIN msg m ON m.k = r.k \
         LEFT JOIN conv c ON c.conv = r.k >> 24 \
         WHERE NOT ((c.a = r.user AND m.seq_a = r.seq) OR (c.b = r.user AND m.seq_b = r.seq)) \
         OR m.k IS NULL OR c.conv IS NULL";
    assert_eq!(count(conn, stray), 0);
    let useless = "SELECT count(*) FROM msg m JOIN conv c ON c.conv = m.k >> 24 \
         WHERE NOT EXISTS (SELECT 1 FROM arch r WHERE r.user = c.a AND r.seq = m.seq_a) \
         AND NOT EXISTS (SELECT 1 FROM arch r WHERE r.user = c.b AND r.seq = m.seq_b)";
    assert_eq!(count(conn, useless), 0);
    let holes = "SELECT count(*) FROM (SELECT max(seq) - min(seq) + 1 - count(*) AS missing \
         FROM arch GROUP BY user) WHERE missing <> 0";
    assert_eq!(count(conn, holes), 0);
    let bytes = "SELECT count(*) FROM log l WHERE l.bytes <> (SELECT coalesce(sum(length(m.stanza)), 0) \
         FROM arch r JOIN msg m ON m.k = r.k WHERE r.user = l.user) \
         AND l.user NOT IN (SELECT user FROM doomed)";
    assert_eq!(count(conn, bytes), 0);
    let strangers = "SELECT count(*) FROM log l WHERE l.strangers_bytes <> \
         (SELECT coalesce(sum(bytes), 0) FROM stranger s WHERE s.user = l.user)";
    assert_eq!(count(conn, strangers), 0);
}
