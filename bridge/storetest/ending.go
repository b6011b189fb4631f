package storetest

import (
	"context"
	"errors"
	"time"

	"posthouse/bridge"
)

// endedContext: a method whose context has ended says so, and the store works on.
func (s *suite) endedContext() {
	s.deliver(1, 2)
	refs := s.refs(s.inbox)
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.store.Next(ended, s.inbox, "")
	s.canceled("next", err)
	s.canceled("fetch", s.store.Fetch(ended, s.inbox, refs, func(bridge.Fetched) error { return nil }))
	s.canceled("put", s.store.Put(ended, s.inbox, s.putItems(3, 3), func(bridge.Outcome) {}))
	_, err = s.store.Folders(ended)
	s.canceled("folders", err)
	if pinger, can := s.store.(bridge.Pinger); can {
		s.canceled("ping", pinger.Ping(ended))
		s.ok(pinger.Ping(s.ctx))
	}

	during, cancel := context.WithCancel(s.ctx)
	s.canceled("fetch under way", s.store.Fetch(during, s.inbox, refs, func(got bridge.Fetched) error {
		cancel()
		return got.Content.Close()
	}))
	during, cancel = context.WithCancel(s.ctx)
	s.canceled("put under way", s.store.Put(during, s.inbox, s.putItems(3, 20000), func(bridge.Outcome) { cancel() }))
	if got := s.fetch(s.inbox, refs...); len(got) != 2 {
		s.Error("the store does not work on")
	}
}

func (s *suite) canceled(what string, err error) {
	s.Helper()
	if !errors.Is(err, context.Canceled) {
		s.Errorf("%s: %v, want that the context was cancelled", what, err)
	}
}

// closedStore: closing ends what is under way, twice is harmless, and nothing works afterwards.
func (s *suite) closedStore() {
	waited := make(chan error, 1)
	if s.Hints {
		s.quiet()
		go func() { waited <- s.store.Wait(s.ctx, s.inbox) }()
	}
	s.ok(s.store.Close())
	s.ok(s.store.Close())
	if s.Hints {
		select {
		case err := <-waited:
			if err == nil {
				s.Error("wait on a closed store hints")
			}
		case <-time.After(5 * time.Second):
			s.Error("wait goes on after the store was closed")
		}
	}
	if _, err := s.store.Next(s.ctx, s.inbox, ""); err == nil {
		s.Error("a closed store follows")
	}
	if err := s.store.Put(s.ctx, s.inbox, s.putItems(1, 1), func(bridge.Outcome) {}); err == nil {
		s.Error("a closed store puts")
	}
	if pinger, can := s.store.(bridge.Pinger); can && pinger.Ping(s.ctx) == nil {
		s.Error("a closed store gives signs of life")
	}
}
