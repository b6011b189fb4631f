package srs_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/relay/srs"
	"posthouse/test/neighbour"
)

// Debian's PostSRSd and we take each other's addresses for our own: the same secrets, the same domain.
func TestPostSRSd(t *testing.T) {
	secrets := []string{"tops3cr3t", "old secret"}
	peer := neighbour.StartPostSRSd(t, "srs.example.com", secrets)
	r := rewriter(t, srs.Config{Secrets: secrets})
	for _, sender := range []cutover.Address{
		"alice@partner.example", "Alice.B@Partner.Example", "a=b+c-d@partner.example", "grüße@partner.example", "ÄÖ@partner.example", "o'brien/x=y@partner.example",
		"SRS0=abcd=TT=origin.example=Bob@other.example", "SRS0+abcd=TT=origin.example=bob@other.example", "srs0-abcd=TT=origin.example=bob@other.example",
		"SRS1=efgh=first.example==abcd=TT=origin.example=bob@second.example", "SRS1+efgh=first.example=-abcd=TT=origin.example=bob@second.example",
	} {
		sender, _ = cutover.ParseAddress(string(sender))
		ours, theirs := both(t, r, peer, sender)
		if theirs != string(ours) {
			t.Errorf("of %s it makes %s, we make %s", sender, theirs, ours)
		}
		back, err := r.Reverse(cutover.Address(theirs), time.Now())
		if err != nil {
			t.Errorf("what it made of %s: %v", sender, err)
		}
		if again, err := peer.Reverse(string(ours)); err != nil || again != string(back) {
			t.Errorf("what we made of %s, %s, leads to %s (%v) there and to %s here", sender, ours, again, err, back)
		}
		for _, changed := range []string{lowered(string(ours)), strings.Replace(string(ours), "SRS", "srs", 1)} {
			if _, err := peer.Reverse(changed); err != nil {
				t.Errorf("%s there: %v", changed, err)
			}
			if _, err := r.Reverse(cutover.Address(changed), time.Now()); err != nil {
				t.Errorf("%s here: %v", changed, err)
			}
		}
	}
}

// lowered changes the letters of ASCII alone, as a host without SMTPUTF8 would.
func lowered(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// A secret that only verifies, another separator, a longer hash; and what was not signed by either.
func TestPostSRSdSettings(t *testing.T) {
	peer := neighbour.StartPostSRSd(t, "srs.example.com", []string{"new", "old"}, "-a+", "-n8", "-N8")
	r := rewriter(t, srs.Config{Secrets: []string{"new"}, Separator: '+', HashLength: 8})
	if ours, theirs := both(t, r, peer, "alice@partner.example"); theirs != string(ours) {
		t.Errorf("it makes %s, we make %s", theirs, ours)
	}
	before := rewriter(t, srs.Config{Secrets: []string{"old"}, HashLength: 12})
	if back, err := peer.Reverse(string(forwardNow(t, before))); err != nil || back != "alice@partner.example" {
		t.Errorf("an older secret of ours leads to %q there: %v", back, err)
	}
	for _, cfg := range []srs.Config{{Secrets: []string{"foreign"}, HashLength: 8}, {Secrets: []string{"new"}, HashLength: 4}} {
		if back, err := peer.Reverse(string(forwardNow(t, rewriter(t, cfg)))); err == nil {
			t.Errorf("it takes what was made with %v for its own: %s", cfg, back)
		}
	}
	stranger := neighbour.StartPostSRSd(t, "srs.example.com", []string{"foreign"}, "-n8")
	theirs, err := stranger.Forward("alice@partner.example")
	if err != nil {
		t.Fatal(err)
	}
	if back, err := r.Reverse(cutover.Address(theirs), time.Now()); err == nil {
		t.Errorf("we take %s for our own: %s", theirs, back)
	}
}

// both is what we and the peer make of a sender on one day: the day stands in it.
func both(t *testing.T, r *srs.Rewriter, peer *neighbour.PostSRSd, sender cutover.Address) (ours cutover.Address, theirs string) {
	t.Helper()
	today := func() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }
	for {
		day := today()
		var err error
		if ours, err = r.Forward(sender, day); err != nil {
			t.Fatal(err)
		}
		if theirs, err = peer.Forward(string(sender)); err != nil {
			t.Fatal(err)
		}
		if day.Equal(today()) {
			return ours, theirs
		}
	}
}

func forwardNow(t *testing.T, r *srs.Rewriter) cutover.Address {
	t.Helper()
	made, err := r.Forward("alice@partner.example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return made
}
