package callout

import (
	"context"
	"crypto/rand"
	"math"
	"strings"
	"time"

	"posthouse/cutover"
)

// proofHolds is for how long a server that refused an address nobody can have is believed, and one that took it is not asked again.
const proofHolds = time.Hour

// proof is whether a server can say no in one domain.
type proof struct {
	address cutover.Address // that nobody can have; it stays until there is an answer, which a server that greylists gives the second time
	answer  Answer          // No: it can; Mute: it takes everything; "": nobody knows yet
	at      time.Time
}

func (p *proof) holds(now time.Time) bool { return !p.at.IsZero() && now.Sub(p.at) < proofHolds }

// prove is No where the server can say that, Mute where it cannot, Later where that cannot be found out now.
func (s *Source) prove(ctx context.Context, domain string) Answer {
	s.mu.Lock()
	p := s.proofs[domain]
	if p == nil {
		p = &proof{}
		s.proofs[domain] = p
	}
	if p.holds(s.cfg.Clock.Steady()) {
		defer s.mu.Unlock()
		return p.answer
	}
	if p.address == "" {
		p.address = cutover.Address(strings.ToLower(rand.Text()) + "@" + domain)
	}
	address := p.address
	s.mu.Unlock()
	return s.once(ctx, address, math.MaxInt, s.tempt)
}

// tempt asks about the address that nobody can have, and notes what that proves.
func (s *Source) tempt(ctx context.Context, a cutover.Address) Answer {
	got := s.put(ctx, a)
	if got == Later {
		return Later
	}
	if got == Yes {
		got = Mute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.proofs[a.Domain()] = proof{answer: got, at: s.cfg.Clock.Steady()}
	return got
}
