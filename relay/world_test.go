package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// destination is a scripted way out.
type destination func(ctx context.Context, c relay.Consignment) []relay.Outcome

func (f destination) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	return f(ctx, c)
}

// finder is a scripted mailbox.
type finder func(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error)

func (f finder) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
	return f(ctx, m, side, wanted)
}

// blind is a finder that sees nothing.
func blind(context.Context, cutover.MailboxID, cutover.Side, []cutover.Identity) (map[int]string, error) {
	return nil, nil
}

// answers makes one outcome for each delivery.
func answers(c relay.Consignment, o relay.Outcome) []relay.Outcome {
	return slices.Repeat([]relay.Outcome{o}, len(c.Deliveries))
}

func always(o relay.Outcome) destination {
	return func(_ context.Context, c relay.Consignment) []relay.Outcome { return answers(c, o) }
}

var (
	yes         = relay.Outcome{Kind: relay.Delivered, Reply: "250 2.0.0 ok"}
	later       = relay.Outcome{Kind: relay.Deferred, Reply: "451 4.3.0 later"}
	never       = relay.Outcome{Kind: relay.Declined, Reply: "550 5.1.1 no such user", Class: reason.Recipient}
	unfit       = relay.Outcome{Kind: relay.Unsuitable, Reply: "8-bit text and no 8BITMIME"}
	unreachable = relay.Outcome{Kind: relay.Unreachable, Reply: "connection refused"}
	uncertain   = relay.Outcome{Kind: relay.Uncertain, Reply: "connection lost"}
)

// office is a fake mail server: it keeps what it accepts by trace, as its mailboxes would, and shows it after a while.
type office struct {
	delay time.Duration // from acceptance until it can be seen

	mu      sync.Mutex
	kept    map[string]map[cutover.Trace]time.Time // by mailbox
	took    map[string]int                         // acceptances, by capture and recipient
	handed  []string                               // every attempt: recipients
	when    []time.Time                            // of every attempt
	asked   int
	octets  map[cutover.CaptureID]string
	problem error // of Find
}

func newOffice() *office {
	return &office{kept: map[string]map[cutover.Trace]time.Time{}, took: map[string]int{}, octets: map[cutover.CaptureID]string{}}
}

// accept keeps one delivery of a consignment.
func (o *office) accept(c relay.Consignment, d ledger.Delivery) {
	octets, err := readBody(c.Body)
	if err != nil {
		panic(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept[string(d.Mailbox)] == nil {
		o.kept[string(d.Mailbox)] = map[cutover.Trace]time.Time{}
	}
	o.kept[string(d.Mailbox)][cutover.IdentityOf([]byte(octets)).Trace] = time.Now().Add(o.delay)
	o.took[fmt.Sprintf("%s %s %s", c.Capture.ID, d.Recipient, d.Destination)]++
	o.octets[c.Capture.ID] = octets
}

// attempted notes an attempt and returns its number, the first is 1.
func (o *office) attempted(c relay.Consignment) int {
	var recipients []string
	for _, d := range c.Deliveries {
		recipients = append(recipients, string(d.Recipient.Local()))
	}
	slices.Sort(recipients)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handed = append(o.handed, fmt.Sprint(recipients))
	o.when = append(o.when, time.Now())
	return len(o.handed)
}

// Deliver accepts everything.
func (o *office) Deliver(_ context.Context, c relay.Consignment) []relay.Outcome {
	o.attempted(c)
	for _, d := range c.Deliveries {
		o.accept(c, d)
	}
	return answers(c, yes)
}

// then makes a destination whose n-th attempt ends as scripted, and all later ones as the last; what it says yes to is kept.
func (o *office) then(script ...relay.Outcome) destination {
	return func(_ context.Context, c relay.Consignment) []relay.Outcome {
		outcome := script[min(o.attempted(c), len(script))-1]
		for _, d := range c.Deliveries {
			if outcome.Kind == relay.Delivered {
				o.accept(c, d)
			}
		}
		return answers(c, outcome)
	}
}

// Find sees what was accepted long enough ago.
func (o *office) Find(_ context.Context, m cutover.MailboxID, _ cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if o.problem != nil {
		return nil, o.problem
	}
	seen := map[int]string{}
	for i, id := range wanted {
		if at, ok := o.kept[string(m)][id.Trace]; ok && !at.After(time.Now()) {
			seen[i] = "INBOX UID 1"
		}
	}
	return seen, nil
}

// sides is a finder for both.
type sides map[cutover.Side]*office

func (s sides) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
	return s[side].Find(ctx, m, side, wanted)
}

func (o *office) attempts() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.handed)
}

// accepted is how often each delivery was accepted.
func (o *office) accepted() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.took)
}

func (o *office) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problem = err
}

func (o *office) questions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// pauses are the times between attempts.
func (o *office) pauses() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []time.Duration
	for i := 1; i < len(o.when); i++ {
		all = append(all, o.when[i].Sub(o.when[i-1]))
	}
	return all
}

func readBody(b relay.Body) (string, error) {
	r, err := b.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	octets, err := io.ReadAll(r)
	if err == nil && int64(len(octets)) != b.Size() {
		err = fmt.Errorf("body says %d octets and has %d", b.Size(), len(octets))
	}
	return string(octets), err
}

var errMailbox = errors.New("mailbox cannot be opened")

// settings are a courier's for tests: seconds for retries, a minute to settle.
func settings(to map[string]relay.Destination, find relay.Finder) relay.CourierConfig {
	return relay.CourierConfig{
		Destinations: to, Finder: find,
		Retry:     pace.Schedule{Steps: []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}, Jitter: -1},
		Pauses:    pace.Schedule{Steps: []time.Duration{5 * time.Second, 30 * time.Second}, Jitter: -1},
		HoldAfter: 5 * day, SettleTime: time.Minute, Workers: 4, Scan: time.Second,
	}
}

// patient is for tests that last for days of fake time: it retries and scans rarely.
func patient(to map[string]relay.Destination, find relay.Finder) relay.CourierConfig {
	cfg := settings(to, find)
	cfg.Scan = time.Hour
	cfg.Retry.Steps = []time.Duration{10 * time.Second, time.Minute, 6 * time.Hour}
	return cfg
}

func toCloud(d relay.Destination) map[string]relay.Destination {
	return map[string]relay.Destination{"new:smtp": d}
}

// running runs f in a bubble of fake time, with a bed whose courier runs.
func running(t *testing.T, cfg relay.CourierConfig, f func(t *testing.T, b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, cfg)
		b.start(b.courier)
		f(t, b)
	})
}

func (b *bed) start(c *relay.Courier) {
	b.t.Helper()
	if err := c.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Stop(context.Background()) })
}

// states says where a capture's deliveries stand, sorted: "anna settled".
func (b *bed) states(id cutover.CaptureID) []string {
	b.t.Helper()
	said := []string{}
	for _, d := range b.of(id) {
		said = append(said, d.Recipient.Local()+" "+string(d.State))
	}
	slices.Sort(said)
	return said
}
