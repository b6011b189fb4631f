package listener

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// What came of an attempt to log in.
type attempt byte

const (
	loggedIn  attempt = iota
	mistaken          // the name or the password is wrong
	undecided         // nobody could say, or the client went away: it counts for nothing
)

const (
	clientTries = 10 // that a client has free, over all users
	userTries   = 10 // that all clients together have free for one user
	friendTries = 5  // that a client has free for a user who logged in from there before

	attemptPause  = time.Second      // after the free ones; each is twice as long as the one before
	attemptMost   = 15 * time.Minute // the longest
	attemptMemory = time.Hour        // after the last attempt, beyond its pause, all are free again

	attemptKeys = 10_000 // of each kind that are remembered: the most recent ones
)

// attempts keeps guessing of passwords slow, per client and per user. A client from where a user has logged in before is judged apart from all others: neither can strangers
// lock that user out, nor does a colleague's mistake behind the same address. Its memory is bounded; its methods may be called from any goroutine.
type attempts struct {
	now func() time.Time

	mu      sync.Mutex
	clients recent[netip.Prefix]
	users   recent[string]
	friends recent[friend]
}

// friend is a user, and a client from where that user has logged in.
type friend struct {
	client netip.Prefix
	user   string
}

func newAttempts(now func() time.Time) *attempts { return &attempts{now: now} }

// ask says how long the client has to wait until it may try to log in as this user. 0: it may now, and this counts as a try until note says what came of it, so
// that many connections at once have no more tries than one.
func (a *attempts) ask(client netip.Addr, user string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	counts := a.counts(friendOf(client, user))
	var wait time.Duration
	for _, s := range counts {
		wait = max(wait, s.wait(now))
	}
	if wait > 0 {
		return wait
	}
	for _, s := range counts {
		s.add(now)
	}
	return 0
}

// note says what came of a try. A login gives back that try alone: whoever has one password could else guess others for ever.
func (a *attempts) note(client netip.Addr, user string, what attempt) {
	if what == mistaken {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f := friendOf(client, user)
	for _, s := range a.counts(f) {
		s.takeBack()
	}
	if what == loggedIn {
		a.friends.get(f, friendTries).n = 0
	}
}

// counts are those that a try is counted by.
func (a *attempts) counts(f friend) []*strikes {
	if a.friends.has(f) {
		return []*strikes{a.friends.get(f, friendTries)}
	}
	return []*strikes{a.clients.get(f.client, clientTries), a.users.get(f.user, userTries)}
}

func friendOf(client netip.Addr, user string) friend {
	return friend{clientOf(client.Unmap()), strings.ToLower(user[:min(len(user), 320)])}
}

// strikes count tries.
type strikes struct {
	free, n int
	last    time.Time
}

func (s *strikes) pause() time.Duration {
	if s.n < s.free {
		return 0
	}
	return min(attemptPause<<min(s.n-s.free, 20), attemptMost)
}

func (s *strikes) wait(now time.Time) time.Duration {
	return max(0, s.last.Add(s.pause()).Sub(now))
}

func (s *strikes) add(now time.Time) {
	if now.Sub(s.last) > s.pause()+attemptMemory {
		s.n = 0
	}
	s.n++
	s.last = now
}

func (s *strikes) takeBack() { s.n = max(0, s.n-1) }

// recent holds the strikes of the keys that were asked for last. The zero value is empty.
type recent[K comparable] struct {
	at    map[K]*list.Element
	order list.List // of keyed[K], the latest in front
}

type keyed[K comparable] struct {
	key K
	strikes
}

func (r *recent[K]) has(k K) bool { return r.at[k] != nil }

func (r *recent[K]) get(k K, free int) *strikes {
	if e := r.at[k]; e != nil {
		r.order.MoveToFront(e)
		return &e.Value.(*keyed[K]).strikes
	}
	if r.at == nil {
		r.at = map[K]*list.Element{}
	}
	if len(r.at) >= attemptKeys {
		oldest := r.order.Back()
		delete(r.at, r.order.Remove(oldest).(*keyed[K]).key)
	}
	fresh := &keyed[K]{k, strikes{free: free}}
	r.at[k] = r.order.PushFront(fresh)
	return &fresh.strikes
}
