package daemon_test

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

func (b *bed) reload() []string {
	b.t.Helper()
	changes, err := b.daemon.Reload(b.t.Context(), b.config())
	must(b.t, err)
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = c.String()
	}
	return lines
}

func TestReload(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n"})
	b.start()
	b.until("the copy", copied)
	if changes := b.reload(); len(changes) != 0 {
		t.Errorf("nothing changed, but %v", changes)
	}
	b.legacy.AddUser("dora@example.com", "old secret")
	b.cloud.AddUser("dora@example.com", "new secret")
	b.layout.mailboxes = "anna@example.com,ann@example.com,person,cloud\ndora@example.com,,person,cloud\n"
	b.layout.verdict = "quiet = \"5d\""
	b.layout.relay = "retry = [\"7s\"]"
	before := b.status().Config.At
	changes := b.reload()
	want := []string{
		"verdict.quiet: 72h → 5d (live)", "mailboxes[anna@example.com].aliases: - → ann@example.com (live)", "mailboxes[anna@example.com].home: legacy → cloud (live)",
		"mailboxes[dora@example.com]: - → a mailbox (live)", "relay.retry: 1s → 7s (restart)", "relay.settle_time: 1s → 5m (restart)",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(changes, "\n"), strings.Join(want, "\n"))
	}
	first := b.send("by the new alias", "x@sender.example", "ann@example.com")
	second := b.send("to the new mailbox", "x@sender.example", "dora@example.com")
	s := b.until("both messages", settled(2))
	b.once(b.cloud, "anna@example.com", first)
	b.once(b.cloud, "dora@example.com", second)
	if m := mailboxOf(s, "anna@example.com"); m.Home != "cloud" {
		t.Errorf("%+v", m)
	}
	s = b.until("the new mailbox to be followed", func(s control.Status) bool { return copied(s) && s.Copy.Mailboxes == 2 })
	if s.Server.Needed != 5*24*time.Hour || !s.Config.At.After(before) {
		t.Errorf("quiet %s, configuration of %s", s.Server.Needed, s.Config.At)
	}
	if v := b.verify(); len(v) != 2 || v["dora@example.com"].Error != "" {
		t.Errorf("verified %+v", v)
	}
	// What waits for a restart goes on waiting; what is in force is told once.
	if changes := b.reload(); !slices.Equal(changes, want[4:]) {
		t.Errorf("a second time: %v", changes)
	}
}

// A mailbox that comes with a reload is copied by the rules that come with it: without them what another one is mapped to would be copied, or the whole of a borrowed login.
func TestReloadBringsTheRulesOfNewMailboxes(t *testing.T) {
	const dora = "dora@example.com"
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n"})
	b.start()
	b.until("the copy", copied)
	b.legacy.AddUser(dora, "old secret")
	b.cloud.AddUser(dora, "new secret")
	for _, name := range []string{"Old", "Kept"} {
		must(t, b.legacy.CreateFolder(dora, name, ""))
	}
	b.layout.mailboxes += dora + ",,person,legacy\n"
	next := b.config()
	next.Bridge.Mailboxes = map[string]config.MailboxRules{dora: {Name: dora, Skip: []string{"Old"}}}
	_, err := b.daemon.Reload(t.Context(), next)
	must(t, err)
	b.until("the new mailbox to be followed", func(s control.Status) bool { return copied(s) && s.Copy.Mailboxes == 2 })
	folders, err := b.cloud.Dump(dora)
	must(t, err)
	var names []string
	for _, f := range folders {
		names = append(names, f.Path)
	}
	if !slices.Contains(names, "Kept") || slices.Contains(names, "Old") {
		t.Errorf("the cloud has %v", names)
	}
}

// A mailbox that was taken out gets no mail from now on; what lies in it is followed until the restart.
func TestReloadTakesAMailboxOut(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	b.until("the copy", copied)
	b.layout.mailboxes = "anna@example.com,,person,cloud\n"
	if changes := b.reload(); !slices.Contains(changes, "mailboxes[bob@example.com]: a mailbox → - (restart)") {
		t.Errorf("%v", changes)
	}
	result, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"bob@example.com"}, message("x", "x", "y"))
	if err != nil || result.Rcpts[0].Code != 550 {
		t.Errorf("%+v, %v", result, err)
	}
	if s := b.again(); s.Copy.Mailboxes != 3 || mailboxOf(s, "bob@example.com").Home != "" || !mailboxOf(s, "bob@example.com").Gone || mailboxOf(s, "anna@example.com").Gone {
		t.Errorf("%+v", s.Mailboxes)
	}
	if v := b.verify(); len(v) != 1 || v["anna@example.com"].Error != "" {
		t.Errorf("verified %+v", v)
	}
	for _, r := range b.status().Server.Reasons {
		if r.Code == evidence.Unverified {
			t.Errorf("what nobody can verify stands in the way: %+v", r)
		}
	}
}

// What a reload made known is unknown no more.
func TestReloadMakesAddressesKnown(t *testing.T) {
	b := newBed(t, layout{})
	cfg := b.config()
	cfg.Recipients.Complete = false
	b.daemon = b.newWith(cfg)
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
	for _, to := range []string{"dora@example.com", "ghost@example.com"} {
		result, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{to}, message("x", "x", "y"))
		if err != nil || result.Rcpts[0].Code != 451 {
			t.Errorf("%s: %+v, %v", to, result, err)
		}
	}
	unknown := func() (all []string) {
		for _, u := range b.status().Unknown {
			all = append(all, u.Address)
		}
		return all
	}
	if got := unknown(); !slices.Equal(got, []string{"dora@example.com", "ghost@example.com"}) {
		t.Errorf("before the reload: %v", got)
	}
	b.layout.mailboxes += "bert@example.com,dora@example.com,person,cloud\n"
	b.reload()
	if got := unknown(); !slices.Equal(got, []string{"ghost@example.com"}) {
		t.Errorf("after the reload: %v", got)
	}
}

func TestReloadOfPasswords(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n"})
	b.start()
	b.until("the copy", copied)
	must(t, b.cloud.SetPassword("anna@example.com", "changed"))
	b.cloud.CutAll()
	if v := b.verify()["anna@example.com"]; v.Error == "" {
		t.Fatal("the old password is good still")
	}
	next := b.config()
	path := filepath.Join(b.dir, "password")
	must(t, os.WriteFile(path, []byte("changed\n"), 0o600))
	secret, err := config.ParseSecret("file:" + path)
	must(t, err)
	next.Mailboxes[0].Cloud.Password = secret
	_, err = b.daemon.Reload(t.Context(), next)
	must(t, err)
	if v := b.verify()["anna@example.com"]; v.Error != "" {
		t.Errorf("%+v", v)
	}
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message to be seen", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

func TestReloadOfCertificates(t *testing.T) {
	ca, err := testserver.NewCA()
	must(t, err)
	b := newBed(t, layout{})
	cert, key := filepath.Join(b.dir, "cert.pem"), filepath.Join(b.dir, "key.pem")
	write := func() {
		leaf, err := ca.Leaf("127.0.0.1")
		must(t, err)
		chain, private, err := testserver.KeyPEM(leaf)
		must(t, err)
		must(t, os.WriteFile(cert, chain, 0o600))
		must(t, os.WriteFile(key, private, 0o600))
	}
	write()
	b.layout.rest = "[listeners.tls]\nrole = \"mx\"\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n"
	b.start()
	shown := func() string {
		conn, err := tls.Dial("tcp", b.daemon.Addrs("tls")[0].String(), ca.Client(""))
		must(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := shown()
	write() // a look at the files may come before the reload
	b.reload()
	second := shown()
	if second == first {
		t.Error("the old certificate after a reload")
	}
	must(t, os.WriteFile(key, []byte("broken"), 0o600))
	b.layout.mailboxes += "dora@example.com,,person,cloud\n"
	if changes, err := b.daemon.Reload(t.Context(), b.config()); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("%v, %v", changes, err)
	}
	if shown() != second || len(b.status().Mailboxes) != 3 {
		t.Error("a reload that was refused changed something")
	}
	b.daemon.Refused(2, "the key is broken")
	if s := b.status(); s.Config.Refused.At.IsZero() || s.Config.Refused.Errors != 2 || s.Config.Refused.First != "the key is broken" {
		t.Errorf("the status says %+v", s.Config)
	}
	if _, err := b.daemon.Reload(t.Context(), b.config()); err == nil || b.status().Config.Refused.At.IsZero() {
		t.Errorf("another refusal ended the first: %v", err)
	}
	write()
	b.layout.mailboxes = threePeople
	b.reload()
	if s := b.status(); s.Config.Refused != (control.Refused{}) {
		t.Errorf("after a good reload the status says %+v", s.Config)
	}
}

func TestReloadOfServers(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	next := b.config()
	next.Servers["new"] = config.Server{Name: "new", Side: config.Cloud, IMAP: "127.0.0.1:1"}
	for i := range next.Mailboxes {
		next.Mailboxes[i].Cloud.Server = "new"
	}
	changes, err := b.daemon.Reload(t.Context(), next)
	must(t, err)
	for _, c := range changes {
		if c.Live {
			t.Errorf("%s is not in force", c)
		}
	}
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message to come where the mailbox lies still", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	next.Mailboxes = append(next.Mailboxes, config.Mailbox{Address: "dora@example.com", Cloud: config.Account{Server: "new"}, Legacy: config.Account{Server: "legacy"}})
	if _, err := b.daemon.Reload(t.Context(), next); err == nil || !strings.Contains(err.Error(), `mailbox dora@example.com lies on server "new"`) {
		t.Errorf("%v", err)
	}
}

// Reloads, statuses and mail go side by side.
func TestReloadUnderWay(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	cfg := b.config()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if _, err := b.daemon.Reload(context.Background(), cfg); err != nil {
					t.Error(err)
				}
				if _, err := b.daemon.Status(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, address := range b.addresses() {
		b.send("to "+address, "x@sender.example", address)
	}
	all.Wait()
	b.until("every message", settled(3))
}
