package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/clock"
)

const pauseInTests = 10 * time.Minute

var (
	annasOld = account{"anna@example.com", cutover.Legacy}
	annasNew = account{"anna@example.com", cutover.Cloud}
	bobsOld  = account{"bob@example.com", cutover.Legacy}
	wrong    = secret{1}
	right    = secret{2}
)

// logins counts what reaches a server, by account.
type logins struct {
	*refusals
	tried  map[account]int
	answer error
}

func newLogins() *logins {
	return &logins{
		refusals: newRefusals(clock.Real(), pauseInTests), tried: map[account]int{},
		answer: fmt.Errorf("in short: %w", &bridge.RefusedLogin{Err: errors.New("NO wrong password")}),
	}
}

func (l *logins) try(ctx context.Context, a account, with secret) error {
	return l.through(ctx, a, with, func() error { l.tried[a]++; return l.answer })
}

func TestARefusedLoginIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogins()
		start := time.Now()
		want := func(a account, n int) {
			t.Helper()
			if l.tried[a] != n {
				t.Errorf("%v was tried %d times after %s, want %d", a, l.tried[a], time.Since(start), n)
			}
		}
		for range 5 {
			err := l.try(t.Context(), annasOld, wrong)
			var refused *bridge.RefusedLogin
			if !errors.As(err, &refused) || !errors.Is(err, bridge.ErrLogin) || !refused.At.Equal(start) || refused.Next.Before(start.Add(pauseInTests)) {
				t.Fatalf("got %v", err)
			}
			says := fmt.Sprintf("login refused at %s, next try %s: NO wrong password", start.Local().Format("15:04"), refused.Next.Local().Format("15:04"))
			if err.Error() != says {
				t.Errorf("says %q, want %q", err, says)
			}
			time.Sleep(time.Minute)
		}
		want(annasOld, 1)
		// Others are not concerned.
		l.try(t.Context(), annasNew, wrong)
		l.try(t.Context(), bobsOld, wrong)
		want(annasNew, 1)
		want(bobsOld, 1)
		// A person who asks gets one more try.
		if err := l.insist(t.Context(), annasOld.mailbox); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			l.try(t.Context(), annasOld, wrong)
		}
		want(annasOld, 2)
		want(bobsOld, 1)
		// Nobody tries before the pause is over, then one does.
		time.Sleep(pauseInTests - time.Second)
		l.try(t.Context(), annasOld, wrong)
		want(annasOld, 2)
		time.Sleep(pauseInTests/4 + time.Second)
		l.try(t.Context(), annasOld, wrong)
		l.try(t.Context(), annasOld, wrong)
		want(annasOld, 3)
		// Another password is tried at once, and when it is right all come in.
		l.answer = nil
		for range 3 {
			if err := l.try(t.Context(), annasOld, right); err != nil {
				t.Fatal(err)
			}
		}
		want(annasOld, 6)
	})
}

func TestAConnectionThatFailsIsNoRefusal(t *testing.T) {
	l := newLogins()
	l.answer = bridge.ErrConnection
	for range 3 {
		if err := l.try(t.Context(), annasOld, wrong); !errors.Is(err, bridge.ErrConnection) {
			t.Fatal(err)
		}
	}
	if l.tried[annasOld] != 3 {
		t.Errorf("tried %d times", l.tried[annasOld])
	}
}

// Those who come while somebody tries share his failure, be it a refusal or a server that is away.
func TestTheyWaitBehindOneLogin(t *testing.T) {
	for name, answer := range map[string]error{"refused": newLogins().answer, "no connection": fmt.Errorf("x: %w", bridge.ErrConnection)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLogins()
				tried := 0
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() {
						err := l.through(t.Context(), annasOld, wrong, func() error { tried++; time.Sleep(2 * time.Second); return answer })
						if err == nil || errors.Is(err, bridge.ErrLogin) != errors.Is(answer, bridge.ErrLogin) {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
				if tried != 1 {
					t.Errorf("tried %d times", tried)
				}
			})
		})
	}
}

// Who gives up says nothing about the server, and nobody waits longer than he wants to.
func TestWhoGivesUpLeavesTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogins()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { l.through(ctx, annasOld, wrong, func() error { <-ctx.Done(); return bridge.ErrConnection }) })
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if err := l.try(short, annasOld, wrong); !errors.Is(err, context.DeadlineExceeded) || l.tried[annasOld] != 0 {
			t.Errorf("got %v", err)
		}
		if err := l.try(t.Context(), annasOld, wrong); err == nil || !strings.Contains(err.Error(), "NO wrong password") {
			t.Errorf("got %v", err)
		}
		all.Wait()
	})
}

// A server that throttles logins is left alone by all who would log in to the account: as long as it says, else for a minute, then for twice that, up to an hour.
func TestAThrottledLoginIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogins()
		asks := func(kind bridge.BusyKind, wait time.Duration) error {
			return fmt.Errorf("%w: %w", bridge.ErrConnection, &bridge.Busy{Kind: kind, Wait: wait, Err: errors.New("BYE later")})
		}
		rests := func(want time.Duration) {
			t.Helper()
			n := l.tried[annasOld]
			err := l.try(t.Context(), annasOld, right)
			if l.tried[annasOld] != n+1 {
				t.Fatalf("it was not tried")
			}
			var busy *bridge.Busy
			if !errors.As(err, &busy) || busy.Until.Before(time.Now().Add(want)) || busy.Until.After(time.Now().Add(want*5/4)) {
				t.Fatalf("got %v until %v, want a wait of %v", err, busy.Until, want)
			}
			time.Sleep(want - time.Second)
			if again := l.try(t.Context(), annasOld, right); !errors.Is(again, bridge.ErrBusy) || l.tried[annasOld] != n+1 {
				t.Errorf("tried again before %v were over: %v", want, again)
			}
			time.Sleep(want/4 + time.Second)
		}
		l.answer = asks(bridge.Throttled, 0)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			rests(want * time.Minute)
		}
		l.answer = asks(bridge.Throttled, 5*time.Minute)
		rests(5 * time.Minute)
		if err := l.insist(t.Context(), annasOld.mailbox); err != nil {
			t.Fatal(err)
		}
		l.answer = nil
		if err := l.try(t.Context(), annasOld, right); err != nil {
			t.Errorf("what a person asks for: %v", err)
		}
		l.answer = asks(bridge.Throttled, 0)
		rests(time.Minute)
		l.answer = asks(bridge.Crowded, 0) // fewer connections may do
		l.try(t.Context(), annasNew, right)
		l.try(t.Context(), annasNew, right)
		if l.tried[annasNew] != 2 {
			t.Errorf("a crowded server was tried %d times", l.tried[annasNew])
		}
	})
}
