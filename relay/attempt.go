package relay

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/relay/reason"
)

// attempt makes one try for deliveries that are durably Sending, and says what came of it. The destination may ask next for what is attempted next.
func (c *Courier) attempt(ctx context.Context, l *lane, d *departure, next func() *Consignment) ended {
	capture, group := d.capture, d.group
	outcomes := c.deliver(ctx, l, d, next)
	now := c.cfg.Clock.Now()
	news := l.report(outcomes, now, c.cfg.Clock.Steady())
	for i, o := range outcomes {
		group[i] = c.judge(capture, group[i], o, now)
		if o.Kind == Unreachable && o.Wait == 0 && group[i].State == ledger.Due {
			group[i].Next = l.again(now, group[i].Next, c.cfg.Pauses)
		}
		c.log(capture, group[i], o)
		if c.cfg.Attempted != nil {
			c.cfg.Attempted(capture, group[i])
		}
		news = news || group[i].State == ledger.Due || group[i].State == ledger.InDoubt
	}
	return ended{group, news}
}

// maxRest is how long a destination is left alone at most because it asked for it; then one message asks again.
const maxRest = time.Hour

// report tells the breaker whether the destination was reached and had time for us, and returns whether it closed again. A connection that was lost before the reply says
// neither.
func (l *lane) report(outcomes []Outcome, now, steady time.Time) (closed bool) {
	shut, wait := 0, time.Duration(0)
	for _, o := range outcomes {
		if o.Busy || o.Class == reason.Throttled {
			l.window.Throttled(steady)
		}
		switch kind := cmp.Or(o.First, o.Kind); {
		case o.Busy, kind == Unreachable:
			shut++
			wait = max(wait, o.Wait)
			l.outage.note(o.Reply, now)
		case kind == Uncertain:
		default:
			closed = l.breaker.State() != pace.Closed
			l.breaker.Success()
			l.outage.end()
			l.accepted(outcomes)
			return closed
		}
	}
	switch {
	case wait > 0:
		l.breaker.Rest(steady.Add(min(wait, maxRest)))
	case shut > 0:
		l.breaker.Failure(steady, rand.Float64())
	}
	return false
}

// again is when what did not reach the destination is due: as soon as the destination is tried at all. Its own schedule would keep it waiting when all others have gone.
func (l *lane) again(now, next time.Time, pauses pace.Schedule) time.Time {
	if l.breaker.State() != pace.Closed {
		return now
	}
	if soon := now.Add(pauses.Next(1, rand.Float64())); soon.Before(next) {
		return soon
	}
	return next
}

// accepted lets more attempts be made at once, unless the destination asked for fewer.
func (l *lane) accepted(outcomes []Outcome) {
	if !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Busy || o.Class == reason.Throttled }) {
		l.window.Accepted()
	}
}

// deliver never panics: a destination that does leaves its deliveries in doubt, and so does one that does not answer for all of them.
func (c *Courier) deliver(ctx context.Context, l *lane, d *departure, next func() *Consignment) (outcomes []Outcome) {
	capture, group := d.capture, d.group
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Log.WithField("capture", capture.ID).Errorf("panic while delivering: %v\n%s", p, debug.Stack())
			outcomes = all(len(group), Outcome{Kind: Uncertain, Reply: "internal failure"})
		}
	}()
	consignment := c.consignment(d)
	consignment.Next = next
	outcomes = l.to.Deliver(ctx, consignment)
	for len(outcomes) < len(group) {
		outcomes = append(outcomes, Outcome{Kind: Uncertain, Reply: "no outcome was reported"})
	}
	return outcomes[:len(group)]
}

// consignment is what a destination gets.
func (c *Courier) consignment(d *departure) Consignment {
	capture, group := d.capture, d.group
	if !group[0].Required {
		capture.Prefix = append(slices.Clone(capture.Prefix), teeFields(group[0].Recipient)...)
	}
	return Consignment{Capture: capture, Deliveries: slices.Clone(group), Body: &captured{c.cfg.Ledger, capture, d.octets}, Tee: !group[0].Required}
}

func all(n int, o Outcome) []Outcome {
	outcomes := make([]Outcome, n)
	for i := range outcomes {
		outcomes[i] = o
	}
	return outcomes
}

// judge is the delivery's next state. It is where nothing is ever bounced: what cannot go on is held.
func (c *Courier) judge(capture ledger.Capture, d ledger.Delivery, o Outcome, now time.Time) ledger.Delivery {
	d.Attempts++
	d.Reply, d.Class = o.Reply, string(o.Class)
	switch o.Kind {
	case Delivered:
		return c.delivered(capture, d, o, now)
	case Uncertain:
		return enter(d, ledger.InDoubt, now, now)
	}
	return c.refused(capture, d, o, now)
}

func (c *Courier) delivered(capture ledger.Capture, d ledger.Delivery, o Outcome, now time.Time) ledger.Delivery {
	if d.Reason != unasked {
		d.Reason = ""
	}
	d.Seen = o.Seen
	if tell := c.success(capture, d, o); tell != "" {
		d.Tell = tell
	}
	if o.Seen == "" && d.Required && d.Mailbox != "" && c.cfg.Finder != nil {
		if c.cfg.Askable == nil || c.cfg.Askable(d.Mailbox, d.Side) {
			return enter(d, ledger.Accepted, now, now)
		}
		d = cannotAsk(d)
	}
	return enter(d, ledger.Settled, now, now)
}

// enter moves a delivery to a state. Since only changes with the state, so that it tells for how long it has been so.
func enter(d ledger.Delivery, s ledger.DeliveryState, now, next time.Time) ledger.Delivery {
	if d.State != s {
		d.Since = now
	}
	d.State, d.Next = s, next
	return d
}

// log writes the line of a delivery's attempt, where anybody reads it.
func (c *Courier) log(capture ledger.Capture, d ledger.Delivery, o Outcome) {
	level, text := said(d, o)
	if !logs(c.cfg.Log, level) {
		return
	}
	fields := logrus.Fields{
		"capture": capture.ID, "to": d.Recipient, "original": d.Original, "destination": d.Destination, "state": d.State, "attempt": d.Attempts, "reply": o.Reply, "class": o.Class,
		"from": clip(capture.Envelope.From), "client": capture.Client.Addr, "size": capture.Size, "delay_ms": c.cfg.Clock.Now().Sub(capture.At).Milliseconds(),
	}
	if id := capture.MessageID; id != "" {
		fields["message_id"] = clip(id)
	}
	c.cfg.Log.WithFields(fields).Log(level, text)
}

func said(d ledger.Delivery, o Outcome) (logrus.Level, string) {
	switch {
	case d.State == ledger.Held:
		return logrus.WarnLevel, "delivery held: it needs a person"
	case d.State == ledger.Quiet:
		return logrus.InfoLevel, "delivery refused as spam or virus: kept"
	case o.Kind == Delivered && o.First != "":
		return logrus.InfoLevel, "delivered into the mailbox, as SMTP refused it"
	case o.Kind == Delivered:
		return logrus.InfoLevel, "delivered"
	}
	return logrus.InfoLevel, "delivery attempted"
}

// Message is a capture's message as it goes out.
func Message(l ledger.Bodies, c ledger.Capture) Body { return &captured{ledger: l, capture: c} }

// captured is a capture's message as it goes out.
type captured struct {
	ledger  ledger.Bodies
	capture ledger.Capture
	octets  []byte // nil: to be read
}

func (b *captured) Size() int64 { return int64(len(b.capture.Prefix)) + leaving(b.capture) }

func (b *captured) Open() (io.ReadCloser, error) {
	if b.octets != nil {
		return prefixed(b.capture, io.NopCloser(bytes.NewReader(b.octets))), nil
	}
	body, err := b.ledger.OpenBody(context.Background(), b.capture.ID)
	if err != nil {
		return nil, fmt.Errorf("opening the body of %s: %w", b.capture.ID, err)
	}
	return prefixed(b.capture, body), nil
}
