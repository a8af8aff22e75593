-- Tokens with which devices log in (AU-25): nothing from which a token, or what its device says,
-- could be had. A device has one in use and at most one that it never used.
CREATE TABLE token (
    user INTEGER NOT NULL,
    device BLOB NOT NULL, -- SHA-256 of the user-agent id
    used INTEGER NOT NULL,
    mechanism TEXT NOT NULL,
    verifier BLOB NOT NULL,
    answer BLOB NOT NULL,
    made INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (user, device, used)
) WITHOUT ROWID;
