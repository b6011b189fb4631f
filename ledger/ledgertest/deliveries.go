package ledgertest

import (
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

func ids(deliveries []ledger.Delivery) []ledger.DeliveryID {
	found := []ledger.DeliveryID{}
	for _, d := range deliveries {
		found = append(found, d.ID)
	}
	return found
}

func attempted(d ledger.Delivery, attempts int) ledger.Delivery {
	d.Attempts = attempts
	return d
}

func dueOrder(t *testing.T, s suite) {
	l := s.fresh(t)
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	var given []ledger.Delivery
	for _, state := range []ledger.DeliveryState{ledger.Due, ledger.InDoubt, ledger.Accepted, ledger.Sending, ledger.Settled, ledger.Held, ledger.Quiet} {
		given = append(given,
			attempted(delivery(state, hour(-3)), 2),
			delivery(state, hour(-1)),
			attempted(delivery(state, hour(-4)), 1),
			delivery(state, noon),
			delivery(state, hour(3)),
			attempted(delivery(state, hour(2)), 1),
		)
	}
	stored := keep(t, l, capture(1), []byte("x"), given...)
	for i, state := range []ledger.DeliveryState{ledger.Due, ledger.InDoubt, ledger.Accepted} {
		of := stored[6*i : 6*i+6]
		due, next, err := l.DueDeliveries(ctx(t), "cloud:smtp", state, noon, noon.AddDate(1, 0, 0), 100)
		must(t, err)
		equal(t, string(state), due, []ledger.Delivery{of[1], of[3], of[2], of[0]})
		if !next.Equal(hour(2)) {
			t.Errorf("%s: next is %v, want %v", state, next, hour(2))
		}
		due, _, err = l.DueDeliveries(ctx(t), "cloud:smtp", state, noon, hour(2), 100) // what is due later than that waits since the clock was wrong
		must(t, err)
		equal(t, string(state)+", after a wrong clock", due, []ledger.Delivery{of[1], of[3], of[4], of[2], of[0]})
		due, next, err = l.DueDeliveries(ctx(t), "cloud:smtp", state, hour(4), noon.AddDate(1, 0, 0), 100)
		must(t, err)
		if len(due) != 6 || !next.IsZero() {
			t.Errorf("when all are %s: %d deliveries, next %v; want 6 and none", state, len(due), next)
		}
	}
}

// dueByDestination: a long queue for one destination hides nothing that is due for another.
func dueByDestination(t *testing.T, s suite) {
	l := s.fresh(t)
	bound := func(destination string, state ledger.DeliveryState, next time.Time) ledger.Delivery {
		d := delivery(state, next)
		d.Destination = destination
		return d
	}
	var queue []ledger.Delivery
	for range 300 {
		queue = append(queue, bound("a", ledger.Due, noon.Add(-time.Hour)))
	}
	keep(t, l, capture(1), []byte("x"), queue...)
	stored := keep(t, l, capture(2), []byte("x"), bound("b", ledger.Due, noon), bound("c", ledger.Settled, noon), bound("b", ledger.Due, noon.Add(time.Hour)),
		bound("d", ledger.Held, noon), bound("e", ledger.InDoubt, noon))
	due, next, err := l.DueDeliveries(ctx(t), "b", ledger.Due, noon, noon.AddDate(1, 0, 0), 10)
	must(t, err)
	equal(t, "due for b", due, stored[:1])
	if !next.Equal(stored[2].Next) {
		t.Errorf("next for b is %v, want %v", next, stored[2].Next)
	}
	due, next, err = l.DueDeliveries(ctx(t), "f", ledger.Due, noon, noon.AddDate(1, 0, 0), 10)
	must(t, err)
	if len(due) != 0 || !next.IsZero() {
		t.Errorf("for nobody's destination: %d deliveries, next %v", len(due), next)
	}
	equal(t, "destinations", get[[]string](t)(l.Destinations(ctx(t))), []string{"a", "b", "d", "e"})
}

func dueLimit(t *testing.T, s suite) {
	l := s.fresh(t)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	stored := keep(t, l, capture(1), []byte("x"),
		delivery(ledger.Due, minute(-1)), delivery(ledger.Due, minute(-2)), attempted(delivery(ledger.Due, minute(-5)), 1), delivery(ledger.Due, minute(-3)))
	tests := []struct {
		limit int
		want  []ledger.DeliveryID
		next  time.Time
	}{
		{0, []ledger.DeliveryID{}, minute(-5)},
		{1, ids(stored[3:4]), minute(-5)},
		{3, []ledger.DeliveryID{stored[3].ID, stored[1].ID, stored[0].ID}, minute(-5)},
		{4, []ledger.DeliveryID{stored[3].ID, stored[1].ID, stored[0].ID, stored[2].ID}, time.Time{}},
	}
	for _, test := range tests {
		due, next, err := l.DueDeliveries(ctx(t), "cloud:smtp", ledger.Due, noon, noon.AddDate(1, 0, 0), test.limit)
		must(t, err)
		equal(t, "due", ids(due), test.want)
		if !next.Equal(test.next) {
			t.Errorf("limit %d: the earliest of the rest is %v, want %v", test.limit, next, test.next)
		}
	}
}

func update(t *testing.T, s suite) {
	l := s.fresh(t)
	stored := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon), delivery(ledger.Due, noon), delivery(ledger.Due, noon))
	for i := range stored[:2] {
		d := &stored[i]
		d.State, d.Attempts, d.Next, d.Since = ledger.Held, 4, noon.Add(time.Hour), noon.Add(time.Minute)
		d.Reply, d.Reason, d.Class, d.Seen = "550 5.1.1 no such user", "unknown at the cloud", "recipient", "Junk 12"
	}
	must(t, l.Update(ctx(t), stored[:2]...))
	must(t, l.Update(ctx(t)))
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)

	other := stored[2]
	other.Recipient, other.Original, other.Destination, other.Required, other.Mailbox = "evil@example.org", "elsewhere@example.org", "elsewhere", false, ben
	other.State = ledger.Settled
	must(t, l.Update(ctx(t), other))
	stored[2].State = ledger.Settled
	equal(t, "what Update leaves alone", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)
}

// telling: what a sender is to be told is noted with the change that it tells of, and stays until it was told.
func telling(t *testing.T, s suite) {
	l := s.fresh(t)
	stored := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon), delivery(ledger.Due, noon))
	toTell := func() []ledger.Delivery {
		return get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{ToTell: true}))
	}
	equal(t, "at first", toTell(), []ledger.Delivery(nil))
	d := stored[0]
	d.State, d.Since, d.Tell = ledger.Settled, noon.Add(time.Minute), "relayed"
	must(t, l.Update(ctx(t), d))
	equal(t, "noted", toTell(), []ledger.Delivery{d})
	old := d
	old.Tell = ""
	must(t, l.Update(ctx(t), old))
	equal(t, "after a change by who knows nothing of it", toTell(), []ledger.Delivery{d})
	equal(t, "never to be told", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{Untold: true})), stored[1:])

	steps := len(historyOf(t, l, 1))
	must(t, l.Tell(ctx(t), d.ID, "delayed", ledger.Told)) // it is not that
	equal(t, "told something else", toTell(), []ledger.Delivery{d})
	must(t, l.Tell(ctx(t), d.ID, "relayed", ledger.Told))
	equal(t, "told", toTell(), []ledger.Delivery(nil))
	other := stored[1]
	other.State, other.Since, other.Tell = ledger.Dropped, noon.Add(time.Hour), "failed: no such person"
	must(t, l.Act(ctx(t), "dropped by root", other))
	equal(t, "noted by a person's act", toTell(), []ledger.Delivery{other})
	steps++
	must(t, l.Tell(ctx(t), other.ID, other.Tell, ledger.Told))
	if got := len(historyOf(t, l, 1)); got != steps {
		t.Errorf("telling is no step of the history: %d, want %d", got, steps)
	}
}

func updateUnknown(t *testing.T, s suite) {
	l := s.fresh(t)
	stored := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon))
	changed := stored[0]
	changed.State = ledger.Settled
	missing := changed
	missing.ID += 1000
	wants(t, l.Update(ctx(t), changed, missing), ledger.ErrNotFound)
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)
}

func begin(t *testing.T, s suite) {
	l := s.fresh(t)
	refused := delivery(ledger.Due, noon)
	refused.Attempts, refused.Reply, refused.Class = 1, "451 later", "throttled"
	stored := keep(t, l, capture(1), []byte("x"), delivery(ledger.Due, noon), delivery(ledger.Due, noon), delivery(ledger.Held, noon), refused)
	later := noon.Add(time.Minute)
	stale := stored[1]
	stale.Next = later
	missing := stored[0]
	missing.ID += 1000
	begun, err := l.Begin(ctx(t), later, stored[0], stale, stored[2], stored[3], missing)
	must(t, err)
	for _, i := range []int{0, 3} {
		stored[i].State, stored[i].Since, stored[i].Class = ledger.Sending, later, ""
	}
	equal(t, "what began", begun, []ledger.Delivery{stored[0], stored[3]})
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)
	begun, err = l.Begin(ctx(t), later, stored...)
	must(t, err)
	equal(t, "which of all were not sending or held", len(begun) == 1 && begun[0].ID == stored[1].ID, true)
	for i, change := range []func(*ledger.Delivery){
		func(d *ledger.Delivery) { d.Recipient = "ben@example.com" }, func(d *ledger.Delivery) { d.Destination = "elsewhere" },
		func(d *ledger.Delivery) { d.Attempts++ }, func(d *ledger.Delivery) { d.Since = later },
	} {
		d := keep(t, l, capture(10+i), []byte("x"), delivery(ledger.Due, noon))[0]
		change(&d)
		begun, err = l.Begin(ctx(t), later, d)
		must(t, err)
		equal(t, "what began of what was changed", len(begun), 0)
	}
}

func reopenSending(t *testing.T, s suite) {
	l := s.fresh(t)
	stored := keep(t, l, capture(1), []byte("x"),
		delivery(ledger.Sending, noon), delivery(ledger.Due, noon), delivery(ledger.Accepted, noon), delivery(ledger.Sending, noon))
	later := noon.Add(time.Hour)
	if n := get[int](t)(l.Reopen(ctx(t), later)); n != 2 {
		t.Errorf("reopened %d, want 2", n)
	}
	for _, i := range []int{0, 3} {
		stored[i].State, stored[i].Next, stored[i].Since = ledger.InDoubt, later, later
	}
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)
	if n := get[int](t)(l.Reopen(ctx(t), later)); n != 0 {
		t.Errorf("a second time reopened %d", n)
	}
}

func deliveryFilters(t *testing.T, s suite) {
	l := s.fresh(t)
	to := func(m cutover.MailboxID, state ledger.DeliveryState) ledger.Delivery {
		d := delivery(state, noon)
		d.Mailbox = m
		return d
	}
	// The later capture is committed first: order is that of commits.
	tee := to(ben, ledger.Settled)
	tee.Required = false
	late := to(anna, ledger.Held)
	late.Since = noon.Add(time.Hour)
	second := keep(t, l, capture(2), []byte("x"), late, tee)
	first := keep(t, l, capture(1), []byte("x"), to(ben, ledger.Held), to(anna, ledger.Settled), to(anna, ledger.Quiet))
	tests := []struct {
		name   string
		filter ledger.DeliveryFilter
		want   []ledger.Delivery
	}{
		{"all", ledger.DeliveryFilter{}, []ledger.Delivery{second[0], second[1], first[0], first[1], first[2]}},
		{"capture", ledger.DeliveryFilter{Capture: captureID(2)}, second},
		{"state", ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}}, []ledger.Delivery{second[0], first[0]}},
		{"states", ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Settled, ledger.Quiet}}, []ledger.Delivery{second[1], first[1], first[2]}},
		{"mailbox", ledger.DeliveryFilter{Mailbox: anna}, []ledger.Delivery{second[0], first[1], first[2]}},
		{"limit", ledger.DeliveryFilter{Limit: 2}, second},
		{"together", ledger.DeliveryFilter{Mailbox: ben, States: []ledger.DeliveryState{ledger.Held}, Limit: 5}, first[:1]},
		{"required", ledger.DeliveryFilter{Required: true}, []ledger.Delivery{second[0], first[0], first[1], first[2]}},
		{"before", ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}, Before: late.Since}, first[:1]},
		{"from", ledger.DeliveryFilter{From: "Bounce@example.net"}, []ledger.Delivery{second[0], second[1], first[0], first[1], first[2]}},
		{"from a domain", ledger.DeliveryFilter{From: "@EXAMPLE.net", Limit: 1}, second[:1]},
		{"from nobody here", ledger.DeliveryFilter{From: "@ample.net"}, nil},
		{"to", ledger.DeliveryFilter{To: "anna@example.com", Mailbox: ben}, []ledger.Delivery{second[1], first[0]}},
		{"to another", ledger.DeliveryFilter{To: "ann@example.com"}, nil},
		{"captured before", ledger.DeliveryFilter{Captured: capture(2).At}, first},
		{"after", ledger.DeliveryFilter{After: second[1], Limit: 2}, first[:2]},
		{"none", ledger.DeliveryFilter{Capture: captureID(3)}, nil},
	}
	for _, test := range tests {
		equal(t, test.name, get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), test.filter)), test.want)
		test.filter.Limit = 0
		equal(t, test.name+", counted", get[int](t)(l.CountDeliveries(ctx(t), test.filter)), len(get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), test.filter))))
	}
}

func backlog(t *testing.T, s suite) {
	l := s.fresh(t)
	equal(t, "empty backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))), map[ledger.DeliveryState]int{})
	tee := delivery(ledger.Due, noon)
	tee.Required = false
	stored := keep(t, l, capture(1), []byte("x"), tee, delivery(ledger.Due, noon), delivery(ledger.Due, noon), delivery(ledger.Held, noon),
		delivery(ledger.Settled, noon))
	equal(t, "backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))),
		map[ledger.DeliveryState]int{ledger.Due: 2, ledger.Held: 1, ledger.Settled: 1})
	for i := range stored {
		stored[i].State = ledger.Settled
	}
	must(t, l.Update(ctx(t), stored...))
	equal(t, "settled backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))), map[ledger.DeliveryState]int{ledger.Settled: 4})
}
