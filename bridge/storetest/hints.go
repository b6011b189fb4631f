package storetest

import (
	"context"
	"errors"
	"time"
)

func (s *suite) wait() {
	s.deliver(1, 1)
	_, after := s.follow(s.store, s.inbox, "")
	s.quiet()
	s.deliver(2, 2) // before Wait is called: it must not be lost
	s.ok(s.store.Wait(s.ctx, s.inbox))
	batches, after := s.follow(s.store, s.inbox, after)
	s.equal("news after the first hint", s.numbers(2, batches...), []int{2})
	s.quiet()
	waited := make(chan error, 1)
	go func() { waited <- s.store.Wait(s.ctx, s.inbox) }()
	s.deliver(3, 3)
	s.ok(<-waited)
	batches, _ = s.follow(s.store, s.inbox, after)
	s.equal("news after the second hint", s.numbers(3, batches...), []int{3})
	ctx, cancel := context.WithCancel(s.ctx)
	s.quiet()
	go func() { waited <- s.store.Wait(ctx, s.inbox) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		s.Errorf("wait ended with %v when its context did", err)
	}
}

// quietTime is longer than a server needs to tell of what happened a moment ago.
const quietTime = 700 * time.Millisecond

// quiet uses up hints that are about what is known already: one too many is allowed, one for ever is not.
func (s *suite) quiet() {
	s.Helper()
	for range 20 {
		ctx, cancel := context.WithTimeout(s.ctx, quietTime)
		err := s.store.Wait(ctx, s.inbox)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		s.ok(err)
	}
	s.Fatal("Wait hints although nothing happens")
}
