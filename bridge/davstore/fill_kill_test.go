package davstore_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger/sqlite"
	"posthouse/test/neighbour"
)

// mortal is a process that dies at one of the requests that write to the new server: before it leaves, or when the server has done it and the answer is still under way.
type mortal struct {
	mu    sync.Mutex
	left  int
	after bool
	dead  bool
	at    string
	alone int // items that were put where nothing kept their place
}

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	dies, dead := m.step(r)
	if dead || dies && !m.after {
		return nil, storetest.ErrKilled
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !dies {
		return got, err
	}
	_, _ = io.Copy(io.Discard, got.Body)
	got.Body.Close()
	return nil, storetest.ErrKilled
}

func (m *mortal) step(r *http.Request) (dies, dead bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	writes := r.Method == http.MethodPut || r.Method == http.MethodDelete || r.Method == "PROPPATCH"
	if m.dead || !writes {
		return false, m.dead
	}
	if r.Header.Get("If-None-Match") != "" {
		m.alone++
	}
	m.left--
	if m.left == 0 {
		m.dead, m.at = true, r.Method+" "+r.URL.Path
	}
	return m.dead, false
}

func (m *mortal) write(do func() error) error {
	m.mu.Lock()
	dead := m.dead
	m.mu.Unlock()
	if dead {
		return storetest.ErrKilled
	}
	return do()
}

// filledBridge is a bridge into an empty Radicale.
type filledBridge struct {
	*testing.T
	old, new *neighbour.DAV
	user     string // on the new one
	ledger   *sqlite.Ledger
	mortal   *mortal
	via      http.RoundTripper // to the new one, where it is not mortal
}

func (f *filledBridge) bridge() *bridge.Bridge {
	log := logrus.New()
	log.SetOutput(io.Discard)
	var via http.RoundTripper = &http.Transport{}
	book := bridge.Ledger(f.ledger)
	if f.via != nil {
		via = f.via
	}
	if f.mortal != nil {
		via, book = f.mortal, &storetest.Writes{Ledger: f.ledger, Through: f.mortal.write}
	}
	return bridge.New(bridge.Config{
		Ledger: book, Kinds: bothKinds, Clock: clock.Real(), Log: log, Parallel: 1, Poll: time.Minute, Pause: time.Millisecond, Settle: time.Millisecond, Saved: f.TempDir(),
		Rules: func(cutover.MailboxID) bridge.Rules { return bridge.Rules{Mailbox: anna} },
		Open: func(_ cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			o := davstore.Options{URL: f.old.URL, Batch: 5, Fresh: -1, Transport: &http.Transport{}, Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil }}
			if side == cutover.Cloud {
				o.URL, o.Fill, o.Transport, o.Authorize = f.new.URL, 5, via, func(r *http.Request) error { r.SetBasicAuth(f.user, "secret"); return nil }
			}
			return davstore.New(o), nil
		},
	}, []cutover.Mailbox{{ID: anna}})
}

// run is one process.
func (f *filledBridge) run(then func(b *bridge.Bridge)) (failed error) {
	f.Helper()
	b := f.bridge()
	err := b.CatchUp(f.Context(), []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) { failed = err })
	if err != nil && failed == nil {
		failed = err
	}
	if then != nil {
		then(b)
	}
	if err := b.Stop(context.Background()); err != nil && f.mortal == nil {
		f.Error(err)
	}
	return failed
}

// Whichever request the process dies at while it fills calendars and address books at once: in the end each item lies there once and as it is, nothing else does, and the collections look as they did.
func TestKilledWhileFilling(t *testing.T) {
	t.Parallel()
	const n = 12
	users := map[string]string{"anna": "secret"}
	for i := range 200 {
		users[fmt.Sprint("user", i)] = "secret"
	}
	old, new := neighbour.Radicale(t, "killold", users, ""), neighbour.Radicale(t, "killnew", users, "")
	fill(t, old.Dir, n)
	next := 0
	for _, after := range []bool{false, true} {
		filled := 0
		for left, died := 1, true; died; left++ {
			f := &filledBridge{T: t, old: old, new: new, user: fmt.Sprint("user", next), mortal: &mortal{left: left, after: after}}
			next++
			died = f.dies(n)
			if strings.HasSuffix(f.at(), "/") && strings.HasPrefix(f.at(), "PUT") {
				filled++
			}
			if !died && f.mortal.alone > 0 {
				t.Errorf("%d were put alone: a source's batches are to go together", f.mortal.alone)
			}
			if t.Failed() {
				t.Fatalf("died at write %d (%s), after it: %v", left, f.at(), after)
			}
		}
		if filled != 2 {
			t.Errorf("died at %d PUTs on collections", filled)
		}
	}
}

func (f *filledBridge) at() string {
	if f.mortal == nil {
		return ""
	}
	return f.mortal.at
}

// dies lets a process die, and the next go on; it reports whether the first did.
func (f *filledBridge) dies(n int) bool {
	l, err := sqlite.Open(f.Context(), f.TempDir(), sqlite.Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer l.Close()
	f.ledger = l
	var collections []*filler
	for _, kind := range bothKinds {
		c := &filler{T: f.T, server: f.new, user: f.user, kind: kind, name: map[cutover.FolderKind]string{cutover.Calendar: "default", cutover.Contacts: "contacts"}[kind]}
		collections = append(collections, c.make())
	}
	killed := f.mortal
	failed := f.run(nil)
	if killed.dead != (failed != nil) {
		f.Errorf("dead: %v, %v", killed.dead, failed)
	}
	f.mortal = nil
	err = f.run(func(b *bridge.Bridge) {
		if r, err := b.VerifyFully(f.Context(), anna); err != nil || r.Equal != 2*n || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed)+len(r.Noted) != 0 {
			f.Errorf("%+v, %v", r, err)
		}
	})
	if err != nil {
		f.Error(err)
	}
	for _, c := range collections {
		if all := c.lies(); len(all) != n || strings.Contains(fmt.Sprint(all), "STANDIN") {
			f.Errorf("%d lie in %s: %v", len(all), c.dir(), all)
		}
		c.likeBefore()
	}
	f.mortal = killed
	return killed.dead
}

// Whoever goes on after a death leaves no stand-in, though items are gone from the old side meanwhile.
func TestGoneBeforeItsPlaceIsTaken(t *testing.T) {
	t.Parallel()
	const n = 12
	users := map[string]string{"anna": "secret"}
	old, new := neighbour.Radicale(t, "goneold", users, ""), neighbour.Radicale(t, "gonenew", users, "")
	fill(t, old.Dir, n)
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := (&filler{T: t, server: new, user: "anna", kind: cutover.Calendar, name: "default"}).make()
	f := &filledBridge{T: t, old: old, new: new, user: "anna", ledger: l, mortal: &mortal{left: 4}} // what is kept, the PUT, what is given back, what was kept
	if err := f.run(nil); err == nil || len(c.lies()) != n || strings.Count(fmt.Sprint(c.lies()), "STANDIN") != n {
		t.Fatalf("%v, %d lie there", err, len(c.lies()))
	}
	members, err := filepath.Glob(filepath.Join(old.Dir, "collections", "collection-root", "anna", "*", "*.ics"))
	if err != nil || len(members) != n {
		t.Fatal(members, err)
	}
	for _, name := range members[1:] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	f.mortal = nil
	if err := f.run(nil); err != nil {
		t.Error(err)
	}
	if all := c.lies(); len(all) != 1 || strings.Contains(fmt.Sprint(all), "STANDIN") {
		t.Errorf("%d lie there: %v", len(all), all)
	}
}
