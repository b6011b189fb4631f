package relay

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay/sendercheck"
)

// Arrival is one message on its way in: the octets of its body are written to it, then exactly one of Commit and Abort is called.
type Arrival struct {
	in      *Intake
	peer    Peer
	id      cutover.CaptureID
	at      time.Time
	env     ledger.Envelope
	body    ledger.Body
	scanner *scanner
	forged  *sendercheck.Forged // nil: what came may bear our name
	octets  []byte              // the body, while it is small
	large   bool
}

// Write takes the next octets of the body.
func (a *Arrival) Write(b []byte) (int, error) {
	if n, err := a.body.Write(b); err != nil {
		return n, err
	}
	a.remember(b)
	if a.forged != nil {
		a.forged.Write(b)
	}
	return a.scanner.Write(b)
}

// remember holds a small body for its first attempt, which then need not read it back.
func (a *Arrival) remember(b []byte) {
	if a.large = a.large || len(a.octets)+len(b) > maxKept; a.large {
		a.octets = nil
		return
	}
	a.octets = append(a.octets, b...)
}

// Abort forgets the message.
func (a *Arrival) Abort() { a.body.Abort() }

// Commit returns the capture's id once everything about it is durable. A transaction that repeats an earlier one is answered with that one's id and not stored.
func (a *Arrival) Commit(ctx context.Context) (cutover.CaptureID, error) {
	c := a.capture()
	if err := a.strip(&c); err != nil {
		a.body.Abort()
		return "", err
	}
	back, err := a.in.comeback(ctx, c)
	if err != nil {
		a.body.Abort()
		return "", err
	}
	if back.traced && !back.same {
		c.Identity.Trace = "" // it is another message's
	}
	unlock, err := a.in.lockRepeat(ctx, c.Repeat)
	if err != nil {
		a.body.Abort()
		return "", err
	}
	defer unlock()
	earlier, repeated, err := a.in.cfg.Ledger.Repeated(ctx, c.Repeat, a.at.Add(-repeatWindow))
	if err != nil || repeated {
		a.body.Abort()
		if err == nil {
			a.repeated(ctx, c, back, earlier)
		}
		return earlier, err
	}
	if err := a.store(ctx, c, back); err != nil {
		return "", err
	}
	return c.ID, nil
}

// repeated records that the sender came again. Nothing of the message depends on it, so the answer stays yes when it cannot be recorded.
func (a *Arrival) repeated(ctx context.Context, c ledger.Capture, back comeback, earlier cutover.CaptureID) {
	log := a.in.log(c).WithField("earlier", earlier)
	log.Info("transaction repeated; not stored again")
	if a.in.cfg.Testimony == nil {
		return
	}
	seen := a.observation(c, back, nil)
	seen.Message, seen.Detail = string(earlier), "repeated transaction"
	if first, err := a.in.cfg.Ledger.Capture(ctx, earlier); err == nil && first.Unwanted {
		seen.Class = evidence.Unwanted
	}
	if err := a.in.cfg.Testimony.Testify(ctx, []evidence.Observation{seen}, nil, nil); err != nil {
		log.WithError(err).Error("could not record a repeated transaction")
		return
	}
	a.in.tell(seen)
}

// strip leaves out of what goes out what a stranger wrote in our name.
func (a *Arrival) strip(c *ledger.Capture) error {
	if a.forged == nil {
		return nil
	}
	found, err := a.forged.Ranges()
	if err != nil {
		return errForged
	}
	for _, r := range found {
		c.Cut = append(c.Cut, ledger.Range(r))
	}
	if len(found) > 0 {
		a.in.log(*c).Warn("results of checks in our own name, not written by us, do not go out")
	}
	return nil
}

func (a *Arrival) store(ctx context.Context, c ledger.Capture, back comeback) error {
	planned := a.plan(back)
	seen := a.observation(c, back, planned)
	examined := a.forged != nil && a.in.cfg.Examiner.sit()
	if examined && a.peer.Checks.Add {
		for i := range planned {
			planned[i].Next = planned[i].Next.Add(examinePatience)
		}
	}
	if err := a.keep(ctx, c, planned, seen); err != nil {
		if examined {
			a.in.cfg.Examiner.leave()
		}
		return err
	}
	if !examined {
		a.in.tell(seen)
		return nil
	}
	a.examine(c, seen)
	return nil
}

// examine gives a capture that is durable to the examiner, where there is a seat for it.
func (a *Arrival) examine(c ledger.Capture, seen evidence.Observation) {
	if a.in.cfg.Examined != nil {
		a.in.cfg.Examined(seen)
	}
	x := examinee{capture: c, octets: a.octets, seen: seen}
	if a.peer.Checks.Add {
		x.hostname = a.peer.Hostname
	}
	a.in.cfg.Examiner.take(x)
}

// keep makes it durable and lets the courier have it.
func (a *Arrival) keep(ctx context.Context, c ledger.Capture, planned []ledger.Delivery, seen evidence.Observation) error {
	reserved := a.in.reserve(planned)
	stored, err := a.body.Commit(ctx, c, planned, seen)
	if err != nil {
		a.in.release(reserved)
		return fmt.Errorf("storing %s: %w", c.ID, err)
	}
	a.in.dispatch(c, stored, a.octets, reserved)
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
	if a.peer.Route == cutover.Submission || a.peer.Route == cutover.Devices {
		c.Prefix = append(c.Prefix, completed(a.scanner.digester.Header(), a.id, a.peer.Hostname, a.at)...)
	}
	return c
}

// plan makes the deliveries. What carries our own trace never goes to the legacy again; where it is the same message, what its first capture does for the cloud is not done again.
func (a *Arrival) plan(back comeback) []ledger.Delivery {
	p := planner{
		dir: a.in.dir.Load(), plan: a.in.cfg.Plans[a.peer.Route], origin: a.in.origin(a.peer.Client.Addr),
		traced: back.traced, served: back.served, sources: a.in.cfg.Sources, srs: a.in.cfg.SRS, looped: loopReason(a.scanner.digester.Header()), now: a.at,
		outside: a.peer.Outward, foreign: a.peer.Route == cutover.Submission && !a.own(),
	}
	return append(p.deliveries(a.env.Recipients), a.sentCopy(p.dir)...)
}

// observation is the use of the old route that this message is. What comes back to us is not new use.
func (a *Arrival) observation(c ledger.Capture, back comeback, planned []ledger.Delivery) evidence.Observation {
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
	if name := cmp.Or(c.Client.User, a.peer.Device); name != "" {
		o.Sender = name
	}
	if back.same || a.onlyReturns() {
		o.Class = evidence.Unwanted
	}
	if len(planned) > 0 {
		o.Mailbox = planned[0].Mailbox
	}
	return o
}
