-- The use of the old server that an item is, which is recorded with its first outcome: until then a kill must not lose it. A JSON object; empty where there is none to record any more.

ALTER TABLE items ADD COLUMN news TEXT NOT NULL DEFAULT '';
