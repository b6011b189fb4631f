package ledgertest

import (
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/ledger"
)

// classes are those of the observations, in order.
func classes(t *testing.T, l ledger.Ledger) (all []evidence.Class) {
	t.Helper()
	must(t, l.Observations(ctx(t), time.Time{}, func(o evidence.Observation) bool {
		all = append(all, o.Class)
		return true
	}))
	return all
}

func checked(t *testing.T, s suite) {
	l := s.fresh(t)
	for n := range 3 {
		b := get[ledger.Body](t)(l.NewBody(ctx(t)))
		_, err := b.Commit(ctx(t), capture(n), nil, observation(n))
		must(t, err)
	}
	const results = "spf=fail smtp.mailfrom=example.net; dkim=none; dmarc=fail (p=reject) header.from=example.net"
	must(t, l.Checked(ctx(t), noon, ledger.Check{Capture: captureID(0), Results: "spf=pass"}, ledger.Check{Capture: captureID(1), Results: results, Unwanted: true}))
	must(t, l.Checked(ctx(t), noon))
	want := capture(1)
	want.Results, want.Unwanted = results, true
	equal(t, "capture", get[ledger.Capture](t)(l.Capture(ctx(t), captureID(1))), want)
	equal(t, "classes", classes(t, l), []evidence.Class{evidence.Wanted, evidence.Unwanted, evidence.Wanted})

	wants(t, l.Checked(ctx(t), noon, ledger.Check{Capture: captureID(2), Results: "spf=none"}, ledger.Check{Capture: captureID(9)}), ledger.ErrNotFound)
	equal(t, "capture", get[ledger.Capture](t)(l.Capture(ctx(t), captureID(2))), capture(2))
}

// Fields are for all attempts or for none.
func checkedFields(t *testing.T, s suite) {
	l := s.fresh(t)
	later := noon.Add(time.Minute)
	waiting := func(n int, more ...ledger.Delivery) []ledger.Delivery {
		return keep(t, l, capture(n), []byte("hello"), append(more, delivery(ledger.Due, later))...)
	}
	tried := delivery(ledger.Due, later)
	tried.Attempts = 1
	stale := waiting(0)
	waiting(1, tried)
	waiting(2, delivery(ledger.Sending, noon))
	waiting(3, delivery(ledger.Held, noon))
	for n := range 4 {
		must(t, l.Checked(ctx(t), noon, ledger.Check{Capture: captureID(n), Results: "spf=pass", Fields: []byte("A: b\r\n")}))
		got := get[ledger.Capture](t)(l.Capture(ctx(t), captureID(n)))
		due, _, err := l.DueDeliveries(ctx(t), "cloud:smtp", ledger.Due, noon, noon.AddDate(1, 0, 0), 10)
		must(t, err)
		if string(got.Prefix) != map[bool]string{true: "A: b\r\n"}[n == 0] || got.Results != "spf=pass" || len(due) != 1 || due[0].Capture != captureID(0) {
			t.Errorf("%d: prefix %q, results %q, due %+v", n, got.Prefix, got.Results, due)
		}
	}
	equal(t, "begun as it was before", len(get[[]ledger.Delivery](t)(l.Begin(ctx(t), noon, stale...))), 0)
	due, _, err := l.DueDeliveries(ctx(t), "cloud:smtp", ledger.Due, noon, noon.AddDate(1, 0, 0), 10)
	must(t, err)
	if begun := get[[]ledger.Delivery](t)(l.Begin(ctx(t), noon, due...)); len(begun) != 1 {
		t.Errorf("begun %+v", begun)
	}
	must(t, l.Checked(ctx(t), noon, ledger.Check{Capture: captureID(0), Results: "spf=pass", Fields: []byte("C: d\r\n")}))
	if got := get[ledger.Capture](t)(l.Capture(ctx(t), captureID(0))); string(got.Prefix) != "A: b\r\n" {
		t.Errorf("prefix %q after an attempt had begun", got.Prefix)
	}
	at := waiting(4)
	must(t, l.Checked(ctx(t), later, ledger.Check{Capture: captureID(4), Fields: []byte("A: b\r\n")}))
	equal(t, "begun as it was before, at the very time", len(get[[]ledger.Delivery](t)(l.Begin(ctx(t), later, at...))), 0)
}
