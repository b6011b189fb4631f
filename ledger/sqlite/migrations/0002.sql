-- What was done to each delivery, and when: the history that a trace is made of.

ALTER TABLE captures ADD COLUMN message_id TEXT NOT NULL DEFAULT ''; -- as in the header, '' for captures of version 1. Without an index: only people ask by it

CREATE TABLE deliveries_2 (
  id          INTEGER PRIMARY KEY,
  capture     INTEGER NOT NULL REFERENCES captures(n),
  recipient   TEXT NOT NULL,
  original    TEXT NOT NULL,
  mailbox     TEXT NOT NULL,
  destination TEXT NOT NULL,
  side        TEXT NOT NULL,
  required    INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('due', 'sending', 'in doubt', 'accepted', 'settled', 'held', 'quiet', 'dropped')),
  attempts    INTEGER NOT NULL,
  next        INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  reply       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  seen        TEXT NOT NULL,
  released    INTEGER NOT NULL DEFAULT 0,
  act         TEXT NOT NULL DEFAULT '' -- what a person did to bring it where it stands
) STRICT;

INSERT INTO deliveries_2 SELECT id, capture, recipient, original, mailbox, destination, side, required, state, attempts, next, since, reply, reason, seen, 0, ''
  FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_2 RENAME TO deliveries;

CREATE INDEX deliveries_capture ON deliveries(capture);
-- Serves what is due for one destination in its order, and the counts by state. The id stands before required for the order's sake.
CREATE INDEX deliveries_open ON deliveries(state, destination, attempts > 0, next, id, required) WHERE state <> 'settled';

CREATE TABLE events (
  delivery    INTEGER NOT NULL,
  n           INTEGER NOT NULL, -- from 1, within the delivery
  at          INTEGER NOT NULL,
  state       TEXT NOT NULL,
  act         TEXT NOT NULL,
  recipient   TEXT NOT NULL,
  destination TEXT NOT NULL,
  attempts    INTEGER NOT NULL,
  next        INTEGER NOT NULL,
  reply       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  seen        TEXT NOT NULL,
  PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

-- The database itself writes the history, in the change that makes it: nobody can forget to, and it costs no statement of its own. That an attempt begins is no event: its end tells.
CREATE TRIGGER deliveries_changed AFTER UPDATE ON deliveries
  WHEN NEW.state <> 'sending' AND (NEW.since <> OLD.since OR NEW.state <> OLD.state OR NEW.act <> '')
BEGIN
  INSERT INTO events VALUES (NEW.id, 1 + coalesce((SELECT max(n) FROM events WHERE delivery = NEW.id), 0), NEW.since, NEW.state, NEW.act,
    NEW.recipient, NEW.destination, NEW.attempts, NEW.next, NEW.reply, NEW.reason, NEW.seen);
END;

CREATE TRIGGER deliveries_held AFTER INSERT ON deliveries WHEN NEW.state = 'held'
BEGIN
  INSERT INTO events VALUES (NEW.id, 1, NEW.since, NEW.state, '', NEW.recipient, NEW.destination, NEW.attempts, NEW.next, NEW.reply, NEW.reason, NEW.seen);
END;

-- Of what was before, the last step is known. What is held because nobody could tell whether it arrived was in doubt, and is asked for again when it is released.
INSERT INTO events SELECT id, 1, since, 'in doubt', '', recipient, destination, attempts, next, reply, '', seen
  FROM deliveries WHERE state = 'held' AND reason LIKE 'may or may not have arrived%';
INSERT INTO events SELECT id, 2, since, state, '', recipient, destination, attempts, next, reply, reason, seen
  FROM deliveries WHERE state <> 'sending' AND (state <> 'due' OR attempts > 0);
