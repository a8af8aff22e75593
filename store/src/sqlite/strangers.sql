-- The first position that is counted: what a sender wrote while they were a contact lies before it.
ALTER TABLE stranger ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
-- Whether the account has written to them (LIM-17).
ALTER TABLE stranger ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
