package listener

import (
	"net/netip"
	"sync"
)

// registry knows every open connection of a server, because go-smtp's own Close forgets them after a Shutdown that timed out. It also keeps
// the limits: overall and per client.
type registry struct {
	max, maxPerClient int

	mu        sync.Mutex
	conns     map[*conn]struct{}
	perClient map[netip.Prefix]int
	drained   bool
}

func newRegistry(maxConns, maxPerClient int) *registry {
	return &registry{
		max: maxConns, maxPerClient: maxPerClient,
		conns: make(map[*conn]struct{}), perClient: make(map[netip.Prefix]int),
	}
}

// clientOf is what counts as one client: an IPv4 address, or the /64 that IPv6 hosts choose their addresses from.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// add takes a connection in, or says why the client has to go: what it abused, or "" while the server is leaving.
func (r *registry) add(c *conn) (what Abuse, ok bool) {
	client := clientOf(c.info.Remote.Addr())
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.drained:
		return "", false
	case len(r.conns) >= r.max:
		return TooManyConnections, false
	case r.perClient[client] >= r.maxPerClient:
		return TooManyOfClient, false
	}
	r.conns[c] = struct{}{}
	r.perClient[client]++
	return "", true
}

// remove forgets a connection; one that was not taken in is no error.
func (r *registry) remove(c *conn) {
	client := clientOf(c.info.Remote.Addr())
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.conns[c]; !ok {
		return
	}
	delete(r.conns, c)
	if r.perClient[client]--; r.perClient[client] == 0 {
		delete(r.perClient, client)
	}
}

// drain takes in nobody more and drains those who are here.
func (r *registry) drain() {
	r.mu.Lock()
	r.drained = true
	r.mu.Unlock()
	r.each((*conn).drain)
}

// each calls f for every connection, without holding the lock.
func (r *registry) each(f func(*conn)) {
	r.mu.Lock()
	all := make([]*conn, 0, len(r.conns))
	for c := range r.conns {
		all = append(all, c)
	}
	r.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}
