-- Messages that the old server delivered to its mailboxes, as its logs tell: each is looked for, until it was seen.

CREATE TABLE local_deliveries (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  source  TEXT NOT NULL,
  mailbox TEXT NOT NULL, -- as the log names it
  message TEXT NOT NULL,
  client  TEXT NOT NULL,
  folder  TEXT NOT NULL,
  lost    TEXT NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('open', 'seen', 'missing', 'accepted', 'foreign')),
  since   INTEGER NOT NULL,
  note    TEXT NOT NULL,
  UNIQUE (message, mailbox, source)
) STRICT;

CREATE INDEX local_deliveries_state ON local_deliveries(state, at);

-- What the sources said of a message. Captures, which name themselves by their ids, do not pay for it.
CREATE INDEX observations_message ON observations(message) WHERE substr(message, 1, 1) = '<';
