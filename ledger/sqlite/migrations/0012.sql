-- What captures are found by, as random as hashes are. An index of the table itself was written with each capture, in another page for each; this table is written for thousands at once.
-- captures.n up to marker.keyed are in it.

CREATE TABLE capture_keys (
  head    BLOB NOT NULL, -- the first 8 octets of a capture's match_key, or of its repeat
  capture INTEGER NOT NULL,
  PRIMARY KEY (head, capture)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO capture_keys SELECT substr(match_key, 1, 8), n FROM captures WHERE match_key IS NOT NULL ORDER BY match_key;
INSERT OR IGNORE INTO capture_keys SELECT substr(repeat, 1, 8), n FROM captures WHERE repeat IS NOT NULL ORDER BY substr(repeat, 1, 8);

ALTER TABLE marker ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
UPDATE marker SET keyed = (SELECT coalesce(max(n), 0) FROM captures);

DROP INDEX captures_match;
DROP INDEX captures_repeat;
