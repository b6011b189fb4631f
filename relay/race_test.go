package relay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay"
)

// late is a ledger whose answer about doubts arrives late, once.
type late struct {
	ledger.Captures
	reads   int
	nth     int           // the read that is late; only the scan reads
	proceed chan struct{} // lets it go on
}

func (l *late) DueDeliveries(ctx context.Context, to string, s ledger.DeliveryState, now, latest time.Time, limit int) ([]ledger.Delivery, time.Time, error) {
	due, next, err := l.Captures.DueDeliveries(ctx, to, s, now, latest, limit)
	if s == ledger.InDoubt && len(due) > 0 {
		if l.reads++; l.reads == l.nth {
			<-l.proceed
		}
	}
	return due, next, err
}

// TestOldReadIsNotBelieved: between a scan's read and its use a question that was under way may have settled the delivery. A mailbox that no longer shows the message (its
// reader moved it) must not cause a second one.
func TestOldReadIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan map[int]string)
		find := finder(func(ctx context.Context, _ cutover.MailboxID, _ cutover.Side, _ []cutover.Identity) (map[int]string, error) {
			select {
			case seen := <-answer:
				return seen, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		o := newOffice()
		cfg := settings(toCloud(o), find)
		cfg.SettleTime = 0
		b, id := crashed(t, nil, "anna@example.com")
		l := &late{Captures: b.ledger, nth: 2, proceed: make(chan struct{})}
		cfg.Ledger = l
		b.restart(cfg)
		synctest.Wait() // the first question is put
		b.courier.Hint()
		synctest.Wait() // the scan has read that it is in doubt
		answer <- map[int]string{0: "INBOX UID 1"}
		synctest.Wait()
		equal(t, "answered", b.states(id), []string{"anna settled"})
		close(l.proceed)
		synctest.Wait()
		select {
		case answer <- nil:
			t.Error("asked about what is settled")
		default:
		}
		time.Sleep(time.Minute)
		equal(t, "afterwards", b.states(id), []string{"anna settled"})
		equal(t, "attempts", len(o.attempts()), 0)
	})
}

// TestScanWhileAttempting: hints rain while deliveries are attempted, fail, and are taken up again; each attempt is alone with its delivery.
func TestScanWhileAttempting(t *testing.T) {
	under := make(map[ledger.DeliveryID]bool)
	guard := make(chan struct{}, 1)
	o := newOffice()
	n := 0
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		guard <- struct{}{}
		for _, d := range c.Deliveries {
			if under[d.ID] {
				t.Errorf("delivery %d is attempted twice at once", d.ID)
			}
			under[d.ID] = true
		}
		n++
		fails := n%3 != 0
		<-guard
		time.Sleep(time.Millisecond)
		guard <- struct{}{}
		for _, d := range c.Deliveries {
			under[d.ID] = false
		}
		<-guard
		if fails {
			return answers(c, later)
		}
		return o.Deliver(context.Background(), c)
	})
	cfg := settings(toCloud(cloud), nil)
	cfg.Retry.Steps = []time.Duration{time.Microsecond}
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 100 {
			b.mustTake(to("anna@example.com", "room@example.com"))
			for range 5 {
				b.courier.Hint()
				time.Sleep(300 * time.Microsecond)
			}
		}
		time.Sleep(10 * time.Second)
		equal(t, "open", b.countStates(), map[ledger.DeliveryState]int{ledger.Settled: 200})
		for what, n := range o.accepted() {
			if n != 1 {
				t.Errorf("%s accepted %d times", what, n)
			}
		}
	})
}

// tardy is a ledger that answers long after it stored a message.
type tardy struct {
	ledger.Captures
	takes time.Duration
}

func (l *tardy) NewBody(ctx context.Context) (ledger.Body, error) {
	b, err := l.Captures.NewBody(ctx)
	return tardyBody{b, l.takes}, err
}

type tardyBody struct {
	ledger.Body
	takes time.Duration
}

func (b tardyBody) Commit(ctx context.Context, c ledger.Capture, d []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	stored, err := b.Body.Commit(ctx, c, d, o)
	time.Sleep(b.takes)
	return stored, err
}

// TestLaneEndsWhileOneIsBorn: what was promised to be next, in a lane that goes on no more when it is stored, is Due again, and not in doubt.
func TestLaneEndsWhileOneIsBorn(t *testing.T) {
	for what, stopped := range map[string]bool{"unreachable": false, "stopped": true} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
					time.Sleep(time.Second)
					return answers(c, unreachable)
				})
				cfg := settings(toCloud(gone), nil)
				cfg.Workers, cfg.Pauses.Steps = 1, []time.Duration{time.Hour}
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, cfg)
				b.start(b.courier)
				for range 3 {
					b.mustTake(to("anna@example.com"))
				}
				b.config.Ledger = &tardy{b.ledger, 4 * time.Second} // three attempts that fail end the lane
				b.attach(b.courier)
				taken := make(chan cutover.CaptureID)
				go func() { taken <- b.mustTake(to("anna@example.com")) }()
				synctest.Wait()
				if stopped {
					if err := b.courier.Stop(t.Context()); err != nil {
						t.Error(err)
					}
					equal(t, "all, once it stopped", b.countStates(), map[ledger.DeliveryState]int{ledger.Due: 4})
				}
				equal(t, "states", b.states(<-taken), []string{"anna due"})
				synctest.Wait()
				equal(t, "all", b.countStates(), map[ledger.DeliveryState]int{ledger.Due: 4})
			})
		})
	}
}
