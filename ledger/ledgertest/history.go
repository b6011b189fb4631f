package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// event is the step that a delivery, as it stands, took last.
func event(d ledger.Delivery, done string) ledger.Event {
	return ledger.Event{
		Delivery: d.ID, At: d.Since, State: d.State, Act: done, Recipient: d.Recipient, Destination: d.Destination, Attempts: d.Attempts, Next: d.Next,
		Reply: d.Reply, Reason: d.Reason, Class: d.Class, Seen: d.Seen,
	}
}

func historyOf(t *testing.T, l ledger.Ledger, n int) []ledger.Event {
	t.Helper()
	return get[[]ledger.Event](t)(l.History(ctx(t), captureID(n)))
}

// history: every state entered is a step, in the change that entered it; that an attempt begins is none, nor is a longer wait.
func history(t *testing.T, s suite) {
	l := s.fresh(t)
	planned := delivery(ledger.Held, noon)
	planned.Reason = "no mailbox takes mail for postmaster@example.com"
	stored := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon), planned)
	want := []ledger.Event{event(stored[1], "")}
	equal(t, "at first", historyOf(t, l, 1), want)

	d := stored[0]
	now := noon
	step := func(state ledger.DeliveryState, counts bool, change func()) {
		now = now.Add(time.Second)
		d.State, d.Since = state, now
		change()
		must(t, l.Update(ctx(t), d))
		if counts {
			want = append(want[:len(want)-1], event(d, ""), want[len(want)-1])
		}
	}
	step(ledger.Sending, false, func() {})
	step(ledger.Due, true, func() { d.Attempts, d.Reply, d.Next = 1, "451 4.7.1 later", now.Add(time.Minute) })
	d.Next = now.Add(time.Hour)
	must(t, l.Update(ctx(t), d)) // put off: the step tells until when it lasted
	want[0].Next = d.Next
	step(ledger.Sending, false, func() {})
	step(ledger.Due, true, func() { d.Attempts, d.Reply, d.Class = 2, "451 4.7.1 still later", "throttled" })
	step(ledger.Sending, false, func() {})
	step(ledger.Accepted, true, func() { d.Attempts, d.Reply = 3, "250 2.0.0 ok" })
	step(ledger.Settled, true, func() { d.Seen = "INBOX UID 7" })
	equal(t, "in the end", historyOf(t, l, 1), want)
	equal(t, "another's", historyOf(t, l, 2), []ledger.Event(nil))

	d = keep(t, l, capture(2), []byte("x"), delivery(ledger.Sending, noon))[0]
	get[int](t)(l.Reopen(ctx(t), now))
	d.State, d.Since, d.Next = ledger.InDoubt, now, now
	equal(t, "after a crash", historyOf(t, l, 2), []ledger.Event{event(d, "")})
}

func act(t *testing.T, s suite) {
	l := s.fresh(t)
	d := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon))[0]
	equal(t, "the row", get[ledger.Delivery](t)(l.Delivery(ctx(t), d.ID)), d)
	moved := d
	moved.Recipient, moved.Mailbox, moved.Destination, moved.Side = "ben@example.com", ben, "old:smtp", cutover.Legacy
	moved.Released, moved.Since, moved.Reason, moved.Class = noon.Add(time.Hour), noon.Add(time.Hour), "x", "size"
	must(t, l.Act(ctx(t), "moved by root", moved))
	equal(t, "the moved row", get[ledger.Delivery](t)(l.Delivery(ctx(t), d.ID)), moved)
	again := moved
	again.Next = noon.Add(2 * time.Hour) // the same state, at the same time: what a person does is always a step
	must(t, l.Act(ctx(t), "tried again by root", again))
	want := []ledger.Event{event(moved, "moved by root"), event(again, "tried again by root")}
	equal(t, "history", historyOf(t, l, 1), want)

	again.Next = noon.Add(3 * time.Hour) // put off by the courier: no step, and not the person's
	must(t, l.Update(ctx(t), again))
	again.State, again.Since = ledger.Settled, noon.Add(3*time.Hour)
	must(t, l.Update(ctx(t), again))
	want[1].Next = again.Next
	equal(t, "later history", historyOf(t, l, 1), append(want, event(again, "")))

	missing := again
	missing.ID += 1000
	again.State = ledger.Held
	wants(t, l.Act(ctx(t), "held", again, missing), ledger.ErrNotFound)
	_, err := l.Delivery(ctx(t), missing.ID)
	wants(t, err, ledger.ErrNotFound)
	equal(t, "after a change that failed", len(historyOf(t, l, 1)), 3)
}

// dropped: what a person gave up keeps nothing pending, and is expected nowhere; its body is kept as long as one that was delivered.
func dropped(t *testing.T, s suite) {
	l := s.fresh(t)
	d := keep(t, l, capture(1), []byte("x"), delivery(ledger.Held, noon))[0]
	expected := func() int {
		return len(get[[]ledger.Expected](t)(l.Expected(ctx(t), anna, []cutover.Key{key(1)}, []cutover.CaptureID{captureID(1)})))
	}
	equal(t, "expected before", expected(), 1)
	d.State, d.Since = ledger.Dropped, noon.Add(time.Hour)
	must(t, l.Act(ctx(t), "dropped by root", d))
	equal(t, "expected", expected(), 0)
	equal(t, "destinations", get[[]string](t)(l.Destinations(ctx(t))), []string(nil))
	equal(t, "backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))), map[ledger.DeliveryState]int{ledger.Dropped: 1})
	equal(t, "pruned too early", get[int](t)(l.Prune(ctx(t), noon.Add(time.Hour))), 0)
	equal(t, "pruned", get[int](t)(l.Prune(ctx(t), noon.Add(2*time.Hour))), 1)
}

func findCaptures(t *testing.T, s suite) {
	l := s.fresh(t)
	for n := 1; n <= 4; n++ {
		c := capture(n)
		c.MessageID = fmt.Sprintf("<%d@example.net>", n%3)
		c.Envelope.From = fmt.Sprintf("sender-%d@example.net", n)
		d := delivery(ledger.Due, noon)
		d.Recipient, d.Original = cutover.Address(fmt.Sprintf("reader-%d@example.com", n%2)), "all@example.com"
		keep(t, l, c, []byte("x"), d)
	}
	for _, test := range []struct {
		name   string
		filter ledger.CaptureFilter
		want   []int
	}{
		{"all", ledger.CaptureFilter{}, []int{4, 3, 2, 1}},
		{"limit", ledger.CaptureFilter{Limit: 2}, []int{4, 3}},
		{"id", ledger.CaptureFilter{Prefix: string(captureID(3))}, []int{3}},
		{"prefix", ledger.CaptureFilter{Prefix: string(captureID(3))[:10]}, []int{4, 3, 2, 1}},
		{"no such prefix", ledger.CaptureFilter{Prefix: "01HR"}, nil},
		{"message id", ledger.CaptureFilter{MessageID: "<1@example.net>"}, []int{4, 1}},
		{"bare message id", ledger.CaptureFilter{MessageID: "2@example.net"}, []int{2}},
		{"sender", ledger.CaptureFilter{Address: "Sender-3@example.net"}, []int{3}},
		{"recipient", ledger.CaptureFilter{Address: "reader-0@EXAMPLE.com"}, []int{4, 2}},
		{"original recipient", ledger.CaptureFilter{Address: "all@example.com", Limit: 1}, []int{4}},
		{"nobody", ledger.CaptureFilter{Address: "er-0@example.com"}, nil},
	} {
		var got []int
		for _, c := range get[[]ledger.Capture](t)(l.FindCaptures(ctx(t), test.filter)) {
			got = append(got, int(c.At.Sub(noon)/time.Second))
		}
		equal(t, test.name, got, test.want)
	}
}
