package demo

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

func TestEverybodyIsDifferent(t *testing.T) {
	total := 0
	seen := map[string]string{}
	once := func(what, whose string) {
		if before := seen[what]; before != "" {
			t.Errorf("%s is %s's and %s's", what, before, whose)
		}
		seen[what] = whose
	}
	for _, m := range mailboxes {
		total += m.share
		for _, local := range append([]string{m.local}, m.aliases...) {
			once(local, m.local)
		}
	}
	if total != 1000 {
		t.Errorf("the mailboxes' shares make %d thousandths", total)
	}
	senders := newSenders()
	habits := map[habit]int{}
	for _, s := range senders {
		once(s.ip, s.from)
		once(s.host, s.from)
		habits[s.habit]++
		if s.habit == slow && (s.learns <= 0 || s.learns > fullPlan.quietFrom-fullPlan.switched) {
			t.Errorf("%s learns of the new server after %s", s.from, s.learns)
		}
	}
	if len(senders) != 40 || habits[sticky] != 1 || habits[prompt] == 0 || habits[slow] == 0 || habits[pinned] == 0 || senders[0].habit != sticky {
		t.Errorf("%d senders: %v", len(senders), habits)
	}
}

func TestDirectory(t *testing.T) {
	d := newDirectory(mailboxes)
	tests := []struct {
		to   []string
		want []string
	}{
		{[]string{"anna@example.com"}, []string{"anna@example.com"}},
		{[]string{"A.Gross@Example.NET"}, []string{"anna@example.com"}},
		{[]string{"anna+news@example.com"}, []string{"anna@example.com"}},
		{[]string{"team@example.com"}, []string{"anna@example.com", "chloe@example.com", "ivan@example.com"}},
		{[]string{"team@example.com", "anna@example.com", "anna@example.net"}, []string{"anna@example.com", "chloe@example.com", "ivan@example.com"}},
		{[]string{"nobody@example.com"}, nil},
		{[]string{"anna@elsewhere.example"}, nil},
		{[]string{"anna"}, nil},
	}
	for _, tt := range tests {
		if got := d.resolveAll(tt.to); !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.to, got, tt.want)
		}
	}
}

func TestShares(t *testing.T) {
	for _, n := range []int{0, 1, 600, 8400} {
		sum := 0
		for i, c := range shares(n) {
			sum += c
			if c < 0 {
				t.Errorf("%d: mailbox %d gets %d", n, i, c)
			}
		}
		if sum != n {
			t.Errorf("%d messages became %d", n, sum)
		}
	}
}

func TestWorldIsFilledAndDelivers(t *testing.T) {
	w, err := newWorld(7, 300)
	must(t, err)
	must(t, w.start())
	defer w.stop()
	if w.book.size() != 300 || len(w.first) == 0 {
		t.Fatalf("%d messages in the book", w.book.size())
	}
	all := addressesOf(mailboxes)
	c, err := compare(w.book, w.legacy, w.cloud, all)
	must(t, err)
	if c.Missing != 300 || c.Twice != 0 || c.Changed != 0 {
		t.Errorf("before any copy: %+v", c)
	}

	l := newPlanner(7, smallPlan, day0).letter(mailboxes[0].owner(), []string{"team@example.com", "anna@example.com"}, noon, "x.example")
	for _, server := range []*testserver.SMTP{w.legacySMTP, w.cloudSMTP} {
		r, err := testserver.Sender{}.Send(t.Context(), server.Addr(), "a@b.example", l.to, l.data)
		must(t, err)
		if !r.Final.OK() {
			t.Fatal(r.Final)
		}
		if r, err = (testserver.Sender{}).Send(t.Context(), server.Addr(), "a@b.example", []string{"nobody@example.com"}, l.data); err != nil || r.Final.Code != 550 {
			t.Errorf("a stranger was answered %s, %v", r.Final, err)
		}
	}
	for _, m := range []string{"anna@example.com", "chloe@example.com", "ivan@example.com"} {
		if n, err := w.copies(m, l.core); n != 1 || err != nil {
			t.Errorf("%d copies for %s, %v", n, m, err)
		}
	}
	if n, err := w.copies("ben@example.com", l.core); n != 0 || err != nil {
		t.Errorf("%d copies for ben, %v", n, err)
	}
}

func TestGateFallsSilent(t *testing.T) {
	w, err := newWorld(7, 0)
	must(t, err)
	must(t, w.start())
	defer w.stop()
	posthouse := testserver.Sender{Helo: listenerHost, Timeout: 200 * time.Millisecond}
	send := func(text string) bool {
		r, err := posthouse.Send(t.Context(), w.cloudSMTP.Addr(), "a@b.example", []string{anna}, body(text))
		return err == nil && r.Final.OK()
	}
	w.gate.shut()
	for i, text := range []string{"one", "two", "three"} {
		if send(text) {
			t.Errorf("%s was answered", text)
		}
		n, err := w.copies(anna, coreOf(body(text)))
		if must(t, err); n != (i+1)%2 {
			t.Errorf("%s lies there %d times: every second one should", text, n)
		}
	}
	if w.gate.count() != 3 {
		t.Errorf("%d were met with silence", w.gate.count())
	}
	if r, err := (testserver.Sender{}).Send(t.Context(), w.cloudSMTP.Addr(), "a@b.example", []string{anna}, body("other")); err != nil || !r.Final.OK() {
		t.Errorf("somebody else's mail was not answered: %v, %v", r.Final, err)
	}
	w.gate.open()
	if !send("four") {
		t.Error("after all was well again there was no answer")
	}
}

func TestLettersAreTheSameForTheSameSeed(t *testing.T) {
	for _, p := range []plan{smallPlan, fullPlan} {
		one, two, other := newPlanner(1, p, day0), newPlanner(1, p, day0), newPlanner(2, p, day0)
		senders := newSenders()
		a, b := one.pieces(senders), two.pieces(senders)
		if len(a) != len(b) || len(a) < p.letters+p.written {
			t.Fatalf("%d and %d pieces", len(a), len(b))
		}
		for i := range a {
			if !a[i].due.Equal(b[i].due) {
				t.Fatalf("piece %d is due %s and %s", i, a[i].due, b[i].due)
			}
			if i > 0 && a[i].due.Before(a[i-1].due) || a[i].due.Before(day0) || a[i].due.After(day0.Add(p.quietFrom)) {
				t.Fatalf("piece %d is due %s", i, a[i].due)
			}
		}
		l, m, o := one.letter(mailboxes[0].owner(), []string{anna}, noon, "x"), two.letter(mailboxes[0].owner(), []string{anna}, noon, "x"), other.letter(mailboxes[0].owner(), []string{anna}, noon, "x")
		if !bytes.Equal(l.data, m.data) || bytes.Equal(l.data, o.data) {
			t.Error("letters do not follow the seed")
		}
	}
}

func TestLettersPassUnchanged(t *testing.T) {
	p := newPlanner(3, smallPlan, day0)
	dir := newDirectory(mailboxes)
	seen := map[core]bool{}
	for range 500 {
		l := p.letter(newSenders()[3].address(), p.recipients(), noon, "x.example")
		if seen[l.core] {
			t.Fatal("two letters are equal: nobody could tell whether one arrived twice")
		}
		seen[l.core] = true
		if coreOf(l.data) != l.core || !bytes.HasSuffix(l.data, []byte("\r\n")) {
			t.Errorf("letter %d cannot be told from what servers write, or its end is lost on the way", l.serial)
		}
		for _, to := range l.to {
			if len(dir.resolve(to)) == 0 {
				t.Errorf("nobody is %s", to)
			}
		}
	}
}

// The comparison of calendars finds what is missing, twice, changed, and sent.
func TestCalendarsAreCompared(t *testing.T) {
	w, err := newWorld(1, 100)
	if err != nil {
		t.Fatal(err)
	}
	copyAll := func() {
		for _, m := range mailboxes {
			for _, collection := range []string{calendarName, bookName} {
				for name, raw := range w.legacyDAV.Objects(m.address(), collection) {
					w.cloudDAV.Put(m.address(), collection, name, raw)
				}
			}
		}
	}
	compared := func() (c Comparison) { w.compareCalendars(&c); return c }
	if c := compared(); c.Missing != c.Events+c.Contacts || c.Events != w.events || c.Contacts != w.contacts || c.Clean() {
		t.Errorf("nothing was copied: %+v", c)
	}
	copyAll()
	if c := compared(); !c.Clean() || len(c.Findings) != 0 {
		t.Errorf("all was copied: %+v", c)
	}
	w.changeCalendars()
	if c := compared(); c.Changed != 2*len(mailboxes) || c.Missing != len(mailboxes) {
		t.Errorf("changes did not follow: %+v", c)
	}
	copyAll()
	anna := mailboxes[0].address()
	for name, raw := range w.cloudDAV.Objects(anna, bookName) {
		w.cloudDAV.Put(anna, bookName, "again-"+name, raw)
		break
	}
	if c := compared(); c.Twice != 1 || c.Missing+c.Changed != 0 {
		t.Errorf("one lies there twice: %+v", c)
	}
}

// size is how many copies the new mailboxes must hold.
func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
