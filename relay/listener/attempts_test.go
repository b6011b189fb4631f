package listener

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// guessing is attempts with a clock to be set.
type guessing struct {
	*testing.T
	*attempts
	at time.Time
}

func newGuessing(t *testing.T) *guessing {
	g := &guessing{T: t, at: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}
	g.attempts = newAttempts(func() time.Time { return g.at })
	return g
}

// try wants to wait so long, and tries if that is not at all.
func (g *guessing) try(from, user string, what attempt, want time.Duration) {
	g.Helper()
	client := netip.MustParseAddr(from)
	if got := g.ask(client, user); got != want {
		g.Fatalf("%s as %s has to wait %v, want %v", from, user, got, want)
	} else if got == 0 {
		g.note(client, user, what)
	}
}

func (g *guessing) tries(n int, from, user string, what attempt) {
	g.Helper()
	for range n {
		g.try(from, user, what, 0)
	}
}

func TestGuessesOfAClient(t *testing.T) {
	g := newGuessing(t)
	for i := range clientTries {
		g.try("192.0.2.1", fmt.Sprint("user", i), mistaken, 0)
	}
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		g.try("192.0.2.1", "anna", mistaken, pause*time.Second)
		g.try("192.0.2.1", "bob", mistaken, pause*time.Second)
		g.at = g.at.Add(pause*time.Second - 1)
		g.try("192.0.2.1", "carl", mistaken, 1)
		g.at = g.at.Add(1)
		g.try("192.0.2.1", fmt.Sprint("dora", pause), mistaken, 0)
	}
	g.try("192.0.2.2", "anna", mistaken, 0) // who asks in vain is no try
	g.at = g.at.Add(attemptMost + attemptMemory + 1)
	g.tries(clientTries, "192.0.2.1", "erik", mistaken)
}

func TestGuessesAtAUser(t *testing.T) {
	g := newGuessing(t)
	g.try("198.51.100.9", "anna", loggedIn, 0)
	for i := range userTries {
		g.try(fmt.Sprintf("192.0.2.%d", i+1), "Anna", mistaken, 0)
	}
	g.try("192.0.2.99", "anna", mistaken, time.Second)
	g.try("192.0.2.99", "bob", mistaken, 0)
	g.tries(100, "198.51.100.9", "anna", loggedIn) // strangers do not lock her out
	g.try("192.0.2.99", "anna", mistaken, time.Second)
}

// Of a colleague's forgotten password others behind the same address notice nothing, once they have logged in from there.
func TestColleaguesBehindOneAddress(t *testing.T) {
	g := newGuessing(t)
	g.try("192.0.2.1", "anna", loggedIn, 0)
	g.tries(clientTries, "192.0.2.1", "bob", mistaken)
	g.try("192.0.2.1", "bob", mistaken, time.Second)
	g.try("192.0.2.1", "anna", loggedIn, 0)
	g.tries(friendTries, "192.0.2.1", "anna", mistaken)
	g.try("192.0.2.1", "anna", mistaken, time.Second)
	g.at = g.at.Add(time.Second)
	g.try("192.0.2.1", "anna", loggedIn, 0)
	g.tries(friendTries, "192.0.2.1", "anna", mistaken)
}

// One good password buys no guesses at others, and what nobody could decide costs none.
func TestTriesGivenBack(t *testing.T) {
	g := newGuessing(t)
	for i := range clientTries {
		g.try("192.0.2.1", fmt.Sprint("user", i), mistaken, 0)
		g.at = g.at.Add(time.Minute)
		if i < clientTries-1 {
			g.try("192.0.2.1", "mallory", loggedIn, 0)
			g.try("192.0.2.1", "mallory2", undecided, 0)
		}
	}
	g.at = g.at.Add(-time.Minute)
	g.try("192.0.2.1", "anna", mistaken, time.Second)
	g.tries(100, "192.0.2.2", "anna", undecided)
}

// Tries under way count: many connections at once have no more than one.
func TestTriesAtOnce(t *testing.T) {
	g := newGuessing(t)
	client := netip.MustParseAddr("2001:db8::1")
	for range clientTries {
		if g.ask(client, "anna") != 0 {
			t.Fatal("not free")
		}
	}
	if g.ask(netip.MustParseAddr("2001:db8::2"), "bob") != time.Second { // the same /64
		t.Error("more at once than one after the other")
	}
}

func TestAttemptsForgetTheOldest(t *testing.T) {
	g := newGuessing(t)
	for i := range 3 * attemptKeys {
		client := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		g.note(client, fmt.Sprint("user", i), loggedIn)
		g.ask(client, fmt.Sprint("other", i))
	}
	for what, n := range map[string]int{"clients": len(g.clients.at), "users": len(g.users.at), "friends": len(g.friends.at), "order": g.users.order.Len()} {
		if n != attemptKeys {
			t.Errorf("%d %s remembered", n, what)
		}
	}
}
