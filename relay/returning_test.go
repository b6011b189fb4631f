package relay_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/srs"
)

func rewriter(t *testing.T, secret string) *srs.Rewriter {
	t.Helper()
	r, err := srs.New(srs.Config{Domain: "srs.example.com", Secrets: []string{secret}, HashLength: 8})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func nets(n string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(n)} }

func rewritten(t *testing.T, r *srs.Rewriter, sender cutover.Address, at time.Time) cutover.Address {
	t.Helper()
	a, err := r.Forward(sender, at)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An SRS address is taken from anybody who has one that we made lately, and from nobody else: we are no open relay.
func TestOnlyOurOwnSRSAddressesAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rewriter(t, "secret")
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), SRS: r}, relay.CourierConfig{})
		made := string(rewritten(t, r, "alice@partner.example", time.Now()))
		twice := string(rewritten(t, r, "SRS0=abcd=TT=origin.example=bob@other.example", time.Now()))
		foreign := string(rewritten(t, rewriter(t, "another"), "alice@partner.example", time.Now()))
		for _, c := range []struct {
			address string
			code    int
			text    string
		}{
			{made, 0, ""},
			{strings.ToLower(made), 0, ""},
			{twice, 0, ""},
			{foreign, 550, "not made here"},
			{strings.Replace(made, "alice", "victim", 1), 550, "not made here"},
			{strings.Replace(made, "partner.example", "victim.example", 1), 550, "not made here"},
			{strings.Replace(twice, "other.example", "victim.example", 1), 550, "not made here"},
			{"SRS0=@srs.example.com", 550, "not made here"},
			{"alice@srs.example.com", 550, "domain is not served"},
			{strings.Replace(made, "srs.example.com", "example.net", 1), 550, "domain is not served"},
		} {
			checkAnswer(t, b, c.address, c.code, c.text)
		}
		time.Sleep(22 * day)
		checkAnswer(t, b, made, 550, "expired")
		b = newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		checkAnswer(t, b, made, 550, "domain is not served") // SRS is not configured
	})
}

func checkAnswer(t *testing.T, b *bed, address string, code int, text string) {
	t.Helper()
	err := b.intake.Recipient(t.Context(), relay.Peer{Route: cutover.Arriving}, address)
	var refused *relay.Refusal
	switch {
	case code == 0 && err != nil:
		t.Errorf("%s: %v", address, err)
	case code != 0 && (!errors.As(err, &refused) || refused.Code != code || !strings.Contains(refused.Text, text)):
		t.Errorf("%s: %v, want %d … %s", address, err, code, text)
	}
}

// What comes back goes to the sender by the way outside; without one it is held, and says why.
func TestBouncesGoBack(t *testing.T) {
	r := rewriter(t, "secret")
	outside := rewritten(t, r, "Alice@partner.example", time.Now())
	ofOurs := rewritten(t, r, "anna@example.com", time.Now()) // her domain was not ours when she wrote
	unknown := rewritten(t, r, "nobody@example.com", time.Now())
	withOutward, without := map[cutover.Route]relay.Plan{cutover.Arriving: {Outward: "new:smtp"}}, map[cutover.Route]relay.Plan{cutover.Arriving: {}}
	for _, c := range []struct {
		what   string
		plans  map[cutover.Route]relay.Plan
		to     cutover.Address
		client string
		want   string
	}{
		{"outside", withOutward, outside, "192.0.2.1", "[Alice@partner.example new:smtp due]"},
		{"the cloud's own bounce", withOutward, outside, "198.51.100.1", "[Alice@partner.example new:smtp due]"},
		{"the old server's own bounce", withOutward, outside, "203.0.113.1", "[Alice@partner.example new:smtp due]"},
		{"no way outside", without, outside, "192.0.2.1", "[Alice@partner.example held]"},
		{"a mailbox of ours", withOutward, ofOurs, "192.0.2.1", "[anna@example.com new:smtp due]"},
		{"an address of ours that nobody has", withOutward, unknown, "192.0.2.1", "[nobody@example.com held]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), SRS: r, Plans: c.plans, CloudNets: nets("198.51.100.0/24"), LegacyNets: nets("203.0.113.0/24")}, relay.CourierConfig{})
			id := b.mustTake(to(c.to).from(c.client))
			equal(t, c.what, fmt.Sprint(words(b.of(id))), c.want)
			d := b.of(id)[0]
			if d.Original != c.to {
				t.Errorf("the ledger says it was written to %s", d.Original)
			}
			if d.State == ledger.Held && !strings.Contains(d.Reason, string(d.Recipient)) {
				t.Errorf("held: %s", d.Reason)
			}
		})
	}
}

// An echo of what we sent is no use of the old route.
func TestBouncesAreNoUse(t *testing.T) {
	r := rewriter(t, "secret")
	srsAddress := rewritten(t, r, "alice@partner.example", time.Now())
	for _, c := range []struct {
		m    message
		want evidence.Class
	}{{to(srsAddress), evidence.Unwanted}, {to(srsAddress, "anna@example.com"), evidence.Wanted}, {to("anna@example.com"), evidence.Wanted}} {
		b, told := watched(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), SRS: r})
		b.mustTake(c.m)
		if seen := (*told)[0]; seen.Class != c.want {
			t.Errorf("to %v: %s", c.m.env.Recipients, seen.Class)
		}
	}
}
