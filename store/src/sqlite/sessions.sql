-- What is durable of sessions that can be resumed (S11-60): sessions of the running server, those of
-- former processes that wait for their client, and for a while those that ended (SM-23).
CREATE TABLE session (
    user INTEGER NOT NULL,
    key BLOB NOT NULL, -- SHA-256 of the SM-ID
    resource TEXT NOT NULL,
    prefix TEXT, -- of s11 sessions
    handled INTEGER NOT NULL,
    max_s INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    until INTEGER, -- when it ended or will end; NULL while a connection carries it
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
