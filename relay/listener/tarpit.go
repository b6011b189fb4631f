package listener

import "time"

const (
	tarpitStep = time.Second      // the first pause; each is twice as long as the one before
	tarpitMost = 10 * time.Second // well below what a client waits for a reply (RFC 5321 §4.5.3.2: 5 minutes)
)

// tarry keeps a client waiting that is refused again and again: guessing addresses has to take its time. A reply to a message is never kept
// back, nor is anybody when too many wait here already: they hold connections that others need.
func (c *conn) tarry() {
	pause := c.penalty()
	if pause == 0 || c.promise || !c.reg.tarpit() {
		return
	}
	defer c.reg.free()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.reg.leaving:
	case <-c.ctx.Done():
	}
}

func (c *conn) penalty() time.Duration {
	over := c.stats.faults - c.cfg.TarpitAfter
	if !c.refusal || over <= 0 || c.trusted || c.cfg.TarpitAfter < 0 {
		return 0
	}
	return min(tarpitStep<<min(over-1, 10), tarpitMost)
}

// tarpit takes a place among the tenth of all connections that may be kept waiting at one time.
func (r *registry) tarpit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tarpitted >= max(1, r.limits.MaxConnections/10) {
		return false
	}
	r.tarpitted++
	return true
}

func (r *registry) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tarpitted--
}
