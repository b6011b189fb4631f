package daemon

import (
	"context"
	"sync"
	"time"

	"posthouse/bridge/imapstore"
	"posthouse/config"
)

// pool bounds the connections to one server. Stores keep theirs while they have no use for them, as logging in is slow; where others wait, the idle ones are given up, so that
// nobody waits for ever, however few there are.
type pool struct {
	imapstore.Limiter

	mu     sync.Mutex
	stores map[*imapstore.Store]bool
}

// relief is how often idle connections are looked for while somebody waits; real time, as it is about the network.
const relief = 200 * time.Millisecond

func newPool(n int) *pool {
	return &pool{Limiter: imapstore.NewLimiter(n), stores: map[*imapstore.Store]bool{}}
}

func (p *pool) Acquire(ctx context.Context) error {
	for !p.TryAcquire() {
		p.relieve()
		patience, cancel := context.WithTimeout(ctx, relief)
		err := p.Limiter.Acquire(patience)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
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

// parallel is how many mailboxes copy at one time: no more than can have a connection each while as many serve questions and deliveries.
func parallel(c *config.Config) int {
	n := c.Bridge.ParallelMailboxes
	for _, s := range c.Servers {
		if s.IMAP != "" {
			n = min(n, max(1, s.MaxConnections/2))
		}
	}
	return n
}
