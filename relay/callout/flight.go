package callout

import (
	"context"

	"posthouse/cutover"
)

// flight is a question that is under way.
type flight struct {
	done   chan struct{}
	answer Answer // once done
}

// once asks about an address, or waits for who is asking about it already, unless as many questions as most are under way. The question outlives whoever began it.
func (s *Source) once(ctx context.Context, a cutover.Address, most int, ask func(context.Context, cutover.Address) Answer) Answer {
	f := s.board(a, most, ask)
	if f == nil {
		return Later
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
		return Later
	}
}

// board is the flight to wait for; nil where there is no room for another.
func (s *Source) board(a cutover.Address, most int, ask func(context.Context, cutover.Address) Answer) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[a]
	switch {
	case f != nil:
		return f
	case s.stopped:
		return nil
	case len(s.flights) >= most:
		s.tally.Limited++
		return nil
	}
	f = &flight{done: make(chan struct{}), answer: Later}
	s.flights[a] = f
	s.work.Go(func() { s.fly(a, f, ask) })
	return f
}

func (s *Source) fly(a cutover.Address, f *flight, ask func(context.Context, cutover.Address) Answer) {
	ctx, cancel := context.WithTimeout(s.life, s.cfg.Timeout)
	defer cancel()
	f.answer = ask(ctx, a)
	s.mu.Lock()
	delete(s.flights, a)
	s.mu.Unlock()
	close(f.done)
}
