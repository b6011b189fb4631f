package davstore_test

import (
	"fmt"
	"net/http"
	"path"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// box is a mailbox on a server in memory, and both its ends.
type box struct {
	server  *testserver.DAV
	kind    cutover.FolderKind
	options davstore.Options
	next    int
}

const home = "default"

func serve(t *testing.T, cfg testserver.DAVConfig) *testserver.DAV {
	t.Helper()
	server := testserver.NewDAV(cfg)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	server.AddUser("anna", "secret", "anna@example.com")
	server.AddCollection("anna", home, testserver.DAVCalendar, "")
	server.AddCollection("anna", "contacts", testserver.DAVContacts, "")
	return server
}

func options(server *testserver.DAV, kinds ...cutover.FolderKind) davstore.Options {
	return davstore.Options{
		URL: server.URL(), Kinds: kinds, Fresh: -1, Transport: &http.Transport{},
		Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil },
	}
}

func (b *box) Open(*testing.T) bridge.Store { return davstore.New(b.options) }

func (b *box) home(p cutover.FolderPath) string {
	if p[1] == home || p[1] == "contacts" {
		return p[1]
	}
	return "second"
}

// Deliver gives names in falling order, so that the newest comes first by name.
func (b *box) Deliver(_ *testing.T, p cutover.FolderPath, m storetest.Message) {
	b.next++
	b.server.Put("anna", b.home(p), fmt.Sprintf("%06d ä%%.ics", 999999-b.next), m.Raw)
}

func (b *box) AddFolder(_ *testing.T, p cutover.FolderPath) {
	kind := testserver.DAVCalendar
	if b.kind == cutover.Contacts {
		kind = testserver.DAVContacts
	}
	b.server.AddCollection("anna", "second", kind, path.Join(p...))
}

func (b *box) SetFlags(t *testing.T, _ cutover.FolderPath, _ cutover.Ref, _ ...string) {
	t.Fatal("objects have no flags")
}
func (b *box) Remove(_ *testing.T, p cutover.FolderPath, ref cutover.Ref) {
	b.server.Remove("anna", b.home(p), string(ref))
}
func (b *box) Renew(*testing.T, cutover.FolderPath) { b.server.ForgetTokens() }
func (b *box) Change(_ *testing.T, p cutover.FolderPath, ref cutover.Ref, raw []byte) {
	b.server.Put("anna", b.home(p), string(ref), raw)
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   cutover.FolderKind
		cfg    testserver.DAVConfig
		change func(*storetest.Habits, *davstore.Options)
	}{
		{"calendar", cutover.Calendar, testserver.DAVConfig{}, nil},
		{"contacts", cutover.Contacts, testserver.DAVConfig{}, nil},
		{"little at a time", cutover.Calendar, testserver.DAVConfig{SyncLimit: 7}, func(_ *storetest.Habits, o *davstore.Options) { o.Many, o.Lanes, o.Kept = 3, 1, 1 }},
		{"brittle", cutover.Contacts, testserver.DAVConfig{Brittle: true, NoLength: true}, func(h *storetest.Habits, _ *davstore.Options) { h.Bare = false }},
		{"rewriting", cutover.Calendar, testserver.DAVConfig{Rewrite: rewritten}, func(h *storetest.Habits, _ *davstore.Options) { h.Rewrites = true }},
		{"scheduling", cutover.Calendar, testserver.DAVConfig{Schedules: true}, nil},
		{"no tokens", cutover.Calendar, testserver.DAVConfig{NoSync: true}, func(h *storetest.Habits, _ *davstore.Options) { h.Tails = false }},
		{"neither tokens nor tags", cutover.Contacts, testserver.DAVConfig{NoSync: true, NoCTag: true}, func(h *storetest.Habits, _ *davstore.Options) { h.Tails, h.Glances = false, false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			habits := storetest.Habits{Kind: c.kind, Home: cutover.FolderPath{"Calendars", home}, Batch: 10, Places: true, Glances: true, Tails: true, Search: true, Bare: true}
			if c.kind == cutover.Contacts {
				habits.Home = cutover.FolderPath{"Address books", "contacts"}
			}
			o := davstore.Options{}
			if c.change != nil {
				c.change(&habits, &o)
			}
			habits.NoTokens = c.cfg.NoSync
			storetest.Run(t, habits, func(t *testing.T) storetest.Mailbox {
				server := serve(t, c.cfg)
				all := options(server, c.kind)
				all.Batch, all.Many, all.Lanes, all.Kept, all.Timeout = habits.Batch, o.Many, o.Lanes, o.Kept, 30*time.Second
				return &box{server: server, kind: c.kind, options: all}
			})
		})
	}
}

// rewritten is an object in another form: a server that parses and writes anew.
func rewritten(raw []byte) []byte {
	return append([]byte("BEGIN:VCALENDAR\r\nX-SERVER:1\r\n"), raw[len("BEGIN:VCALENDAR\r\n"):]...)
}
