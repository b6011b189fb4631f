package destination

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/delivery"
	"posthouse/relay/mx"
	"posthouse/relay/reason"
)

func TestEnvelope(t *testing.T) {
	consignment := relay.Consignment{
		Capture: ledger.Capture{EightBit: true, Bare: true, Envelope: ledger.Envelope{
			From: "x@sender.example", UTF8: true, Return: "HDRS", EnvelopeID: "id", RequireTLS: true,
			Recipients: []ledger.Recipient{{Address: "team@example.com", Notify: "FAILURE,DELAY", ORcpt: "rfc822;all@example.com"}, {Address: "bob@example.com"}},
		}},
		Deliveries: []ledger.Delivery{{Recipient: "anna@example.com", Original: "team@example.com"}, {Recipient: "bob@example.com", Original: "bob@example.com"}},
	}
	want := delivery.Envelope{
		From: "x@sender.example", UTF8: true, EightBit: true, BareNewline: true, RequireTLS: true, Ret: "HDRS", EnvID: "id",
		Recipients: []delivery.Recipient{{Address: "anna@example.com", Notify: []string{"FAILURE", "DELAY"}, ORcpt: "rfc822;all@example.com"}, {Address: "bob@example.com"}},
	}
	if got := envelope(consignment, original(consignment)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	consignment.Tee = true
	want.From, want.Ret, want.EnvID = "", "", ""
	want.Recipients[0].Notify, want.Recipients[1].Notify = []string{"NEVER"}, []string{"NEVER"}
	want.Recipients[0].ORcpt = ""
	if got := envelope(consignment, original(consignment)); !reflect.DeepEqual(got, want) {
		t.Errorf("tee: got  %+v\nwant %+v", got, want)
	}
}

func TestOutcome(t *testing.T) {
	cut := &delivery.SessionError{Err: errors.New("connection reset")}
	tooBig := &delivery.Unfit{Reason: delivery.TooBig}
	busy, crowded := delivery.Reply{Code: 421, Enhanced: "4.7.0", Text: "try again in 1 minute"}, delivery.Reply{Code: 450, Enhanced: "4.2.1", Text: "receiving mail at a rate that is too high"}
	for _, c := range []struct {
		name    string
		outcome delivery.Outcome
		err     error
		want    relay.Outcome
	}{
		{"accepted", delivery.Outcome{Kind: delivery.Accepted, Reply: delivery.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}}, nil, relay.Outcome{Kind: relay.Delivered, Reply: "250 2.0.0 ok"}},
		{"refused", delivery.Outcome{Kind: delivery.RefusedPermanent, Reply: delivery.Reply{Code: 550}}, nil, relay.Outcome{Kind: relay.Declined, Reply: "550", Class: reason.Other}},
		{"put off", delivery.Outcome{Kind: delivery.RefusedTemporary, Backoff: time.Minute}, nil, relay.Outcome{Kind: relay.Deferred, Wait: time.Minute}},
		{"in doubt", delivery.Outcome{Kind: delivery.InDoubt}, cut, relay.Outcome{Kind: relay.Uncertain, Reply: cut.Error()}},
		{"does not fit", delivery.Outcome{Kind: delivery.NotFit, Err: errors.New("too big")}, nil, relay.Outcome{Kind: relay.Unsuitable, Reply: "too big", Class: reason.Form}},
		{"too big", delivery.Outcome{Kind: delivery.NotFit, Err: tooBig}, tooBig, relay.Outcome{Kind: relay.Unsuitable, Reply: tooBig.Error(), Class: reason.Size}},
		{"busy", delivery.Outcome{Kind: delivery.RefusedTemporary, Reply: busy, Backoff: time.Minute}, nil, relay.Outcome{Kind: relay.Deferred, Reply: busy.String(), Class: reason.Throttled, Wait: time.Minute, Busy: true}},
		{"busy for one client", delivery.Outcome{Kind: delivery.RefusedTemporary, Reply: busy, Backoff: time.Minute, OfClient: true}, nil, relay.Outcome{Kind: relay.Deferred, Reply: busy.String(), Class: reason.Throttled, Wait: time.Minute}},
		{"busy mailbox", delivery.Outcome{Kind: delivery.RefusedTemporary, Reply: crowded}, nil, relay.Outcome{Kind: relay.Deferred, Reply: crowded.String(), Class: reason.Throttled}},
		{"busy at the greeting", delivery.Outcome{}, &delivery.SessionError{Reply: busy}, relay.Outcome{Kind: relay.Unreachable, Reply: (&delivery.SessionError{Reply: busy}).Error(), Class: reason.Throttled, Wait: time.Minute}},
		{"login refused", delivery.Outcome{}, &delivery.SessionError{Reply: delivery.Reply{Code: 535}}, relay.Outcome{Kind: relay.Unreachable, Reply: ": : 535", Class: reason.Login}},
		{"no connection", delivery.Outcome{}, cut, relay.Outcome{Kind: relay.Unreachable, Reply: cut.Error()}},
		{"no way for this message", delivery.Outcome{}, fmt.Errorf("sending: %w", &delivery.Unfit{}), relay.Outcome{Kind: relay.Unsuitable, Class: reason.Form, Reply: fmt.Sprint("sending: ", &delivery.Unfit{})}},
		{"we are stopping", delivery.Outcome{}, delivery.ErrStopped, relay.Outcome{Kind: relay.Deferred, Reply: delivery.ErrStopped.Error()}},
		{"we are stopping within a session", delivery.Outcome{}, &delivery.SessionError{Err: context.Canceled}, relay.Outcome{Kind: relay.Deferred, Reply: (&delivery.SessionError{Err: context.Canceled}).Error()}},
		{"the body cannot be read", delivery.Outcome{}, errors.New("disk"), relay.Outcome{Kind: relay.Deferred, Reply: "disk"}},
	} {
		if got := outcome(c.outcome, c.err); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestDeposited(t *testing.T) {
	seen := bridge.Sighting{Folder: cutover.FolderPath{"INBOX"}, Place: ledger.Place{Ref: "7"}}
	for want, err := range map[relay.OutcomeKind]error{
		relay.Delivered: nil, relay.Uncertain: bridge.ErrUnknown, relay.Declined: bridge.ErrRefused, relay.Unreachable: bridge.ErrConnection, relay.Deferred: bridge.ErrBusy,
	} {
		if err != nil {
			err = fmt.Errorf("depositing: %w", err)
		}
		if got := deposited(seen, err); got.Kind != want || got.Reply == "" || err == nil && got.Seen != "INBOX UID 7" {
			t.Errorf("%v: %+v", err, got)
		}
	}
	if got := deposited(bridge.Sighting{}, bridge.ErrLogin); got.Kind != relay.Deferred || got.Class != reason.Login {
		t.Errorf("a refused login is one mailbox's trouble: %+v", got)
	}
	for class, busy := range map[reason.Class]*bridge.Busy{
		reason.Full: {Kind: bridge.Full, Err: bridge.ErrConnection}, reason.Throttled: {Kind: bridge.Throttled, Wait: time.Minute, Err: bridge.ErrConnection},
	} {
		if got := deposited(bridge.Sighting{}, busy); got.Kind != relay.Deferred || got.Class != class || got.Wait != busy.Wait {
			t.Errorf("%s: %+v", busy.Kind, got)
		}
	}
	if got := deposited(bridge.Sighting{}, bridge.ErrTooLarge); got.Kind != relay.Declined || got.Class != reason.Size {
		t.Errorf("too large: %+v", got)
	}
	asked := fmt.Errorf("%w: %w", bridge.ErrConnection, &bridge.Busy{Kind: bridge.Throttled, Err: errors.New("BYE later")})
	if got := deposited(bridge.Sighting{}, asked).Kind; got != relay.Deferred {
		t.Errorf("a server that asks to wait at the login: %v", got)
	}
	if got := (bridge.Sighting{Folder: cutover.FolderPath{"Junk", "2019"}}).String(); got != "Junk / 2019" {
		t.Error(got)
	}
}

func TestOutcomeOfHosts(t *testing.T) {
	null := &delivery.SessionError{Destination: "cloud:smtp", Stage: delivery.StageMX, Err: fmt.Errorf("new.example %w", mx.ErrNull)}
	unmet := &delivery.SessionError{Destination: "cloud:smtp", Stage: delivery.StageTLS, Err: &delivery.Unmet{Demand: delivery.Demand{By: "DANE of mx.new.example"}, Err: errors.New("no")}}
	lost := &delivery.SessionError{Destination: "cloud:smtp", Stage: delivery.StageMX, Err: errors.New("SERVFAIL")}
	for _, c := range []struct {
		err  error
		want relay.Outcome
	}{
		{null, relay.Outcome{Kind: relay.Declined, Class: reason.Recipient, Reply: "cloud:smtp: MX: new.example takes no mail (null MX)"}},
		{unmet, relay.Outcome{Kind: relay.Unreachable, Class: reason.TLS, Reply: "cloud:smtp: TLS: DANE of mx.new.example demands verified TLS: no"}},
		{lost, relay.Outcome{Kind: relay.Unreachable, Reply: "cloud:smtp: MX: SERVFAIL"}},
	} {
		if got := outcome(delivery.Outcome{}, c.err); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}
