package daemon

import (
	"fmt"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/srs"
)

// rewriter is the Sender Rewriting Scheme as it is configured; nil if it is not.
func rewriter(c config.SRS) (*srs.Rewriter, error) {
	if c.Domain == "" {
		return nil, nil
	}
	secret, err := c.Secret.Reveal()
	if err != nil {
		return nil, fmt.Errorf("relay.srs.secret: %w", err)
	}
	return srs.New(srs.Config{
		Domain: c.Domain, Secrets: strings.FieldsFunc(secret, func(c rune) bool { return c == '\n' || c == '\r' }), Separator: c.Separator[0], HashLength: c.HashLength, MaxAge: c.MaxAge,
	})
}

// sender is the envelope sender of a message on its way to a server. The ledger keeps the original.
type sender func(relay.Consignment) string

// senderFor is how senders go to a server: as they are, but for foreign ones of routes that rewrite them. The old server believes us, and so does a cloud whose connector names us; by LMTP nobody asks who may send.
func (d *Daemon) senderFor(s config.Server) sender {
	rewritten := map[cutover.Route]bool{cutover.Arriving: d.cfg.Routes.Arriving.SRS, cutover.Submission: d.cfg.Routes.Submission.SRS, cutover.Devices: d.cfg.Routes.Devices.SRS}
	if d.srs == nil || s.Side != config.Cloud || s.Connector || !s.Sends() {
		return original
	}
	return func(c relay.Consignment) string {
		if from := original(c); from != "" && rewritten[c.Capture.Route] {
			return d.rewrite(from, c)
		}
		return original(c)
	}
}

// original is the sender as it came; a tee has none, so that nothing it causes on the legacy side comes back to anybody.
func original(c relay.Consignment) string {
	if c.Tee {
		return ""
	}
	return c.Capture.Envelope.From
}

// rewrite leaves our own senders alone, and those that SRS cannot carry: without it they went as they are, too.
func (d *Daemon) rewrite(from string, c relay.Consignment) string {
	log := d.log.WithField("capture", c.Capture.ID).WithField("from", from)
	a, err := cutover.ParseAddress(from)
	if err == nil && d.live.Load().directory.Ours(a) {
		return from
	}
	made := a
	if err == nil {
		made, err = d.srs.Forward(a, d.opts.Clock.Now())
	}
	if err != nil {
		log.WithError(err).Warn("sender not rewritten: it goes as it is")
		return from
	}
	log.WithField("srs", string(made)).Debug("sender rewritten")
	return string(made)
}
