package imapstore_test

import (
	"context"
	"testing"

	"github.com/emersion/go-sasl"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

const (
	user     = "anna"
	password = "correct horse"
	batch    = 10
)

// plain logs in by PLAIN.
var plain = plainAs(user)

func plainAs(user string) func(context.Context, ...string) (sasl.Client, error) {
	return func(context.Context, ...string) (sasl.Client, error) {
		return sasl.NewPlainClient("", user, password), nil
	}
}

// startServer runs an IMAP server of our own in this process.
func startServer(t *testing.T, cfg testserver.IMAPConfig) *testserver.IMAP {
	t.Helper()
	server := testserver.NewIMAP(cfg)
	server.AddUser(user, password)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func options(t *testing.T, address string) imapstore.Options {
	return imapstore.Options{Address: address, TLS: imapstore.NoTLS, SASL: plain, Batch: batch, TempDir: t.TempDir()}
}

// ownBox adapts the in-process server to the conformance suite.
type ownBox struct {
	server *testserver.IMAP
	change func(*imapstore.Options)
}

func (b ownBox) Open(t *testing.T) bridge.Store {
	o := options(t, b.server.Addr())
	b.change(&o)
	return imapstore.New(o)
}

func (b ownBox) Deliver(t *testing.T, path cutover.FolderPath, m storetest.Message) {
	if _, err := b.server.Append(user, path[0], m.Raw, m.Flags, m.Date); err != nil {
		t.Fatal(err)
	}
}

func (b ownBox) AddFolder(t *testing.T, path cutover.FolderPath) {
	if err := b.server.CreateFolder(user, path[0], ""); err != nil {
		t.Fatal(err)
	}
}

func (b ownBox) SetFlags(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags ...string) {
	if err := b.server.SetFlags(user, path[0], number(t, ref), flags...); err != nil {
		t.Fatal(err)
	}
}

func (b ownBox) Remove(t *testing.T, path cutover.FolderPath, ref cutover.Ref) {
	if err := b.server.Remove(user, path[0], number(t, ref)); err != nil {
		t.Fatal(err)
	}
}

func (b ownBox) Renew(t *testing.T, path cutover.FolderPath) {
	if err := b.server.Revalidate(user, path[0]); err != nil {
		t.Fatal(err)
	}
}

func TestConformanceOwnServer(t *testing.T) {
	usual := storetest.Habits{Batch: batch, Separator: "/", Hints: true, Zones: true, Places: true, Keywords: true, Search: true, Glances: true}
	cases := []struct {
		name    string
		server  testserver.IMAPConfig
		options func(*imapstore.Options)
		habits  func(*storetest.Habits)
	}{
		{"usual", testserver.IMAPConfig{}, func(*imapstore.Options) {}, func(*storetest.Habits) {}},
		{"bare", testserver.IMAPConfig{Without: testserver.Capabilities()}, func(*imapstore.Options) {}, func(h *storetest.Habits) { h.Places = false }},
		{"one connection", testserver.IMAPConfig{}, func(o *imapstore.Options) { o.Limit = imapstore.NewLimiter(1) }, func(h *storetest.Habits) { h.Hints = false }},
		{"everything in files", testserver.IMAPConfig{}, func(o *imapstore.Options) { o.Budget = imapstore.NewBudget(1) }, func(*storetest.Habits) {}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			habits := usual
			c.habits(&habits)
			storetest.Run(t, habits, func(t *testing.T) storetest.Mailbox {
				return ownBox{startServer(t, c.server), c.options}
			})
		})
	}
}
