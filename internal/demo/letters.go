package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"posthouse/internal/testserver/corpus"
)

// letter is one message on its way.
type letter struct {
	serial   int
	to       []string
	data     []byte
	core     core
	repeated bool // its sender transmits it twice
}

// planner invents the mail of the whole demonstration before it begins: the same for the same seed.
type planner struct {
	rng    *rand.Rand
	gen    *corpus.Generator
	kinds  []corpus.Kind
	serial int
	plan   plan
	day0   time.Time
}

func newPlanner(seed uint64, p plan, day0 time.Time) *planner {
	g := corpus.New(seed + 1000)
	g.MaxSize = 128 << 10
	kinds := slices.DeleteFunc(corpus.Kinds(), func(k corpus.Kind) bool {
		return k == corpus.Duplicate // octets that were there before: nobody could tell the two apart
	})
	return &planner{rng: rand.New(rand.NewPCG(seed, 40)), gen: g, kinds: kinds, plan: p, day0: day0}
}

// letter makes a message of the next kind. The sender's own system has written the field above it, with a number of its own.
func (p *planner) letter(from corpus.Address, to []string, when time.Time, host string) letter {
	p.serial++
	m := p.gen.Make(p.kinds[p.serial%len(p.kinds)], from, corpus.Address{Addr: to[0]}, when)
	data := fmt.Appendf(nil, "Received: from app by %s id D%06d;\r\n\t%s\r\n", host, p.serial, when.Format(time.RFC1123Z))
	data = append(data, m.Bytes...)
	if !bytes.HasSuffix(data, []byte("\r\n")) {
		data = append(data, "\r\n"...) // DATA cannot carry a last line without its end
	}
	return letter{serial: p.serial, to: to, data: data, core: sha256.Sum256(data), repeated: p.serial%37 == 0}
}

// pieces is everything that happens by itself, in order.
func (p *planner) pieces(senders []sender) []piece {
	var all []piece
	for range p.plan.letters {
		s := senders[p.rng.IntN(len(senders))]
		due := p.moment()
		l := p.letter(s.address(), p.recipients(), due, s.host)
		all = append(all, piece{due, func(ctx context.Context, f *flow) error { return f.send(ctx, s, l, f.ways(s, f.w.clock.Now())) }})
	}
	for range p.plan.written {
		from := mailboxes[p.rng.IntN(len(mailboxes)-1)] // the room is last: it does not write
		to := mailboxes[p.rng.IntN(len(mailboxes))]
		due := p.moment()
		l := p.letter(from.owner(), []string{to.address()}, due, oldHost)
		all = append(all, piece{due, func(_ context.Context, f *flow) error { return f.write(from, to, l) }})
	}
	all = append(all, p.tidying()...)
	all = append(all, p.visits()...)
	slices.SortStableFunc(all, func(a, b piece) int { return a.due.Compare(b.due) })
	return all
}

// tidying is what people do with old messages: even numbers are marked, odd ones removed, so that nobody marks what is gone.
func (p *planner) tidying() []piece {
	var all []piece
	for range p.plan.marked {
		m, half := p.corner()
		flags := [][]string{{`\Seen`}, {`\Seen`, `\Flagged`}, {}, {`\Answered`, `\Seen`, "$Work"}}[p.rng.IntN(4)]
		all = append(all, piece{p.moment(), func(_ context.Context, f *flow) error { return f.mark(m, 2*half, flags) }})
	}
	gone := map[string]bool{}
	for range p.plan.removed {
		m, half := p.corner()
		if key := fmt.Sprint(m.local, half); !gone[key] {
			gone[key] = true
			all = append(all, piece{p.moment(), func(_ context.Context, f *flow) error { return f.remove(m, 2*half-1) }})
		}
	}
	return all
}

// corner picks a mailbox with many messages, and half the number of one of the first in its inbox.
func (p *planner) corner() (mailbox, uint32) {
	m := mailboxes[p.rng.IntN(8)]
	inInbox := p.plan.messages * m.share / 1000 / 4
	return m, uint32(1 + p.rng.IntN(inInbox/2))
}

// visits are the mornings on which people still log in on the old server.
func (p *planner) visits() []piece {
	var all []piece
	for _, m := range mailboxes[:len(mailboxes)-1] {
		for day := p.day0; day.Before(p.day0.Add(p.plan.quietFrom)); day = day.Add(24 * time.Hour) {
			due := day.Add(time.Duration(p.rng.Int64N(int64(min(20*hour, p.day0.Add(p.plan.quietFrom).Sub(day))))))
			all = append(all, piece{due, func(_ context.Context, f *flow) error { return f.visit(m) }})
		}
	}
	return all
}

// moment is any time before the old side falls quiet.
func (p *planner) moment() time.Time {
	return p.day0.Add(time.Duration(p.rng.Int64N(int64(p.plan.quietFrom)))).Truncate(time.Second)
}

// recipients are mostly one mailbox, sometimes by another of its addresses, a group, or several.
func (p *planner) recipients() []string {
	m := mailboxes[p.rng.IntN(len(mailboxes))]
	switch n := p.rng.IntN(100); {
	case n < 10 && len(m.aliases) > 0:
		return []string{m.aliases[0] + "@" + domain}
	case n < 14:
		return []string{m.local + "@" + aliasDomain}
	case n < 17:
		return []string{m.local + "+news@" + domain}
	case n < 19:
		return []string{"team@" + domain}
	case n < 20:
		return []string{"all@" + domain}
	case n < 26:
		return []string{m.address(), mailboxes[p.rng.IntN(len(mailboxes))].address()}
	case n < 28: // one mailbox by two of its addresses
		return []string{m.address(), m.local + "@" + aliasDomain}
	}
	return []string{m.address()}
}
