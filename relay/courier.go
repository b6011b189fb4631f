package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/pace"
	"posthouse/ledger"
)

// CourierConfig is everything a Courier needs.
type CourierConfig struct {
	Ledger       ledger.Captures
	Destinations map[string]Destination // by Delivery.Destination
	Finder       Finder                 // nil: no mailbox can be asked
	// Askable tells whether there is anybody to ask for a mailbox on that side; nil: there always is.
	Askable    func(cutover.MailboxID, cutover.Side) bool
	Retry      pace.Schedule
	HoldAfter  time.Duration // a delivery that was not accepted by then is held
	SettleTime time.Duration // how long a mailbox must answer without having it before an in-doubt delivery is sent again
	// Notifications: senders are told of successes that they asked to be told of; those who logged in always are.
	Notifications bool
	Workers       int           // attempts at once, per destination; at least 1
	Scan          time.Duration // longest time between two looks for what is due; 0 means a second
	Pauses        pace.Schedule // how long an unreachable destination is left alone
	Clock         clock.Clock
	Log           logrus.FieldLogger
	// Attempted is told how a delivery stands after an attempt. May be nil.
	Attempted func(ledger.Capture, ledger.Delivery)
	// Alive is called on each turn of the loop that looks for what is due, at least once per Scan. May be nil.
	Alive func()
}

// Courier attempts deliveries until each is settled or held. Hints wake it; what is due stands in the ledger, and a scan alone is always enough.
type Courier struct {
	cfg  CourierConfig
	key  []byte
	hint chan struct{}
	asks chan struct{} // one token for each mailbox that is being asked
	hand chan struct{} // one token for a person's deed

	ctx    context.Context // ends when Stop gave up waiting: attempts are cut
	cancel context.CancelFunc
	asking context.Context // ends when Stop begins: a question that is not answered is asked again some day
	hush   context.CancelFunc

	horizon time.Duration // no delivery's next attempt is further away than this

	doubts  atomic.Bool // there may be deliveries in doubt
	lookout time.Time   // when accepted deliveries are looked for next; the scan's

	mu      sync.Mutex
	lanes   map[string]*lane
	busy    map[ledger.DeliveryID]bool      // being attempted, asked for, or in a person's hand now
	idle    sync.Cond                       // some are busy no more
	freed   map[ledger.DeliveryID]bool      // were busy since the scan began: what it read of them may be old
	answers map[ledger.DeliveryID]time.Time // in doubt: since when each question about it was answered, by the steady clock
	running bool
	scans   sync.WaitGroup
	work    sync.WaitGroup
}

// maxAsks is how many mailboxes are asked at once: each question takes a connection.
const maxAsks = 8

// NewCourier reads the trace key. Nothing runs before Start.
func NewCourier(ctx context.Context, cfg CourierConfig) (*Courier, error) {
	key, err := cfg.Ledger.TraceKey(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Scan <= 0 {
		cfg.Scan = time.Second
	}
	c := &Courier{
		cfg: cfg, key: key, hint: make(chan struct{}, 1), asks: make(chan struct{}, maxAsks), hand: make(chan struct{}, 1), lanes: map[string]*lane{},
		busy: map[ledger.DeliveryID]bool{}, freed: map[ledger.DeliveryID]bool{}, answers: map[ledger.DeliveryID]time.Time{},
	}
	c.idle.L = &c.mu
	c.horizon = 2 * (slices.Max(append([]time.Duration{0}, cfg.Retry.Steps...)) + maxRest)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.asking, c.hush = context.WithCancel(c.ctx)
	for name := range cfg.Destinations {
		c.lane(name)
	}
	return c, nil
}

// Start first turns what was being sent when the last process ended into doubt, then begins.
func (c *Courier) Start(ctx context.Context) error {
	n, err := c.cfg.Ledger.Reopen(ctx, c.cfg.Clock.Now())
	if err != nil {
		return fmt.Errorf("reopening deliveries: %w", err)
	}
	if n > 0 {
		c.cfg.Log.WithField("deliveries", n).Warn("was ended in the middle of deliveries: the mailboxes are asked before anything is sent again")
	}
	// What an older configuration planned may go to destinations that are no more.
	names, err := c.cfg.Ledger.Destinations(ctx)
	if err != nil {
		return fmt.Errorf("reading what waits: %w", err)
	}
	for _, name := range names {
		c.lane(name)
	}
	c.doubts.Store(true)
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	c.scans.Go(c.scanLoop)
	return nil
}

// Stop takes nothing new, lets attempts under way finish until ctx ends, then cuts them: they are in doubt and will be asked for. Idempotent.
func (c *Courier) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.running = false
	c.mu.Unlock()
	c.hush()
	finished := make(chan struct{})
	go func() { c.work.Wait(); close(finished) }()
	var err error
	select {
	case <-finished:
	case <-ctx.Done():
		err = fmt.Errorf("stopping the courier: %w", ctx.Err())
	}
	c.cancel()
	<-finished
	c.scans.Wait()
	return err
}

// tooLong reports whether a delivery was tried for as long as it may be.
func (c *Courier) tooLong(capture ledger.Capture, d ledger.Delivery, now time.Time) bool {
	return now.Sub(begun(capture, d)) >= c.cfg.HoldAfter
}

// begun is since when a delivery is tried: its capture, or when a person last let it go on.
func begun(capture ledger.Capture, d ledger.Delivery) time.Time {
	if d.Released.After(capture.At) {
		return d.Released
	}
	return capture.At
}

// Hint says that something is due.
func (c *Courier) Hint() {
	select {
	case c.hint <- struct{}{}:
	default:
	}
}

// Room is a place for one attempt that is born Sending: it is made at once, or is next behind a few that are Sending too.
type Room struct {
	lane *lane
	next bool // no attempt can be made at once
}

// Reserve takes room for one attempt at the destination, if there is any. It is used by Take or given back by Release.
func (c *Courier) Reserve(destination string) (r Room, some bool) {
	l := c.lane(destination)
	if l.breaker.State() != pace.Closed {
		return r, false
	}
	if c.enter(l) {
		return Room{lane: l}, true
	}
	if !l.ready.promise(ahead * l.window.Size()) {
		return r, false
	}
	if !c.begin() {
		l.ready.unpromise()
		return r, false
	}
	return Room{lane: l, next: true}, true
}

// Release gives room back.
func (c *Courier) Release(r Room) {
	if r.next {
		r.lane.ready.unpromise()
	} else {
		r.lane.window.Release()
	}
	c.work.Done()
}

// Take attempts deliveries that were committed as Sending. There is room for each way, those that share destination and requiredness, in their order. The octets are the body as
// received; nil where it is to be read from the ledger.
func (c *Courier) Take(capture ledger.Capture, sending []ledger.Delivery, octets []byte, rooms []Room) {
	for i, group := range byWay(sending) {
		c.hold(group)
		d, l := &departure{capture, group, octets}, rooms[i].lane
		if !rooms[i].next {
			go c.serve(l, d)
			continue
		}
		l.ready.addBegun([]*departure{d})
		c.staff(l)
		if !c.going(l) { // nobody may be left who finds it
			c.unbegin(l)
		}
		c.Release(rooms[i])
	}
}

// identity is how the mailbox is asked for a capture: by the trace we put on it, or its key.
func (c *Courier) identity(capture ledger.Capture) cutover.Identity {
	id := capture.Identity
	id.Trace = cutover.NewTrace(c.key, capture.ID)
	return id
}

// retryAt is when the next attempt is due after a failure at now.
func (c *Courier) retryAt(now time.Time, attempts int, asked time.Duration) time.Time {
	return now.Add(max(c.cfg.Retry.Next(attempts, rand.Float64()), asked))
}
