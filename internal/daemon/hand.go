package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// page is how many deliveries one look into the ledger takes, and deedBatch how many are changed in one commit.
const (
	page      = 500
	deedBatch = 100
)

// unsettled are the states of what waits, for somebody or for something.
var unsettled = []ledger.DeliveryState{ledger.Held, ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Quiet}

// Queued lists deliveries by filter, the oldest capture first. Of captures that are named every required delivery is listed, whatever its state; else those that wait.
func (d *Daemon) Queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	for _, name := range f.Classes {
		if !slices.Contains(reason.All(), reason.Class(name)) {
			return fmt.Errorf("no reason %q; there are %s", name, strings.Trim(fmt.Sprint(reason.All()), "[]"))
		}
	}
	filter := ledger.DeliveryFilter{Required: true, From: f.From, To: f.To, Limit: page}
	for _, s := range f.States {
		filter.States = append(filter.States, ledger.DeliveryState(s))
	}
	if f.Older > 0 {
		filter.Captured = d.opts.Clock.Now().Add(-f.Older)
	}
	l := listing{d: d, filter: f, yield: yield}
	if len(f.Captures) == 0 {
		if len(filter.States) == 0 {
			filter.States = unsettled
		}
		return l.all(ctx, filter)
	}
	for _, name := range f.Captures {
		c, err := d.capture(ctx, name)
		if err != nil {
			return err
		}
		filter.Capture = c.ID
		if err := l.all(ctx, filter); err != nil {
			return err
		}
	}
	return nil
}

// capture is the one that an ID, the beginning of one, or a Message-ID names.
func (d *Daemon) capture(ctx context.Context, name string) (ledger.Capture, error) {
	filter := ledger.CaptureFilter{Prefix: strings.ToUpper(name), Limit: 2}
	if strings.Contains(name, "@") {
		filter = ledger.CaptureFilter{MessageID: name, Limit: 2}
	}
	found, err := d.ledger.FindCaptures(ctx, filter)
	switch {
	case err != nil:
		return ledger.Capture{}, err
	case name == "" || len(found) == 0:
		return ledger.Capture{}, fmt.Errorf("no message %q was captured", name)
	case len(found) > 1:
		return ledger.Capture{}, fmt.Errorf("%q names more than one message: %s, %s", name, found[0].ID, found[1].ID)
	}
	return found[0], nil
}

// listing is one list on its way out.
type listing struct {
	d      *Daemon
	filter control.QueueFilter
	yield  func(control.Queued) error
	given  int
}

func (l *listing) all(ctx context.Context, f ledger.DeliveryFilter) error {
	for {
		found, err := l.d.ledger.Deliveries(ctx, f)
		if err != nil {
			return err
		}
		for _, delivery := range found {
			if more, err := l.one(ctx, delivery); err != nil || !more {
				return err
			}
		}
		if len(found) < page {
			return nil
		}
		f.After = found[len(found)-1]
	}
}

// one reports whether more are wanted.
func (l *listing) one(ctx context.Context, delivery ledger.Delivery) (more bool, err error) {
	if l.filter.Limit > 0 && l.given == l.filter.Limit {
		return false, nil
	}
	q, err := l.d.queued(ctx, delivery)
	if err != nil || len(l.filter.Classes) > 0 && !slices.Contains(l.filter.Classes, q.Waiting.Class) {
		return err == nil, err
	}
	l.given++
	return true, l.yield(q)
}

func (d *Daemon) queued(ctx context.Context, delivery ledger.Delivery) (control.Queued, error) {
	w, err := d.describe(ctx, delivery)
	return control.Queued{Schema: control.QueuedSchema, Delivery: int64(delivery.ID), Original: string(delivery.Original), Waiting: w, Reply: delivery.Reply}, err
}

// errNoCourier: this process delivers nothing.
var errNoCourier = errors.New("this process only copies mailboxes; start the service to work on captured mail")

// Act does a deed to deliveries, some at a time.
func (d *Daemon) Act(ctx context.Context, who string, deed control.Deed, yield func(control.Acted) error) error {
	if d.courier == nil {
		return errNoCourier
	}
	order := relay.Deed{Do: relay.Verb(deed.Do), By: who, Why: deed.Why, Notify: deed.Notify}
	switch order.Do {
	case relay.Hold, relay.Release, relay.Retry:
	case relay.Move:
		order.To = func(delivery ledger.Delivery) (relay.Target, error) { return d.target(ctx, deed, delivery) }
	case relay.Drop:
		order.Keep, order.Unseen = d.keepCopy, d.cfg.Relay.SeenWithin
	case relay.Resend:
		order.To, order.Copy = d.resent(deed), func(ctx context.Context, first ledger.Delivery, to relay.Target) (ledger.Delivery, error) {
			return d.intake.SendAgain(ctx, d.hostname(), first, to)
		}
	default:
		return fmt.Errorf("%q is nothing that can be done with mail", deed.Do)
	}
	for some := range slices.Chunk(deed.Deliveries, deedBatch) {
		ids := make([]ledger.DeliveryID, len(some))
		for i, id := range some {
			ids[i] = ledger.DeliveryID(id)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for i, done := range d.courier.Act(context.WithoutCancel(ctx), order, ids) {
			if err := yield(acted(ids[i], done)); err != nil {
				return err
			}
		}
	}
	return nil
}

func acted(id ledger.DeliveryID, done relay.Done) control.Acted {
	is := done.Delivery
	a := control.Acted{
		Schema: control.ActedSchema, Delivery: int64(id), Capture: string(is.Capture), To: string(is.Recipient), Destination: is.Destination,
		State: string(is.State), Why: is.Reason, Error: text(done.Err),
	}
	var not *relay.NotDone
	if errors.As(done.Err, &not) {
		a.Next = not.Next
	}
	return a
}

// target is where a person moves a delivery: to another mailbox of ours, by the usual way or the one named.
func (d *Daemon) target(ctx context.Context, deed control.Deed, from ledger.Delivery) (relay.Target, error) {
	m, err := d.movedTo(deed, from)
	if err != nil {
		return relay.Target{}, err
	}
	if m.ID != from.Mailbox {
		if err := d.reliedOn(ctx, from); err != nil {
			return relay.Target{}, err
		}
	}
	return d.wayTo(m, deed.By, from)
}

// wayTo leads a delivery to a mailbox, by a way out or by the usual one.
func (d *Daemon) wayTo(m cutover.Mailbox, by string, from ledger.Delivery) (relay.Target, error) {
	server, via, _ := strings.Cut(by, ":")
	to := relay.Target{Recipient: m.Primary, Mailbox: m.ID, Side: m.Home, Destination: by}
	if by == "" {
		to.Destination = destinationName(m.On(m.Home).Server, config.ViaSMTP)
		return to, nil
	}
	if by == outsideName && m.ID == "" {
		to.Recipient, to.Side = from.Recipient, cutover.Cloud
		return to, nil
	}
	of, known := d.cfg.Servers[server]
	to.Side = cutover.Side(of.Side)
	switch {
	case known && m.ID == "" && to.Side == cutover.Cloud && via == config.ViaSMTP:
		to.Recipient = from.Recipient
		return to, nil
	case !known || m.On(to.Side).Server != server:
		return to, &relay.NotDone{Why: fmt.Sprintf("%s does not lead to %s", by, from.Recipient), Next: "posthouse queue move --help"}
	}
	return to, nil
}

// movedTo is the mailbox that a delivery is moved to; one without an ID where it leads outside and the recipient stays.
func (d *Daemon) movedTo(deed control.Deed, from ledger.Delivery) (cutover.Mailbox, error) {
	help := "posthouse queue move --help"
	if deed.Recipient == "" {
		for _, m := range d.live.Load().mailboxes {
			if m.ID == from.Mailbox && m.ID != "" {
				return m.Mailbox, nil
			}
		}
		if from.Mailbox == "" && deed.By != "" && from.Destination != "" {
			return cutover.Mailbox{}, nil
		}
		return cutover.Mailbox{}, &relay.NotDone{Why: fmt.Sprintf("%s is no mailbox of ours: name another recipient", from.Recipient), Next: help}
	}
	a, err := cutover.ParseAddress(deed.Recipient)
	if err != nil {
		return cutover.Mailbox{}, &relay.NotDone{Why: err.Error(), Next: help}
	}
	to, _ := d.live.Load().directory.Resolve(a)
	if len(to.Mailboxes) != 1 || len(to.Others) > 0 {
		return cutover.Mailbox{}, &relay.NotDone{Why: fmt.Sprintf("%s is not the address of one mailbox of ours", a), Next: "posthouse mailboxes"}
	}
	return to.Mailboxes[0], nil
}

// reliedOn refuses to take a delivery away from a mailbox in which a copy on the old side counts on it: that copy would never come to the cloud. Where a person sent it once more, and that one was seen, it is there.
func (d *Daemon) reliedOn(ctx context.Context, from ledger.Delivery) error {
	if from.Mailbox == "" {
		return nil
	}
	expected, err := d.ledger.Expected(ctx, from.Mailbox, nil, []cutover.CaptureID{from.Capture})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(expected, func(e ledger.Expected) bool { return e.Delivery == from.ID && len(e.Joined) > 0 })
	if i < 0 {
		return nil
	}
	if there, err := d.seenAgain(ctx, from.Mailbox, expected[i]); err != nil || there {
		return err
	}
	next := "release" // what was accepted is not held: it can only be sent once more
	if from.State == ledger.Accepted {
		next = "resend"
	}
	return &relay.NotDone{Why: "lies in the old mailbox too, and comes to the cloud by this delivery alone", Next: "posthouse queue " + next + " " + string(from.Capture)}
}

// seenAgain reports whether the same message, sent once more by a person, was seen in the mailbox.
func (d *Daemon) seenAgain(ctx context.Context, m cutover.MailboxID, first ledger.Expected) (bool, error) {
	alike, err := d.ledger.Expected(ctx, m, []cutover.Key{first.Identity.Match()}, nil)
	for _, e := range alike {
		if e.State != ledger.Settled || e.Seen == "" || e.Digest != first.Digest || len(e.Joined) > 0 {
			continue
		}
		if c, err := d.ledger.Capture(ctx, e.Capture); err != nil || c.Again() {
			return err == nil, err
		}
	}
	return false, err
}

// Message writes a captured message as it goes out.
func (d *Daemon) Message(ctx context.Context, name string, w io.Writer) error {
	c, err := d.capture(ctx, name)
	if err != nil {
		return err
	}
	return d.writeMessage(c, w)
}

func (d *Daemon) writeMessage(c ledger.Capture, w io.Writer) error {
	message := relay.Message(d.ledger, c)
	r, err := message.Open()
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("message %s is kept no more: relay.retention is over", c.ID)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, r)
	if want := message.Size(); err == nil && n != want {
		err = fmt.Errorf("message %s has %d octets, and is said to have %d", c.ID, n, want)
	}
	return err
}
