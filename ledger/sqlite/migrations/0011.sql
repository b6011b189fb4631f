-- When the capture of a delivery was taken: a count of what has waited for too long must not look at each capture of a long queue.

ALTER TABLE deliveries ADD COLUMN captured INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET captured = (SELECT at FROM captures WHERE n = capture);

DROP INDEX deliveries_open;
-- Serves what is due for one destination in its order, and the counts by state and age. The id stands before required for the order's sake.
CREATE INDEX deliveries_open ON deliveries(state, destination, attempts > 0, next, id, required, captured) WHERE state <> 'settled';
