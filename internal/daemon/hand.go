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
)

// deedBatch is how many deliveries are changed in one commit.
const deedBatch = 100

// Queued lists what waits.
func (d *Daemon) Queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	return d.records.Queued(ctx, f, yield)
}

// Trace tells what became of messages.
func (d *Daemon) Trace(ctx context.Context, asked string) (control.Trace, error) {
	return d.records.Trace(ctx, asked)
}

// Message writes a captured message as it goes out.
func (d *Daemon) Message(ctx context.Context, name string, w io.Writer) error {
	return d.records.Message(ctx, name, w)
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
