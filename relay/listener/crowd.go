package listener

import (
	"net/netip"
	"time"
)

// When a listener is full, those who only wait make room for who comes: else a few hosts that say nothing would keep everybody out. What a client loses by it is a connection it was not using;
// a body, once asked for, is let end, and the trusted stay.

const (
	// crowdPatience is how long a client may be silent in a full listener, whoever it is.
	crowdPatience = 10 * time.Second
	// crowdMoment is how long one may be whose network has more connections than that of who comes.
	crowdMoment = time.Second
	// crowdRest is how long nobody is looked for again after nobody was found: each look asks every connection, and in a flood there is one for each that comes.
	crowdRest = 100 * time.Millisecond
)

// guest is what the registry knows of a connection.
type guest struct {
	network netip.Prefix // that it is counted for; zero while it is for none
	exempt  bool         // trusted, or a proxy that has not said yet for whom it is
	leaves  bool         // was asked to make room
}

// vain is a look at everybody that found nobody. Until it is over it stands for whoever comes with as many connections of his network: who has fewer may find one.
type vain struct {
	until time.Time
	mine  int
}

// makeRoom asks one of those who wait to leave: of the network with the most connections, who waits the longest. Some may be on their way out at a time, no more. r.mu is held.
func (r *registry) makeRoom(newcomer *conn) bool {
	if r.leaves >= max(1, r.limits.MaxConnections/10) {
		return false
	}
	now, mine := time.Now(), 0
	if !newcomer.proxied {
		addr := newcomer.info.Remote.Addr()
		if mine = r.perNetwork[networkOf(addr)]; mine >= r.limits.MaxPerNetwork || r.perClient[clientOf(addr)] >= r.limits.MaxPerClient {
			return false // it has its share
		}
	}
	if now.Before(r.vain.until) && mine >= r.vain.mine {
		return false
	}
	var who *conn
	var most int
	var longest time.Duration
	for c, g := range r.conns {
		if g.exempt || g.leaves {
			continue
		}
		silent, of := c.silence(now), r.perNetwork[g.network]
		patience := crowdPatience
		if of > mine+1 {
			patience = crowdMoment
		}
		if silent >= patience && (who == nil || of > most || of == most && silent > longest) {
			who, most, longest = c, of, silent
		}
	}
	if who == nil || !who.sendAway() {
		r.vain = vain{now.Add(crowdRest), mine}
		return false
	}
	r.conns[who].leaves = true
	r.leaves++
	return true
}

// silence is for how long a command of the client is waited for; 0 while none is. Called by any goroutine.
func (c *conn) silence(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent.IsZero() {
		return 0
	}
	return now.Sub(c.silent)
}

// sendAway ends the wait for a command, and the session with it; false if the client has just spoken. Called by any goroutine.
func (c *conn) sendAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent.IsZero() {
		return false
	}
	c.crowded = true
	c.raw.SetReadDeadline(time.Unix(1, 0))
	return true
}

// interrupted ends a connection whose wait was ended from outside.
func (c *conn) interrupted() {
	c.mu.Lock()
	crowded := c.crowded && !c.drained
	c.mu.Unlock()
	if !crowded {
		c.die(EndShutdown, c.shutdownRefusal())
		return
	}
	c.die(string(SilentInCrowd), c.crowdRefusal())
	c.cfg.Observer.Abused(c.info, SilentInCrowd)
}

func (c *conn) crowdRefusal() *Refusal {
	return &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: c.cfg.Hostname + " has too many connections, try again later"}
}
