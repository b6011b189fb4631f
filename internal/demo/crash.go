package demo

import (
	"context"
	"fmt"
	"time"

	"posthouse/internal/control"
)

// crash kills the service at the worst moment: the new server holds messages in full and says nothing, half of them accepted; others wait for their turn. All were answered 250.
func (r *runner) crash(ctx context.Context) error {
	if err := r.reach(ctx, r.plan.crash); err != nil {
		return err
	}
	letters, err := r.load(ctx)
	if err != nil {
		return err
	}
	if err := r.child.kill(); err != nil {
		return err
	}
	began := time.Now()
	r.killed = r.clock.Now()
	r.world.gate.open()
	c := &Crash{InHand: len(letters)}
	for _, l := range letters {
		n, err := r.lie(l)
		if err != nil {
			return err
		}
		c.Accepted += n
	}
	r.flow.resume() // senders knock at a closed door and come again
	if err := r.start(ctx); err != nil {
		return fmt.Errorf("starting it again: %w", err)
	}
	c.Restarted = time.Since(began).Seconds()
	return r.delivered(ctx, c, letters)
}

// load returns when the service has just these messages in hand and nothing else, and the new server keeps as many waiting as it is sent at one time.
func (r *runner) load(ctx context.Context) ([]letter, error) {
	if err := r.flow.pause(ctx); err != nil {
		return nil, err
	}
	if err := r.until(ctx, ask/5, func(s control.Status) (bool, error) { return inHand(s) == 0, nil }); err != nil {
		return nil, fmt.Errorf("waiting for an idle moment: %w", err)
	}
	r.world.gate.shut()
	letters, err := r.fill(ctx)
	if err != nil {
		return nil, err
	}
	has := 0
	err = r.until(ctx, ask/10, func(s control.Status) (bool, error) {
		has = inHand(s)
		return r.world.gate.count() == min(workers, len(letters)) && has == len(letters), nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting until %d messages are in hand (%d are): %w", len(letters), has, err)
	}
	return letters, nil
}

// inHand is how many deliveries were promised and are neither with the next server for certain nor held.
func inHand(s control.Status) int { return s.Queue.Due + s.Queue.Sending + s.Queue.InDoubt }

// fill sends the messages that are to be in hand.
func (r *runner) fill(ctx context.Context) ([]letter, error) {
	p := newPlanner(r.Seed+2, r.plan, day0)
	letters := make([]letter, r.plan.inHand)
	for i := range letters {
		s := r.world.senders[1+3*i]
		to := []string{"anna", "ben", "elif"}[i%3] + "@" + domain // whose home is the cloud, and who get no copy on the old side
		letters[i] = p.letter(s.address(), []string{to}, r.clock.Now(), s.host)
		if err := r.flow.send(ctx, s, letters[i], byListener); err != nil {
			return nil, err
		}
	}
	return letters, nil
}

// lie is how often a message lies in the new mailbox.
func (r *runner) lie(l letter) (int, error) {
	return r.world.copies(r.world.dir.resolve(l.to[0])[0], l.core)
}

// delivered waits until all that was in hand is in the mailboxes, and nothing of it is open any more.
func (r *runner) delivered(ctx context.Context, c *Crash, letters []letter) error {
	err := r.until(ctx, ask/5, func(s control.Status) (bool, error) {
		c.Delivered, c.Twice = 0, 0
		for _, l := range letters {
			n, err := r.lie(l)
			if err != nil {
				return false, err
			}
			c.Delivered += min(n, 1)
			c.Twice += max(0, n-1)
		}
		return c.Delivered == len(letters) && s.Queue.InDoubt == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the messages that were in hand (%d of %d are delivered): %w", c.Delivered, len(letters), err)
	}
	r.tell(Event{Kind: Killed, At: r.killed, Crash: c})
	return nil
}
