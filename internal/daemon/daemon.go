package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/accounts"
	"posthouse/bridge/reconcile"
	"posthouse/bridge/writers"
	"posthouse/config"
	"posthouse/evidence/canary"
	"posthouse/evidence/dnswatch"
	"posthouse/evidence/witness"
	"posthouse/internal/clock"
	"posthouse/internal/control"
	"posthouse/internal/login"
	"posthouse/internal/records"
	"posthouse/internal/web"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
	"posthouse/relay/callout"
	"posthouse/relay/checkpassword"
	"posthouse/relay/delivery"
	"posthouse/relay/listener"
	"posthouse/relay/mx"
	"posthouse/relay/srs"
)

// Options are what a Daemon is made of. Config, Clock and Log are required.
type Options struct {
	Config  *config.Config
	Version string
	Log     *logrus.Logger
	Clock   clock.Clock
	// Speed is how much faster than real time the Clock runs; 1 is real. Waits that are about the network are stretched by it, so that they stay real.
	Speed float64
	// Sockets are listeners handed over by the service manager, by name. The Daemon closes them.
	Sockets map[string][]net.Listener
	// Notify tells the service manager; nil is nobody.
	Notify Notifier
	// DNS answers what is asked about the senders of mail; nil is the machine's resolver.
	DNS Resolver
	// MXPort is where the hosts of domains outside take mail; 0 is 25.
	MXPort uint16
	// CopyOnly: no mail is taken or delivered and nothing is watched; mailboxes are worked on only when Backfill is asked for them.
	CopyOnly bool
}

// Notifier tells the service manager what happens.
type Notifier interface {
	Ready()
	Stopping()
	// Beat registers a loop that must prove itself alive; the returned function is the proof.
	Beat(name string, maxAge time.Duration) (alive func())
}

// Daemon is one running cutover.
type Daemon struct {
	opts    Options
	cfg     *config.Config // as of the start: what takes a restart to change
	log     logrus.FieldLogger
	started time.Time
	born    time.Time // with the reading of a clock that nobody sets
	pulse   pulse

	ledger    ledger.Ledger
	records   *records.Records
	traceKey  []byte
	stores    *accounts.Accounts
	tokens    map[string]login.TokenSource // by server; nil for passwords
	bridge    *bridge.Bridge
	objects   *objects
	courier   *relay.Courier
	nextHops  map[string]*delivery.Client // by the way out
	examiner  *relay.Examiner
	srs       *srs.Rewriter // nil: not configured
	mx        *mx.Finder
	intake    *relay.Intake
	callouts  *callout.Sources              // are asked about addresses that no list has
	listeners []*listener.Server            // those of the configuration
	doors     []func(context.Context) error // stop these, and those on sockets that nothing is configured for
	witness   *witness.Witness
	oldMail   *writers.Past
	dns       *dnswatch.Keeper // nil: not watched
	crowds    crowds
	accepted  accepting
	logs      []*logSource
	canary    *canary.Canary
	control   *control.Server
	checker   *checkpassword.Checker // nil until a listener needs it
	bell      bell
	local     *reconcile.Reconciler // of what was delivered on the old side
	feed      feed
	metrics   *web.Metrics
	metricsAt net.Addr // where they are served; nil: nowhere
	// identities are our certificates, to be read again on reload.
	identities       []identity
	brokenIdentities atomic.Pointer[[]string]
	tls              *tls.Config // of the first listener that has one

	// reconciled ends the caution after a roll-back; nil when there was none.
	reconciled func(context.Context) error

	live      atomic.Pointer[live]
	refusal   atomic.Pointer[control.Refused] // the last reload, when it was
	reloading sync.Mutex

	mu       sync.Mutex
	teardown []func(context.Context) error // undone from the end
}

// New checks nothing and starts nothing; Start does.
func New(opts Options) *Daemon {
	d := &Daemon{opts: opts, cfg: opts.Config, log: opts.Log, born: time.Now()}
	d.metrics = web.NewMetrics(d.Status)
	return d
}

// Start returns when everything runs. After an error everything that ran was stopped.
func (d *Daemon) Start(ctx context.Context) error {
	d.started = d.opts.Clock.Now()
	boxes, err := mailboxes(d.cfg)
	if err != nil {
		return err
	}
	d.live.Store(newLive(d.cfg, boxes, d.started))
	for _, step := range d.steps() {
		if err := step(ctx); err != nil {
			d.unwind(ctx)
			return err
		}
	}
	if d.opts.Notify != nil {
		d.opts.Notify.Ready()
	}
	return nil
}

func (d *Daemon) steps() []func(context.Context) error {
	if d.opts.CopyOnly {
		return []func(context.Context) error{d.openLedger, d.openStores, d.startCanary, d.startWitness, d.startBridge, d.startObjects, d.startControl}
	}
	return []func(context.Context) error{
		d.openLedger, d.openStores, d.startCanary, d.startWitness, d.startBridge, d.startObjects, d.startCourier, d.startExaminer, d.startListeners, d.startLogs, d.startDNS, d.startKeeping, d.startMetrics, d.startControl,
	}
}

// unwind stops what a failed start has begun.
func (d *Daemon) unwind(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		d.log.WithError(err).Warn("stopping after a failed start")
	}
	for _, sockets := range d.opts.Sockets {
		for _, s := range sockets {
			s.Close() // of those that were in use this is the second time, which does no harm
		}
	}
}

// Stop undoes Start in reverse. It is bounded by ctx and may be called twice. It returns the first error.
func (d *Daemon) Stop(ctx context.Context) error {
	if d.opts.Notify != nil {
		d.opts.Notify.Stopping()
	}
	d.mu.Lock()
	undo := d.teardown
	d.teardown = nil
	d.mu.Unlock()
	var first error
	for i := len(undo) - 1; i >= 0; i-- {
		if err := undo[i](ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (d *Daemon) onStop(undo func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.teardown = append(d.teardown, undo)
}

// Addrs are where a listener is reached, by its name in the configuration; none if there is no such listener.
func (d *Daemon) Addrs(name string) []net.Addr {
	for _, l := range d.listeners {
		if l.Name() == name {
			return l.Addrs()
		}
	}
	return nil
}

// outcomesWait is how long what an attempt came to waits for the next commit. The next message of a client that sends one after the other comes sooner, and one that comes alone is not noticeably later.
const outcomesWait = 2 * time.Millisecond

func (d *Daemon) openLedger(ctx context.Context) error {
	l, err := sqlite.Open(ctx, d.cfg.State, sqlite.Options{Reserve: int64(d.cfg.Relay.DiskReserve), Patience: outcomesWait})
	if err != nil {
		return err
	}
	d.ledger = l
	d.records = &records.Records{Ledger: l, Now: d.opts.Clock.Now, Organisation: func() string { return d.live.Load().cfg.Organisation }}
	if l.RolledBack() {
		d.log.Warn("the state folder is older than the last run: an earlier copy was put back; the destinations are asked before anything is sent or put")
		d.reconciled = l.Reconciled
	}
	d.onStop(func(context.Context) error { return l.Close() })
	if d.traceKey, err = l.TraceKey(ctx); err != nil {
		return fmt.Errorf("reading the ledger's key: %w", err)
	}
	return nil
}

// real stretches a span of real time to the clock's.
func (d *Daemon) real(span time.Duration) time.Duration {
	return time.Duration(float64(span) * max(d.opts.Speed, 1))
}
