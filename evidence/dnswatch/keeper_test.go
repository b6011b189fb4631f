package dnswatch

import (
	"context"
	"testing"

	"posthouse/ledger"
)

func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com": true, "mail.example.org": true, "acme.example": true, "x.test": true, "localhost": true, "acme.com": false, "myexample.com": false, "test.de": false,
	} {
		if isReserved(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// guarded are facts that are read under the lock of their domain only.
type guarded struct {
	t    *testing.T
	k    *Keeper
	read int
}

func (g *guarded) Fact(context.Context, string) (string, error) {
	g.read++
	if lock := &g.k.domain("acme.com").looking; lock.TryLock() {
		lock.Unlock()
		g.t.Error("a look could begin meanwhile, and what it finds would be lost")
	}
	return "", ledger.ErrNotFound
}

func (g *guarded) SetFact(context.Context, string, string) error { return nil }

func TestRecallKeepsLooksAway(t *testing.T) {
	facts := &guarded{t: t}
	facts.k = NewKeeper(KeeperConfig{Facts: facts})
	for range 2 {
		if err := facts.k.Recall(t.Context(), "acme.com"); err != nil {
			t.Fatal(err)
		}
	}
	if facts.read != 1 || facts.k.One("acme.com").History.Domain != "acme.com" {
		t.Errorf("read %d times, %+v", facts.read, facts.k.One("acme.com"))
	}
}
