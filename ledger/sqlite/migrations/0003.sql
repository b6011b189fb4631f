-- Why a next hop refused, as a class: '' where it did not. The history has it too.

ALTER TABLE deliveries ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN class TEXT NOT NULL DEFAULT '';

DROP TRIGGER deliveries_changed;
DROP TRIGGER deliveries_held;

CREATE TRIGGER deliveries_changed AFTER UPDATE ON deliveries
  WHEN NEW.state <> 'sending' AND (NEW.since <> OLD.since OR NEW.state <> OLD.state OR NEW.act <> '')
BEGIN
  INSERT INTO events VALUES (NEW.id, 1 + coalesce((SELECT max(n) FROM events WHERE delivery = NEW.id), 0), NEW.since, NEW.state, NEW.act,
    NEW.recipient, NEW.destination, NEW.attempts, NEW.next, NEW.reply, NEW.reason, NEW.seen, NEW.class);
END;

CREATE TRIGGER deliveries_held AFTER INSERT ON deliveries WHEN NEW.state = 'held'
BEGIN
  INSERT INTO events VALUES (NEW.id, 1, NEW.since, NEW.state, '', NEW.recipient, NEW.destination, NEW.attempts, NEW.next, NEW.reply, NEW.reason, NEW.seen, NEW.class);
END;
