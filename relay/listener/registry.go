package listener

import (
	"net/netip"
	"sync"
)

// registry knows every open connection of a server, because go-smtp's own Close forgets them after a Shutdown that timed out. It also keeps
// the limits: overall, per client and per network.
type registry struct {
	limits  *Limits
	leaving chan struct{} // closed by drain

	mu         sync.Mutex
	conns      map[*conn]*guest
	leaves     int // of them, asked to make room
	vain       vain
	perClient  map[netip.Prefix]int
	perNetwork map[netip.Prefix]int
	tarpitted  int
	drained    bool
}

func newRegistry(limits *Limits) *registry {
	return &registry{
		limits: limits, leaving: make(chan struct{}),
		conns: make(map[*conn]*guest), perClient: make(map[netip.Prefix]int), perNetwork: make(map[netip.Prefix]int),
	}
}

// clientOf is what counts as one client: an IPv4 address, or the /64 that IPv6 hosts choose their addresses from.
func clientOf(a netip.Addr) netip.Prefix { return prefixOf(a, 32, 64) }

// networkOf is what counts as one network: what one customer of a provider holds at most, in the usual case.
func networkOf(a netip.Addr) netip.Prefix { return prefixOf(a, 24, 48) }

func prefixOf(a netip.Addr, bits4, bits6 int) netip.Prefix {
	bits := bits4
	if a.Is6() {
		bits = bits6
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// add takes a connection in, or says why the client has to go: what it abused, or "" while the server is leaving.
func (r *registry) add(c *conn) (what Abuse, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.drained:
		return "", false
	case len(r.conns)-r.leaves >= r.limits.MaxConnections && !r.makeRoom(c):
		return TooManyConnections, false
	}
	r.conns[c] = &guest{exempt: c.trusted || c.proxied}
	return "", true
}

// count counts a connection for its client, once it is known who that is.
func (r *registry) count(c *conn) (what Abuse, ok bool) {
	addr := c.info.Remote.Addr()
	shared := !c.trusted && r.limits.Shared != nil && r.limits.Shared(addr)
	client, network := clientOf(addr), networkOf(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.conns[c]
	if g.exempt = c.trusted; c.trusted || shared {
		return "", true
	}
	switch {
	case r.perClient[client] >= r.limits.MaxPerClient:
		return TooManyOfClient, false
	case r.perNetwork[network] >= r.limits.MaxPerNetwork:
		return TooManyOfNetwork, false
	}
	c.counted, g.network = true, network
	r.perClient[client]++
	r.perNetwork[network]++
	return "", true
}

// remove forgets a connection; one that was not taken in is no error.
func (r *registry) remove(c *conn) {
	addr := c.info.Remote.Addr()
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.conns[c]; g != nil && g.leaves {
		r.leaves--
	}
	delete(r.conns, c)
	if c.counted {
		c.counted = false
		less(r.perClient, clientOf(addr))
		less(r.perNetwork, networkOf(addr))
	}
}

func less(counts map[netip.Prefix]int, p netip.Prefix) {
	if counts[p]--; counts[p] == 0 {
		delete(counts, p)
	}
}

// drain takes in nobody more and drains those who are here. Call it once.
func (r *registry) drain() {
	r.mu.Lock()
	r.drained = true
	r.mu.Unlock()
	close(r.leaving)
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

// size is the number of connections.
func (r *registry) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}
