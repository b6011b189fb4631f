package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
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
	Retry        pace.Schedule
	HoldAfter    time.Duration // a delivery that was not accepted by then is held
	SettleTime   time.Duration // how long a mailbox is asked before an in-doubt delivery is sent again
	Workers      int           // attempts at once, per destination
	Scan         time.Duration // longest time between two looks for what is due
	Pauses       pace.Schedule // how long an unreachable destination is left alone
	Clock        clock.Clock
	Log          logrus.FieldLogger
	// Alive is called on each turn of the loop that looks for what is due, at least once per Scan. May be nil.
	Alive func()
}

// Courier attempts deliveries until each is settled or held. Hints wake it; what is due stands in the ledger, and a scan alone is always enough.
type Courier struct {
	cfg   CourierConfig
	key   []byte
	lanes map[string]*lane
	hint  chan struct{}

	ctx    context.Context // ends when Stop gave up waiting: attempts are cut
	cancel context.CancelFunc

	mu      sync.Mutex
	busy    map[ledger.DeliveryID]bool // being attempted or asked for now
	running bool
	scans   sync.WaitGroup
	work    sync.WaitGroup
}

// lane is one destination's share: a bounded number of attempts and a breaker, so that no destination starves another.
type lane struct {
	name    string
	to      Destination
	room    chan struct{} // one token for each attempt under way
	breaker *pace.Breaker
}

// breakAfter is how many attempts in a row must fail to reach a destination before it is left alone for a while.
const breakAfter = 3

// NewCourier reads the trace key and makes a lane for each destination. Nothing runs before Start.
func NewCourier(ctx context.Context, cfg CourierConfig) (*Courier, error) {
	key, err := cfg.Ledger.TraceKey(ctx)
	if err != nil {
		return nil, err
	}
	c := &Courier{cfg: cfg, key: key, lanes: map[string]*lane{}, hint: make(chan struct{}, 1), busy: map[ledger.DeliveryID]bool{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for name, to := range cfg.Destinations {
		c.lanes[name] = &lane{name: name, to: to, room: make(chan struct{}, max(1, cfg.Workers)), breaker: pace.NewBreaker(breakAfter, cfg.Pauses)}
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
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	c.scans.Go(func() { c.scanLoop(c.ctx) })
	c.scans.Go(func() { c.lookoutLoop(c.ctx) })
	return nil
}

// Stop takes nothing new, lets attempts under way finish until ctx ends, then cuts them: they are in doubt and will be asked for. Idempotent.
func (c *Courier) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.running = false
	c.mu.Unlock()
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

// Hint says that something is due.
func (c *Courier) Hint() {
	select {
	case c.hint <- struct{}{}:
	default:
	}
}

// Reserve takes room for one attempt at the destination if it can be made at once. The room is used by Take or given back by Release.
func (c *Courier) Reserve(destination string) bool {
	l := c.lanes[destination]
	return l != nil && l.breaker.State() == pace.Closed && c.enterLane(l)
}

// Release gives reserved room back.
func (c *Courier) Release(destination string) {
	<-c.lanes[destination].room
	c.work.Done()
}

// Take attempts deliveries that were committed as Sending, each with reserved room.
func (c *Courier) Take(capture ledger.Capture, sending []ledger.Delivery) {
	for way, group := range byWay(sending) {
		for range group[1:] {
			c.Release(way.destination) // one attempt carries them all
		}
		c.claim(group)
		go func() {
			defer c.Release(way.destination)
			defer c.free(group)
			c.attempt(c.ctx, c.lanes[way.destination], capture, group)
		}()
	}
}

// way is what deliveries of one capture must share to go in one attempt: a tee has another envelope than a required delivery.
type way struct {
	capture     cutover.CaptureID
	destination string
	required    bool
}

func byWay(all []ledger.Delivery) map[way][]ledger.Delivery {
	groups := map[way][]ledger.Delivery{}
	for _, d := range all {
		w := way{d.Capture, d.Destination, d.Required}
		groups[w] = append(groups[w], d)
	}
	return groups
}

func (c *Courier) claim(group []ledger.Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range group {
		if c.busy[d.ID] {
			return false
		}
	}
	for _, d := range group {
		c.busy[d.ID] = true
	}
	return true
}

func (c *Courier) free(group []ledger.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range group {
		delete(c.busy, d.ID)
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
