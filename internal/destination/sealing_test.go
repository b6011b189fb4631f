package destination

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"strings"
	"testing"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/arc"
	"posthouse/relay/sendercheck"
)

// octets are a body.
type octets string

func (b octets) Size() int64                  { return int64(len(b)) }
func (b octets) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(b))), nil }

type deliverer func(relay.Consignment) []relay.Outcome

func (f deliverer) Deliver(_ context.Context, c relay.Consignment) []relay.Outcome { return f(c) }

// panicking is a DNS whose answers are too much for whoever asks.
type panicking struct{ sendercheck.Resolver }

func (panicking) LookupTXT(context.Context, string) ([]string, error) { panic("no") }

// Whatever goes wrong while a seal is made, the message is handed on, whole, and of the size that it says.
func TestNoSealIsNoFailure(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := arc.New(arc.Config{Domain: "example.com", Selector: "s", Key: key, AuthServID: "mail.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	const signed = "From: x\r\nDKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=d; h=from; bh=AAAA; b=AAAA\r\n\r\nno end of line"
	checker := sendercheck.New(sendercheck.Config{DNS: panicking{}})
	seal := Seal{sealer, func(ctx context.Context, c ledger.Capture, r io.Reader) sendercheck.Facts {
		return checker.Check(ctx, sendercheck.Sender{}, r)
	}}
	log, _ := logtest.NewNullLogger()
	for _, c := range []struct {
		what   string
		body   octets
		bare   bool
		sealed bool
	}{{"sealed", "From: x\r\n\r\nno end of line", false, true}, {"bare", "From: x\r\n\r\nbare\nline", true, false}, {"panic over DNS", signed, false, true}, {"no header", "nonsense", false, false}} {
		var got []byte
		out := deliverer(func(m relay.Consignment) []relay.Outcome {
			err := reading(m.Body, func(r io.Reader) (err error) { got, err = io.ReadAll(r); return err })
			if err != nil || int64(len(got)) != m.Body.Size() {
				t.Errorf("%s: says %d octets, has %d, %v", c.what, m.Body.Size(), len(got), err)
			}
			return []relay.Outcome{{Kind: relay.Delivered}}
		})
		s := sealing{out, seal, clock.Real(), log}
		outcomes := s.Deliver(t.Context(), relay.Consignment{Capture: ledger.Capture{Bare: c.bare}, Body: c.body})
		if len(outcomes) != 1 || outcomes[0].Kind != relay.Delivered || !bytes.HasSuffix(got, []byte(c.body)) || bytes.HasPrefix(got, []byte("ARC-Seal")) != c.sealed {
			t.Errorf("%s: %v\n%s", c.what, outcomes, got)
		}
	}
	broken := sealing{deliverer(func(relay.Consignment) []relay.Outcome { return nil }), seal, clock.Real(), log}
	if _, err := broken.set(t.Context(), relay.Consignment{Body: unreadable{}}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a body that cannot be opened: %v", err)
	}
	if set, err := broken.set(t.Context(), relay.Consignment{}); set != nil || err == nil {
		t.Errorf("a panic: %q, %v", set, err)
	}
}

type unreadable struct{}

func (unreadable) Size() int64                  { return 1 }
func (unreadable) Open() (io.ReadCloser, error) { return nil, io.ErrClosedPipe }
