package bridge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
)

// on is a mailbox on two servers.
func on(legacy, cloud string) cutover.Mailbox {
	return cutover.Mailbox{Legacy: cutover.Account{Server: legacy}, Cloud: cutover.Account{Server: cloud}}
}

// holding starts n mailboxes that want a turn and keep it, and returns how many have one.
func holding(ctx context.Context, turns *turns, n int, m cutover.Mailbox) (have func() int) {
	got := make(chan struct{}, n)
	for range n {
		go func() {
			release, err := turns.take(ctx, m)
			if err != nil {
				return
			}
			got <- struct{}{}
			<-ctx.Done()
			release()
		}()
	}
	return func() int { synctest.Wait(); return len(got) }
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bears := func(server string) int { return map[string]int{"weak": 2}[server] }
		turns := newTurns(Config{Clock: clock.Real(), Parallel: 6, Bears: bears, Pause: time.Second})
		ctx, end := context.WithCancel(t.Context())
		weak := holding(ctx, turns, 5, on("weak", "cloud"))
		if n := weak(); n != 2 {
			t.Errorf("%d mailboxes work on a server that bears 2", n)
		}
		strong := holding(ctx, turns, 9, on("strong", "cloud"))
		if n := strong(); n != 4 {
			t.Errorf("%d mailboxes of another server passed those that wait, of 6 in all 2 work already", n)
		}
		end()
		synctest.Wait()
		if turns.taken != 0 || turns.load("cloud").taken != 0 || len(turns.waiting) != 0 {
			t.Errorf("%+v are left", turns)
		}
	})
}

// A server that throttles gets half of the mailboxes, all others as many as before, and one more after each quiet time.
func TestAThrottledServerGetsHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(Config{Clock: clock.Real(), Parallel: 8, Pause: time.Second})
		works := func(legacy, cloud string) int {
			ctx, end := context.WithCancel(t.Context())
			defer synctest.Wait()
			defer end()
			return holding(ctx, turns, 20, on(legacy, cloud))()
		}
		for _, want := range []int{4, 4, 4} { // what was under way when it throttled is told of too
			if n := turns.throttled("cloud"); n != want || works("legacy", "cloud") != want {
				t.Errorf("the server bears %d, want %d", n, want)
			}
		}
		if n := works("legacy", "other"); n != 8 {
			t.Errorf("another server bears %d", n)
		}
		for want := 4; want < 8; want++ {
			if n := works("legacy", "cloud"); n != want {
				t.Errorf("the server bears %d, want %d", n, want)
			}
			time.Sleep(quietTime * time.Second)
		}
		time.Sleep(10 * quietTime * time.Second)
		if n := works("legacy", "cloud"); n != 8 {
			t.Errorf("the server bears %d in the end", n)
		}
	})
}
