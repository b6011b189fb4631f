package accounts

import (
	"context"
	"sync"
	"time"

	"posthouse/bridge/imapstore"
	"posthouse/internal/pace"
)

// pool bounds the connections to one server, to fewer for a while when it says that there are too many. Stores keep theirs while they have no use for them, as logging in is slow; where others wait, the idle ones are given up, so that
// nobody waits for ever, however few there are.
type pool struct {
	mu     sync.Mutex
	share  pace.Share
	open   int
	freed  chan struct{} // holds a hint that a connection was given back
	stores map[*imapstore.Store]bool
}

var _ imapstore.Crowder = (*pool)(nil)

// relief is how often idle connections are looked for while somebody waits; real time, as it is about the network.
const relief = 200 * time.Millisecond

// crowdQuiet is after how long one more connection is tried with a server that had too many. With fewer than fewest nothing moves.
const (
	crowdQuiet = 10 * time.Minute
	fewest     = 2
)

func newPool(n int) *pool {
	return &pool{share: pace.Share{Least: fewest, Whole: n, Quiet: crowdQuiet}, freed: make(chan struct{}, 1), stores: map[*imapstore.Store]bool{}}
}

func (p *pool) Acquire(ctx context.Context) error {
	for !p.TryAcquire() {
		p.relieve()
		patience := time.NewTimer(relief)
		select {
		case <-p.freed:
		case <-patience.C:
		case <-ctx.Done():
		}
		patience.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (p *pool) TryAcquire() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open >= p.share.Size(time.Now()) {
		return false
	}
	p.open++
	return true
}

func (p *pool) Release() {
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
	select {
	case p.freed <- struct{}{}:
	default:
	}
}

// Crowded takes what is open for all that the server bears.
func (p *pool) Crowded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share.Shrink(time.Now(), p.open)
}

func (p *pool) relieve() {
	p.mu.Lock()
	all := make([]*imapstore.Store, 0, len(p.stores))
	for s := range p.stores {
		all = append(all, s)
	}
	p.mu.Unlock()
	for _, s := range all {
		s.Rest()
	}
}

// pooled is a store that a pool knows.
type pooled struct {
	*imapstore.Store
	pool *pool
}

func (p *pool) add(s *imapstore.Store) pooled {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stores[s] = true
	return pooled{s, p}
}

func (s pooled) Close() error {
	s.pool.mu.Lock()
	delete(s.pool.stores, s.Store)
	s.pool.mu.Unlock()
	return s.Store.Close()
}
