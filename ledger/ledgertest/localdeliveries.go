package ledgertest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

func local(n int) evidence.LocalDelivery {
	return evidence.LocalDelivery{
		At: noon.Add(time.Duration(n) * time.Minute), Source: "dovecot", Mailbox: "anna", Message: fmt.Sprintf("<%d@example.net>", n), Client: netip.MustParseAddr("192.0.2.7"), Folder: "INBOX",
	}
}

func locals(t *testing.T, l ledger.Ledger, f ledger.LocalFilter) []ledger.LocalDelivery {
	t.Helper()
	return get[[]ledger.LocalDelivery](t)(l.LocalDeliveries(ctx(t), f))
}

func localDeliveries(t *testing.T, s suite) {
	l := s.fresh(t)
	marked := local(3)
	marked.Folder, marked.Lost = "", "discarded by Sieve"
	must(t, l.Testify(ctx(t), nil, nil, nil, local(2), local(1), marked))
	stored := marked // in spite of the mark
	stored.Folder, stored.Lost = "Lists", ""
	must(t, l.Testify(ctx(t), nil, nil, nil, local(1), stored, marked))
	all := locals(t, l, ledger.LocalFilter{})
	if len(all) != 3 {
		t.Fatalf("%d local deliveries, want 3: %+v", len(all), all)
	}
	for i, want := range []evidence.LocalDelivery{local(1), local(2), stored} {
		equal(t, "local delivery", all[i], ledger.LocalDelivery{ID: all[i].ID, LocalDelivery: want, State: ledger.LocalOpen, Since: want.At})
	}
	must(t, l.Reconcile(ctx(t), noon.Add(time.Hour), ledger.LocalMissing, "taken by POP3", all[0]))
	must(t, l.Reconcile(ctx(t), noon.Add(time.Hour), ledger.LocalSeen, "", all[1]))
	missing := locals(t, l, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}})
	if len(missing) != 1 || missing[0].Note != "taken by POP3" || !missing[0].Since.Equal(noon.Add(time.Hour)) || missing[0].ID != all[0].ID {
		t.Errorf("missing: %+v", missing)
	}
	equal(t, "counts", get[map[ledger.LocalState]int](t)(l.CountLocal(ctx(t))), map[ledger.LocalState]int{ledger.LocalMissing: 1, ledger.LocalSeen: 1, ledger.LocalOpen: 1})
	equal(t, "count of one", get[map[ledger.LocalState]int](t)(l.CountLocal(ctx(t), ledger.LocalSeen)), map[ledger.LocalState]int{ledger.LocalSeen: 1})
	if newest := locals(t, l, ledger.LocalFilter{Newest: true, Limit: 1}); len(newest) != 1 || newest[0].ID != all[2].ID {
		t.Errorf("the newest is %+v", newest)
	}
	for name, c := range map[string]struct {
		filter ledger.LocalFilter
		want   int
	}{
		"before":              {ledger.LocalFilter{Before: local(2).At}, 1},
		"by state and time":   {ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalOpen, ledger.LocalSeen}, Before: local(3).At}, 1},
		"message":             {ledger.LocalFilter{Message: "<2@example.net>"}, 1},
		"message, bare":       {ledger.LocalFilter{Message: "2@example.net"}, 1},
		"ids":                 {ledger.LocalFilter{IDs: []int64{all[0].ID, all[2].ID}}, 2},
		"limit":               {ledger.LocalFilter{Limit: 2}, 2},
		"nobody's message-id": {ledger.LocalFilter{Message: "<x@example.net>"}, 0},
	} {
		if got := locals(t, l, c.filter); len(got) != c.want {
			t.Errorf("%s: %d, want %d", name, len(got), c.want)
		}
	}
	if n := get[int](t)(l.PruneLocal(ctx(t), noon.Add(2*time.Hour))); n != 1 || len(locals(t, l, ledger.LocalFilter{})) != 2 {
		t.Errorf("%d were removed, want the one that was seen", n)
	}
}

func localMeanwhile(t *testing.T, s suite) {
	l := s.fresh(t)
	marked := local(1)
	marked.Folder, marked.Lost = "", "discarded by Sieve"
	must(t, l.Testify(ctx(t), nil, nil, nil, marked, local(2)))
	all := locals(t, l, ledger.LocalFilter{})
	stored := marked
	stored.Folder, stored.Lost = "INBOX", ""
	must(t, l.Testify(ctx(t), nil, nil, nil, stored))
	must(t, l.Reconcile(ctx(t), noon, ledger.LocalAccepted, "by root", all[1]))
	must(t, l.Reconcile(ctx(t), noon, ledger.LocalMissing, "", all...))
	equal(t, "counts", get[map[ledger.LocalState]int](t)(l.CountLocal(ctx(t))), map[ledger.LocalState]int{ledger.LocalOpen: 1, ledger.LocalAccepted: 1})
}

func arrived(t *testing.T, s suite) {
	l := s.fresh(t)
	seen := func(m cutover.MailboxID, source, message string, minutes int) evidence.Observation {
		return evidence.Observation{At: noon.Add(time.Duration(minutes) * time.Minute), Channel: evidence.Arriving, Class: evidence.Wanted, Source: source, Mailbox: m, Message: message}
	}
	own := seen(anna, "mailboxes", "<sent@x>", 1)
	own.Channel = evidence.Sending
	must(t, l.Testify(ctx(t), []evidence.Observation{
		own, seen(anna, "mailboxes", "<seen@x>", 1), seen(ben, "mailboxes", "<bens@x>", 1), seen(anna, "postfix", "<logged@x>", 1), seen(anna, "mailboxes", "<old@x>", -60),
	}, nil, nil))
	c := capture(1)
	c.MessageID = "<captured@x>"
	d := delivery(ledger.Due, noon)
	d.Mailbox = anna
	keep(t, l, c, []byte("x"), d)
	asked := []string{"<seen@x>", "<bens@x>", "<logged@x>", "<old@x>", "<sent@x>", "<captured@x>", "<nobody@x>"}
	equal(t, "anna's", get[map[string]bool](t)(l.Arrived(ctx(t), "mailboxes", anna, noon.Add(-time.Minute), asked)), map[string]bool{"<seen@x>": true, "<captured@x>": true})
	equal(t, "ben's", get[map[string]bool](t)(l.Arrived(ctx(t), "mailboxes", ben, noon.Add(-time.Minute), asked)), map[string]bool{"<bens@x>": true})
}

func said(t *testing.T, s suite) {
	l := s.fresh(t)
	o := observation(2)
	o.Message = "<m@example.net>"
	p := observation(1)
	p.Message, p.Source = o.Message, "postfix"
	must(t, l.Testify(ctx(t), []evidence.Observation{o, p, observation(3)}, nil, nil))
	for _, message := range []string{"<m@example.net>", "m@example.net"} {
		equal(t, message, get[[]evidence.Observation](t)(l.Said(ctx(t), message)), []evidence.Observation{p, o})
	}
	if got := get[[]evidence.Observation](t)(l.Said(ctx(t), observation(3).Message)); len(got) != 0 {
		t.Errorf("a capture's id: %v", got)
	}
}

func coverageWithdrawn(t *testing.T, s suite) {
	l := s.fresh(t)
	span := func(source string, from, to int) evidence.Coverage {
		return evidence.Coverage{Source: source, Span: evidence.Span{From: noon.Add(time.Duration(from) * time.Minute), To: noon.Add(time.Duration(to) * time.Minute)}}
	}
	must(t, l.Testify(ctx(t), nil, []evidence.Coverage{span("log", 0, 10), span("dns", 0, 50), span("log", 20, 30), span("log", 40, 50)}, nil))
	for _, step := range []struct {
		from int
		want []evidence.Coverage
	}{
		{60, []evidence.Coverage{span("dns", 0, 50), span("log", 0, 10), span("log", 20, 30), span("log", 40, 50)}},
		{25, []evidence.Coverage{span("dns", 0, 50), span("log", 0, 10), span("log", 20, 25)}},
		{0, []evidence.Coverage{span("dns", 0, 50)}},
	} {
		must(t, l.Withdraw(ctx(t), "log", noon.Add(time.Duration(step.from)*time.Minute)))
		equal(t, fmt.Sprint("from ", step.from), get[[]evidence.Coverage](t)(l.Coverage(ctx(t), noon.Add(-time.Hour))), step.want)
	}
}
