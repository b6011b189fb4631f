package records_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/records"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay/reason"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// office is a ledger and what is asked of it, at half past twelve.
type office struct {
	*testing.T
	*records.Records
	ledger *sqlite.Ledger
}

func newOffice(t *testing.T) *office {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &office{t, &records.Records{
		Ledger: l, Now: func() time.Time { return noon.Add(30 * time.Minute) }, Organisation: func() string { return "Example Ltd" },
	}, l}
}

const body = "Subject: hello\r\n\r\nhello\r\n"

// keep captures the n-th message, with so many deliveries in one state, and returns its ID.
func (o *office) keep(n, deliveries int, state ledger.DeliveryState) string {
	o.Helper()
	b, err := o.ledger.NewBody(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	defer b.Abort()
	if _, err := b.Write([]byte(body)); err != nil {
		o.Fatal(err)
	}
	c := ledger.Capture{
		ID: cutover.CaptureID(fmt.Sprintf("01HQ%022d", n)), At: noon.Add(time.Duration(n) * time.Second), Route: cutover.Arriving, Size: int64(len(body)), Prefix: []byte("Received: here\r\n"),
		Envelope: ledger.Envelope{From: "x@sender.example"}, MessageID: fmt.Sprintf("<%d@sender.example>", n), Repeat: cutover.Digest{1, byte(n), byte(n >> 8)},
	}
	var all []ledger.Delivery
	for i := range deliveries {
		to := cutover.Address(fmt.Sprintf("user%d@example.com", i))
		all = append(all, ledger.Delivery{Recipient: to, Original: to, Mailbox: cutover.MailboxID(to), Destination: "cloud:smtp", Side: cutover.Cloud, Required: true, State: state, Next: c.At, Since: c.At})
		c.Envelope.Recipients = append(c.Envelope.Recipients, ledger.Recipient{Address: to})
	}
	if _, err := b.Commit(o.Context(), c, all, evidence.Observation{At: c.At, Channel: evidence.Arriving, Class: evidence.Wanted, Source: "mx"}); err != nil {
		o.Fatal(err)
	}
	return string(c.ID)
}

func (o *office) queued(f control.QueueFilter) (all []control.Queued, err error) {
	err = o.Queued(o.Context(), f, func(q control.Queued) error {
		all = append(all, q)
		return nil
	})
	return all, err
}

// A queue that is longer than one look into the ledger is told as a whole, each delivery once and the oldest first, or as far as was asked for.
func TestALongQueue(t *testing.T) {
	o := newOffice(t)
	for n := range 2 {
		o.keep(n, 300, ledger.Held)
	}
	o.keep(3, 5, ledger.Settled)
	all, err := o.queued(control.QueueFilter{})
	if err != nil || len(all) != 600 {
		t.Fatalf("%d deliveries, %v", len(all), err)
	}
	seen := map[int64]bool{}
	for i, q := range all {
		if seen[q.Delivery] || i > 0 && q.Waiting.At.Before(all[i-1].Waiting.At) {
			t.Fatalf("the %d-th is %+v after %+v", i, q, all[i-1])
		}
		seen[q.Delivery] = true
	}
	for _, c := range []struct {
		f    control.QueueFilter
		want int
	}{
		{control.QueueFilter{Limit: 501}, 501}, {control.QueueFilter{States: []string{"settled"}}, 5}, {control.QueueFilter{Older: 30*time.Minute - 500*time.Millisecond}, 300},
		{control.QueueFilter{To: "user7@example.com"}, 2}, {control.QueueFilter{Classes: []string{string(reason.Spam)}}, 0},
	} {
		if got, err := o.queued(c.f); err != nil || len(got) != c.want {
			t.Errorf("%+v: %d deliveries, %v; want %d", c.f, len(got), err, c.want)
		}
	}
	enough := errors.New("enough")
	if err := o.Queued(t.Context(), control.QueueFilter{}, func(control.Queued) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of yield ends it with %v", err)
	}
}

// A message is named by its ID, the beginning of one, in any case, or its Message-ID; a name that fits two, or none, is told so.
func TestNames(t *testing.T) {
	o := newOffice(t)
	first, second := o.keep(11, 1, ledger.Settled), o.keep(12, 1, ledger.Held)
	for name, want := range map[string]string{first: "", strings.ToLower(second): "", "<11@sender.example>": "", first[:25]: "more than one", "01XX": "no message", "<13@sender.example>": "no message", "": "no message"} {
		all, err := o.queued(control.QueueFilter{Captures: []string{name}})
		if want == "" && (err != nil || len(all) != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %d, %v", name, len(all), err)
		}
	}
	if _, err := o.queued(control.QueueFilter{Classes: []string{"bad mood"}}); err == nil || !strings.Contains(err.Error(), string(reason.Spam)) {
		t.Errorf("a reason that there is not: %v", err)
	}
}

// A message is written as it goes out, until it is kept no more.
func TestMessage(t *testing.T) {
	o := newOffice(t)
	id := o.keep(1, 1, ledger.Settled)
	var b bytes.Buffer
	if err := o.Message(t.Context(), id, &b); err != nil || b.String() != "Received: here\r\n"+body {
		t.Errorf("%q, %v", b.String(), err)
	}
	if n, err := o.ledger.Prune(t.Context(), noon.Add(time.Hour)); n != 1 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	if err := o.Message(t.Context(), id, &b); err == nil || !strings.Contains(err.Error(), "relay.retention") {
		t.Errorf("a message that is kept no more: %v", err)
	}
	if trace, err := o.Trace(t.Context(), id); err != nil || len(trace.Messages) != 1 || trace.Messages[0].Kept {
		t.Errorf("its trace is %+v, %v", trace, err)
	}
}

// A trace that would tell of very many messages tells of some, and that there are more.
func TestALongTrace(t *testing.T) {
	o := newOffice(t)
	for n := range 21 {
		o.keep(n, 1, ledger.Settled)
	}
	for asked, want := range map[string]struct {
		n    int
		more bool
	}{"user0@example.com": {20, true}, "01hq": {20, true}, "<7@sender.example>": {1, false}, "7@sender.example": {1, false}, "nobody@example.com": {0, false}} {
		if got, err := o.Trace(t.Context(), asked); err != nil || len(got.Messages) != want.n || got.More != want.more {
			t.Errorf("%q: %d messages, more %t, %v", asked, len(got.Messages), got.More, err)
		}
	}
	if _, err := o.Trace(t.Context(), " "); err == nil {
		t.Error("nothing is asked, and answered")
	}
}

// courier knows of one destination that cannot be reached, and of a doubt.
type courier struct{ retry, again time.Time }

func (c courier) SentAgain(ledger.DeliveryID) time.Time { return c.again }
func (c courier) Retry(string) time.Time                { return c.retry }

// waiting is all that waits, which is one delivery.
func (o *office) waiting() control.Waiting {
	o.Helper()
	all, err := o.Waiting(o.Context(), ledger.DeliveryFilter{})
	if err != nil || len(all) != 1 {
		o.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// Where no courier runs, what stands as sending was left so, and may have arrived. Where one runs, it is what it says.
func TestSendingWithoutACourier(t *testing.T) {
	o := newOffice(t)
	o.keep(1, 1, ledger.Sending)
	if w := o.waiting(); w.Class != string(reason.Doubt) || !strings.Contains(w.Why, "posthouse ended") {
		t.Errorf("without a courier: %+v", w)
	}
	o.Courier = courier{}
	if w := o.waiting(); strings.Contains(w.Why, "posthouse ended") {
		t.Errorf("with a courier: %+v", w)
	}
}

// What a courier means to do is told where there is one: when a destination that cannot be reached is tried, and when what is in doubt is sent again.
func TestForeseen(t *testing.T) {
	o := newOffice(t)
	o.keep(1, 1, ledger.Due)
	soon, late := noon.Add(40*time.Minute), noon.Add(50*time.Minute)
	if w := o.waiting(); !w.Next.Before(soon) || w.Why != "" {
		t.Errorf("without a courier: %+v", w)
	}
	o.Courier = courier{retry: soon, again: late}
	if w := o.waiting(); !w.Next.Equal(soon) || w.Why != "the destination cannot be reached" || w.Class != string(reason.Unreachable) || !w.SentAgain.IsZero() {
		t.Errorf("due: %+v", w)
	}
	doubt := newOffice(t)
	doubt.keep(1, 1, ledger.InDoubt)
	doubt.Courier = o.Courier
	if w := doubt.waiting(); !w.SentAgain.Equal(late) || w.Next.Equal(soon) || w.Class != string(reason.Doubt) {
		t.Errorf("in doubt: %+v", w)
	}
}

// There is a notice for the sender of what was not delivered for a day, and not before.
func TestNotice(t *testing.T) {
	o := newOffice(t)
	o.keep(1, 1, ledger.Held)
	if w := o.waiting(); w.Notice != "" {
		t.Errorf("after half an hour: %q", w.Notice)
	}
	o.Now = func() time.Time { return noon.Add(25 * time.Hour) }
	if w := o.waiting(); !strings.Contains(w.Notice, "user0@example.com") || !strings.Contains(w.Notice, "Example Ltd") {
		t.Errorf("after a day: %q", w.Notice)
	}
}

// A ledger that is closed answers nothing, and says so.
func TestClosedLedger(t *testing.T) {
	o := newOffice(t)
	id := o.keep(1, 1, ledger.Held)
	if err := o.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	_, queued := o.queued(control.QueueFilter{})
	_, traced := o.Trace(t.Context(), id)
	_, waiting := o.Waiting(t.Context(), ledger.DeliveryFilter{})
	for what, err := range map[string]error{"queue": queued, "trace": traced, "waiting": waiting, "message": o.Message(context.Background(), id, &bytes.Buffer{})} {
		if !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
