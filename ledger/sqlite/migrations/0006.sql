-- A delivery's row is the last step of its history: the table events has those before. So what goes the usual way, captured, tried, delivered, has none there.

DROP TRIGGER deliveries_changed;
DROP TRIGGER deliveries_held;

UPDATE deliveries SET act = (SELECT e.act FROM events e WHERE e.delivery = id ORDER BY e.n DESC LIMIT 1)
  WHERE EXISTS (SELECT 1 FROM events e WHERE e.delivery = id AND e.at = since AND e.state = deliveries.state);
DELETE FROM events WHERE n = (SELECT max(e.n) FROM events e WHERE e.delivery = events.delivery)
  AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = delivery AND d.since = at AND d.state = events.state);

-- That an attempt is under way is no step, nor that nothing was tried yet. A longer wait is none either; what a person does, who alone changes released, always is.
CREATE TRIGGER deliveries_left AFTER UPDATE OF state ON deliveries
  WHEN OLD.state <> 'sending' AND (OLD.state <> 'due' OR OLD.attempts > 0 OR OLD.act <> '') AND (NEW.since <> OLD.since OR NEW.state <> OLD.state)
BEGIN
  INSERT INTO events VALUES (OLD.id, 1 + coalesce((SELECT max(n) FROM events WHERE delivery = OLD.id), 0), OLD.since, OLD.state, OLD.act,
    OLD.recipient, OLD.destination, OLD.attempts, OLD.next, OLD.reply, OLD.reason, OLD.seen, OLD.class);
END;

CREATE TRIGGER deliveries_handled AFTER UPDATE OF released ON deliveries
  WHEN OLD.state <> 'sending' AND (OLD.state <> 'due' OR OLD.attempts > 0 OR OLD.act <> '') AND NEW.since = OLD.since AND NEW.state = OLD.state
BEGIN
  INSERT INTO events VALUES (OLD.id, 1 + coalesce((SELECT max(n) FROM events WHERE delivery = OLD.id), 0), OLD.since, OLD.state, OLD.act,
    OLD.recipient, OLD.destination, OLD.attempts, OLD.next, OLD.reply, OLD.reason, OLD.seen, OLD.class);
END;
