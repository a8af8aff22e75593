-- Every bare address that ever took part; the number is never used again, so that whoever registers
-- an address anew gets a number, and thereby archive ids, of their own.
CREATE TABLE party (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    jid TEXT NOT NULL
);
CREATE INDEX party_jid ON party (jid, id);

CREATE TABLE account (
    user INTEGER PRIMARY KEY REFERENCES party (id),
    jid TEXT NOT NULL UNIQUE,
    disabled INTEGER NOT NULL DEFAULT 0,
    roster_ver INTEGER NOT NULL DEFAULT 0
);

-- AU-07: nothing from which the password could be had.
CREATE TABLE credential (
    user INTEGER NOT NULL,
    mechanism TEXT NOT NULL,
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (user, mechanism)
) WITHOUT ROWID;

CREATE TABLE contact (
    user INTEGER NOT NULL,
    jid TEXT NOT NULL,
    name TEXT,
    subscription TEXT NOT NULL,
    ask INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    groups TEXT NOT NULL, -- a JSON array
    listed INTEGER NOT NULL,
    request TEXT,
    ver INTEGER NOT NULL,
    PRIMARY KEY (user, jid)
) WITHOUT ROWID;

CREATE TABLE invite (
    token BLOB PRIMARY KEY, -- SHA-256
    expires INTEGER NOT NULL,
    reserved TEXT,
    inviter TEXT,
    setup INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX invite_expires ON invite (expires);
CREATE INDEX invite_reserved ON invite (reserved) WHERE reserved IS NOT NULL;
CREATE INDEX invite_inviter ON invite (inviter) WHERE inviter IS NOT NULL;

-- One row per account: where its log stands. `head` outlives the entries, so positions never repeat.
CREATE TABLE log (
    user INTEGER PRIMARY KEY,
    head INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    ts INTEGER NOT NULL DEFAULT 0
);

-- A pair of parties, a <= b. A pair whose rows run out of numbers gets another conversation.
CREATE TABLE conv (
    conv INTEGER PRIMARY KEY,
    a INTEGER NOT NULL,
    b INTEGER NOT NULL
);
CREATE UNIQUE INDEX conv_pair ON conv (a, b, conv);

-- Every stanza once, clustered by conversation: k = conv << 24 | number. The position in the log of
-- either party is NULL where that log does not hold it. dir is 1 if b sent it.
CREATE TABLE msg (
    k INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    dir INTEGER NOT NULL,
    seq_a INTEGER,
    seq_b INTEGER,
    stanza BLOB NOT NULL
);

-- One row per entry. The id is stored only where it was not made of the position.
CREATE TABLE arch (
    user INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    k INTEGER NOT NULL,
    id BLOB,
    PRIMARY KEY (user, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX arch_id ON arch (user, id) WHERE id IS NOT NULL;

-- Outcomes of own messages that are in no log (S11-17).
CREATE TABLE sent (
    user INTEGER NOT NULL,
    id BLOB NOT NULL,
    digest BLOB NOT NULL,
    outcome TEXT NOT NULL,
    ts INTEGER NOT NULL,
    PRIMARY KEY (user, id)
) WITHOUT ROWID;
CREATE INDEX sent_ts ON sent (ts);

-- Logs of deleted accounts that are still being cleared away.
CREATE TABLE doomed (user INTEGER PRIMARY KEY);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
