package bridge

import (
	"context"
	"slices"
	"sync"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/pace"
	"posthouse/ledger"
)

// turns decides which mailboxes may work now: so many in all, more while that helps (growth), and on each server no more than it bears. A server that throttles bears half as many, down to one, and
// one more after each quiet time. Who waits for a busy server is passed by those whose servers have room.
type turns struct {
	clock clock.Clock
	most  int
	bears func(server string) int // mailboxes at one time; 0 is no limit
	quiet time.Duration

	mu      sync.Mutex
	growth  growth
	taken   int
	servers map[string]*load
	waiting []*turn // oldest first
}

// load is what one server bears, and what is on it.
type load struct {
	share pace.Share
	taken int
}

// turn is a mailbox's right to work, or its wait for it.
type turn struct {
	loads []*load
	ready chan struct{} // closed when it is granted
}

func newTurns(cfg Config) *turns {
	bears := cfg.Bears
	if bears == nil {
		bears = func(string) int { return 0 }
	}
	first, quiet := max(1, cfg.Parallel), quietTime*cfg.Pause
	most := max(first, cfg.Most)
	return &turns{
		clock: cfg.Clock, most: most, bears: bears, quiet: quiet, servers: map[string]*load{},
		growth: growth{size: first, most: most, window: measureTime * cfg.Pause, quiet: quiet},
	}
}

// take waits for a turn and returns the function that gives it back.
func (t *turns) take(ctx context.Context, m cutover.Mailbox) (release func(), err error) {
	mine := t.queue(m)
	select {
	case <-mine.ready:
		return func() { t.give(mine) }, nil
	case <-ctx.Done():
		t.leave(mine)
		return nil, ctx.Err()
	}
}

func (t *turns) queue(m cutover.Mailbox) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := &turn{ready: make(chan struct{})}
	for _, server := range []string{m.Legacy.Server, m.Cloud.Server} {
		if l := t.load(server); !slices.Contains(mine.loads, l) {
			mine.loads = append(mine.loads, l)
		}
	}
	t.waiting = append(t.waiting, mine)
	t.admit()
	return mine
}

// load is the server's; the caller holds mu.
func (t *turns) load(server string) *load {
	l := t.servers[server]
	if l == nil {
		whole := t.most
		if bears := t.bears(server); bears > 0 {
			whole = min(whole, bears)
		}
		l = &load{share: pace.Share{Least: 1, Whole: whole, Quiet: t.quiet, Settle: t.quiet / 10}}
		t.servers[server] = l
	}
	return l
}

// admit grants turns to those who wait, in their order, as far as there is room; the caller holds mu. It is called when somebody comes or goes, which is soon enough for a share that grows:
// who waits, waits for somebody who works.
func (t *turns) admit() {
	now := t.clock.Steady()
	t.waiting = slices.DeleteFunc(t.waiting, func(w *turn) bool {
		if t.taken >= t.growth.size || slices.ContainsFunc(w.loads, func(l *load) bool { return l.taken >= l.share.Size(now) }) {
			return false
		}
		t.taken++
		for _, l := range w.loads {
			l.taken++
		}
		close(w.ready)
		return true
	})
}

func (t *turns) give(mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	for _, l := range mine.loads {
		l.taken--
	}
	t.admit()
}

// leave takes a turn out of the queue, or gives it back when it was granted in the same moment.
func (t *turns) leave(mine *turn) {
	t.mu.Lock()
	i := slices.Index(t.waiting, mine)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		t.give(mine)
	}
}

// settled counts a batch that one of the mailboxes at work settled.
func (t *turns) settled(rows []ledger.Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.growth.settled(t.clock.Steady(), work(rows), len(t.waiting) > 0 && t.taken >= t.growth.size) {
		t.admit()
	}
}

// work weighs what was settled: a message by itself costs about as much as 8 KiB of it.
func work(rows []ledger.Item) (sum float64) {
	for _, row := range rows {
		sum += float64(row.Size + 8<<10)
	}
	return sum
}

// throttled halves what a server bears, for all mailboxes. It returns how many that is now.
func (t *turns) throttled(server string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Steady()
	l := t.load(server)
	if l.share.Size(now) > t.growth.size {
		l.share.Shrink(now, t.growth.size) // half of what there was, and not of what might have been
	}
	l.share.Throttled(now)
	t.growth.throttled(now)
	return l.share.Size(now)
}
