-- Entries that wait for an ordinary client; a row whose entry is gone means nothing.
CREATE TABLE spool (
    user INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user, seq)
) WITHOUT ROWID;
