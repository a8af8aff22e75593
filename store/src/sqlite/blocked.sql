-- Of whom an account wants to hear nothing (XEP-0191).
CREATE TABLE blocked (
  user INTEGER NOT NULL,
  jid TEXT NOT NULL,
  PRIMARY KEY (user, jid)
) WITHOUT ROWID;
