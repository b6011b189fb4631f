package destination

import (
	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/srs"
)

// SRS is the Sender Rewriting Scheme, for mail of some routes.
type SRS struct {
	*srs.Rewriter
	Routes map[cutover.Route]bool
	Ours   func(cutover.Address) bool // senders that are not rewritten
}

// sender is the envelope sender of a message on its way to a server. The ledger keeps the original.
type sender func(relay.Consignment) string

// sender is as it came, or what a server that asks who may send is told.
func (w Ways) sender(rewrite bool) sender {
	if rewrite && w.SRS != nil {
		return w.rewritten
	}
	return original
}

// rewritten is the sender for servers that ask who may send: as it came, but for foreign ones of routes that rewrite them.
func (w Ways) rewritten(c relay.Consignment) string {
	if from := original(c); from != "" && w.SRS.Routes[c.Capture.Route] {
		return w.rewrite(from, c)
	}
	return original(c)
}

// original is the sender as it came; a tee has none, so that nothing it causes on the legacy side comes back to anybody.
func original(c relay.Consignment) string {
	if c.Tee {
		return ""
	}
	return c.Capture.Envelope.From
}

// rewrite leaves our own senders alone, and those that SRS cannot carry: without it they went as they are, too.
func (w Ways) rewrite(from string, c relay.Consignment) string {
	log := w.Log.WithField("capture", c.Capture.ID).WithField("from", from)
	a, err := cutover.ParseAddress(from)
	if err == nil && w.SRS.Ours(a) {
		return from
	}
	made := a
	if err == nil {
		made, err = w.SRS.Forward(a, w.Clock.Now())
	}
	if err != nil {
		log.WithError(err).Warn("sender not rewritten: it goes as it is")
		return from
	}
	log.WithField("srs", string(made)).Debug("sender rewritten")
	return string(made)
}
