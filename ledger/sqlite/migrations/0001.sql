-- Times are microseconds since 1970 UTC, 0 where there is none. Keys and digests are blobs, NULL where unknown. References and validities are
-- integers where their text is a plain decimal number, else text: IMAP's are, and an integer is a third of the size in every index.

CREATE TABLE marker (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  generation  INTEGER NOT NULL, -- never behind the file "generation", unless this database was put back
  rolled_back INTEGER NOT NULL,
  trace_key   BLOB NOT NULL
) STRICT;

CREATE TABLE captures (
  n           INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  at          INTEGER NOT NULL,
  route       TEXT NOT NULL,
  listener    TEXT NOT NULL,
  client_addr TEXT NOT NULL,
  client_name TEXT NOT NULL,
  client_tls  TEXT NOT NULL,
  client_user TEXT NOT NULL,
  env_from    TEXT NOT NULL,
  env_body    TEXT NOT NULL,
  env_utf8    INTEGER NOT NULL,
  env_return  TEXT NOT NULL,
  env_id      TEXT NOT NULL,
  recipients  TEXT NOT NULL, -- JSON: a list of {address, notify, orcpt}
  prefix      BLOB,
  size        INTEGER NOT NULL,
  sum         BLOB,
  repeat      BLOB,
  digest      BLOB,
  key         BLOB,
  loose       BLOB,
  trace       TEXT NOT NULL,
  key_version INTEGER NOT NULL,
  hops        INTEGER NOT NULL,
  bare        INTEGER NOT NULL,
  eight_bit   INTEGER NOT NULL,
  stored      INTEGER NOT NULL, -- 0 after the body was pruned
  file        TEXT NOT NULL, -- name in bodies/ of a large body; '' where the body lies in the table bodies, and after it was pruned
  match_key   BLOB GENERATED ALWAYS AS (coalesce(key, loose)) VIRTUAL
) STRICT;

CREATE INDEX captures_match ON captures(match_key);
-- Eight octets find the row, the whole digest confirms it: a quarter of the index, which every capture pays for.
CREATE INDEX captures_repeat ON captures(substr(repeat, 1, 8));
CREATE INDEX captures_file ON captures(file) WHERE file <> '';
CREATE INDEX captures_stored ON captures(at) WHERE stored = 1;

CREATE TABLE bodies (
  capture INTEGER PRIMARY KEY REFERENCES captures(n),
  octets  BLOB NOT NULL
) STRICT;

CREATE TABLE deliveries (
  id          INTEGER PRIMARY KEY,
  capture     INTEGER NOT NULL REFERENCES captures(n),
  recipient   TEXT NOT NULL,
  original    TEXT NOT NULL,
  mailbox     TEXT NOT NULL,
  destination TEXT NOT NULL,
  side        TEXT NOT NULL,
  required    INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('due', 'sending', 'in doubt', 'accepted', 'settled', 'held', 'quiet')),
  attempts    INTEGER NOT NULL,
  next        INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  reply       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  seen        TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_capture ON deliveries(capture);
-- Serves what is due for one destination in its order, and the counts by state. The id stands before required for the order's sake.
CREATE INDEX deliveries_open ON deliveries(state, destination, attempts > 0, next, id, required) WHERE state <> 'settled';

CREATE TABLE unknown_recipients (
  address TEXT PRIMARY KEY,
  count   INTEGER NOT NULL,
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mailboxes (
  n  INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE folders (
  id      INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL REFERENCES mailboxes(n),
  kind    TEXT NOT NULL,
  role    TEXT NOT NULL,
  legacy  TEXT NOT NULL, -- JSON: the list of path elements
  cloud   TEXT NOT NULL,
  cursor  TEXT NOT NULL DEFAULT '',
  UNIQUE (mailbox, kind, legacy)
) STRICT;

CREATE TABLE items (
  id             INTEGER PRIMARY KEY,
  folder         INTEGER NOT NULL REFERENCES folders(id),
  mailbox        INTEGER NOT NULL,
  validity       ANY NOT NULL,
  ref            ANY NOT NULL,
  key            BLOB,
  loose          BLOB,
  trace          TEXT NOT NULL,
  key_version    INTEGER NOT NULL,
  size           INTEGER NOT NULL,
  digest         BLOB,
  flags          TEXT NOT NULL,
  date           INTEGER NOT NULL, -- INTERNALDATE
  version        TEXT NOT NULL,
  disposition    TEXT NOT NULL CHECK (disposition IN ('intended', 'copied', 'adopted', 'captured', 'merged by the cloud',
                   'skipped by rule', 'gone before copy', 'refused')),
  cloud_validity ANY NOT NULL,
  cloud_ref      ANY NOT NULL, -- '' until known
  cloud_flags    TEXT NOT NULL,
  tail           TEXT NOT NULL,
  capture        TEXT NOT NULL, -- the capture's id, not its number: captures may live in another store than items
  note           TEXT NOT NULL,
  match_key      BLOB GENERATED ALWAYS AS (coalesce(key, loose)) VIRTUAL
) STRICT;

CREATE UNIQUE INDEX items_legacy ON items(folder, validity, ref);
CREATE INDEX items_match ON items(mailbox, match_key);
-- One copied or adopted item owns a place in the cloud. Captured items may share one (two legacy copies of one capture), and so may merged ones.
CREATE UNIQUE INDEX items_cloud ON items(folder, cloud_validity, cloud_ref, iif(disposition IN ('copied', 'adopted'), 0, id))
  WHERE cloud_ref <> '';
CREATE INDEX items_capture ON items(capture) WHERE capture <> '';
CREATE INDEX items_intended ON items(folder) WHERE disposition = 'intended';

-- Kept in the same change as the items they count: a status page must not scan millions of rows.
CREATE TABLE tallies (
  folder      INTEGER NOT NULL REFERENCES folders(id),
  disposition TEXT NOT NULL,
  items       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  PRIMARY KEY (folder, disposition)
) STRICT, WITHOUT ROWID;

CREATE TABLE observations (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  channel  TEXT NOT NULL,
  class    TEXT NOT NULL,
  source   TEXT NOT NULL,
  sender   TEXT NOT NULL,
  client   TEXT NOT NULL,
  env_from TEXT NOT NULL,
  mailbox  TEXT NOT NULL,
  message  TEXT NOT NULL,
  detail   TEXT NOT NULL,
  until    INTEGER NOT NULL,
  open     INTEGER NOT NULL
) STRICT;

CREATE INDEX observations_at ON observations(at);

CREATE TABLE coverage (
  source TEXT NOT NULL,
  start  INTEGER NOT NULL,
  stop   INTEGER NOT NULL,
  PRIMARY KEY (source, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE offsets (
  source   TEXT PRIMARY KEY,
  position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE verifications (
  mailbox TEXT PRIMARY KEY,
  at      INTEGER NOT NULL,
  equal   INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  extra   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
  mailbox TEXT PRIMARY KEY,
  owner   TEXT NOT NULL,
  token   INTEGER NOT NULL,
  until   INTEGER NOT NULL -- 0 once released: the row stays, so that tokens keep rising
) STRICT, WITHOUT ROWID;
