package daemon

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/config"
	"posthouse/internal/clock"
	"posthouse/relay"
	"posthouse/relay/arc"
)

// sealPatience bounds all questions to DNS about one message.
const sealPatience = 10 * time.Second

// sealing is a way out that puts an ARC set before each message. What cannot be sealed, or not now, goes as it is: a seal helps a message in, and its absence keeps none out.
type sealing struct {
	relay.Destination
	sealer *arc.Sealer
	check  checks
	clock  clock.Clock
	log    logrus.FieldLogger
}

// sealed makes a way into the cloud seal, where ARC is configured.
func (d *Daemon) sealed(s config.Server, to relay.Destination) (relay.Destination, error) {
	c := d.cfg.Relay.ARC
	if c.Domain == "" || s.Side != config.Cloud {
		return to, nil
	}
	key, err := privateKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("relay.arc.key_file: %w", err)
	}
	check := d.checks(0)
	sealer, err := arc.New(arc.Config{Domain: c.Domain, Selector: c.Selector, Key: key, AuthServID: d.hostname(), Lookup: check.lookup})
	if err != nil {
		return nil, err
	}
	return sealing{to, sealer, check, d.opts.Clock, d.log}, nil
}

// privateKey reads a key in PEM: PKCS #8, or PKCS #1.
func privateKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no private key", file)
	}
	return signer, nil
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
	results := s.check.results(ctx, c)
	err = reading(c.Body, func(r io.Reader) (err error) {
		set, err = s.sealer.Seal(ctx, r, results, s.clock.Now())
		return err
	})
	return set, err
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
