-- Personal eventing: an account's nodes, and what is published to them.
CREATE TABLE node (
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL, -- JSON
    bytes INTEGER NOT NULL DEFAULT 0, -- of its items
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

-- A higher seq is newer.
CREATE TABLE item (
    user INTEGER NOT NULL,
    node TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (user, node, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX item_seq ON item (user, node, seq);
