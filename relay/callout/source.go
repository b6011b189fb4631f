package callout

import (
	"context"
	"errors"
	"sync"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/pace"
)

// Answer is what a source says of an address.
type Answer string

const (
	Yes   Answer = "yes"
	No    Answer = "no"
	Mute  Answer = "mute"  // it takes every address: it knows nothing
	Later Answer = "later" // not now: it is down, defers, or was asked too often
)

// Heard is how a server took a question: Yes, No or Later.
type Heard struct {
	Answer Answer
	Said   string // its words, or what went wrong
	Down   bool   // there was no session to ask by
}

// Config is what a Source is made of.
type Config struct {
	Name string       // of the server
	Side cutover.Side // that it is on
	Way  string       // the destination by which it takes mail
	// Ask puts the question to the server. It ends with its context.
	Ask     func(context.Context, cutover.Address) Heard
	Rate    int           // questions a minute
	Timeout time.Duration // of all that one answer takes, in real time
	Pauses  pace.Schedule // between tries while it is down
	Clock   clock.Clock
}

// burst is how many questions may come at once: a sixth of a minute's, at least one and the proof before it.
func (c Config) burst() int { return max(c.Rate/6, 2) }

// maxFlights is how many questions wait for one server at a time, beside those by which it shows that it can say no.
const maxFlights = 32

// downAfter is how many failures in a row make a server count as down.
const downAfter = 3

// Source is one server that is asked. Its methods may be called from any goroutine.
type Source struct {
	cfg     Config
	life    context.Context
	end     context.CancelFunc
	breaker *pace.Breaker
	rate    pace.Allowance
	work    sync.WaitGroup

	mu      sync.Mutex
	answers cache
	proofs  map[string]*proof // by domain
	flights map[cutover.Address]*flight
	tally   Tally
	stopped bool
}

// NewSource asks nothing yet.
func NewSource(cfg Config) *Source {
	s := &Source{
		cfg: cfg, breaker: pace.NewBreaker(downAfter, cfg.Pauses),
		proofs: map[string]*proof{}, flights: map[cutover.Address]*flight{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Stop ends what is being asked; every answer is Later from then on.
func (s *Source) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Ask is whether the server knows the address, in lower case. When ctx ends first it is Later; others who wait for the same answer still get it.
func (s *Source) Ask(ctx context.Context, a cutover.Address) Answer {
	s.mu.Lock()
	if known, fresh := s.answers.fresh(a, s.cfg.Clock.Steady()); fresh {
		s.mu.Unlock()
		return known
	}
	s.mu.Unlock()
	return s.once(ctx, a, maxFlights, s.inquire)
}

// inquire puts the question to a server that can say no.
func (s *Source) inquire(ctx context.Context, a cutover.Address) Answer {
	s.mu.Lock()
	era := s.answers.era
	s.mu.Unlock()
	if proof := s.prove(ctx, a.Domain()); proof != No {
		return proof
	}
	got := s.put(ctx, a)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch got {
	case Yes:
		s.tally.Known++
	case No:
		s.tally.Unknown++
	}
	if got != Later {
		s.answers.keep(a, kept{got, s.cfg.Clock.Steady(), era})
	}
	return got
}

// Busy reports whether the server is being asked about the address just now.
func (s *Source) Busy(a cutover.Address) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flights[a] != nil
}

// Recall reports whether the server knew the address when it was last asked, however long ago that was.
func (s *Source) Recall(a cutover.Address) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.answers.recall(a)
	return ok && k.answer == Yes
}

// Forget believes no earlier answer any more.
func (s *Source) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.era++
	for _, p := range s.proofs {
		p.at = time.Time{}
	}
}

// put asks over the network, if the server may be asked just now.
func (s *Source) put(ctx context.Context, a cutover.Address) Answer {
	if !s.admit() {
		return Later
	}
	heard := s.cfg.Ask(ctx, a)
	switch {
	case errors.Is(s.life.Err(), context.Canceled): // we cut it off ourselves
		return Later
	case heard.Down:
		s.breaker.Failure(s.cfg.Clock.Steady(), 0.5)
	default:
		s.breaker.Success()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard.Answer == Later {
		s.tally.Deferred++
		s.tally.Trouble, s.tally.TroubleAt = heard.Said, s.cfg.Clock.Now()
	}
	return heard.Answer
}

func (s *Source) admit() bool {
	now := s.cfg.Clock.Steady()
	if !s.breaker.Allow(now) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.rate.Take(now, s.cfg.burst(), float64(s.cfg.Rate)/60) {
		s.tally.Limited++
		return false
	}
	s.tally.Asked++
	return true
}
