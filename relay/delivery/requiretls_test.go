package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// What its sender wants to go by verified TLS alone goes where the session proves the next hop and the next hop offers the same, and else nowhere.
func TestRequireTLS(t *testing.T) {
	pki := testPKI(t)
	start := func(offers bool) *peer {
		return startPeer(t, func(s *smtp.Server) { s.TLSConfig, s.EnableREQUIRETLS = pki.server, offers })
	}
	keeps, lacks := start(true), start(false)
	plain := startPeer(t, func(s *smtp.Server) { s.EnableREQUIRETLS = true })
	pin := TLS{Mode: Opportunistic}
	pki.trust(&pin, "pin")
	verified, opportunistic := TLS{ServerName: "mx.new.example", Roots: pki.roots}, TLS{Mode: Opportunistic, Roots: pki.roots}
	byName := TLS{Mode: STARTTLS, Roots: pki.roots}
	sts := Demand{By: "the MTA-STS policy of new.example"}
	dane := Demand{By: "DANE of mx.new.example", Verify: func(tls.ConnectionState) error { return nil }}
	for _, c := range []struct {
		name   string
		to     *peer
		tls    TLS
		found  bool // by MX
		demand Demand
		taken  bool
	}{
		{"verified", keeps, verified, false, Demand{}, true},
		{"not offered", lacks, verified, false, Demand{}, false},
		{"fingerprint", keeps, pin, false, Demand{}, true},
		{"not verified", keeps, opportunistic, false, Demand{}, false},
		{"any certificate", keeps, TLS{ServerName: "mx.new.example", SkipVerify: true}, false, Demand{}, false},
		{"no TLS", plain, opportunistic, false, Demand{}, false},
		{"plaintext", plain, TLS{Mode: Plaintext}, false, Demand{}, false},
		{"MTA-STS", keeps, opportunistic, true, sts, true},
		{"MTA-STS, not offered", lacks, opportunistic, true, sts, false},
		{"DANE", keeps, opportunistic, true, dane, true},
		{"unusable DANE", keeps, opportunistic, true, Demand{By: "DANE of mx.new.example", Unverified: true}, false},
		{"a name that DNS alone says", keeps, byName, true, Demand{}, false},
		{"a name that is configured", keeps, verified, true, Demand{}, true},
	} {
		client := clientFor(t, c.to.addr, func(d *Destination) { d.TLS = c.tls })
		if c.found {
			client = found(t, c.tls, hosts(Host{Name: "mx.new.example", Address: c.to.addr, Demand: c.demand}))
		}
		before := len(c.to.got())
		env := oneRecipient
		env.RequireTLS = true
		outs, err := client.Send(t.Context(), env, newBody(smallBody))
		if offers, known := client.Offers("REQUIRETLS"); !known || offers != c.taken {
			t.Errorf("%s: offers %t, known %t", c.name, offers, known)
		}
		if got := c.to.got()[before:]; c.taken {
			if accepted(t, outs, err); len(got) != 1 || !got[0].mail.RequireTLS {
				t.Errorf("%s: %+v", c.name, got)
			}
			continue
		} else if len(got) != 0 {
			t.Errorf("%s: it went", c.name)
		}
		var u *Unfit
		if !errors.As(err, &u) || u.Reason != NoRequireTLS || outs[0].Kind != NotFit {
			t.Errorf("%s: %s, %v", c.name, outs[0].Kind, err)
		}
		// What demands nothing goes all the same, and says nothing of it.
		outs, err = client.Send(t.Context(), oneRecipient, newBody(smallBody))
		if accepted(t, outs, err); c.to.got()[before].mail.RequireTLS {
			t.Errorf("%s: demanded of itself", c.name)
		}
	}
}

// An offer that is gone from a later session counts for that session.
func TestRequireTLSInTheSessionAtHand(t *testing.T) {
	pki := testPKI(t)
	p := startPeer(t, func(s *smtp.Server) { s.TLSConfig, s.EnableREQUIRETLS = pki.server, true })
	good, bad := Host{Name: "mx.new.example", Address: p.addr, Demand: Demand{By: "MTA-STS"}}, Host{Name: "mx.new.example", Address: p.addr}
	turn := 0
	c := found(t, TLS{Mode: Opportunistic, Roots: pki.roots}, func(context.Context) ([]Host, error) {
		turn++
		return [][]Host{{good}, {bad}}[turn-1], nil
	})
	env := oneRecipient
	env.RequireTLS = true
	outs, err := c.Send(t.Context(), env, newBody(smallBody))
	accepted(t, outs, err)
	c.pool.flush()
	outs, err = c.Send(t.Context(), env, newBody(smallBody))
	if outs[0].Kind != NotFit || err == nil || !strings.Contains(err.Error(), "REQUIRETLS") || len(p.got()) != 1 {
		t.Errorf("%s, %v", outs[0].Kind, err)
	}
}
