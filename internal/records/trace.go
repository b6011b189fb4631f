package records

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"posthouse/internal/control"
	"posthouse/ledger"
)

// traced is how many messages a trace tells of.
const traced = 20

// Trace tells what became of the messages that an ID, a Message-ID or an address names.
func (r *Records) Trace(ctx context.Context, asked string) (control.Trace, error) {
	t := control.Trace{Schema: control.TraceSchema, At: r.Now(), Asked: asked, Messages: []control.Timeline{}}
	found, err := r.asked(ctx, strings.TrimSpace(asked))
	if err != nil {
		return t, err
	}
	if t.More = len(found) > traced; t.More {
		found = found[:traced]
	}
	for _, c := range found {
		line, err := r.timeline(ctx, c)
		if err != nil {
			return t, err
		}
		t.Messages = append(t.Messages, line)
	}
	if len(found) == 0 {
		t.Said, err = r.said(ctx, strings.TrimSpace(asked))
	}
	return t, err
}

// said is what logs and old mailboxes tell of a Message-ID.
func (r *Records) said(ctx context.Context, message string) (all []control.Said, err error) {
	if !strings.Contains(message, "@") {
		return nil, nil
	}
	observed, err := r.Ledger.Said(ctx, message)
	if err != nil {
		return nil, err
	}
	for _, o := range observed {
		s := control.Said{At: o.At, Source: o.Source, Channel: string(o.Channel), Sender: o.Sender, Client: addrText(o.Client), From: o.From, Mailbox: string(o.Mailbox), Detail: o.Detail}
		all = append(all, s)
	}
	delivered, err := r.Ledger.LocalDeliveries(ctx, ledger.LocalFilter{Message: message})
	for _, l := range delivered {
		all = append(all, control.Said{
			At: l.At, Source: l.Source, Channel: control.ChannelDelivered, Client: addrText(l.Client), Mailbox: l.Mailbox, Detail: join("; ", cmp.Or(l.Lost, l.Folder), l.Note), State: string(l.State),
		})
	}
	slices.SortStableFunc(all, func(a, b control.Said) int { return a.At.Compare(b.At) })
	return all, err
}

// sha256Of reads a body to its end, and closes it.
func sha256Of(body io.ReadCloser) (string, error) {
	defer body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return "", fmt.Errorf("reading what was stored: %w", err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}

// asked finds captures by what people have in hand: what has no @ is an ID, what has brackets a Message-ID; anything else is an address, or else a Message-ID without its brackets.
func (r *Records) asked(ctx context.Context, asked string) ([]ledger.Capture, error) {
	switch {
	case asked == "":
		return nil, errors.New("name an ID, a Message-ID or an address")
	case strings.HasPrefix(asked, "<"):
		return r.Ledger.FindCaptures(ctx, ledger.CaptureFilter{MessageID: asked, Limit: traced + 1})
	case !strings.Contains(asked, "@"):
		found, err := r.Ledger.FindCaptures(ctx, ledger.CaptureFilter{Prefix: strings.ToUpper(asked), Limit: traced + 1})
		if err != nil || len(found) > 0 {
			return found, err
		}
	default:
		found, err := r.Ledger.FindCaptures(ctx, ledger.CaptureFilter{Address: asked, Limit: traced + 1})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return r.Ledger.FindCaptures(ctx, ledger.CaptureFilter{MessageID: asked, Limit: traced + 1})
}

func (r *Records) timeline(ctx context.Context, c ledger.Capture) (control.Timeline, error) {
	t := control.Timeline{
		Capture: string(c.ID), At: c.At, MessageID: c.MessageID, From: c.Envelope.From, Recipients: []string{}, Size: c.Size,
		Route: string(c.Route), Listener: c.Listener, Client: c.Client.Addr, Name: c.Client.Name, TLS: c.Client.TLS, Safe: true, Checks: c.Results, Unwanted: c.Unwanted,
		Steps: []control.Step{}, Deliveries: []control.Queued{},
	}
	for _, to := range c.Envelope.Recipients {
		t.Recipients = append(t.Recipients, string(to.Address))
	}
	body, err := r.Ledger.OpenBody(ctx, c.ID)
	switch {
	case err == nil:
		t.Kept = true
		if t.SHA256, err = sha256Of(body); err != nil {
			return t, err
		}
	case !errors.Is(err, ledger.ErrNotFound):
		return t, err
	}
	if t.Said, err = r.said(ctx, c.MessageID); err != nil {
		return t, err
	}
	events, err := r.Ledger.History(ctx, c.ID)
	if err != nil {
		return t, err
	}
	deliveries, err := r.Ledger.Deliveries(ctx, ledger.DeliveryFilter{Capture: c.ID})
	if err != nil {
		return t, err
	}
	for _, delivery := range deliveries {
		q, err := r.queued(ctx, delivery)
		if err != nil {
			return t, err
		}
		t.Add(q, steps(events, delivery))
		t.Safe = t.Safe && (!delivery.Required || delivery.State == ledger.Settled)
	}
	return t, nil
}

// steps are one delivery's.
func steps(events []ledger.Event, of ledger.Delivery) []control.Step {
	var all []control.Step
	for _, e := range events {
		if e.Delivery != of.ID {
			continue
		}
		s := control.Step{
			At: e.At, Delivery: int64(e.Delivery), To: string(e.Recipient), Destination: e.Destination, State: string(e.State), Act: e.Act,
			Reply: e.Reply, Reason: e.Reason, Class: e.Class, Seen: e.Seen, Copy: !of.Required,
			Rescued: e.Class != "" && (e.State == ledger.Settled || e.State == ledger.Accepted) && of.Required,
		}
		if e.State == ledger.Due || e.State == ledger.InDoubt {
			s.Next = e.Next
		}
		all = append(all, s)
	}
	return all
}
