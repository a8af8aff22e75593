-- What is known of devices that have tokens, for their owner (SEC-67).
CREATE TABLE device (
    user INTEGER NOT NULL,
    device BLOB NOT NULL, -- SHA-256 of the user-agent id
    name TEXT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) WITHOUT ROWID;
INSERT INTO device (user, device, name, first, last)
    SELECT user, device, NULL, min(made), max(made) FROM token GROUP BY user, device;

-- Links by which one more device signs in, once: like tokens, but of no device yet.
CREATE TABLE device_link (
    user INTEGER NOT NULL,
    verifier BLOB NOT NULL,
    answer BLOB NOT NULL,
    made INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (user, verifier)
) WITHOUT ROWID;
