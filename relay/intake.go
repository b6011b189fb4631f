package relay

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// IntakeConfig is everything an Intake needs.
type IntakeConfig struct {
	Ledger    ledger.Captures
	Directory *Directory
	Plans     map[cutover.Route]Plan
	// LegacyNets and CloudNets are the addresses from which mail counts as handed over by that side, for the loop rule.
	LegacyNets, CloudNets []netip.Prefix
	Courier               *Courier
	// Captured is told of each capture once it is durable; it must not block. May be nil.
	Captured func(evidence.Observation)
	Clock    clock.Clock
	Log      logrus.FieldLogger
}

// Intake decides about recipients and makes captures. Safe for concurrent use.
type Intake struct {
	cfg IntakeConfig
	dir atomic.Pointer[Directory]
	key []byte

	mu     sync.Mutex
	commit map[cutover.Digest]chan struct{} // transactions being committed, so that two equal ones cannot both be new
}

// repeatWindow is how long a sender that repeats a whole transaction is answered 250 and not delivered twice: retries go on for up to five days (RFC 5321 §4.5.4.1).
const repeatWindow = 5 * 24 * time.Hour

// NewIntake reads the ledger's trace key.
func NewIntake(ctx context.Context, cfg IntakeConfig) (*Intake, error) {
	key, err := cfg.Ledger.TraceKey(ctx)
	if err != nil {
		return nil, err
	}
	in := &Intake{cfg: cfg, key: key, commit: map[cutover.Digest]chan struct{}{}}
	in.dir.Store(cfg.Directory)
	return in, nil
}

// SetDirectory replaces the directory for what follows.
func (in *Intake) SetDirectory(d *Directory) { in.dir.Store(d) }

// Peer is the client of one session, as the listener saw it.
type Peer struct {
	Listener string
	Hostname string // ours
	Route    cutover.Route
	Protocol string // for Received: "ESMTPS" and the like (RFC 3848)
	Client   ledger.Client
}

// Recipient decides about one recipient, local@domain or "postmaster": nil accepts, a *Refusal declines, any other error is unforeseen.
func (in *Intake) Recipient(ctx context.Context, p Peer, text string) error {
	a, err := in.address(text)
	if err != nil {
		return errMalformed
	}
	_, answer := in.dir.Load().Resolve(a)
	switch {
	case answer == NotOurs:
		return errNotOurs
	case answer == Known:
		return nil
	case in.dir.Load().cfg.Complete:
		return errNoSuch
	}
	if err := in.cfg.Ledger.NoteUnknown(ctx, a.Fold(), in.cfg.Clock.Now()); err != nil {
		return err
	}
	return errNotSure
}

// address parses a recipient; the bare postmaster is that of our first domain (RFC 5321 §4.5.1).
func (in *Intake) address(text string) (cutover.Address, error) {
	domains := in.dir.Load().cfg.Domains
	if isPostmaster(text) && len(domains) > 0 {
		return cutover.ParseAddress("postmaster@" + domains[0])
	}
	return cutover.ParseAddress(text)
}

// isPostmaster reports whether a recipient is the one address that needs no domain.
func isPostmaster(text string) bool { return strings.EqualFold(text, "postmaster") }

// Arrival is one message on its way in: the octets of its body are written to it, then exactly one of Commit and Abort is called.
type Arrival struct {
	in      *Intake
	peer    Peer
	id      cutover.CaptureID
	at      time.Time
	env     ledger.Envelope
	body    ledger.Body
	scanner *scanner
}

// Begin opens a place for a message. The envelope's recipients must have passed Recipient.
func (in *Intake) Begin(ctx context.Context, p Peer, env ledger.Envelope) (*Arrival, error) {
	for i, r := range env.Recipients {
		a, err := in.address(string(r.Address))
		if err != nil {
			return nil, err
		}
		env.Recipients[i].Address = a
	}
	body, err := in.cfg.Ledger.NewBody(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening a place for a message: %w", err)
	}
	now := in.cfg.Clock.Now()
	return &Arrival{in: in, peer: p, id: newCaptureID(now), at: now, env: env, body: body, scanner: newScanner()}, nil
}

// Write takes the next octets of the body.
func (a *Arrival) Write(b []byte) (int, error) {
	if n, err := a.body.Write(b); err != nil {
		return n, err
	}
	return a.scanner.Write(b)
}

// Abort forgets the message.
func (a *Arrival) Abort() { a.body.Abort() }

// Commit returns the capture's id once everything about it is durable. A transaction that repeats an earlier one is answered with that one's id and not stored.
func (a *Arrival) Commit(ctx context.Context) (cutover.CaptureID, error) {
	c := a.capture()
	unlock, err := a.in.lockRepeat(ctx, c.Repeat)
	if err != nil {
		a.body.Abort()
		return "", err
	}
	defer unlock()
	earlier, repeated, err := a.in.cfg.Ledger.Repeated(ctx, c.Repeat, a.at.Add(-repeatWindow))
	if err != nil || repeated {
		a.body.Abort()
		if repeated {
			a.in.log(c).WithField("earlier", earlier).Info("transaction repeated; not stored again")
		}
		return earlier, err
	}
	return c.ID, a.store(ctx, c)
}

func (a *Arrival) store(ctx context.Context, c ledger.Capture) error {
	planned, err := a.plan(ctx, c)
	if err != nil {
		a.body.Abort()
		return err
	}
	reserved := a.in.reserve(planned)
	seen := a.observation(c, planned)
	stored, err := a.body.Commit(ctx, c, planned, seen)
	if err != nil {
		a.in.release(reserved)
		return fmt.Errorf("storing %s: %w", c.ID, err)
	}
	if a.in.cfg.Captured != nil {
		a.in.cfg.Captured(seen)
	}
	a.in.dispatch(c, stored)
	return nil
}

func (a *Arrival) capture() ledger.Capture {
	c := ledger.Capture{ID: a.id, At: a.at, Route: a.peer.Route, Listener: a.peer.Listener, Client: a.peer.Client, Envelope: a.env}
	a.scanner.fill(&c)
	var only cutover.Address
	if len(a.env.Recipients) == 1 {
		only = a.env.Recipients[0].Address
	}
	c.Prefix = prefix(a.peer, a.id, cutover.NewTrace(a.in.key, a.id), only, a.at)
	return c
}

// plan makes the deliveries; a message that carries our own trace came back to us, and what its first capture does for the cloud is not done again.
func (a *Arrival) plan(ctx context.Context, c ledger.Capture) ([]ledger.Delivery, error) {
	p := planner{
		dir: a.in.dir.Load(), plan: a.in.cfg.Plans[a.peer.Route], origin: a.in.origin(a.peer.Client.Addr),
		looped: loopReason(a.scanner.digester.Header()), now: a.at,
	}
	if first, ours := c.Identity.Trace.Verify(a.in.key); ours {
		var err error
		if p.served, err = a.in.served(ctx, first); err != nil {
			return nil, err
		}
		p.again = true
	}
	return p.deliveries(a.env.Recipients), nil
}

// served tells whom a capture serves in the cloud, and whether it was seen there.
func (in *Intake) served(ctx context.Context, first cutover.CaptureID) (map[target]bool, error) {
	before, err := in.cfg.Ledger.Deliveries(ctx, ledger.DeliveryFilter{Capture: first})
	if err != nil {
		return nil, err
	}
	served := map[target]bool{}
	for _, d := range before {
		if d.Side == cutover.Cloud && d.Required {
			served[targetOf(d)] = d.Seen != ""
		}
	}
	return served, nil
}

// origin tells which side the client belongs to, "" for everybody else.
func (in *Intake) origin(addr string) cutover.Side {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	ip = ip.Unmap()
	for side, nets := range map[cutover.Side][]netip.Prefix{cutover.Legacy: in.cfg.LegacyNets, cutover.Cloud: in.cfg.CloudNets} {
		for _, n := range nets {
			if n.Contains(ip) {
				return side
			}
		}
	}
	return ""
}

// reserve turns planned deliveries that can be attempted at once into Sending, so that their first attempt needs no commit of its own.
func (in *Intake) reserve(planned []ledger.Delivery) []ledger.Delivery {
	var reserved []ledger.Delivery
	for i, d := range planned {
		if d.State == ledger.Due && in.cfg.Courier.Reserve(d.Destination) {
			planned[i].State = ledger.Sending
			reserved = append(reserved, d)
		}
	}
	return reserved
}

func (in *Intake) release(reserved []ledger.Delivery) {
	for _, d := range reserved {
		in.cfg.Courier.Release(d.Destination)
	}
}

func (in *Intake) dispatch(c ledger.Capture, stored []ledger.Delivery) {
	var sending []ledger.Delivery
	due := false
	for _, d := range stored {
		if d.State == ledger.Sending {
			sending = append(sending, d)
		}
		due = due || d.State == ledger.Due
	}
	if len(sending) > 0 {
		in.cfg.Courier.Take(c, sending)
	}
	if due {
		in.cfg.Courier.Hint()
	}
	in.log(c).WithFields(logrus.Fields{"from": c.Envelope.From, "size": c.Size, "deliveries": len(stored)}).Info("captured")
}

// observation is the use of the old route that this message is. What comes back to us is not new use.
func (a *Arrival) observation(c ledger.Capture, planned []ledger.Delivery) evidence.Observation {
	o := evidence.Observation{
		At: c.At, Channel: evidence.Arriving, Class: evidence.Wanted, Source: c.Listener, Sender: c.Client.Name,
		From: c.Envelope.From, Message: string(c.ID),
	}
	if c.Route != cutover.Arriving {
		o.Channel = evidence.Sending
	}
	if o.Client, _ = netip.ParseAddr(c.Client.Addr); o.Sender == "" {
		o.Sender = c.Client.Addr
	}
	if _, again := c.Identity.Trace.Verify(a.in.key); again {
		o.Class = evidence.Unwanted
	}
	if len(planned) > 0 {
		o.Mailbox = planned[0].Mailbox
	}
	return o
}

// lockRepeat makes equal transactions wait for one another.
func (in *Intake) lockRepeat(ctx context.Context, r cutover.Digest) (unlock func(), err error) {
	for {
		in.mu.Lock()
		busy, taken := in.commit[r]
		if !taken {
			done := make(chan struct{})
			in.commit[r] = done
			in.mu.Unlock()
			return func() { in.mu.Lock(); delete(in.commit, r); in.mu.Unlock(); close(done) }, nil
		}
		in.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (in *Intake) log(c ledger.Capture) logrus.FieldLogger {
	return in.cfg.Log.WithFields(logrus.Fields{"capture": c.ID, "client": c.Client.Addr, "listener": c.Listener})
}
