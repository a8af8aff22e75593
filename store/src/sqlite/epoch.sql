-- Another number after each change of the password or revocation of tokens, and for each account.
ALTER TABLE account ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
