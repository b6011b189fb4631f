package destination_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/destination"
	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
	"posthouse/relay/delivery"
)

// process is one of ours. Once it is dead nothing that it does reaches anybody.
type process struct {
	*town
	ledger  *sqlite.Ledger
	key     []byte
	bridge  *bridge.Bridge
	intake  *relay.Intake
	courier *relay.Courier
	clients []*delivery.Client
	dead    atomic.Bool
	mu      sync.Mutex
	conns   []net.Conn
	stores  []*memstore.Store
	leave   chan struct{}
	loops   sync.WaitGroup
}

// begin starts a process on what the disk has.
func (w *town) begin() {
	p := &process{town: w, leave: make(chan struct{})}
	w.is.Store(p)
	ctx := context.Background()
	var err error
	if p.ledger, err = sqlite.Open(ctx, w.folder, sqlite.Options{}); err != nil {
		w.t.Fatal(err)
	}
	if p.key, err = p.ledger.TraceKey(ctx); err != nil {
		w.t.Fatal(err)
	}
	open := func(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
		return p.store(map[cutover.Side]*memstore.Server{cutover.Legacy: w.legacy, cutover.Cloud: w.cloud}[side], m)
	}
	p.bridge = bridge.New(bridge.Config{
		Ledger: p.ledger, TraceKey: p.key, Clock: clock.Real(), Log: w.log, Parallel: 2, Poll: time.Minute, Pause: time.Second, Settle: time.Minute, Saved: filepath.Join(w.folder, "refused"),
		Open: open, Watch: func(m cutover.Mailbox, _ bool) (bridge.Store, error) { return open(m, cutover.Legacy) },
		Rules: func(m cutover.MailboxID) bridge.Rules { return bridge.Rules{Mailbox: m} },
	}, people)
	p.bridge.Start()
	p.startRelay(ctx)
	p.loops.Go(p.tell)
}

func (p *process) startRelay(ctx context.Context) {
	ways := destination.Ways{
		Bridge: p.bridge, Items: p.ledger, Key: p.key, Legacy: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, RescueAfter: 10 * time.Minute, Clock: clock.Real(), Log: p.town.log,
		SRS: &destination.SRS{Rewriter: p.rewriter, Routes: map[cutover.Route]bool{cutover.Arriving: true}, Ours: p.directory.Ours},
	}
	cloud := destination.Cloud{Client: p.client("new:25", p.toCloud), Rewrite: true, Rescue: p.seed%2 == 0}
	out := p.dialer(p.toOutside)
	courier := relay.CourierConfig{
		Ledger: p.ledger, Finder: ways.Finder(), HoldAfter: 24 * time.Hour, SettleTime: 2 * time.Minute, Notifications: p.seed%2 == 1, Workers: 1 + int(p.seed%3), Scan: time.Second,
		Retry: pace.Schedule{Steps: []time.Duration{time.Second, 10 * time.Second, time.Minute}}, Pauses: pace.Schedule{Steps: []time.Duration{5 * time.Second, 30 * time.Second}},
		Clock: clock.Real(), Log: p.town.log,
		Destinations: map[string]relay.Destination{
			"new:smtp": ways.ToCloud(cloud), "new:mailbox": ways.IntoMailboxes(cloud), "new:sent": ways.IntoSent(cloud), "old:smtp": ways.ToOld(p.client("old:25", p.toLegacy)),
			"outside:mx": ways.Outside(destination.Outside{
				Name: "outside:mx", Hello: "posthouse.example.com", Dial: out,
				Hosts: func(domain string) func(context.Context) ([]delivery.Host, error) {
					return func(context.Context) ([]delivery.Host, error) {
						return []delivery.Host{{Name: domain, Address: domain + ":25"}}, nil
					}
				},
			}),
		},
	}
	var err error
	if p.courier, err = relay.NewCourier(ctx, courier); err != nil {
		p.t.Fatal(err)
	}
	if err := p.courier.Start(ctx); err != nil {
		p.t.Fatal(err)
	}
	arriving := relay.Plan{Via: []string{"smtp", "mailbox"}[p.seed/2%2], Tee: p.seed%3 == 0, Outward: "outside:mx"}
	p.intake, err = relay.NewIntake(ctx, relay.IntakeConfig{
		Ledger: p.ledger, Directory: p.directory, Courier: p.courier, SRS: p.rewriter, Clock: clock.Real(), Log: p.town.log,
		CloudNets: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		Plans:     map[cutover.Route]relay.Plan{cutover.Arriving: arriving, cutover.Submission: {Via: "smtp", Outward: "outside:mx"}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) client(address string, h *hop) *delivery.Client {
	c, err := delivery.New(delivery.Config{
		Hello: "posthouse.example.com", Dial: p.dialer(h), Destination: delivery.Destination{Address: address, TLS: delivery.TLS{Mode: delivery.Plaintext}, MaxConnections: 2},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.clients = append(p.clients, c)
	return c
}

func (p *process) dialer(h *hop) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.dead.Load() {
			return nil, net.ErrClosed
		}
		c, err := h.dial(ctx, network, address)
		if err == nil {
			p.conns = append(p.conns, c)
		}
		return c, err
	}
}

func (p *process) store(s *memstore.Server, m cutover.Mailbox) (bridge.Store, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() || p.mishap(20) {
		return nil, fmt.Errorf("%w: no route", bridge.ErrConnection)
	}
	store := s.Open(string(m.ID))
	p.stores = append(p.stores, store)
	return store, nil
}

// tell is the daemon's loop that tells senders.
func (p *process) tell() {
	for {
		select {
		case <-p.leave:
			return
		case <-time.After(20 * time.Second):
		}
		all, _ := p.ledger.Deliveries(context.Background(), ledger.DeliveryFilter{ToTell: true, Limit: 100})
		for _, d := range all {
			p.intake.Notify(context.Background(), d, relay.Teller{Hostname: "posthouse.example.com", Postmaster: "postmaster@example.com"})
		}
	}
}

// kill ends the process at once; the next one goes on with what the disk has.
func (w *town) kill() {
	synctest.Wait()
	to := filepath.Join(w.t.TempDir(), "state")
	if err := os.CopyFS(to, os.DirFS(w.folder)); err != nil {
		w.t.Fatal(err)
	}
	_ = os.RemoveAll(filepath.Join(to, "ledger.db-shm"))
	old := w.is.Load()
	old.die()
	w.background.Go(func() { old.end() })
	w.folder = to
	w.begin()
}

// stop ends the process in order, and begins the next.
func (w *town) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.n(20))*time.Second)
	defer cancel()
	w.is.Load().courier.Stop(ctx)
	w.is.Load().end()
	w.begin()
}

func (p *process) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead.Store(true)
	for _, c := range p.conns {
		c.Close()
	}
	for _, s := range p.stores {
		s.Close()
	}
}

func (p *process) end() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	close(p.leave)
	p.loops.Wait()
	p.courier.Stop(gone)
	for _, c := range p.clients {
		c.Stop(gone)
	}
	p.bridge.Stop(context.Background())
	p.ledger.Close()
}
