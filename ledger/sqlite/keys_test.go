package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// keptWith is how many keys a test has wait.
func (l *Ledger) keptWith(n int) {
	l.keys.mu.Lock()
	defer l.keys.mu.Unlock()
	l.keys.kept = n
}

func keepKeyed(ctx context.Context, l *Ledger, c ledger.Capture, m cutover.MailboxID) error {
	b, err := l.NewBody(ctx)
	if err != nil {
		return err
	}
	defer b.Abort()
	d := ledger.Delivery{Mailbox: m, Side: cutover.Cloud, Required: true, State: ledger.Due, Since: c.At}
	_, err = b.Commit(ctx, c, []ledger.Delivery{d}, evidence.Observation{})
	return err
}

// keyTrial is a ledger, and all that it was given.
type keyTrial struct {
	*testing.T
	*Ledger
	rnd     *rand.Rand
	folder  string
	kept    []ledger.Capture
	owner   map[cutover.CaptureID]cutover.MailboxID
	refused int
}

var keyOwners = []cutover.MailboxID{"anna@example.com", "bob@example.com"}

// trialKey and trialRepeat: many share a head, and some differ in nothing else.
func trialKey(n int) (k cutover.Key) {
	k[0], k[15] = byte(1+n%5), byte(n)
	return k
}

func trialRepeat(n int) (d cutover.Digest) {
	d[1], d[31] = byte(1+n%5), byte(n)
	return d
}

// check asks for every key and every repeat, and wants what a scan of all that was kept finds.
func (k *keyTrial) check() {
	k.Helper()
	for n := range 14 {
		for _, m := range keyOwners {
			k.checkKey(m, trialKey(n))
		}
		since := noon.Add(time.Duration(k.rnd.IntN(400)) * time.Second)
		first := slices.IndexFunc(k.kept, func(c ledger.Capture) bool { return c.Repeat == trialRepeat(n) && !c.At.Before(since) })
		id, found, err := k.Repeated(k.Context(), trialRepeat(n), since)
		if err != nil || found != (first >= 0) || found && id != k.kept[first].ID {
			k.Fatalf("repeat %d since %v: %q, %v, %v; want %d", n, since, id, found, err, first)
		}
	}
}

func (k *keyTrial) checkKey(m cutover.MailboxID, key cutover.Key) {
	k.Helper()
	var want, got []cutover.CaptureID
	for _, c := range k.kept {
		if matchOf(c.Identity) == key && k.owner[c.ID] == m {
			want = append(want, c.ID)
		}
	}
	found, err := k.Expected(k.Context(), m, []cutover.Key{key, {}, key}, nil)
	for _, e := range found {
		got = append(got, e.Capture)
	}
	if err != nil || !slices.Equal(got, want) {
		k.Fatalf("of %s with key %x: %q, %v; want %q", m, key, got, err, want)
	}
}

// capture keeps the i-th capture, or is refused, as some have the ID of another.
func (k *keyTrial) capture(i int) {
	k.Helper()
	c := ledger.Capture{ID: cutover.CaptureID(fmt.Sprintf("c%03d", i)), At: noon.Add(time.Duration(i) * time.Second)}
	if k.rnd.IntN(4) > 0 {
		c.Identity.Key = trialKey(k.rnd.IntN(12))
	}
	if k.rnd.IntN(4) > 0 {
		c.Identity.Loose = trialKey(k.rnd.IntN(12))
	}
	if k.rnd.IntN(4) > 0 {
		c.Repeat = trialRepeat(k.rnd.IntN(12))
	}
	if k.rnd.IntN(5) == 0 && len(k.kept) > 0 {
		c.ID = k.kept[k.rnd.IntN(len(k.kept))].ID
	}
	m := keyOwners[k.rnd.IntN(len(keyOwners))]
	switch err := keepKeyed(k.Context(), k.Ledger, c, m); {
	case errors.Is(err, ledger.ErrExists):
		k.refused++
	case err != nil:
		k.Fatal(err)
	default:
		k.kept, k.owner[c.ID] = append(k.kept, c), m
	}
}

// Captures are found by their keys and by their repeats wherever those lie: in memory, in the table, read back after a restart, among others that share a head, and beside those of captures that were
// refused. What a scan of all captures finds is what is found.
func TestCapturesAreFoundByTheirKeys(t *testing.T) {
	k := &keyTrial{T: t, rnd: rand.New(rand.NewPCG(3, 4)), folder: t.TempDir(), owner: map[cutover.CaptureID]cutover.MailboxID{}}
	k.Ledger = openIn(t, k.folder, Options{})
	for i := range 300 {
		k.keptWith(1 + k.rnd.IntN(60))
		k.capture(i)
		if k.rnd.IntN(10) == 0 {
			k.check()
		}
		if k.rnd.IntN(40) == 0 {
			mustClose(t, k.Ledger)
			k.Ledger = openIn(t, k.folder, Options{})
			k.check()
		}
	}
	k.check()
	written := ask[int](t, k.Ledger, "SELECT count(*) FROM capture_keys")
	if len(k.keys.tail) == 0 || written < 50 || k.refused < 20 {
		t.Fatalf("%d keys were written, %d wait, %d captures were refused: too little was tried", written, len(k.keys.tail), k.refused)
	}
}

// Keys that were not written when the process ended are read back, and no others.
func TestKeysAreReadBack(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	l.withoutJournal(t)
	l.keptWith(10)
	for i := range 13 {
		must(t, keepKeyed(t.Context(), l, ledger.Capture{ID: cutover.CaptureID(fmt.Sprintf("c%02d", i)), At: noon, Repeat: numbered(i)}, "anna@example.com"))
	}
	must(t, keepKeyed(t.Context(), l, ledger.Capture{ID: "last", At: noon}, "anna@example.com")) // it is answered when what the one before set off is done
	if n := ask[int](t, l, "SELECT count(*) FROM capture_keys"); n != 10 {
		t.Errorf("%d keys were written, want 10", n)
	}
	mustClose(t, l)
	l = openIn(t, folder, Options{})
	if n := len(l.keys.tail); n != 3 {
		t.Errorf("%d keys were read back, want 3", n)
	}
	for i := range 13 {
		if _, found, err := l.Repeated(t.Context(), numbered(i), noon); err != nil || !found {
			t.Errorf("capture %d is not found: %v", i, err)
		}
	}
}

// A capture that was refused has no row, and its number is another's after a restart: that one is read back, though keys were written up to the number.
func TestKeysOfANumberGivenTwice(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	c := ledger.Capture{ID: "first", At: noon, Repeat: numbered(1)}
	must(t, keepKeyed(t.Context(), l, c, "anna@example.com"))
	if err := keepKeyed(t.Context(), l, c, "anna@example.com"); !errors.Is(err, ledger.ErrExists) {
		t.Fatal(err)
	}
	l.keptWith(1)
	must(t, l.change(t.Context(), func(t *tx) error { return nil })) // sets off the writing
	mustClose(t, l)
	l = openIn(t, folder, Options{})
	if ask[int](t, l, "SELECT count(*) FROM capture_keys") == 0 {
		t.Fatal("no keys were written")
	}
	must(t, keepKeyed(t.Context(), l, ledger.Capture{ID: "second", At: noon, Repeat: numbered(2)}, "anna@example.com"))
	mustClose(t, l)
	l = openIn(t, folder, Options{})
	if id, found, err := l.Repeated(t.Context(), numbered(2), noon); err != nil || id != "second" {
		t.Errorf("the capture is not found by its repeat: %q, %v, %v", id, found, err)
	}
}

// Keys that cannot be written wait, and are not tried with each change.
func TestKeysThatCannotBeWritten(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	l.withoutJournal(t)
	l.keptWith(4)
	must(t, l.change(t.Context(), func(t *tx) error {
		_, err := t.exec("CREATE TRIGGER full BEFORE INSERT ON capture_keys BEGIN SELECT raise(ABORT, 'no'); END")
		return err
	}))
	for i := range 6 {
		must(t, keepKeyed(t.Context(), l, ledger.Capture{ID: cutover.CaptureID(fmt.Sprintf("c%02d", i)), At: noon, Repeat: numbered(i)}, "anna@example.com"))
	}
	must(t, l.change(t.Context(), func(t *tx) error {
		_, err := t.exec("DROP TRIGGER full")
		return err
	}))
	if n := ask[int](t, l, "SELECT count(*) FROM capture_keys"); n != 0 {
		t.Errorf("%d keys were written, tried again before it was time", n)
	}
	for i := 6; i < 10; i++ {
		must(t, keepKeyed(t.Context(), l, ledger.Capture{ID: cutover.CaptureID(fmt.Sprintf("c%02d", i)), At: noon, Repeat: numbered(i)}, "anna@example.com"))
	}
	for i := range 10 {
		if _, found, err := l.Repeated(t.Context(), numbered(i), noon); err != nil || !found {
			t.Errorf("capture %d is not found: %v", i, err)
		}
	}
	if n := ask[int](t, l, "SELECT count(*) FROM capture_keys"); n < 8 {
		t.Errorf("%d keys were written in the end", n)
	}
}

// Captures of an older schema are found by what they were found by.
func TestKeysOfAnOlderSchema(t *testing.T) {
	folder := t.TempDir()
	must(t, makePrivate(filepath.Join(folder, databaseFile)))
	must(t, withScripts(t, folder, newerScripts(t)[:11]))
	foreign(t, folder, `INSERT INTO marker VALUES (1, 1, 0, x'00');
		INSERT INTO captures (n, id, at, route, listener, client_addr, client_name, client_tls, client_user, env_from, env_body, env_utf8, env_return, env_id, recipients, size, repeat, key, loose, trace,
			key_version, hops, bare, eight_bit, stored, file)
		VALUES (7, 'a', 5, 'arriving', 'mx', '', '', '', '', '', '', 0, '', '', '[]', 1, randomblob(32), NULL, x'0102030405060708090a0b0c0d0e0f10', '', 1, 0, 0, 0, 0, ''),
			(9, 'b', 6, 'arriving', 'mx', '', '', '', '', '', '', 0, '', '', '[]', 1, NULL, x'0102030405060708090a0b0c0d0e0f10', NULL, '', 1, 0, 0, 0, 0, '');
		INSERT INTO deliveries (id, capture, recipient, original, mailbox, destination, side, required, state, attempts, next, since, reply, reason, seen)
		VALUES (1, 7, '', '', 'anna@example.com', '', 'cloud', 1, 'accepted', 1, 0, 0, '', '', ''), (2, 9, '', '', 'anna@example.com', '', 'cloud', 1, 'accepted', 1, 0, 0, '', '', '')`)
	l := openIn(t, folder, Options{})
	if n := len(l.keys.tail); n != 0 {
		t.Errorf("%d keys are in memory that the table has", n)
	}
	found, err := l.Expected(t.Context(), "anna@example.com", []cutover.Key{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, nil)
	if err != nil || len(found) != 2 || found[0].Capture != "a" || found[1].Capture != "b" {
		t.Errorf("found %+v, %v", found, err)
	}
	if n := ask[int](t, l, "SELECT count(*) FROM capture_keys"); n != 3 {
		t.Errorf("the table has %d keys, want 3", n)
	}
}
