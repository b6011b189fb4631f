package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// told is everything that a ledger says of captured mail.
func told(t *testing.T, l *Ledger) (all []string) {
	t.Helper()
	ctx := t.Context()
	deliveries := get(l.Deliveries(ctx, ledger.DeliveryFilter{}))(t)
	for _, d := range deliveries {
		all = append(all, fmt.Sprintf("%+v", d))
		body, err := bodyOf(ctx, l, string(d.Capture))
		all = append(all, fmt.Sprintf("%+v %q %v", get(l.Capture(ctx, d.Capture))(t), body, err))
		all = append(all, fmt.Sprintf("%+v", get(l.History(ctx, d.Capture))(t)))
	}
	must(t, l.Observations(ctx, time.Time{}, func(o evidence.Observation) bool {
		all = append(all, fmt.Sprintf("%+v", o))
		return true
	}))
	return all
}

// A ledger with a journal says the same as one without, whatever is done to both; and so does what the disk has of it at any time.
func TestJournalChangesNothing(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playWithAndWithout(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func playWithAndWithout(t *testing.T, rnd *rand.Rand) {
	folder := t.TempDir()
	plain, quick := openIn(t, t.TempDir(), Options{}), withJournal(t, folder)
	plain.withoutJournal(t)
	must(t, keepBody(t.Context(), plain, "first", []byte("asks for a journal"), ledger.Due))
	both := func(what string, do func(*Ledger) error) {
		t.Helper()
		a, b := do(plain), do(quick)
		if (a == nil) != (b == nil) || errors.Is(a, ledger.ErrNotFound) != errors.Is(b, ledger.ErrNotFound) || errors.Is(a, ledger.ErrExists) != errors.Is(b, ledger.ErrExists) {
			t.Fatalf("%s: %v without a journal, %v with one", what, a, b)
		}
	}
	compare := func(when string, l *Ledger) {
		t.Helper()
		want, got := told(t, plain), told(t, l)
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("%s:\n got %s\nwant %s", when, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d lines, want %d: %q, %q", when, len(got), len(want), got, want)
		}
	}
	g := player{rnd: rnd, both: both, ctx: t.Context()}
	for step := range 300 {
		g.step()
		if step%60 == 17 {
			after := openIn(t, killed(t, folder), Options{})
			compare("killed", after)
			mustClose(t, after)
		}
		if step%100 == 99 {
			compare("running", quick)
		}
	}
	compare("at the end", quick)
	checkMoving(t, quick)
	mustClose(t, quick)
	compare("opened again", openIn(t, folder, Options{}))
}

// checkMoving finds nothing remembered but what is being sent: else it would grow for ever.
func checkMoving(t *testing.T, l *Ledger) {
	t.Helper()
	must(t, l.change(t.Context(), func(x *tx) error {
		for id, at := range l.w.pending.moving {
			state, err := one(x, value[string], "SELECT state FROM deliveries WHERE id = ?", int64(id))
			if err != nil || at != inDatabase || state != string(ledger.Sending) {
				t.Errorf("delivery %d is remembered at %d: %s, %v", id, at, state, err)
			}
		}
		return nil
	}))
}

// player does random things to deliveries as a courier would, and some that it would not.
type player struct {
	rnd  *rand.Rand
	ctx  context.Context
	both func(what string, do func(*Ledger) error)
	n    int
	all  []ledger.Delivery // as last written
}

func (g *player) step() {
	switch g.rnd.IntN(10) {
	case 0, 1, 2:
		g.keep()
	case 3, 4, 5, 6:
		g.update(1 + g.rnd.IntN(3))
	case 7, 8:
		g.begin()
	case 9:
		g.rest()
	}
}

func (g *player) now() time.Time {
	g.n++
	return noon.Add(time.Duration(g.n) * time.Second)
}

var playStates = []ledger.DeliveryState{ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Accepted, ledger.Settled, ledger.Settled, ledger.Held, "nonsense"}

func (g *player) state() ledger.DeliveryState { return playStates[g.rnd.IntN(len(playStates))] }

func (g *player) keep() {
	at := g.now()
	id := cutover.CaptureID(fmt.Sprint("c", g.n))
	if g.rnd.IntN(20) == 0 && len(g.all) > 0 {
		id = g.all[g.rnd.IntN(len(g.all))].Capture // there is one
	}
	octets := pattern(string(id), []int{0, 10, 4000, 60_000, 70_000}[g.rnd.IntN(5)])
	c := ledger.Capture{ID: id, At: at, Size: int64(len(octets)), Repeat: cutover.Digest{byte(g.n), 1}, Prefix: []byte("Received: x\r\n"), MessageID: "<" + string(id) + "@x>",
		Envelope: ledger.Envelope{From: "a@b", Recipients: []ledger.Recipient{{Address: "c@d"}}}}
	var planned []ledger.Delivery
	for range g.rnd.IntN(3) {
		planned = append(planned, ledger.Delivery{Recipient: "c@d", Destination: "cloud:smtp", Side: cutover.Cloud, Required: g.rnd.IntN(2) == 0, State: g.state(), Since: at, Next: at})
	}
	var stored []ledger.Delivery
	g.both("keeping "+string(id), func(l *Ledger) error {
		b, err := l.NewBody(g.ctx)
		if err != nil {
			return err
		}
		defer b.Abort()
		if _, err := b.Write(octets); err != nil {
			return err
		}
		o := evidence.Observation{At: at, Source: "listener", Message: string(id)}
		if g.n%3 == 0 {
			o = evidence.Observation{}
		}
		got, err := b.Commit(g.ctx, c, planned, o)
		if err == nil {
			stored = got
		}
		return err
	})
	g.all = append(g.all, stored...)
}

// some are deliveries, of which the newest are likelier.
func (g *player) some(n int) (at []int) {
	for range n {
		if len(g.all) > 0 {
			at = append(at, len(g.all)-1-g.rnd.IntN(min(len(g.all), 1+g.rnd.IntN(40))))
		}
	}
	return at
}

func (g *player) update(n int) {
	at := g.some(n)
	var changed []ledger.Delivery
	for _, i := range at {
		d := g.all[i]
		d.State, d.Attempts, d.Since = g.state(), d.Attempts+1, g.now()
		d.Next, d.Reply, d.Class, d.Seen = d.Since.Add(time.Minute), "250 ok", "class", ""
		if g.rnd.IntN(3) == 0 {
			d.Tell = "tell"
		}
		if g.rnd.IntN(40) == 0 {
			d.ID = 1 << 40 // nowhere
		}
		changed = append(changed, d)
	}
	var outcome error
	g.both("updating", func(l *Ledger) error { outcome = l.Update(g.ctx, changed...); return outcome })
	if outcome == nil {
		for k, i := range at {
			g.all[i] = changed[k]
		}
	}
}

func (g *player) begin() {
	at := g.some(1 + g.rnd.IntN(3))
	var given []ledger.Delivery
	for _, i := range at {
		d := g.all[i]
		if g.rnd.IntN(6) == 0 {
			d.Attempts++ // not as it stands
		}
		given = append(given, d)
	}
	now := g.now()
	var begun [2][]ledger.Delivery
	k := 0
	g.both("beginning", func(l *Ledger) (err error) {
		begun[k], err = l.Begin(g.ctx, now, given...)
		k++
		return err
	})
	if !reflect.DeepEqual(begun[0], begun[1]) {
		g.both("beginning", func(*Ledger) error {
			k++
			return map[bool]error{true: fmt.Errorf("begun %v and %v", begun[0], begun[1])}[k%2 == 0]
		})
	}
	for _, d := range begun[0] {
		for i := range g.all {
			if g.all[i].ID == d.ID {
				g.all[i] = d
			}
		}
	}
}

// rest does what always needs the database.
func (g *player) rest() {
	at := g.some(1)
	if len(at) == 0 {
		return
	}
	d := g.all[at[0]]
	switch g.rnd.IntN(4) {
	case 0:
		d.State, d.Released, d.Since = ledger.Held, g.now(), g.now()
		g.both("acting", func(l *Ledger) error { return l.Act(g.ctx, "held by anna", d) })
		g.all[at[0]] = d
	case 1:
		g.both("telling", func(l *Ledger) error { return l.Tell(g.ctx, d.ID, "tell", ledger.Told) })
	case 2:
		g.both("asking", func(l *Ledger) error { _, err := l.Backlog(g.ctx); return err })
	case 3:
		g.both("noting", func(l *Ledger) error { return l.SetFact(g.ctx, "x", fmt.Sprint(g.n)) })
	}
}
