package evidence

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
	"unicode/utf8"

	"posthouse/evidence/book"
)

// A longer text would push the rest of its line out of the table's columns.
func TestWhysFitTheirColumn(t *testing.T) {
	const columns = 40
	now := hours(0)
	texts := map[string]bool{}
	for _, s := range []Sender{
		{Accepted: true}, {State: book.Switched}, {State: book.Switched, Chance: 0.5}, {State: book.Unseen, Rhythm: Rhythm(book.Share{Rate: 1e-9})},
		{State: book.Unseen, Rhythm: "every few months", Due: now.Add(time.Hour)}, {State: book.Unseen, Rhythm: "every few months"},
		{State: book.Stale, Channel: Sending}, {State: book.Stale, Channel: Login}, {State: book.Stale, Channel: Arriving},
	} {
		for _, switched := range []bool{false, true} {
			text, _ := why(s, switched, now)
			texts[text] = true
		}
	}
	texts[newcomers(book.Others{}, false).Why] = true
	texts[newcomers(book.Others{Old: 1234, All: 12345}, false).Why] = true
	for text := range texts {
		if n := utf8.RuneCountInString(text); n > columns || n == 0 {
			t.Errorf("%d columns: %s", n, text)
		}
	}
	if len(texts) != 12 {
		t.Errorf("%d texts: %v", len(texts), texts)
	}
}

// Who is known by a name is found by the address from which he came last; several may share one.
func TestCameFrom(t *testing.T) {
	from := func(at float64, channel Channel, sender, client string) Observation {
		return Observation{At: hours(at), Channel: channel, Class: Wanted, Source: "devices", Sender: sender, Client: netip.MustParseAddr(client)}
	}
	te := Fold(Testimony{},
		from(1, Sending, "scanner-3", "10.0.4.31"), from(2, Sending, "scanner-3", "::ffff:10.0.4.32"), from(3, Login, "anna", "10.0.4.32"),
		Observation{At: hours(4), Channel: Sending, Class: Wanted, Source: "devices", Sender: "nowhere"})
	got := ""
	for _, s := range Senders(MailboxServer([]string{"devices"}, nil), te, hours(5)) {
		got += fmt.Sprintln(s.Name, s.Clients, s.CameFrom(netip.MustParseAddr("::ffff:10.0.4.32")), s.CameFrom(netip.MustParseAddr("10.0.4.99")))
	}
	if want := "nowhere [] false false\nanna [10.0.4.32] true false\nscanner-3 [10.0.4.32] true false\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
