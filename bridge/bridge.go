package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Ledger is what the bridge keeps of its own past.
type Ledger interface {
	ledger.Items
	ledger.Cursors
	ledger.Facts
	ledger.Bodies
}

// Config is everything a Bridge needs; the composition root fills it.
type Config struct {
	// Ledger records new items in legacy mailboxes as use of the old server too, with what became of them (ledger.Item.News).
	Ledger Ledger
	// Kinds are the kinds of folders that this bridge holds: mail alone if empty, or calendars and contacts. Its stores have no others.
	Kinds []cutover.FolderKind
	// Open makes a Store for a mailbox on one side; it may connect lazily. The bridge closes it.
	Open func(m cutover.Mailbox, side cutover.Side) (Store, error)
	// Watch makes a Store that only waits for hints, or returns ErrUnsupported when the connection budget has no room: then the mailbox is polled. spare: for a folder that matters less than
	// other mailboxes' INBOX. Nil where no server tells of anything.
	Watch func(m cutover.Mailbox, spare bool) (Store, error)
	// TraceKey verifies traces.
	TraceKey []byte
	Clock    clock.Clock
	Log      logrus.FieldLogger
	// Parallel is how many mailboxes copy at once in the beginning; all follow. Most is how many do while more of them settle more; 0 is no more than Parallel.
	Parallel, Most int
	// Bears is how many of them a server of that name bears; 0, and a nil function, are no limit. One that throttles bears half as many for a while.
	Bears func(server string) int
	// Poll is the longest time between two looks at a mailbox.
	Poll time.Duration
	// Pause is the shortest rest after a failure; it grows from there.
	Pause time.Duration
	// Settle is for how long none of the copies asked for must show up in the cloud folder before a put whose reply was lost counts as not made.
	Settle time.Duration
	// Saved is the folder where items are kept that the cloud refuses.
	Saved string
	// Rules are those of a mailbox; nil means none. They are asked for when it is begun with, and hold until the end.
	Rules func(cutover.MailboxID) Rules
}

// Bridge copies and follows many mailboxes side by side. Start it once; its methods are safe for concurrent use.
type Bridge struct {
	cfg   Config
	turns *turns

	mu      sync.Mutex
	workers map[cutover.MailboxID]*worker
	doors   doors
	pulse   *pulse
	dumb    sync.Map        // legacy servers that cannot tell of all folders at once: nobody connects to find that out again
	ctx     context.Context // of all workers; nil before Start
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// New makes a Bridge for the mailboxes. It does no I/O.
func New(cfg Config, mailboxes []cutover.Mailbox) *Bridge {
	if len(cfg.Kinds) == 0 {
		cfg.Kinds = []cutover.FolderKind{cutover.Mail}
	}
	cfg.Ledger = ofKinds{cfg.Ledger, cfg.Kinds}
	b := &Bridge{cfg: cfg, turns: newTurns(cfg), pulse: newPulse(), workers: map[cutover.MailboxID]*worker{}}
	b.doors.open = cfg.Open
	for _, m := range mailboxes {
		b.workers[m.ID] = newWorker(b, m)
	}
	return b
}

// Start begins to copy and follow every mailbox.
func (b *Bridge) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel = cancel
	b.ctx = ctx
	for _, w := range b.workers {
		b.done.Go(func() { w.run(ctx) })
	}
}

// Add begins to copy and follow those of the mailboxes that are not known yet.
func (b *Bridge) Add(mailboxes []cutover.Mailbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range mailboxes {
		if b.workers[m.ID] != nil {
			continue
		}
		w := newWorker(b, m)
		b.workers[m.ID] = w
		if b.ctx != nil && b.ctx.Err() == nil {
			b.done.Go(func() { w.run(b.ctx) })
		}
	}
}

// Retry makes mailboxes that rest after a failure try again at once, with stores opened anew: somebody mended something. Whether a refused login may be tried again is for Open's
// stores to know.
func (b *Bridge) Retry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.workers {
		select {
		case w.retry <- struct{}{}:
		default:
		}
	}
}

// Stop ends all work and waits for it, until ctx ends. It is safe to call twice.
func (b *Bridge) Stop(ctx context.Context) error {
	b.mu.Lock()
	cancel := b.cancel
	b.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	stopped := make(chan struct{})
	go func() { b.done.Wait(); b.doors.closeAll(); close(stopped) }()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping the bridge: %w", ctx.Err())
	}
}

func (b *Bridge) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.workers)
}

func (b *Bridge) worker(m cutover.MailboxID) (*worker, error) {
	b.mu.Lock()
	w := b.workers[m]
	b.mu.Unlock()
	if w == nil {
		return nil, fmt.Errorf("mailbox %s: %w", m, ledger.ErrNotFound)
	}
	return w, nil
}
