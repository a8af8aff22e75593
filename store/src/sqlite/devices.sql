-- The device whose session it is, where it said so (BI-07).
ALTER TABLE session ADD COLUMN device BLOB;
