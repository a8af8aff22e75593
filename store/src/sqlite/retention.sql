-- What an account keeps of its log, where that is not what the server keeps; NULL is for ever (MAM-24).
CREATE TABLE retention (
    user INTEGER PRIMARY KEY,
    age_ms INTEGER,
    entries INTEGER,
    bytes INTEGER
);

-- Bytes that a log holds from senders whom the account does not list as contacts (LIM-18).
CREATE TABLE stranger (
    user INTEGER NOT NULL,
    party INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (user, party)
) WITHOUT ROWID;
ALTER TABLE log ADD COLUMN strangers_bytes INTEGER NOT NULL DEFAULT 0;

-- Retractions whose message is still looked for, among the rows below `before` (IM-15).
CREATE TABLE retraction (
    k INTEGER PRIMARY KEY,
    before INTEGER NOT NULL
);

-- Since here, a row of `msg` may name positions that a log no longer holds: what counts is `arch`.
