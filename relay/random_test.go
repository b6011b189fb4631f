package relay_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

var worlds = flag.Int("worlds", 4, "how many random worlds TestRandomWorlds tries")

// chance is a source of random decisions for many goroutines.
type chance struct {
	mu   sync.Mutex
	rand *rand.Rand
	calm atomic.Bool // nothing goes wrong any more
}

func (c *chance) n(limit int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.IntN(limit)
}

// mishap is true once in so many, until things calm down.
func (c *chance) mishap(once int) bool { return c.n(once) == 0 && !c.calm.Load() }

func (c *chance) upTo(d time.Duration) time.Duration { return time.Duration(c.n(int(d))) }

// treacherous is a mail server that does everything a mail server can do wrong, but forgets nothing that it accepted.
type treacherous struct {
	*office
	chance *chance
	quick  bool                    // what it accepts can be seen at once
	seen   func(relay.Consignment) // is told of each attempt as it begins
}

// Deliver takes its time, which a crash does not shorten: octets that have left us go on without us.
func (s *treacherous) Deliver(_ context.Context, c relay.Consignment) []relay.Outcome {
	if s.seen != nil {
		s.seen(c)
	}
	time.Sleep(s.chance.upTo(2 * time.Second))
	switch {
	case s.chance.mishap(8):
		return answers(c, unreachable)
	case s.chance.mishap(20):
		panic("before anything was accepted")
	}
	var outcomes []relay.Outcome
	for _, d := range c.Deliveries {
		outcomes = append(outcomes, s.one(c, d))
	}
	if s.chance.mishap(20) {
		panic("after it was accepted")
	}
	if s.chance.mishap(20) {
		return outcomes[:len(outcomes)-1]
	}
	return outcomes
}

func (s *treacherous) one(c relay.Consignment, d ledger.Delivery) relay.Outcome {
	switch {
	case s.chance.mishap(4):
		return later
	case s.chance.mishap(25):
		return never
	case s.chance.mishap(10):
		return refusal(relay.Declined, reason.Size)
	case s.chance.mishap(25):
		return refusal(relay.Declined, reason.Spam)
	case s.chance.mishap(8):
		return uncertain
	}
	s.accept(c, d)
	switch {
	case s.chance.mishap(5):
		return uncertain
	case s.quick:
		o := yes
		o.Seen = "INBOX UID 1"
		return o
	}
	return yes
}

// deposit is the path into its mailboxes: as treacherous, but that it looks first.
func (s *treacherous) deposit(ctx context.Context, c relay.Consignment) []relay.Outcome {
	time.Sleep(s.chance.upTo(time.Second))
	var outcomes []relay.Outcome
	for _, d := range c.Deliveries {
		switch {
		case s.chance.mishap(6):
			outcomes = append(outcomes, unreachable)
			continue
		case s.chance.mishap(30):
			panic("in the mailbox path")
		case !s.holds(c, d):
			s.accept(c, d)
		}
		if s.chance.mishap(6) {
			outcomes = append(outcomes, uncertain)
			continue
		}
		outcomes = append(outcomes, relay.Outcome{Kind: relay.Delivered, Seen: "INBOX UID 1"})
	}
	return outcomes
}

// Find fails now and then, by an error, a panic, or by taking long.
func (s *treacherous) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
	switch {
	case s.chance.mishap(6):
		return nil, errMailbox
	case s.chance.mishap(30):
		panic("in the finder")
	case s.chance.mishap(10):
		select {
		case <-time.After(s.chance.upTo(2 * time.Minute)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.office.Find(ctx, m, side, wanted)
}

// process is a ledger as one process has it: once that is dead nothing it does arrives there.
type process struct {
	ledger.Captures
	dead atomic.Bool
	slow func() // before each change
}

func (p *process) Update(ctx context.Context, all ...ledger.Delivery) error {
	p.slow()
	if p.dead.Load() {
		return ledger.ErrClosed
	}
	return p.Captures.Update(ctx, all...)
}

func (p *process) Act(ctx context.Context, done string, all ...ledger.Delivery) error {
	p.slow()
	if p.dead.Load() {
		return ledger.ErrClosed
	}
	return p.Captures.Act(ctx, done, all...)
}

// world is a bed with processes that come and go.
type world struct {
	*bed
	chance  *chance
	cfg     relay.CourierConfig
	alive   *process
	offices []*office
	deeds   bool // a person meddles
	hands   sync.WaitGroup
	hand    chan struct{} // a token for one deed
	still   sync.Map      // deliveries that a person holds or dropped: nothing may begin
}

// boot starts the next process, after a crash or a stop.
func (w *world) boot() {
	w.alive = &process{Captures: w.ledger, slow: func() {
		if w.deeds && !w.chance.calm.Load() {
			time.Sleep(w.chance.upTo(time.Second))
		}
	}}
	w.cfg.Ledger = w.alive
	w.restart(w.cfg)
}

// crash kills the process: it records nothing more, whatever its goroutines still do.
func (w *world) crash() {
	w.alive.dead.Store(true)
	old := w.courier
	w.boot()
	go old.Stop(context.Background()) // clears away its goroutines
}

func (w *world) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), w.chance.upTo(3*time.Second))
	defer cancel()
	w.courier.Stop(ctx)
	w.boot()
}

// TestRandomWorlds: with senders that repeat themselves, servers that lose replies, mailboxes that cannot be asked, and processes that are killed, at the end every
// required delivery was accepted exactly once, by SMTP or into its mailbox, or was refused and is held or kept; where a mailbox can be asked nothing was ever accepted twice.
func TestRandomWorlds(t *testing.T) {
	for seed := range *worlds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newWorld(t, uint64(seed)).run() })
		})
	}
}

// TestRandomHands: the same holds where a person holds, releases, retries, moves and drops at random, at the very moment of an attempt too: nobody gets a message twice by it, and nothing
// goes to whom it was taken away from.
func TestRandomHands(t *testing.T) {
	for seed := range (*worlds + 1) / 2 { // they take long
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, uint64(1000+seed))
				w.deeds = true
				w.run()
			})
		})
	}
}

// meddle does something to some deliveries, whatever they are doing, while the process may die.
func (w *world) meddle() {
	deed := relay.Deed{Do: []relay.Verb{relay.Hold, relay.Release, relay.Retry, relay.Move, relay.Drop}[w.chance.n(5)], By: "root", Keep: keeps}
	deed.To = func(d ledger.Delivery) (relay.Target, error) {
		if w.chance.n(2) == 0 {
			return room, nil
		}
		return relay.Target{Recipient: d.Recipient, Mailbox: d.Mailbox, Side: cutover.Cloud, Destination: "new:smtp"}, nil
	}
	if deed.Do == relay.Drop && w.chance.n(3) > 0 {
		deed.Do = relay.Hold
	}
	var ids []ledger.DeliveryID
	for _, d := range w.deliveries(ledger.DeliveryFilter{}) {
		if w.chance.n(3) == 0 {
			ids = append(ids, d.ID)
		}
	}
	courier := w.courier
	w.hands.Go(func() { w.act(courier, deed, ids) })
}

// act does a deed, and notes from when on nothing may begin: as soon as the person is told so.
func (w *world) act(courier *relay.Courier, deed relay.Deed, ids []ledger.DeliveryID) {
	w.hand <- struct{}{}
	defer func() { <-w.hand }()
	stops := deed.Do == relay.Hold || deed.Do == relay.Drop
	for _, id := range ids {
		if !stops {
			w.still.Delete(id)
		}
	}
	for i, done := range courier.Act(context.Background(), deed, ids) {
		if done.Err == nil && stops {
			w.still.Store(ids[i], true)
		}
	}
}

// begins is told of each attempt.
func (w *world) begins(c relay.Consignment) {
	for _, d := range c.Deliveries {
		if _, still := w.still.Load(d.ID); still {
			w.t.Errorf("an attempt began for %+v", d)
		}
	}
}

// letGo releases everything, so that all of it can end.
func (w *world) letGo() {
	for range 3 {
		var ids []ledger.DeliveryID
		for _, d := range w.deliveries(ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}}) {
			ids = append(ids, d.ID)
		}
		w.act(w.courier, relay.Deed{Do: relay.Release, By: "root"}, ids)
		time.Sleep(5 * time.Minute)
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	chance := &chance{rand: rand.New(rand.NewPCG(seed, 1))}
	cloud := &treacherous{office: newOffice(), chance: chance, quick: seed%2 == 0}
	cloud.delay = chance.upTo(40 * time.Second)
	legacy := &treacherous{office: newOffice(), chance: chance}
	find := finder(func(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
		if side == cutover.Cloud {
			return cloud.Find(ctx, m, side, wanted)
		}
		return legacy.Find(ctx, m, side, wanted)
	})
	cfg := settings(map[string]relay.Destination{"new:smtp": rescuing(cloud, destination(cloud.deposit)), "old:smtp": legacy}, find)
	cfg.Retry = pace.Schedule{Steps: []time.Duration{time.Second, 10 * time.Second, 30 * time.Second}}
	cfg.Workers = 1 + chance.n(3)
	directory := house()
	directory.Groups["all@example.com"] = []cutover.Address{"anna@example.com", "bob@example.com", "room@example.com"}
	b := newBed(t, relay.IntakeConfig{
		Directory: relay.NewDirectory(directory), Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: seed%3 == 0}},
	}, relay.CourierConfig{})
	w := &world{bed: b, chance: chance, cfg: cfg, hand: make(chan struct{}, 1)}
	cloud.seen, legacy.seen = w.begins, w.begins
	w.boot()
	w.offices = []*office{cloud.office, legacy.office}
	return w
}

func (w *world) run() {
	var sent []message
	for range 60 {
		switch {
		case len(sent) > 0 && w.chance.n(5) == 0:
			w.mustTake(sent[w.chance.n(len(sent))])
		default:
			to := to([]cutover.Address{"anna@example.com", "bob@example.com", "room@example.com", "all@example.com"}[w.chance.n(4)])
			m := w.complete(to)
			w.mustTake(m)
			sent = append(sent, m)
		}
		time.Sleep(w.chance.upTo(5 * time.Second))
		if w.deeds {
			w.meddle()
		}
		if w.chance.n(12) == 0 {
			w.crash()
		}
		if w.chance.n(25) == 0 {
			w.stop()
		}
	}
	w.chance.calm.Store(true)
	w.hands.Wait()
	time.Sleep(15 * time.Minute)
	if w.deeds {
		w.letGo()
	}
	w.crash() // leaves nothing to ask about
	time.Sleep(2 * time.Minute)
	if err := w.courier.Stop(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	w.check()
}

func (w *world) check() {
	took := map[string]int{}
	for _, o := range w.offices {
		for what, n := range o.accepted() {
			took[what] += n
		}
	}
	settled := 0
	for _, d := range w.deliveries(ledger.DeliveryFilter{}) {
		what := fmt.Sprintf("%s %s %s", d.Capture, d.Recipient, d.Destination)
		n := took[what]
		delete(took, what)
		switch {
		case d.State == ledger.Settled && n == 1:
			settled++
		case d.State == ledger.Dropped && n <= w.mayHave(d):
		case (d.State == ledger.Held || d.State == ledger.Quiet && d.Class == string(reason.Spam)) && n == 0 && d.Required && d.Reason != "":
		case d.State == ledger.Settled && n == 0 && !d.Required:
		default:
			w.t.Errorf("accepted %d times: %+v", n, d)
		}
	}
	if len(took) > 0 {
		w.t.Errorf("went to whom it does not lead: %v", took)
	}
	if settled < 30 {
		w.t.Errorf("only %d deliveries went through: the world was too bad to show anything", settled)
	}
}

// mayHave is how often what was dropped may have been accepted: once where its last reply was lost.
func (w *world) mayHave(d ledger.Delivery) int {
	events, err := w.ledger.History(context.Background(), d.Capture)
	if err != nil {
		w.t.Fatal(err)
	}
	may := 0
	for _, e := range events {
		if e.Delivery == d.ID && e.State != ledger.Held && e.State != ledger.Dropped {
			may = 0
			if e.State == ledger.InDoubt {
				may = 1
			}
		}
	}
	return may
}
