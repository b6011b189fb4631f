package ledgertest

import (
	"net/netip"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/ledger"
)

func observed(t *testing.T, l ledger.Ledger, since time.Time) []evidence.Observation {
	t.Helper()
	var all []evidence.Observation
	must(t, l.Observations(ctx(t), since, func(o evidence.Observation) bool {
		all = append(all, o)
		return true
	}))
	return all
}

func testimony(t *testing.T, s suite) {
	l := s.fresh(t)
	full := evidence.Observation{
		At: noon, Channel: evidence.Login, Class: evidence.Unwanted, Source: "dovecot", Sender: "anna", Client: netip.MustParseAddr("fe80::1%eth0"),
		From: "a@example.net", Mailbox: anna, Message: "<m@example.net>", Detail: "K-9 Mail", Until: noon.Add(time.Hour), Open: true,
	}
	bare := evidence.Observation{At: noon.Add(time.Second), Channel: evidence.Arriving, Class: evidence.Wanted}
	offset := ledger.Offset{Source: "/var/log/mail.log", Position: "inode 7 at 4096"}
	must(t, l.Testify(ctx(t), []evidence.Observation{full, bare}, nil, &offset))
	equal(t, "observations", observed(t, l, time.Time{}), []evidence.Observation{full, bare})
	equal(t, "offset", get[ledger.Offset](t)(l.Offset(ctx(t), offset.Source)), offset)
	offset.Position = "inode 8 at 0"
	must(t, l.Testify(ctx(t), nil, nil, &offset))
	equal(t, "new offset", get[ledger.Offset](t)(l.Offset(ctx(t), offset.Source)), offset)
	must(t, l.Testify(ctx(t), nil, nil, nil))
	_, err := l.Offset(ctx(t), "journal")
	wants(t, err, ledger.ErrNotFound)
}

// testimonyIsOneChange has the coverage refused, which must take observations and offset with it.
func testimonyIsOneChange(t *testing.T, s suite) {
	l := s.fresh(t)
	backwards := evidence.Coverage{Source: "log", Span: evidence.Span{From: noon, To: noon.Add(-time.Second)}}
	err := l.Testify(ctx(t), []evidence.Observation{observation(1)}, []evidence.Coverage{backwards}, &ledger.Offset{Source: "log", Position: "7"})
	if err == nil {
		t.Fatal("a span that ends before it begins was taken")
	}
	equal(t, "observations", observed(t, l, time.Time{}), []evidence.Observation(nil))
	_, err = l.Offset(ctx(t), "log")
	wants(t, err, ledger.ErrNotFound)
}

func observationOrder(t *testing.T, s suite) {
	l := s.fresh(t)
	const n = 1200
	var backwards []evidence.Observation
	for i := range n {
		backwards = append(backwards, observation(n-i))
	}
	must(t, l.Testify(ctx(t), backwards, nil, nil))
	// Many of one moment, more than any batch.
	same := make([]evidence.Observation, n)
	for i := range same {
		same[i] = observation(n)
	}
	must(t, l.Testify(ctx(t), same, nil, nil))
	all := observed(t, l, noon)
	if len(all) != 2*n {
		t.Fatalf("%d observations, want %d", len(all), 2*n)
	}
	for i := 1; i < len(all); i++ {
		if all[i].At.Before(all[i-1].At) {
			t.Fatalf("the %dth is earlier than the one before it", i)
		}
	}
	if got := observed(t, l, observation(n).At); len(got) != n+1 {
		t.Errorf("%d at or after the last moment, want %d", len(got), n+1)
	}
	count := 0
	must(t, l.Observations(ctx(t), noon, func(evidence.Observation) bool { count++; return count < 700 }))
	if count != 700 {
		t.Errorf("yielded %d after being told to stop at 700", count)
	}
}

func coverageMerges(t *testing.T, s suite) {
	l := s.fresh(t)
	span := func(source string, from, to int) evidence.Coverage {
		return evidence.Coverage{Source: source, Span: evidence.Span{From: noon.Add(time.Duration(from) * time.Minute), To: noon.Add(time.Duration(to) * time.Minute)}}
	}
	steps := []struct {
		name string
		add  []evidence.Coverage
		want []evidence.Coverage
	}{
		{"two apart", []evidence.Coverage{span("log", 10, 20), span("log", 30, 40)}, []evidence.Coverage{span("log", 10, 20), span("log", 30, 40)}},
		{"adjacent after", []evidence.Coverage{span("log", 20, 22)}, []evidence.Coverage{span("log", 10, 22), span("log", 30, 40)}},
		{"adjacent before", []evidence.Coverage{span("log", 28, 30)}, []evidence.Coverage{span("log", 10, 22), span("log", 28, 40)}},
		{"within", []evidence.Coverage{span("log", 12, 13)}, []evidence.Coverage{span("log", 10, 22), span("log", 28, 40)}},
		{"overlapping", []evidence.Coverage{span("log", 5, 12)}, []evidence.Coverage{span("log", 5, 22), span("log", 28, 40)}},
		{"empty", []evidence.Coverage{span("log", 25, 25)}, []evidence.Coverage{span("log", 5, 22), span("log", 28, 40)}},
		{"another source", []evidence.Coverage{span("dns", 6, 50)}, []evidence.Coverage{span("log", 5, 22), span("dns", 6, 50), span("log", 28, 40)}},
		{"over both", []evidence.Coverage{span("log", 0, 60)}, []evidence.Coverage{span("log", 0, 60), span("dns", 6, 50)}},
		{"several at once", []evidence.Coverage{span("log", 70, 80), span("log", 80, 90), span("log", 60, 70)},
			[]evidence.Coverage{span("log", 0, 90), span("dns", 6, 50)}},
	}
	for _, step := range steps {
		must(t, l.Testify(ctx(t), nil, step.add, nil))
		equal(t, step.name, get[[]evidence.Coverage](t)(l.Coverage(ctx(t), noon)), step.want)
	}
	equal(t, "since the end of one", get[[]evidence.Coverage](t)(l.Coverage(ctx(t), noon.Add(50*time.Minute))), []evidence.Coverage{span("log", 0, 90)})
}

func facts(t *testing.T, s suite) {
	l := s.fresh(t)
	_, err := l.Fact(ctx(t), "mx switched")
	wants(t, err, ledger.ErrNotFound)
	for _, v := range []string{"2026-03-02", "", "later"} {
		must(t, l.SetFact(ctx(t), "mx switched", v))
		if got := get[string](t)(l.Fact(ctx(t), "mx switched")); got != v {
			t.Errorf("the fact is %q, want %q", got, v)
		}
	}
}

func verifications(t *testing.T, s suite) {
	l := s.fresh(t)
	of := func(n int) ledger.Verification {
		return ledger.Verification{Mailbox: anna, At: noon.Add(time.Duration(n) * time.Hour), Equal: n, Missing: n + 1, Extra: n + 2}
	}
	bens := of(5)
	bens.Mailbox = ben
	events := of(3)
	events.Objects = true
	for _, v := range []ledger.Verification{events, of(1), bens, of(2)} {
		must(t, l.Verified(ctx(t), v))
	}
	equal(t, "verifications", get[[]ledger.Verification](t)(l.Verifications(ctx(t))), []ledger.Verification{of(2), events, bens})
}

func claims(t *testing.T, s suite) {
	l := s.fresh(t)
	claim := func(owner string, at time.Duration) (ledger.Claim, bool) {
		t.Helper()
		c, ok, err := l.Claim(ctx(t), anna, owner, noon.Add(at), time.Minute)
		must(t, err)
		return c, ok
	}
	first, ok := claim("host a", 0)
	equal(t, "first claim", first, ledger.Claim{Mailbox: anna, Owner: "host a", Token: first.Token, Until: noon.Add(time.Minute)})
	if held, ok2 := claim("host b", 30*time.Second); !ok || ok2 || held != first {
		t.Errorf("b got %+v, %v while a holds it", held, ok2)
	}
	renewed, ok := claim("host a", 45*time.Second)
	if !ok || renewed.Token != first.Token || !renewed.Until.Equal(noon.Add(105*time.Second)) {
		t.Errorf("renewal got %+v, %v", renewed, ok)
	}
	if _, ok := claim("host b", 104*time.Second); ok {
		t.Error("b took it before the renewed lease ended")
	}
	second, ok := claim("host b", 105*time.Second)
	if !ok || second.Token <= first.Token {
		t.Errorf("after the lease b got %+v, %v", second, ok)
	}
	wants(t, l.Release(ctx(t), renewed), ledger.ErrClaimLost)
	if _, ok := claim("host a", 106*time.Second); ok {
		t.Error("releasing a lost claim freed the new owner's")
	}
	must(t, l.Release(ctx(t), second))
	third, ok := claim("host a", 107*time.Second)
	if !ok || third.Token <= second.Token {
		t.Errorf("after the release a got %+v, %v", third, ok)
	}
	fourth, ok := claim("host a", time.Hour)
	if !ok || fourth.Token <= third.Token {
		t.Errorf("a's own lease had ended, it got %+v, %v", fourth, ok)
	}
	if c, ok, err := l.Claim(ctx(t), ben, "host b", noon, time.Minute); err != nil || !ok || c.Mailbox != ben {
		t.Errorf("another mailbox: %+v, %v, %v", c, ok, err)
	}
}
