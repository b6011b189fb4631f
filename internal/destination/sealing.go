package destination

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/arc"
	"posthouse/relay/sendercheck"
)

// sealPatience bounds all questions to DNS about one message.
const sealPatience = 10 * time.Second

// Seal is what ARC sets are made by.
type Seal struct {
	Sealer *arc.Sealer
	// Check finds out about a message what the set says of its sender.
	Check func(context.Context, ledger.Capture, io.Reader) sendercheck.Facts
}

// sealing is a way out that puts an ARC set before each message. What cannot be sealed, or not now, goes as it is: a seal helps a message in, and its absence keeps none out.
type sealing struct {
	relay.Destination
	seal  Seal
	clock clock.Clock
	log   logrus.FieldLogger
}

// sealed makes a way seal, where there is a seal.
func (w Ways) sealed(to relay.Destination) relay.Destination {
	if w.Seal == nil {
		return to
	}
	return sealing{to, *w.Seal, w.Clock, w.Log}
}

func (s sealing) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	set, err := s.set(ctx, c)
	log := s.log.WithField("capture", c.Capture.ID)
	switch {
	case errors.Is(err, arc.ErrEnded), errors.Is(err, arc.ErrHeader):
		log.WithError(err).Debug("not sealed")
	case err != nil:
		log.WithError(err).Warn("not sealed: it goes as it is")
	}
	c.Body, c.Next = sealedBody{c.Body, set}, nil // how large the next will be is not known before it is sealed
	return s.Destination.Deliver(ctx, c)
}

// set is the ARC set for a message. One with bare line ends is read differently by everybody. Whatever a stranger wrote, and whoever stumbles over it: the message goes on.
func (s sealing) set(ctx context.Context, c relay.Consignment) (set []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = nil, fmt.Errorf("panic while sealing: %v", p)
		}
	}()
	if c.Capture.Bare {
		return nil, arc.ErrHeader
	}
	ctx, cancel := context.WithTimeout(ctx, sealPatience)
	defer cancel()
	if err := reading(c.Body, arc.CheckHeader); err != nil {
		return nil, err
	}
	results := s.results(ctx, c)
	err = reading(c.Body, func(r io.Reader) (err error) {
		set, err = s.seal.Sealer.Seal(ctx, r, results, s.clock.Now())
		return err
	})
	return set, err
}

// results are written as in Authentication-Results (RFC 8601), each on a line of its own.
func (s sealing) results(ctx context.Context, m relay.Consignment) string {
	var f sendercheck.Facts
	err := reading(m.Body, func(r io.Reader) error {
		f = s.seal.Check(ctx, m.Capture, r)
		return nil
	})
	if err != nil {
		return "dkim=temperror"
	}
	return strings.Join(f.Results(), ";\r\n\t")
}

// reading opens a body for one pass.
func reading(b relay.Body, pass func(io.Reader) error) error {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return pass(r)
}

// sealedBody is a body behind an ARC set.
type sealedBody struct {
	relay.Body
	set []byte
}

func (b sealedBody) Size() int64 { return int64(len(b.set)) + b.Body.Size() }

func (b sealedBody) Open() (io.ReadCloser, error) {
	r, err := b.Body.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b.set), r), r}, nil
}
