package ledgertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// noon is the suite's present.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 123456000, time.UTC)

const anna, ben = cutover.MailboxID("anna@example.com"), cutover.MailboxID("ben@example.com")

// ctx is the context of a test.
func ctx(t *testing.T) context.Context { return t.Context() }

// must stops the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get is must for a call with one result.
func get[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// wants checks that an error is the sentinel.
func wants(t *testing.T, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("got error %v, want %v", err, sentinel)
	}
}

// key is a match key that differs for different n.
func key(n int) cutover.Key {
	sum := sha256.Sum256(fmt.Appendf(nil, "key %d", n))
	return cutover.Key(sum[:16])
}

func digest(n int) cutover.Digest {
	return cutover.Digest(sha256.Sum256(fmt.Appendf(nil, "digest %d", n)))
}

// content is a body of n octets that no other seed has.
func content(seed uint64, n int) []byte {
	octets := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	for i := range octets {
		octets[i] = byte(r.Uint32())
	}
	return octets
}

// captureID is the n-th in order of time.
func captureID(n int) cutover.CaptureID { return cutover.CaptureID(fmt.Sprintf("01HQ%022d", n)) }

// capture is a plain one with the n-th id and key.
func capture(n int) ledger.Capture {
	return ledger.Capture{
		ID: captureID(n), At: noon.Add(time.Duration(n) * time.Second), Route: cutover.Arriving, Listener: "mx",
		Client:   ledger.Client{Addr: "192.0.2.7", Name: "mail.example.net"},
		Envelope: ledger.Envelope{From: "bounce@example.net", Recipients: []ledger.Recipient{{Address: "anna@example.com"}}},
		Sum:      digest(n), Repeat: digest(n + 1000), Digest: digest(n + 2000),
		Identity: cutover.Identity{Key: key(n), Loose: key(n + 1000)},
	}
}

// delivery is a required one to Anna's cloud mailbox.
func delivery(state ledger.DeliveryState, next time.Time) ledger.Delivery {
	return ledger.Delivery{
		Recipient: "anna@example.com", Original: "anna@example.com", Mailbox: anna, Destination: "cloud:smtp", Side: cutover.Cloud,
		Required: true, State: state, Next: next, Since: noon,
	}
}

func observation(n int) evidence.Observation {
	return evidence.Observation{
		At: noon.Add(time.Duration(n) * time.Second), Channel: evidence.Arriving, Class: evidence.Wanted, Source: "listener mx",
		Sender: "mail.example.net", Client: netip.MustParseAddr("192.0.2.7"), From: "bounce@example.net", Mailbox: anna, Message: string(captureID(n)),
	}
}

// keep commits a capture with this body and returns its deliveries.
func keep(t *testing.T, l ledger.Ledger, c ledger.Capture, octets []byte, deliveries ...ledger.Delivery) []ledger.Delivery {
	t.Helper()
	stored, err := tryKeep(t.Context(), l, c, octets, deliveries...)
	must(t, err)
	return stored
}

func tryKeep(ctx context.Context, l ledger.Ledger, c ledger.Capture, octets []byte, deliveries ...ledger.Delivery) ([]ledger.Delivery, error) {
	b, err := l.NewBody(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Abort()
	if _, err := b.Write(octets); err != nil {
		return nil, err
	}
	c.Size = int64(len(octets))
	return b.Commit(ctx, c, deliveries, observation(0))
}

// read returns a capture's whole body.
func read(t *testing.T, l ledger.Ledger, id cutover.CaptureID) []byte {
	t.Helper()
	r, err := l.OpenBody(t.Context(), id)
	must(t, err)
	defer r.Close()
	octets, err := io.ReadAll(r)
	must(t, err)
	return octets
}

// pair makes a folder of Anna's.
func pair(t *testing.T, l ledger.Ledger, name string) ledger.FolderID {
	t.Helper()
	p, err := l.Pair(t.Context(), ledger.FolderPair{
		Mailbox: anna, Kind: cutover.Mail, Legacy: cutover.FolderPath{name}, Cloud: cutover.FolderPath{name},
	})
	must(t, err)
	return p.ID
}

// item is the n-th of a folder.
func item(f ledger.FolderID, n int) ledger.Item {
	return ledger.Item{
		Folder: f, Legacy: ledger.Place{Validity: "1700000000", Ref: cutover.Ref(fmt.Sprint(n))},
		Identity: cutover.Identity{Key: key(n), Loose: key(n + 1000)}, Size: int64(100 + n), Flags: cutover.NewFlags(`\Seen`),
		Disposition: cutover.Copied,
	}
}

func items(f ledger.FolderID, from, to int) []ledger.Item {
	var all []ledger.Item
	for n := from; n < to; n++ {
		all = append(all, item(f, n))
	}
	return all
}
