package callout_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/pace"
	"posthouse/relay/callout"
)

const timeout = 10 * time.Second

// server is asked in fake time. Addresses that are not known to the test are those nobody can have.
type server struct {
	mu      sync.Mutex
	known   map[cutover.Address]callout.Heard // of addresses that the test names
	others  callout.Heard
	takes   time.Duration
	asked   []cutover.Address
	most    int // asked at one time
	pending int
}

var (
	yes  = callout.Heard{Answer: callout.Yes}
	no   = callout.Heard{Answer: callout.No}
	grey = callout.Heard{Answer: callout.Later, Said: "450 come back"}
	down = callout.Heard{Answer: callout.Later, Said: "refused", Down: true}
)

func newServer() *server {
	return &server{others: no, known: map[cutover.Address]callout.Heard{"anna@example.com": yes, "nobody@example.com": no}}
}

func (s *server) ask(ctx context.Context, a cutover.Address) callout.Heard {
	s.mu.Lock()
	s.asked = append(s.asked, a)
	s.pending++
	s.most = max(s.most, s.pending)
	answer, named := s.known[a]
	if !named {
		answer = s.others
	}
	takes := s.takes
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.pending--; s.mu.Unlock() }()
	select {
	case <-time.After(takes):
		return answer
	case <-ctx.Done():
		return callout.Heard{Answer: callout.Later, Said: ctx.Err().Error(), Down: true}
	}
}

// set changes what it says.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// times is how often it was asked about an address; "" is one that nobody can have.
func (s *server) times(a cutover.Address) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		_, named := s.known[asked]
		if asked == a || a == "" && !named {
			n++
		}
	}
	return n
}

func (s *server) source(side cutover.Side, rate int) *callout.Source {
	return s.sourceBy(clock.Real(), side, rate)
}

func (s *server) sourceBy(c clock.Clock, side cutover.Side, rate int) *callout.Source {
	return callout.NewSource(callout.Config{
		Name: string(side), Side: side, Way: string(side) + ":smtp", Ask: s.ask, Rate: rate, Timeout: timeout, Clock: c,
		Pauses: pace.Schedule{Steps: []time.Duration{time.Minute}},
	})
}

// inFakeTime gives a test a server and a source that asks it.
func inFakeTime(t *testing.T, rate int, test func(t *testing.T, on *server, s *callout.Source)) {
	synctest.Test(t, func(t *testing.T) {
		on := newServer()
		s := on.source(cutover.Legacy, rate)
		defer s.Stop()
		test(t, on, s)
	})
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestAnswersAreRemembered: a yes for an hour, a no for five minutes, and nothing across Forget. Before the first question, and each hour, the server has to say no to an
// address that nobody can have.
func TestAnswersAreRemembered(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		ask := func(yesses, noes, proofs int) {
			t.Helper()
			equal(t, "anna", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
			equal(t, "nobody", s.Ask(t.Context(), "nobody@example.com"), callout.No)
			equal(t, "asked about anna", on.times("anna@example.com"), yesses)
			equal(t, "asked about nobody", on.times("nobody@example.com"), noes)
			equal(t, "proofs", on.times(""), proofs)
		}
		ask(1, 1, 1)
		ask(1, 1, 1)
		time.Sleep(5 * time.Minute)
		ask(1, 2, 1)
		time.Sleep(55 * time.Minute)
		ask(2, 3, 2)
		s.Forget()
		ask(3, 4, 3)
		time.Sleep(5 * time.Hour)
		equal(t, "recalled", s.Recall("anna@example.com"), true)
		equal(t, "recalled", s.Recall("nobody@example.com"), false)
	})
}

// TestWhoTakesEverythingKnowsNothing, and is not even asked; an hour later it may have learned.
func TestWhoTakesEverythingKnowsNothing(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.others = yes })
		for range 3 {
			equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Mute)
		}
		equal(t, "asked", on.times("anna@example.com"), 0)
		equal(t, "proofs", on.times(""), 1)
		equal(t, "mute", strings.Join(s.State().Mute, " "), "example.com")
		on.set(func() { on.others = no })
		time.Sleep(time.Hour)
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		equal(t, "knows", strings.Join(s.State().Knows, " "), "example.com")
	})
}

// TestEachDomainByItself: a server may check the addresses of one domain and take all of another.
func TestEachDomainByItself(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		on.set(func() { on.others = yes })
		equal(t, "answer", s.Ask(t.Context(), "anna@second.example"), callout.Mute)
		equal(t, "answer", s.Ask(t.Context(), "nobody@example.com"), callout.No)
	})
}

// TestGreylisting: the address that nobody can have stays the same until there is an answer, so that it gets old enough.
func TestGreylisting(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.others = grey })
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Later)
		first := on.asked[0]
		on.set(func() { on.known[first] = no })
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		equal(t, "trouble", s.State().Trouble, "450 come back")
		equal(t, "deferred", s.State().Deferred, 1)
		on.set(func() { on.others = no })
		time.Sleep(time.Hour)
		s.Ask(t.Context(), "nobody@example.com")
		equal(t, "the next hour's is another one", on.times(""), 1)
	})
}

// TestOneQuestionAtATime: whoever wants to know the same waits for the same answer, and who leaves takes it from nobody.
func TestOneQuestionAtATime(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.takes = time.Second })
		leaving, leave := context.WithCancel(t.Context())
		left := make(chan callout.Answer)
		go func() { left <- s.Ask(leaving, "anna@example.com") }()
		synctest.Wait()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes) })
		}
		synctest.Wait()
		leave()
		equal(t, "who left", <-left, callout.Later)
		all.Wait()
		equal(t, "asked", on.times("anna@example.com"), 1)
		equal(t, "proofs", on.times(""), 1)
	})
}

// TestStall: who waits for a server that says nothing waits no longer than the timeout, and after three times not at all.
func TestStall(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.takes = time.Hour })
		for range 3 {
			begun := time.Now()
			equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Later)
			equal(t, "waited", time.Since(begun), timeout)
			synctest.Wait()
		}
		begun := time.Now()
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Later)
		equal(t, "waited", time.Since(begun), 0)
		equal(t, "down", s.State().Down, true)
		on.set(func() { on.takes = 0 })
		time.Sleep(2 * time.Minute)
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		equal(t, "down", s.State().Down, false)
	})
}

// TestDown: a server that cannot be reached keeps its last answers for as long as they hold, and gives no others.
func TestDown(t *testing.T) {
	inFakeTime(t, 600, func(t *testing.T, on *server, s *callout.Source) {
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		on.set(func() { on.others, on.known["nobody@example.com"] = down, down })
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
		equal(t, "answer", s.Ask(t.Context(), "nobody@example.com"), callout.Later)
		equal(t, "trouble", s.State().Trouble, "refused")
	})
}

// TestGuessing: somebody who tries a thousand addresses makes us ask no more often than the rate, nor more at a time than wait for one server.
func TestGuessing(t *testing.T) {
	inFakeTime(t, 60, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.takes = 10 * time.Millisecond })
		answers := map[callout.Answer]int{}
		for range 10 {
			var all sync.WaitGroup
			for i := range 100 {
				a := cutover.Address(fmt.Sprintf("guess-%d-%d@example.com", i, time.Now().Unix()))
				on.set(func() { on.known[a] = no })
				all.Go(func() {
					got := s.Ask(t.Context(), a)
					on.set(func() { answers[got]++ })
				})
			}
			all.Wait()
			time.Sleep(6 * time.Second)
		}
		state := s.State()
		if state.Asked > 60+10 || state.Asked < 50 {
			t.Errorf("asked %d times in a minute", state.Asked)
		}
		equal(t, "asked", len(on.asked), state.Asked)
		equal(t, "refused", answers[callout.No], state.Unknown)
		equal(t, "limited", answers[callout.Later], state.Limited)
		if on.most > 32 {
			t.Errorf("%d at a time", on.most)
		}
		time.Sleep(time.Minute)
		equal(t, "after that", s.Ask(t.Context(), "anna@example.com"), callout.Yes)
	})
}

// TestStop cuts off what is being asked.
func TestStop(t *testing.T) {
	inFakeTime(t, 60, func(t *testing.T, on *server, s *callout.Source) {
		on.set(func() { on.takes = time.Hour })
		got := make(chan callout.Answer)
		go func() { got <- s.Ask(t.Context(), "anna@example.com") }()
		synctest.Wait()
		s.Stop()
		equal(t, "answer", <-got, callout.Later)
		equal(t, "answer", s.Ask(t.Context(), "anna@example.com"), callout.Later)
	})
}
