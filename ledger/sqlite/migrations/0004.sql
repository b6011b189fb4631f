-- What the sender of a message is still to be told of its delivery, written in the change that makes it so; 'told' once all was said.

ALTER TABLE deliveries ADD COLUMN tell TEXT NOT NULL DEFAULT '';

CREATE INDEX deliveries_tell ON deliveries(id) WHERE tell <> '' AND tell <> 'told';
