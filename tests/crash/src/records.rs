//! The database as it lies on the disk, read by queries and a parser of other hands than the server's.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use rxml::{Event, Options, Parse as _, Parser, WithOptions as _};

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The archive id, where the database names one: of own messages with an id that was known in advance.
    pub(crate) id: Option<String>,
    /// The message's own id.
    pub(crate) message_id: String,
    pub(crate) body: String,
    /// Whether the other party's log has the same message (INV-02).
    pub(crate) is_in_both: bool,
}

/// All logs, by account.
pub(crate) type Logs = BTreeMap<String, Vec<Entry>>;

const HEADS: &str = "SELECT a.jid, l.head FROM account a JOIN log l ON l.user = a.user";

const ENTRIES: &str = "SELECT a.jid, r.seq, r.id, r.k, m.stanza, r.user FROM arch r \
     JOIN account a ON a.user = r.user JOIN msg m ON m.k = r.k ORDER BY r.user, r.seq";

/// Stored stanzas that were read before, with id and body: what grows is not parsed anew each time.
#[derive(Debug, Default)]
pub(crate) struct Parsed(HashMap<(i64, i64), (Vec<u8>, String, String)>);

impl Parsed {
    /// Returns id and body of a stanza at its place.
    fn message(&mut self, place: (i64, i64), stanza: Vec<u8>) -> Result<(String, String)> {
        if let Some((known, id, body)) = self.0.get(&place)
            && *known == stanza
        {
            return Ok((id.clone(), body.clone()));
        }
        let (id, body) = message(&stanza)?;
        self.0.insert(place, (stanza, id.clone(), body.clone()));
        Ok((id, body))
    }
}

/// Reads all logs of a database that a server may be using.
pub(crate) fn read(folder: &Path, parsed: &mut Parsed) -> Result<Logs> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(folder.join("balcony.db"), flags)?;
    conn.busy_timeout(std::time::Duration::from_secs(10))?;
    logs(&conn, parsed)
}

/// Reads all logs of a database that nobody uses, from a copy of it, and checks that it is whole (INV-32).
pub(crate) fn read_copy(folder: &Path, parsed: &mut Parsed) -> Result<Logs> {
    let copy = tempfile::tempdir()?;
    for name in ["balcony.db", "balcony.db-wal"] {
        let from = folder.join(name);
        if from.exists() {
            fs::copy(&from, copy.path().join(name)).context("copying the database")?;
        }
    }
    let conn = Connection::open(copy.path().join("balcony.db"))?;
    let whole: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(whole == "ok", "INV-32: integrity_check says: {whole}");
    let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
    ensure!(
        statement.query([])?.next()?.is_none(),
        "INV-32: a foreign key points nowhere"
    );
    logs(&conn, parsed)
}

fn logs(conn: &Connection, parsed: &mut Parsed) -> Result<Logs> {
    // One transaction, so that heads and entries are of one moment.
    let tx = conn.unchecked_transaction()?;
    let mut heads = BTreeMap::new();
    let mut statement = tx.prepare(HEADS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        heads.insert(row.get::<_, String>(0)?, row.get::<_, i64>(1)?);
    }
    let mut logs: Logs = heads.keys().map(|jid| (jid.clone(), Vec::new())).collect();
    let mut shared: HashMap<i64, (String, usize)> = HashMap::new();
    let mut statement = tx.prepare(ENTRIES)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (jid, seq): (String, i64) = (row.get(0)?, row.get(1)?);
        let id: Option<Vec<u8>> = row.get(2)?;
        let (message_id, body) = parsed.message((row.get(5)?, seq), row.get(4)?)?;
        let log = logs.entry(jid.clone()).or_default();
        let expected = i64::try_from(log.len())? + 1;
        ensure!(
            seq == expected,
            "INV-04: {jid} has position {seq} where {expected} belongs"
        );
        let first = shared.insert(row.get(3)?, (jid, log.len()));
        log.push(Entry {
            id: id.map(String::from_utf8).transpose()?,
            message_id,
            body,
            is_in_both: first.is_some(),
        });
        if let Some((other, at)) = first
            && let Some(entry) = logs.get_mut(&other).and_then(|log| log.get_mut(at))
        {
            entry.is_in_both = true;
        }
    }
    for (jid, log) in &logs {
        let head = heads.get(jid).copied().unwrap_or_default();
        let len = i64::try_from(log.len())?;
        ensure!(head == len, "INV-04: {jid} has {len} entries, head {head}");
    }
    Ok(logs)
}

/// Returns id and body of a stored message.
fn message(stanza: &[u8]) -> Result<(String, String)> {
    let mut parser = Parser::with_options(Options {
        max_token_length: 1 << 20,
        ..Options::default()
    });
    let (mut depth, mut in_body) = (0_usize, false);
    let (mut id, mut body) = (String::new(), String::new());
    let read = parser.parse_all(&mut &*stanza, true, |event| match event {
        Event::XmlDeclaration(..) => {}
        Event::StartElement(_, (_, name), attributes) => {
            depth += 1;
            in_body = depth == 2 && name == "body";
            for ((_, name), value) in attributes {
                if depth == 1 && name == "id" {
                    id = value;
                }
            }
        }
        Event::Text(_, text) if in_body => body.push_str(&text),
        Event::Text(..) => {}
        Event::EndElement(_) => {
            depth -= 1;
            in_body = false;
        }
    });
    read.map_err(|error| anyhow::anyhow!("a stored stanza cannot be read: {error:?}"))?;
    Ok((id, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_body_of_a_message_are_read() {
        let stanza = b"<message xmlns='jabber:client' id='a&amp;1' to='x@y'><thread>t</thread>\
            <body>one &lt; <x xmlns='u:x'>no</x></body></message>";
        let (id, body) = message(stanza).unwrap();
        assert_eq!((id.as_str(), body.as_str()), ("a&1", "one < "));
    }
}
