-- The version (ETag) of the copy of an event or contact that we wrote, or took over: another one means that somebody changed it in the cloud.

ALTER TABLE items ADD COLUMN cloud_version TEXT NOT NULL DEFAULT '';

-- The last comparison of each mailbox's calendars and contacts.
CREATE TABLE object_verifications (
  mailbox TEXT PRIMARY KEY,
  at      INTEGER NOT NULL,
  equal   INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  extra   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
