package sqlite

import (
	"fmt"
	"testing"

	"posthouse/ledger"
)

// TestFromVersion1: deliveries come over as they were, and the last step of each is known: what is held in doubt is asked for when it is released.
func TestFromVersion1(t *testing.T) {
	folder := t.TempDir()
	if err := withScripts(t, folder, newerScripts(t)[:1]); err != nil {
		t.Fatal(err)
	}
	foreign(t, folder, `INSERT INTO captures (n, id, at, route, listener, client_addr, client_name, client_tls, client_user, env_from, env_body, env_utf8, env_return, env_id,
		recipients, size, trace, key_version, hops, bare, eight_bit, stored, file) VALUES (1, 'A', 1, '', '', '', '', '', '', '', '', 0, '', '', '[]', 0, '', 1, 0, 0, 0, 1, '')`)
	for i, d := range []struct {
		state, reason string
		attempts      int
	}{{"due", "", 0}, {"due", "", 2}, {"held", "declined", 1}, {"held", "may or may not have arrived: …", 3}, {"settled", "", 1}, {"sending", "", 1}} {
		foreign(t, folder, fmt.Sprintf(`INSERT INTO deliveries VALUES (%d, 1, 'r', 'o', 'm', 'd', 'cloud', 1, '%s', %d, 5, 6, 'reply', '%s', 'seen')`, i+1, d.state, d.attempts, d.reason))
	}
	l := openIn(t, folder, Options{})
	defer mustClose(t, l)
	var got []string
	events, err := l.History(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Delivery, " ", e.State))
	}
	if want := "[2 due 3 held 4 in doubt 4 held 5 settled]"; fmt.Sprint(got) != want {
		t.Errorf("history %v, want %s", got, want)
	}
	d, err := l.Delivery(t.Context(), 4)
	if err != nil || d.State != ledger.Held || d.Recipient != "r" || d.Seen != "seen" || !d.Required || !d.Released.IsZero() || micros(d.Since) != 6 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestHistoryFromVersion5: the last step moves into the delivery's row, and the history reads as it did.
func TestHistoryFromVersion5(t *testing.T) {
	folder := t.TempDir()
	if err := withScripts(t, folder, newerScripts(t)[:5]); err != nil {
		t.Fatal(err)
	}
	foreign(t, folder, `INSERT INTO captures (n, id, at, route, listener, client_addr, client_name, client_tls, client_user, env_from, env_body, env_utf8, env_return, env_id,
		recipients, size, trace, key_version, hops, bare, eight_bit, stored, file) VALUES (1, 'A', 1, '', '', '', '', '', '', '', '', 0, '', '', '[]', 0, '', 1, 0, 0, 0, 1, '');
		INSERT INTO deliveries (id, capture, recipient, original, mailbox, destination, side, required, state, attempts, next, since, reply, reason, seen)
			VALUES (1, 1, 'r', 'o', 'm', 'd', 'cloud', 1, 'due', 0, 0, 1, '', '', ''), (2, 1, 'r', 'o', 'm', 'd', 'cloud', 1, 'due', 0, 0, 1, '', '', '');
		UPDATE deliveries SET state = 'sending', since = 2;
		UPDATE deliveries SET state = 'due', attempts = 1, since = 3, reply = '451';
		UPDATE deliveries SET state = 'held', since = 4, act = 'held by root' WHERE id = 1;
		UPDATE deliveries SET tell = 'x', act = '';
		UPDATE deliveries SET state = 'sending', since = 5 WHERE id = 2;
		UPDATE deliveries SET state = 'accepted', attempts = 2, since = 6 WHERE id = 2;`)
	l := openIn(t, folder, Options{})
	defer mustClose(t, l)
	events, err := l.History(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Delivery, " ", micros(e.At), " ", e.State, " ", e.Act))
	}
	if want := "[1 3 due  1 4 held held by root 2 3 due  2 6 accepted ]"; fmt.Sprint(got) != want {
		t.Errorf("history %v, want %s", got, want)
	}
	if kept := ask[int](t, l, "SELECT count(*) FROM events"); kept != 2 {
		t.Errorf("%d steps beside the deliveries themselves, want 2", kept)
	}
}
