package storetest

import (
	"bytes"
	"errors"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
)

func (s *suite) bodies() {
	want := map[string]bool{}
	for _, raw := range s.odd() {
		s.box.Deliver(s.T, s.inbox.Path, Message{Raw: raw, Date: day(1)})
		want[string(raw)] = true
	}
	refs := s.refs(s.inbox)
	slices.Reverse(refs)
	for ref, raw := range s.fetch(s.inbox, refs...) {
		if !want[string(raw)] {
			s.Errorf("%s has octets that were not delivered: %.200q", ref, raw)
		}
		delete(want, string(raw))
	}
	for raw := range want {
		s.Errorf("not fetched as delivered: %.200q", raw)
	}
}

func (s *suite) goneBodies() {
	s.deliver(1, s.Batch)
	refs := s.refs(s.inbox)
	s.box.Remove(s.T, s.inbox.Path, refs[1])
	ask := append(slices.Clone(refs), nobody, "not a reference")
	bodies, errs := s.fetchAll(s.inbox, ask...)
	for _, ref := range []cutover.Ref{refs[1], nobody, "not a reference"} {
		if !errors.Is(errs[ref], bridge.ErrGone) {
			s.Errorf("%s: %v, want that it is gone", ref, errs[ref])
		}
	}
	if len(bodies) != len(refs)-1 || !bytes.Equal(bodies[refs[2]], s.message(3).Raw) {
		s.Errorf("%d bodies beside those that are gone", len(bodies))
	}
}

func (s *suite) stoppedFetch() {
	s.deliver(1, s.Batch)
	stop := errors.New("enough")
	told := 0
	err := s.store.Fetch(s.ctx, s.inbox, s.refs(s.inbox), func(got bridge.Fetched) error {
		told++
		s.ok(got.Err)
		s.ok(got.Content.Close())
		if told == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || told != 2 {
		s.Fatalf("fetch ended with %v after %d bodies", err, told)
	}
	if got := s.fetch(s.inbox, s.refs(s.inbox)[0]); len(got) != 1 {
		s.Error("nothing can be fetched afterwards")
	}
}
