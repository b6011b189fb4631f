-- What was found out about a message's sender, and the octets of its body that are left out on the way out: FROM-TO FROM-TO ...

ALTER TABLE captures ADD COLUMN results TEXT NOT NULL DEFAULT '';
ALTER TABLE captures ADD COLUMN unwanted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE captures ADD COLUMN cut TEXT NOT NULL DEFAULT '';
