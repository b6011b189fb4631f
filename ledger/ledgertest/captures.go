package ledgertest

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// equal compares rows field by field.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// fullCapture has a value in every field.
func fullCapture() ledger.Capture {
	return ledger.Capture{
		ID: captureID(7), At: noon, Route: cutover.Submission, Listener: "submission",
		Client: ledger.Client{Addr: "2001:db8::7", Name: "[2001:db8::7]", TLS: "TLS1.3 AES", User: "anna"},
		Envelope: ledger.Envelope{From: "jürgen@example.com", Body: "BINARYMIME", UTF8: true, Return: "HDRS", EnvelopeID: "QQ314159", RequireTLS: true,
			Recipients: []ledger.Recipient{
				{Address: `"a b"@example.com`, Notify: "SUCCESS,DELAY", ORcpt: "rfc822;a+20b@example.com"}, {Address: "ben@example.com"},
			}},
		Prefix: []byte("Received: from x\r\nX-Posthouse-Trace: y\r\n"), Size: 5, Sum: digest(1), Repeat: digest(2), Digest: digest(3),
		Identity: cutover.Identity{Key: key(1), Loose: key(2), Trace: "01HQ.ABC"}, Hops: 3, Bare: true, EightBit: true,
		MessageID: "<4711.jürgen@example.com>", Cut: []ledger.Range{{From: 1, To: 3}, {From: 4, To: 5}},
	}
}

func captureRoundTrip(t *testing.T, s suite) {
	l := s.fresh(t)
	for _, want := range []ledger.Capture{fullCapture(), {ID: captureID(8), At: noon, Size: 5}} {
		keep(t, l, want, []byte("hello"))
		got, err := l.Capture(ctx(t), want.ID)
		must(t, err)
		equal(t, "capture", got, want)
	}
}

func bodySizes(t *testing.T, s suite) {
	l := s.fresh(t)
	const k = 1 << 10
	for n, size := range []int{0, 1, 4 * k, 64*k - 1, 64 * k, 64*k + 1, 128 * k, 1000*k + 7} {
		want := content(uint64(n), size)
		keepInParts(t, l, n, want)
		if got := read(t, l, captureID(n)); !bytes.Equal(got, want) {
			t.Errorf("body of %d octets came back otherwise, with %d octets", size, len(got))
		}
		seekBody(t, l, captureID(n), want)
	}
}

// keepInParts writes the body in pieces of odd lengths.
func keepInParts(t *testing.T, l ledger.Ledger, n int, octets []byte) {
	t.Helper()
	b := get[ledger.Body](t)(l.NewBody(ctx(t)))
	defer b.Abort()
	for part, length := octets, 1; len(part) > 0; length = length*3 + 1 {
		wrote, err := b.Write(part[:min(length, len(part))])
		must(t, err)
		part = part[wrote:]
	}
	c := capture(n)
	c.Size = int64(len(octets))
	_, err := b.Commit(ctx(t), c, nil, observation(n))
	must(t, err)
}

// seekBody reads the second half twice.
func seekBody(t *testing.T, l ledger.Ledger, id cutover.CaptureID, want []byte) {
	t.Helper()
	r, err := l.OpenBody(ctx(t), id)
	must(t, err)
	defer r.Close()
	half := int64(len(want) / 2)
	for range 2 {
		if _, err := r.Seek(half, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want[half:]) {
			t.Errorf("after Seek(%d): %d octets, error %v; want the last %d", half, len(got), err, len(want[half:]))
		}
	}
}

func abortLeavesNothing(t *testing.T, s suite) {
	l := s.fresh(t)
	for _, size := range []int{10, 200 << 10} {
		b := get[ledger.Body](t)(l.NewBody(ctx(t)))
		_, err := b.Write(content(1, size))
		must(t, err)
		b.Abort()
		b.Abort()
		_, err = b.Commit(ctx(t), ledger.Capture{ID: captureID(1), Size: int64(size)}, nil, observation(1))
		if err == nil {
			t.Errorf("Commit after Abort of %d octets was taken", size)
		}
		_, err = l.Capture(ctx(t), captureID(1))
		wants(t, err, ledger.ErrNotFound)
	}
}

func bodyEndsOnce(t *testing.T, s suite) {
	l := s.fresh(t)
	b := get[ledger.Body](t)(l.NewBody(ctx(t)))
	_, err := b.Write([]byte("hello"))
	must(t, err)
	c := capture(1)
	c.Size = 5
	_, err = b.Commit(ctx(t), c, nil, observation(1))
	must(t, err)
	b.Abort()
	if got := read(t, l, c.ID); string(got) != "hello" {
		t.Errorf("Abort after Commit changed the body to %q", got)
	}
	c.ID = captureID(2)
	if _, err := b.Commit(ctx(t), c, nil, observation(2)); err == nil {
		t.Error("a second Commit was taken")
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("Write after Commit was taken")
	}
}

func sizeMustBeTrue(t *testing.T, s suite) {
	l := s.fresh(t)
	b := get[ledger.Body](t)(l.NewBody(ctx(t)))
	_, err := b.Write([]byte("hell"))
	must(t, err)
	c := capture(1)
	c.Size = 5
	if _, err := b.Commit(ctx(t), c, nil, observation(1)); err == nil {
		t.Error("four octets were committed as five")
	}
	_, err = l.Capture(ctx(t), c.ID)
	wants(t, err, ledger.ErrNotFound)
}

func captureUnique(t *testing.T, s suite) {
	l := s.fresh(t)
	keep(t, l, capture(1), []byte("first"))
	_, err := tryKeep(ctx(t), l, capture(1), content(1, 100<<10), delivery(ledger.Due, noon))
	wants(t, err, ledger.ErrExists)
	if got := read(t, l, captureID(1)); string(got) != "first" {
		t.Errorf("the first body is now %d octets", len(got))
	}
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), []ledger.Delivery(nil))
}

func unknownCapture(t *testing.T, s suite) {
	l := s.fresh(t)
	_, err := l.Capture(ctx(t), captureID(1))
	wants(t, err, ledger.ErrNotFound)
	_, err = l.OpenBody(ctx(t), captureID(1))
	wants(t, err, ledger.ErrNotFound)
}

func captured(t *testing.T, s suite) {
	l := s.fresh(t)
	var ids []cutover.CaptureID
	bodies := [][]byte{[]byte("x"), make([]byte, ledger.MaxOctets), make([]byte, ledger.MaxOctets+1), make([]byte, 1<<20)}
	for n := range 120 {
		keep(t, l, capture(n+1), bodies[n%len(bodies)])
		ids = append(ids, captureID(n+1))
	}
	found := get[map[cutover.CaptureID]ledger.Captured](t)(l.Captured(ctx(t), append(ids[20:], "unknown", ids[30])))
	equal(t, "how many there are", len(found), 100)
	for i, id := range ids[20:] {
		equal(t, string(id), found[id].Capture, get[ledger.Capture](t)(l.Capture(ctx(t), id)))
		body := bodies[(i+20)%len(bodies)]
		if len(body) > ledger.MaxOctets {
			body = nil
		}
		equal(t, "octets of "+string(id), found[id].Octets, body)
	}
	equal(t, "none", len(get[map[cutover.CaptureID]ledger.Captured](t)(l.Captured(ctx(t), nil))), 0)
}

func repeated(t *testing.T, s suite) {
	l := s.fresh(t)
	keep(t, l, capture(1), []byte("x"))
	again := capture(2)
	again.Repeat = capture(1).Repeat
	keep(t, l, again, []byte("x"))
	tests := []struct {
		name   string
		repeat cutover.Digest
		since  time.Time
		want   cutover.CaptureID
	}{
		{"the first of two", capture(1).Repeat, noon, captureID(1)},
		{"since its very moment", capture(1).Repeat, capture(1).At, captureID(1)},
		{"the first is too old", capture(1).Repeat, capture(1).At.Add(time.Microsecond), captureID(2)},
		{"both are too old", capture(1).Repeat, capture(2).At.Add(time.Microsecond), ""},
		{"never seen", digest(999), noon, ""},
		{"unknown digest", cutover.Digest{}, noon, ""},
	}
	for _, test := range tests {
		id, ok, err := l.Repeated(ctx(t), test.repeat, test.since)
		must(t, err)
		if id != test.want || ok != (test.want != "") {
			t.Errorf("%s: got %q, %v; want %q", test.name, id, ok, test.want)
		}
	}
}

func traceKey(t *testing.T, s suite) {
	l := s.fresh(t)
	k := get[[]byte](t)(l.TraceKey(ctx(t)))
	if len(k) != 32 || bytes.Equal(k, make([]byte, 32)) {
		t.Fatalf("trace key %x: want 32 random octets", k)
	}
	again := get[[]byte](t)(l.TraceKey(ctx(t)))
	if !bytes.Equal(again, k) {
		t.Error("the trace key changed")
	}
	other := get[[]byte](t)(s.fresh(t).TraceKey(ctx(t)))
	if bytes.Equal(other, k) {
		t.Error("two ledgers have the same trace key")
	}
}

func concurrentCommits(t *testing.T, s suite) {
	l := s.fresh(t)
	const callers, each = 20, 10
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				n := c*each + i
				size := 100 + n
				if n%17 == 0 {
					size = 80 << 10
				}
				_, err := tryKeep(t.Context(), l, capture(n), content(uint64(n), size), delivery(ledger.Due, noon), delivery(ledger.Sending, noon))
				if err != nil {
					t.Errorf("capture %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	ids := map[ledger.DeliveryID]bool{}
	for _, d := range get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})) {
		ids[d.ID] = true
	}
	if len(ids) != 2*callers*each {
		t.Errorf("%d deliveries with different ids, want %d", len(ids), 2*callers*each)
	}
	for n := range callers * each {
		size := 100 + n
		if n%17 == 0 {
			size = 80 << 10
		}
		if !bytes.Equal(read(t, l, captureID(n)), content(uint64(n), size)) {
			t.Errorf("body %d came back otherwise", n)
		}
	}
	seen := 0
	must(t, l.Observations(ctx(t), time.Time{}, func(evidence.Observation) bool { seen++; return true }))
	if seen != callers*each {
		t.Errorf("%d observations, want %d", seen, callers*each)
	}
}

func unknownRecipients(t *testing.T, s suite) {
	l := s.fresh(t)
	for n, a := range []cutover.Address{"old@example.com", "Gone@example.com", "gone@example.com", "gone@example.com"} {
		must(t, l.NoteUnknown(ctx(t), a, noon.Add(time.Duration(n)*time.Hour)))
	}
	got, err := l.UnknownRecipients(ctx(t))
	must(t, err)
	equal(t, "unknown recipients", got, []ledger.UnknownRecipient{
		{Address: "gone@example.com", Count: 3, First: noon.Add(time.Hour), Last: noon.Add(3 * time.Hour)},
		{Address: "old@example.com", Count: 1, First: noon, Last: noon},
	})
}

func prune(t *testing.T, s suite) {
	l := s.fresh(t)
	early, late := noon.Add(24*time.Hour), noon.Add(48*time.Hour)
	at := func(d ledger.Delivery, since time.Time) ledger.Delivery { d.Since = since; return d }
	optional := func(d ledger.Delivery) ledger.Delivery { d.Required = false; return d }
	tests := []struct {
		name       string
		deliveries []ledger.Delivery
		goes       bool
	}{
		{"settled long ago", []ledger.Delivery{at(delivery(ledger.Settled, noon), early)}, true},
		{"settled just now", []ledger.Delivery{at(delivery(ledger.Settled, noon), late)}, false},
		{"one of two settled", []ledger.Delivery{at(delivery(ledger.Settled, noon), early), at(delivery(ledger.Accepted, noon), early)}, false},
		{"one of two settled just now", []ledger.Delivery{at(delivery(ledger.Settled, noon), early), at(delivery(ledger.Settled, noon), late)}, false},
		{"held", []ledger.Delivery{at(delivery(ledger.Held, noon), early)}, false},
		{"quiet", []ledger.Delivery{at(delivery(ledger.Quiet, noon), early)}, false},
		{"due", []ledger.Delivery{at(delivery(ledger.Due, noon), early)}, false},
		{"in doubt", []ledger.Delivery{at(delivery(ledger.InDoubt, noon), early)}, false},
		{"sending", []ledger.Delivery{at(delivery(ledger.Sending, noon), early)}, false},
		{"best effort is not waited for", []ledger.Delivery{at(delivery(ledger.Settled, noon), early), optional(delivery(ledger.Due, noon))}, true},
		{"no delivery", nil, true},
	}
	want := 0
	for n, test := range tests {
		for i, size := range []int{100, 100 << 10} {
			keep(t, l, capture(2*n+i), content(uint64(2*n+i), size), test.deliveries...)
			if test.goes {
				want++
			}
		}
	}
	if got := get[int](t)(l.Prune(ctx(t), early.Add(time.Microsecond))); got != want {
		t.Errorf("pruned %d, want %d", got, want)
	}
	for n, test := range tests {
		for i, size := range []int{100, 100 << 10} {
			checkPruned(t, l, test.name, 2*n+i, size, test.goes)
		}
	}
	if got := get[int](t)(l.Prune(ctx(t), early.Add(time.Microsecond))); got != 0 {
		t.Errorf("a second time pruned %d", got)
	}
}

func checkPruned(t *testing.T, l ledger.Ledger, name string, n, size int, gone bool) {
	t.Helper()
	if _, err := l.Capture(ctx(t), captureID(n)); err != nil {
		t.Errorf("%s: the row is gone: %v", name, err)
	}
	if gone {
		_, err := l.OpenBody(ctx(t), captureID(n))
		wants(t, err, ledger.ErrNotFound)
		return
	}
	if !bytes.Equal(read(t, l, captureID(n)), content(uint64(n), size)) {
		t.Error(fmt.Sprint(name, ": the body came back otherwise"))
	}
}
