package destination

import (
	"context"
	"errors"
	"strings"

	"posthouse/internal/login"
	"posthouse/relay"
	"posthouse/relay/delivery"
	"posthouse/relay/mx"
	"posthouse/relay/reason"
)

func outcome(o delivery.Outcome, err error) relay.Outcome {
	r := relay.Outcome{Reply: reply(o, err), Notifies: o.Notifies, Wait: o.Backoff, Class: reason.Of(o.Reply.Code, o.Reply.Enhanced, o.Reply.Text)}
	switch o.Kind {
	case delivery.Accepted:
		r.Kind = relay.Delivered
	case delivery.RefusedPermanent:
		r.Kind = relay.Declined
	case delivery.RefusedTemporary:
		r.Kind = relay.Deferred
	case delivery.InDoubt:
		r.Kind = relay.Uncertain
	case delivery.NotFit:
		r.Kind, r.Class = relay.Unsuitable, unfit(o.Err)
	default:
		return unsent(r, err)
	}
	// x.2.y speaks of the mailbox, and a session refused to a client of that one: for others there may be time.
	r.Busy = r.Class == reason.Throttled && !o.OfClient && !strings.HasPrefix(o.Reply.Enhanced, "4.2.") && !strings.HasPrefix(o.Reply.Enhanced, "5.2.")
	return r
}

// unfit is the class of a refusal of our own.
func unfit(err error) reason.Class {
	var u *delivery.Unfit
	switch {
	case errors.As(err, &u) && u.Reason == delivery.TooBig:
		return reason.Size
	case errors.As(err, &u) && u.Reason == delivery.NoRequireTLS:
		return reason.TLS
	}
	return reason.Form
}

// unsent tells trouble with the connection, which is the destination's, from trouble with this message.
func unsent(r relay.Outcome, err error) relay.Outcome {
	var session *delivery.SessionError
	var misfit *delivery.Unfit
	var unmet *delivery.Unmet
	r.Kind = relay.Deferred
	switch {
	case errors.Is(err, mx.ErrNull): // as RFC 7505 §4.2 answers it
		r.Kind, r.Class = relay.Declined, reason.Recipient
	case errors.As(err, &misfit):
		r.Kind, r.Class = relay.Unsuitable, unfit(err)
	case errors.Is(err, context.Canceled), errors.Is(err, delivery.ErrStopped):
		// We are being stopped: that is nobody's fault.
	case errors.As(err, &session):
		r.Kind, r.Class = relay.Unreachable, reason.Of(session.Reply.Code, session.Reply.Enhanced, session.Reply.Text)
		_, r.Wait = session.Throttled()
		if errors.As(err, &unmet) {
			r.Class = reason.TLS
		}
		if errors.Is(err, login.ErrRefused) { // by the token endpoint
			r.Class = reason.Login
		}
	}
	return r
}

func reply(o delivery.Outcome, err error) string {
	if words := o.Words(); words != "" || err == nil {
		return words
	}
	return err.Error()
}
